package command_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/worker/command"
	"skynet/worker/recipe"
)

// shell is an output made by a script, which gets the files of input and out.
func shell(name, script string) recipe.Output {
	return recipe.Output{Name: name, Command: &recipe.Command{Run: []string{"/bin/sh", "-c", script, "{input}", "{out}"}}}
}

func job(t *testing.T, outputs ...recipe.Output) recipe.Job {
	t.Helper()
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, []byte("b\na\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return recipe.Job{Outputs: outputs, Inputs: map[string]string{recipe.Main: input, "extra": input}, Folder: t.TempDir(), Item: []byte(`{"input":"s3://x"}`)}
}

func TestMakes(t *testing.T) {
	t.Setenv("PASSED", "let through")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	for name, c := range map[string]struct {
		output recipe.Output
		want   map[string]string
	}{
		"of the input":      {shell("sorted.txt", `sort -u "$0" > "$1/sorted.txt"`), map[string]string{"sorted.txt": "a\nb\n"}},
		"of files under in": {shell("x.txt", "cat in/input in/extra | wc -l > out/x.txt"), map[string]string{"x.txt": "6\n"}},
		"of the item":       {shell("item.json", "cat > out/item.json"), map[string]string{"item.json": `{"input":"s3://x"}`}},
		"by pattern":        {shell("*.txt", "for i in 1 2 3; do echo $i > out/$i.txt; done; echo > out/x.log; mkdir out/a; echo > out/a/4.txt"), map[string]string{"1.txt": "1\n", "2.txt": "2\n", "3.txt": "3\n"}},
		"in folders":        {shell("p/*/page.*", "mkdir -p out/p/1 out/p/2; echo x > out/p/1/page.html; echo y > out/p/2/page.html"), map[string]string{"p/1/page.html": "x\n", "p/2/page.html": "y\n"}},
		"with its words": {recipe.Output{Name: "env", Command: &recipe.Command{
			Run: []string{"/bin/sh", "-c", `echo "$MODE $PASSED $AWS_SECRET_ACCESS_KEY {braces}" > {out}/env`},
			Env: []recipe.Tag{{Name: "MODE", Value: "fast"}}, Pass: []string{"PASSED", "NOT_SET"},
		}}, map[string]string{"env": "fast let through  {braces}\n"}},
		"and locks it up": {shell("x", "mkdir out/d; echo 1 > out/x; echo > out/d/y; chmod 0 out/x out/d"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			j := job(t, c.output)
			made, err := command.New().Work(t.Context(), j)
			if c.want == nil && err == nil || c.want != nil && err != nil {
				if os.Geteuid() != 0 || c.want != nil { // root reads what is locked
					t.Fatal(err)
				}
			}
			got := map[string]string{}
			for _, m := range made {
				b, err := os.ReadFile(filepath.Join(j.Folder, m.Name))
				if err != nil || m.Type == "" {
					t.Errorf("%+v: %v", m, err)
				}
				got[m.Name] = string(b)
			}
			if c.want != nil && fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("made %q, want %q", got, c.want)
			}
			wantNoMore(t, j.Folder, made)
		})
	}
}

