package recipe_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

var update = flag.Bool("update-image", false, "write the expected errors of testdata/image_*.yaml anew")

// TestImageMistakes reads files whose every line has a mistake in its picture steps,
// and wants the errors beside them.
func TestImageMistakes(t *testing.T) {
	files, _ := filepath.Glob("testdata/image_*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = recipe.Read(filepath.Base(file), data)
		if err == nil {
			t.Fatalf("%s was read without an error", file)
		}
		wanted := strings.TrimSuffix(file, ".yaml") + ".error"
		if *update {
			_ = os.WriteFile(wanted, []byte(err.Error()+"\n"), 0o644)
		}
		want, _ := os.ReadFile(wanted)
		if got := err.Error() + "\n"; got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
		}
	}
}

// Defaults are each step's own: what one file says of a colour is nothing to the next.
func TestColoursAreNotShared(t *testing.T) {
	read := func(colour string) *recipe.Watermark {
		out, err := recipe.ReadOutputs([]byte(`[{"name":"a.jpg","image":[{"do":"watermark","text":"x"` + colour + `}]}]`))
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Image[0].Spec.(*recipe.Watermark)
	}
	read(`,"colour":"#000000"`)
	if c := *read("").Colour; c != (recipe.Colour{R: 255, G: 255, B: 255}) {
		t.Errorf("white has become %s", c)
	}
}
