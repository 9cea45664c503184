package suite

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzParse: a file of tests is refused with its name, or holds tests that expect
// something.
func FuzzParse(f *testing.F) {
	bad, _ := filepath.Glob("testdata/bad/*.yaml")
	good, _ := filepath.Glob("../../config/examples/*.test.yaml")
	for _, file := range slices.Concat(bad, good) {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.yaml", data)
		if err != nil {
			if !strings.Contains(err.Error(), "fuzz.yaml") {
				t.Errorf("an error without the file's name: %v", err)
			}
			return
		}
		if len(file.Tests) == 0 {
			t.Errorf("%q holds no test", data)
		}
	})
}
