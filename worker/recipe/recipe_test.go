package recipe_test

import (
	"strings"
	"testing"

	"skynet/worker/recipe"
)

func TestBuiltIn(t *testing.T) {
	b, err := recipe.Load("")
	if err != nil {
		t.Fatal(err)
	}
	r, ok := b.Fitting("file:///a.jpg", recipe.Photo)
	if !ok || r.Name != "photo" || r.Outputs[1].From != "1024.jpg" || r.Outputs[0].Image[1].Spec.(*recipe.Resize).Width != 1024 {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := b.Fitting("file:///a.jpg", ""); ok {
		t.Error("fits before its kind is known")
	}
}

func TestReadOutputs(t *testing.T) {
	got, err := recipe.ReadOutputs([]byte(`[{"name":"a.jpg","image":[{"do":"red_eye","x":"10%","y":"10%","width":"5%","height":"5%"}]}]`))
	if err != nil || got[0].Image[0].Spec.(*recipe.RedEye).X != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = recipe.ReadOutputs([]byte(`[{"name":"../a.jpg","image":[{"do":"resise"}]},{"name":"b.txt","command":{"run":["/bin/sh"]}}]`))
	for _, want := range []string{"is not a path below", `did you mean "resize"`, "may not bring a program"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}
