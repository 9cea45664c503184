package recipe_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"skynet/config/strict/stricttest"
	"skynet/worker/recipe"
)

var update = flag.Bool("update-image", false, "write the expected errors of testdata/image_*.yaml anew")

// TestImageMistakes reads files whose every line has a mistake in its picture steps,
// and wants the errors beside them.
func TestImageMistakes(t *testing.T) {
	stricttest.Errors(t, *update, "testdata/image_*.yaml", 1, func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = recipe.Read(filepath.Base(path), data)
		return err
	})
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