// wantNoMore wants nothing in the folder but what was made.
func wantNoMore(t *testing.T, folder string, made []recipe.Made) {
	t.Helper()
	err := filepath.WalkDir(folder, func(file string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, file)
		if err != nil || !d.IsDir() && !slices.ContainsFunc(made, func(m recipe.Made) bool { return m.Name == filepath.ToSlash(name) }) {
			t.Errorf("%s is there, %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneOfAnother(t *testing.T) {
	second := shell("count.txt", "")
	second.Command.Run = []string{"/bin/sh", "-c", "wc -l < {sorted.txt} > {out}/count.txt"}
	j := job(t, shell("sorted.txt", `sort -u "$0" > "$1/sorted.txt"`), second)
	if _, err := command.New().Work(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(j.Folder, "count.txt")); string(b) != "2\n" {
		t.Errorf("%q", b)
	}
}

// TestRefuses is what a program may do wrong, and what becomes of it.
func TestRefuses(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := command.New()
	m.Outputs, m.Disk, m.Memory, m.Processes, m.Timeout = 5, 1<<20, 256<<20, 50, 2*time.Second
	for name, c := range map[string]struct{ script, want string }{
		"fails":             {"echo this is no log >&2; exit 3", "sh ended with status 3: this is no log"},
		"asks for another":  {"echo the licence server is full >&2; exit 75", "sh asks for another try: the licence server is full"},
		"makes nothing":     {"true", "left no file that fits *.txt"},
		"makes another":     {"echo > out/x.log", "left no file that fits *.txt"},
		"a link out":        {"ln -s " + secret + " out/a.txt", `output "a.txt" is a link`},
		"a hard link":       {"echo > out/a; ln out/a out/a.txt", `output "a.txt" is a hard link`},
		"a folder":          {"mkdir out/a.txt", `output "a.txt" is a folder or a device`},
		"a pipe":            {"mkfifo out/a.txt", `output "a.txt" is a folder or a device`},
		"a link for out":    {"rmdir out; ln -s " + filepath.Dir(secret) + " out", "left no file"},
		"no out":            {"rmdir out", "look for outputs: no such file"},
		"too many":          {"for i in 1 2 3 4 5 6; do echo > out/$i.txt; done", "more than 5 files fit *.txt"},
		"too large":         {"head -c 2000000 /dev/zero > out/a.txt", "sh "},
		"too large in all":  {"for i in 1 2 3; do head -c 600000 /dev/zero > out/$i.txt; done", "sh wrote more than 1MiB"},
		"a name of control": {"touch \"out/$(printf 'a\\033[31m').txt\"", "holds characters"},
		"for ever":          {"sleep 100", "sh ran longer than 2s"},
		"reads another":     {"cat " + secret + " > out/a.txt", "ermission denied"},
		"writes its input":  {"echo gone > in/input && echo > out/a.txt", "ermission denied"},
		"reads our keys":    {"cat /root/.aws/credentials /etc/shadow > out/a.txt", "ermission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := job(t, shell("*.txt", c.script))
			made, err := m.Work(t.Context(), j)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("made %v, %v, want %q", made, err, c.want)
			}
			if name == "asks for another" != errors.Is(err, command.ErrAgain) {
				t.Errorf("%v is ErrAgain: %v", err, errors.Is(err, command.ErrAgain))
			}
			if strings.Contains(err.Error(), j.Folder) || strings.Contains(err.Error(), "hush") {
				t.Errorf("says %v", err)
			}
			wantNoMore(t, j.Folder, nil)
			if b, _ := os.ReadFile(j.Inputs[recipe.Main]); string(b) != "b\na\nb\n" {
				t.Errorf("the input is %q now", b)
			}
		})
	}
}

func TestLimitsOfTheItemCanOnlyBeLower(t *testing.T) {
	m := command.New()
	m.Timeout = time.Minute
	j := job(t, shell("x", "sleep 50"))
	j.Limits.Time = strict.Duration(100 * time.Millisecond)
	j.Outputs[0].Command.Time = strict.Duration(time.Hour)
	if _, err := m.Work(t.Context(), j); err == nil || err.Error() != "sh ran longer than 100ms" {
		t.Error(err)
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	noProgram := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(noProgram, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	of := func(run string) recipe.Recipe {
		return recipe.Recipe{Name: "mine", Outputs: []recipe.Output{{Name: "x", Command: &recipe.Command{Run: []string{run}}}}}
	}
	m := command.New()
	if err := m.Check(of("/bin/sh")); err != nil {
		t.Error(err)
	}
	err := m.Check(of("/nowhere/tool"), of(noProgram))
	for _, want := range []string{"recipe mine: x: the program /nowhere/tool is not there", "chmod +x"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestExample(t *testing.T) {
	b, err := recipe.Load("../../config/examples/command.recipes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := command.New()
	if err := m.Check(b.Recipes()...); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	z := gzip.NewWriter(&log)
	for i := range 3000 {
		fmt.Fprintf(z, "GET /%d\n", i%7)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		recipe, input, first, begins string
		files                        int
	}{
		{"frequent", log.String(), "frequent.txt", "    429 GET /0\n    429 GET /1\n", 1},
		{"split", strings.Repeat("a,b\n", 25_000), "part-0001.csv", "a,b\na,b\n", 3},
	} {
		r, _ := b.Find(c.recipe)
		j := job(t, r.Outputs...)
		j.Limits = r.Limits
		if err := os.WriteFile(j.Inputs[recipe.Main], []byte(c.input), 0o600); err != nil {
			t.Fatal(err)
		}
		made, err := m.Work(t.Context(), j)
		if err != nil || len(made) != c.files || made[0].Name != c.first {
			t.Fatalf("%s: %+v, %v", c.recipe, made, err)
		}
		if text, err := os.ReadFile(filepath.Join(j.Folder, c.first)); !strings.HasPrefix(string(text), c.begins) {
			t.Errorf("%s begins %.100q, %v", c.first, text, err)
		}
	}
}

// A program in the midst of the example that cannot go on must not end in an empty
// list that counts as done.
func TestExampleFailsWhole(t *testing.T) {
	b, err := recipe.Load("../../config/examples/command.recipes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	z := gzip.NewWriter(&line)
	if _, err := z.Write(make([]byte, 200<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	r, _ := b.Find("frequent")
	j := job(t, r.Outputs...)
	j.Limits = recipe.Limits{Memory: 64 << 20} // less than the line
	if err := os.WriteFile(j.Inputs[recipe.Main], line.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := command.New().Work(t.Context(), j)
	if err == nil {
		t.Errorf("a sort that failed counts as done: %+v", made)
	}
}
