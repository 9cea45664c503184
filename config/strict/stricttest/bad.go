// Package stricttest holds files that are read by strict, and the pages that tell of
// them, to what is said of them.
package stricttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Bad reads each file of testdata/bad, of which there are so many at least, each named
// after its mistake.
func Bad(t *testing.T, update bool, least int, read func(path string) error) {
	t.Helper()
	Errors(t, update, "testdata/bad/*.yaml", least, read)
}

// Errors reads each file of a pattern, of which there are so many at least, and wants
// the error in the file beside it that ends in .error, which is written anew on update.
func Errors(t *testing.T, update bool, pattern string, least int, read func(path string) error) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) < least {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			err := read(file)
			if err == nil {
				t.Fatal("was read without an error")
			}
			golden(t, update, strings.TrimSuffix(file, ".yaml")+".error", err.Error()+"\n")
		})
	}
}

func golden(t *testing.T, update bool, path, got string) {
	t.Helper()
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
