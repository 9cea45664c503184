package recipe_test

import (
	"slices"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

func TestWants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outputs string
		want    []string
	}{
		{`[{"name": "a.jpg", "image": [{"do": "orient"}]}]`, nil},
		{`[{"name": "{name}.jpg", "image": [{"do": "watermark", "text": "{owner} {year}"}]},
		   {"name": "{size}/b.jpg", "from": "{name}.jpg", "image": [{"do": "watermark", "text": "© {owner}"}]}]`, []string{"owner", "year", "size"}},
		{`[{"name": "a.mp3", "audio": [{"do": "encode"}, {"do": "tags", "set": [{"name": "title", "value": "{title}"}]}]}]`, []string{"title"}},
		{`[{"name": "a.mp4", "video": [{"do": "encode"}, {"do": "tags", "set": [{"name": "title", "value": "{title}"}]}]}]`, []string{"title"}},
		{`[{"name": "a", "command": {"run": ["/bin/cp", "{input}", "{out}/a"]}}]`, nil},
	} {
		outputs, err := recipe.ReadOutputs([]byte(c.outputs))
		if err != nil {
			outputs = mustRead(t, c.outputs)
		}
		if got := recipe.Wants(outputs); !slices.Equal(got, c.want) {
			t.Errorf("%s: wants %q, want %q", c.outputs, got, c.want)
		}
	}
}

// mustRead reads what only a file may hold.
func mustRead(t *testing.T, outputs string) []recipe.Output {
	t.Helper()
	b, err := recipe.Read("test", []byte("recipes: [{name: x, outputs: "+outputs+"}]"))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := b.Find("x")
	return r.Outputs
}

// What no file system takes is refused before a film is encoded to it.
func TestLongNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		good bool
	}{{strings.Repeat("x", 196), true}, {strings.Repeat("x", 197), false}, {strings.Repeat("é", 99), false}, {strings.Repeat("x", 150) + "/" + strings.Repeat("y", 150), true}} {
		_, err := recipe.Output{Name: "{name}.mp4"}.Named(map[string]string{"name": c.name})
		if (err == nil) != c.good || err != nil && !strings.Contains(err.Error(), "too long; write at most 200 bytes between slashes") {
			t.Errorf("%d bytes: %v", len(c.name), err)
		}
	}
}
