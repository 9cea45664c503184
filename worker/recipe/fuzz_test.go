package recipe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRead: recipes are refused with the file's name, or make outputs by one medium each,
// and those that are no patterns below the folder.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "../../config/examples/*.recipes.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read("fuzz.yaml", data)
		if err != nil {
			if !strings.Contains(err.Error(), "fuzz.yaml") {
				t.Errorf("an error without the file's name: %v", err)
			}
			return
		}
		for _, r := range b.Recipes() {
			if found, ok := b.Find(r.Name); !ok || len(found.Outputs) == 0 {
				t.Errorf("recipe %q is not found, or makes nothing", r.Name)
			}
		}
	})
}

// FuzzReadOutputs: what an item brings of its own runs no program, and writes below its
// folder.
func FuzzReadOutputs(f *testing.F) {
	for _, s := range []string{
		`[{"name":"a.jpg","image":[{"do":"resize","width":100,"fit":"cover"}]}]`, `[{"name":"../a.jpg","image":[{"do":"orient"}]}]`,
		`[{"name":"x","command":{"run":["/bin/sh"]}}]`, `[{"name":"a.mp4","video":[{"do":"encode","bitrate":"1M"}]}]`,
		`[{"name":"{who}.jpg","image":[{"do":"watermark","image":"file:///etc/passwd"}]}]`, `[{"name":"a.jpg","image":[{"do":"resize","width":1e99}]}]`,
		`[{"name":"a.mp3","audio":[{"do":"tag","name":"title","value":"x"}]}]`, `{"a":1}`, `[&a {}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		outputs, err := ReadOutputs(list)
		if err != nil {
			return
		}
		if _, err := json.Marshal(outputs); err != nil {
			t.Errorf("%q cannot be written again: %v", list, err) // NaN among others
		}
		for _, o := range outputs {
			if o.Command != nil {
				t.Errorf("%q runs a program", list)
			}
			if done, err := o.Named(map[string]string{"name": "x", "who": "y"}); err == nil && !filepath.IsLocal(done.Name) {
				t.Errorf("%q writes %q", list, done.Name)
			}
		}
	})
}

// FuzzNamed: whatever values an item gives, the names that come of them stay below the
// folder, are none of ours, and steer no terminal.
func FuzzNamed(f *testing.F) {
	f.Add("{who}/a.jpg", "../..")
	f.Add("{who}", "manifest.json")
	f.Add("a/{who}.jpg", "\x00/\x1b[31m")
	f.Add("{who", "}")
	f.Add("parts/{who}", "{who}")
	f.Add("{who}", "*")
	f.Fuzz(func(t *testing.T, name, value string) {
		o, err := Output{Name: name}.Named(map[string]string{"who": value})
		if err != nil {
			return
		}
		if !filepath.IsLocal(o.Name) || filepath.Clean(o.Name) != o.Name || Reserved(o.Name) || strings.ContainsAny(o.Name, "\x00\n\r\x1b\\") {
			t.Errorf("%q with %q is %q", name, value, o.Name)
		}
	})
}
