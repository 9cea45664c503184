package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The same program draws the same pictures, which any browser can read.
func TestPicturesAreTheSameEachTime(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, folder := range []string{a, b} {
		if err := draw(folder, "../../"+week); err != nil {
			t.Fatal(err)
		}
	}
	list, _ := filepath.Glob(filepath.Join(a, "*.svg"))
	if len(list) != 3 {
		t.Errorf("%v", list)
	}
	for _, path := range list {
		one, _ := os.ReadFile(path)
		other, _ := os.ReadFile(filepath.Join(b, filepath.Base(path)))
		if !bytes.Equal(one, other) || bytes.Contains(one, []byte("NaN")) {
			t.Errorf("%s differs from one time to the next, or draws what is no number", filepath.Base(path))
		}
		for d := xml.NewDecoder(bytes.NewReader(one)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(path, err)
			}
		}
	}
}
