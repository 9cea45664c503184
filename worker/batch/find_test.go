package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// media is a folder of this machine.
func media(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		file := filepath.Join(dir, n)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("xy"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// found are the inputs that arguments name, as their paths below what was asked
// for.
func found(t *testing.T, f *Finder, list string, args ...string) []string {
	t.Helper()
	if err := f.Find(t.Context(), args, strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	var rels []string
	for _, in := range f.Found {
		rels = append(rels, in.Rel)
	}
	slices.Sort(rels)
	return rels
}

func filters(t *testing.T, texts ...string) (all []Pattern) {
	t.Helper()
	for _, text := range texts {
		p, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestFilesOfThisMachine(t *testing.T) {
	dir := media(t, "a.jpg", "b b.PNG", "2024/c.jpg", "2024/x/d.jpg", "2025/c.jpg", ".hidden/e.jpg", "2024/.DS_Store", "list*.jpg", "out/a.jpg/1024.jpg")
	if err := errors.Join(os.Symlink("2024", filepath.Join(dir, "link")), os.Symlink("a.jpg", filepath.Join(dir, "z.jpg")), os.Symlink("nowhere", filepath.Join(dir, "none.jpg"))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	made := []string{"file://" + dir + "/out"}
	for _, c := range []struct {
		name             string
		args             []string
		list             string
		include, exclude []string
		want             []string
		omitted          Omitted
	}{
		{name: "a file", args: []string{"a.jpg"}, want: []string{"a.jpg"}},
		{name: "a link to a file", args: []string{"z.jpg"}, want: []string{"z.jpg"}},
		{name: "a folder keeps its name", args: []string{"2024"}, want: []string{"2024/c.jpg", "2024/x/d.jpg"}, omitted: Omitted{Hidden: 1}},
		{name: "but not with a slash", args: []string{"2024/"}, want: []string{"c.jpg", "x/d.jpg"}, omitted: Omitted{Hidden: 1}},
		{name: "two folders", args: []string{"2024", "2025"}, want: []string{"2024/c.jpg", "2024/x/d.jpg", "2025/c.jpg"}, omitted: Omitted{Hidden: 1}},
		{name: "here, without hidden, made and linked", args: []string{"."},
			want:    []string{"2024/c.jpg", "2024/x/d.jpg", "2025/c.jpg", "a.jpg", "b b.PNG", "list*.jpg", "z.jpg"},
			omitted: Omitted{Hidden: 2, Made: 1, Links: 2}},
		{name: "hidden, if asked for", args: []string{".hidden"}, want: []string{".hidden/e.jpg"}},
		{name: "made, if asked for", args: []string{"out/"}, want: []string{"a.jpg/1024.jpg"}},
		{name: "a part of what was made", args: []string{"out/a.jpg/"}, want: []string{"1024.jpg"}},
		{name: "a pattern", args: []string{"[ab]*.???"}, want: []string{"a.jpg", "b b.PNG"}},
		{name: "a pattern of folders", args: []string{"20*"}, want: []string{"2024/c.jpg", "2024/x/d.jpg", "2025/c.jpg"}},
		{name: "of any depth", args: []string{"./2024/**/*.jpg"}, want: []string{"c.jpg", "x/d.jpg"}},
		{name: "a file that looks like a pattern", args: []string{"list*.jpg"}, want: []string{"list*.jpg"}},
		{name: "a URL", args: []string{"file://" + dir + "/b%20b.PNG"}, want: []string{"b b.PNG"}},
		{name: "a URL of a folder", args: []string{"file://localhost" + dir + "/2025/"}, want: []string{"c.jpg"}},
		{name: "a list", args: []string{"-"}, list: "a.jpg\r\n\nlist*.jpg\n2025\n", want: []string{"2025/c.jpg", "a.jpg", "list*.jpg"}},
		{name: "once", args: []string{"a.jpg", "./a.jpg", "-"}, list: "a.jpg\n", want: []string{"a.jpg"}, omitted: Omitted{Twice: 2}},
		{name: "some", args: []string{"a.jpg", "b b.PNG", "2024/"}, include: []string{"*.jpg", "*.png"}, exclude: []string{"x/*"},
			want: []string{"a.jpg", "b b.PNG", "c.jpg"}, omitted: Omitted{Hidden: 1, Filtered: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &Finder{Store: newShop(), Made: made, Include: filters(t, c.include...), Exclude: filters(t, c.exclude...)}
			got := found(t, f, c.list, c.args...)
			omitted := f.Omitted
			if !slices.Contains(c.args, ".") { // links and hidden files are met on the way, or not
				omitted.Links = c.omitted.Links
				if strings.Contains(c.args[0], "*") {
					omitted.Hidden, omitted.Made = c.omitted.Hidden, c.omitted.Made
				}
			}
			if !slices.Equal(got, c.want) || omitted != c.omitted {
				t.Errorf("found %q, omitted %+v, want %q, %+v", got, f.Omitted, c.want, c.omitted)
			}
			for _, in := range f.Found {
				if in.Bytes != 2 || !strings.HasPrefix(in.URL, "file://"+dir+"/") {
					t.Errorf("%+v", in)
				}
			}
		})
	}
}

func TestObjectsOfABucket(t *testing.T) {
	s := newShop()
	s.put("s3://b/in/a.jpg", "s3://b/in/b%20b.jpg", "s3://b/in/x/c.png", "s3://b/in/.t/d.jpg", "s3://b/inner/e.jpg", "s3://b/in/out/f.jpg")
	for _, c := range []struct {
		arg  string
		want []string
	}{
		{"s3://b/in/", []string{"a.jpg", "b b.jpg", "x/c.png"}},
		{"s3://b/in/*.jpg", []string{"a.jpg", "b b.jpg"}},
		{"s3://b/in/x*", []string{"x/c.png"}},
		{"s3://b/in*/*.jpg", []string{"in/a.jpg", "in/b b.jpg", "inner/e.jpg"}}, // what was made lies in it
		{"s3://b/in/b b.jpg", []string{"b b.jpg"}},
		{"s3://b/not/looked/for.jpg", []string{"for.jpg"}},
	} {
		f := &Finder{Store: s, Made: []string{"s3://b/in/out"}}
		if got := found(t, f, "", c.arg); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.arg, got, c.want)
		}
		for _, in := range f.Found {
			if strings.Contains(in.URL, " ") || in.Bytes > 1 {
				t.Errorf("%+v", in)
			}
		}
	}
}

func TestWhatCannotBeFoundIsTold(t *testing.T) {
	dir := media(t, "a.jpg", "bad\xff.jpg")
	t.Chdir(dir)
	for arg, want := range map[string]string{
		"none.jpg": "none.jpg: no such file or folder", "*.gif": "*.gif fits no file", "s3://b/empty/": "s3://b/empty/: there is nothing in it",
		"s3://other/x.jpg": "lies in no store", ".": "the name is not text (UTF-8); rename it, or leave it out with --exclude",
		"/dev/null": "/dev/null is neither a file nor a folder", "file://a.jpg": "want file:// and an absolute path", "s3://b/%zz": "is not a URL",
	} {
		f := &Finder{Store: newShop()}
		if err := f.Find(t.Context(), []string{arg}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
	var list strings.Builder
	for i := range 25 {
		fmt.Fprintf(&list, "%d.jpg\n", i)
	}
	err := (&Finder{Store: newShop()}).Find(t.Context(), []string{"a.jpg", "-", "b.jpg"}, strings.NewReader(list.String()))
	if err == nil || strings.Count(err.Error(), "no such file") != maxProblems || !strings.HasSuffix(err.Error(), "and 16 more") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Finder{Store: newShop()}).Find(ctx, []string{dir}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOutputFolders(t *testing.T) {
	for rel, want := range map[string]string{
		"a.jpg": "s3://b/out/a.jpg", "2024/b b.jpg": "s3://b/out/2024/b%20b.jpg", "a:b#?.jpg": "s3://b/out/a:b%23%3F.jpg", "é": "s3://b/out/%C3%A9",
	} {
		for _, folder := range []string{"s3://b/out", "s3://b/out/"} {
			if got := Below(folder, Input{Rel: rel}); got != want {
				t.Errorf("%s: %s, want %s", rel, got, want)
			}
		}
	}
	all := items(30)
	if err := Collisions(all); err != nil {
		t.Error(err)
	}
	for i := range all {
		all[i].Output = fmt.Sprintf("s3://b/out/%d%%20.jpg/", i%15)
	}
	all[20].Output = "s3://b/out/5 .jpg"
	err := Collisions(all)
	if err == nil || !strings.Contains(err.Error(), "s3://b/in/5.jpg and s3://b/in/20.jpg would both be made into s3://b/out/5 .jpg") ||
		!strings.Contains(err.Error(), "and 5 more") || !strings.Contains(err.Error(), "without a slash at its end") {
		t.Errorf("%v", err)
	}
}
