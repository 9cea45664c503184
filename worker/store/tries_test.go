package store_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSwappedLinks: while somebody swaps a folder of the store for a symbolic link that
// leads out, and back, nothing outside is read, listed, written or removed.
func TestSwappedLinks(t *testing.T) {
	s, dir := open(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "a.jpg"), "secret")
	inside, aside := filepath.Join(dir, "sub"), filepath.Join(dir, "aside")
	write(t, filepath.Join(inside, "a.jpg"), "photo")
	ctx, end := context.WithCancel(t.Context())
	var swapping sync.WaitGroup
	swapping.Go(func() {
		link := filepath.Join(dir, "link")
		for ctx.Err() == nil {
			_ = os.Symlink(outside, link)
			_ = os.Rename(inside, aside)
			_ = os.Rename(link, inside)
			_ = os.Remove(inside)
			_ = os.Rename(aside, inside)
		}
	})
	f := write(t, filepath.Join(t.TempDir(), "made.jpg"), "made")
	u := "file://" + dir + "/sub"
	for range 5000 { // enough for one that looks first and opens then to be caught
		if b, err := s.Read(ctx, u+"/a.jpg", 100); err == nil && string(b) != "photo" {
			t.Fatalf("read %q", b)
		}
	}
	for range 60 {
		_ = s.List(ctx, u, func(url string, _ int64, _ time.Time) error {
			if strings.Contains(url, filepath.Base(outside)) {
				t.Errorf("listed %s", url)
			}
			return nil
		})
		_, _ = s.Size(ctx, u+"/a.jpg")
		_, _, _ = s.Put(ctx, u, "made.jpg", f)
		_, _ = s.Create(ctx, u+"/new.json", []byte("{}"))
		_ = s.Remove(ctx, u+"/new.json")
	}
	end()
	swapping.Wait()
	if got := files(t, outside); len(got) != 1 || read(t, filepath.Join(outside, "a.jpg")) != "secret" {
		t.Errorf("outside lies %q", got)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOddFiles: what is neither file nor folder is not opened, names longer than the
// system's are refused, and what is in the way of an output is no way out.
func TestOddFiles(t *testing.T) {
	s, dir := open(t)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	outside := write(t, filepath.Join(t.TempDir(), "secret"), "secret")
	if err := os.Symlink(outside, filepath.Join(dir, "made.jpg")); err != nil {
		t.Fatal(err)
	}
	base := "file://" + dir + "/"
	for _, u := range []string{base + "s", base + strings.Repeat("x", 300), base + strings.Repeat("y/", 3000) + "z", base + "a photo.jpg/x"} {
		if b, err := s.Read(t.Context(), u, 100); err == nil {
			t.Errorf("%.80s: read %q", u, b)
		}
		if _, err := s.Create(t.Context(), u, nil); err == nil && !strings.HasSuffix(u, "/s") {
			t.Errorf("%.80s: created", u)
		}
	}
	f := write(t, filepath.Join(t.TempDir(), "made.jpg"), "made")
	_, _, err = s.Put(t.Context(), base, "made.jpg", f)
	if got := read(t, outside); err == nil || got != "secret" {
		t.Errorf("over a link that leads out: %v, outside is %q", err, got)
	}
	for _, name := range []string{"../x", "/etc/x", "a/../../x", ".", "", "a//b", strings.Repeat("n", 256), strings.Repeat("y/", 600) + "z"} {
		if at, _, err := s.Put(t.Context(), base, name, f); err == nil {
			t.Errorf("put %.40q at %s", name, at)
		}
	}
	if got := files(t, dir); strings.Contains(strings.Join(got, " "), ".tmp") {
		t.Errorf("left behind: %q", got)
	}
}

// TestNamesAreWhatTheyAre: an object is found under the name that it was put under, also
// by who looks into the folder.
func TestNamesAreWhatTheyAre(t *testing.T) {
	s, dir := open(t)
	f := write(t, filepath.Join(t.TempDir(), "x"), "made")
	for _, name := range []string{"up../b.jpg", "-rf.jpg", "a b.jpg", "é.jpg", "$(id);`id`.jpg", "x.jpg.attrs", "__0x2f__.jpg", strings.Repeat("n", 251) + ".jpg"} {
		at, _, err := s.Put(t.Context(), "file://"+dir+"/out", name, f)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got := read(t, filepath.Join(dir, "out", name)); got != "made" {
			t.Errorf("%q holds %q", name, got)
		}
		if b, err := s.Read(t.Context(), at, 10); err != nil || string(b) != "made" {
			t.Errorf("%s: %q, %v", at, b, err)
		}
	}
}

// TestAnInputThatGrows: what is longer than it said is cut off, and is an error.
func TestAnInputThatGrows(t *testing.T) {
	s, dir := open(t)
	file := write(t, filepath.Join(dir, "growing"), strings.Repeat("x", 1<<20))
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, end := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ctx.Err() == nil && i < 1<<12; i++ {
			_, _ = io.WriteString(w, strings.Repeat("y", 1<<10))
		}
	})
	to := filepath.Join(t.TempDir(), "input")
	n, err := s.Fetch(ctx, "file://"+file, to)
	end()
	writing.Wait()
	if about, bad := os.Stat(to); bad != nil || err == nil && about.Size() != n || about.Size() > 6<<20 {
		t.Errorf("%d bytes, %v; the file: %v, %v", n, err, about, bad)
	}
}
