package recipe_test

import (
	"flag"
	"testing"

	"skynet/config/strict/stricttest"
	"skynet/worker/recipe"
)

var updateBad = flag.Bool("update", false, "write the errors of testdata/bad anew")

func TestBad(t *testing.T) {
	stricttest.Bad(t, *updateBad, 3, func(path string) error {
		_, err := recipe.Load(path)
		return err
	})
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
