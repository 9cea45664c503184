package recipe_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

var updateBad = flag.Bool("update", false, "write the errors of testdata/bad anew")

// TestBad reads each file of testdata/bad, named after its mistakes, and wants the
// error beside it.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		_, err := recipe.Load(file)
		if err == nil {
			t.Errorf("%s was read without an error", file)
			continue
		}
		name := strings.TrimSuffix(file, ".yaml") + ".error"
		if *updateBad {
			if err := os.WriteFile(name, []byte(err.Error()+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, _ := os.ReadFile(name); err.Error()+"\n" != string(want) {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

func TestNamed(t *testing.T) {
	values := map[string]string{"name": "a photo", "up": "../..", "deep": "x/y", "star": "*"}
	for name, want := range map[string]string{
		"{name}.jpg": "a photo.jpg", "{deep}/1.jpg": "x/y/1.jpg", "plain.jpg": "plain.jpg",
		"{up}/x.jpg": "", "{up}.jpg": "", "{star}.jpg": "", "{owner}.jpg": "", "{deep}": "",
	} {
		got, err := recipe.Output{Name: name}.Named(values)
		if (err == nil) != (want != "") || err == nil && got.Name != want {
			t.Errorf("%s: %q, %v, want %q", name, got.Name, err, want)
		}
	}
}

func TestLimitsAnd(t *testing.T) {
	worker := recipe.Limits{Time: 10, Disk: 100, Pixels: 7}
	if got := worker.And(recipe.Limits{Time: 20, Memory: 5, Disk: 50}); got != (recipe.Limits{Time: 10, Memory: 5, Disk: 50, Pixels: 7}) {
		t.Errorf("%+v", got)
	}
}
