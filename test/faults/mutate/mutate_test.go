package main

import (
	"bytes"
	"go/format"
	"os"
	"testing"
)

// TestPlantsStillFit: the code that faults are planted in is as the list knows it,
// and is Go with the fault in it.
func TestPlantsStillFit(t *testing.T) {
	t.Chdir("../../..")
	for _, p := range Plants {
		text, err := p.planted()
		if err != nil {
			t.Errorf("%s: %s: %v", p.File, p.What, err)
			continue
		}
		if _, err := format.Source(text); err != nil {
			t.Errorf("%s: %s: %v", p.File, p.What, err)
		}
	}
}

// TestThePageHasThemAll: a fault that was added was looked for, and what the page
// says was noticed.
func TestThePageHasThemAll(t *testing.T) {
	text, err := os.ReadFile("../../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Plants {
		if !bytes.Contains(text, []byte("| "+p.Law+" | "+p.What+" | ")) {
			t.Errorf("docs/faults.md has no line for %q: go run ./test/faults/mutate", p.What)
		}
	}
	if bytes.Contains(text, []byte("**nothing**")) {
		t.Error("docs/faults.md has a fault that nothing noticed")
	}
}

func TestWhatNoticed(t *testing.T) {
	for _, c := range []struct{ out, by, seed string }{
		{"    x_test.go:1: seed 17: 1h02m: billed never above the maximum: 3 are\n--- FAIL: TestSeeds (0.1s)\n", "billed never above the maximum", "17"},
		{"--- FAIL: TestLaws (0.1s)\n", "TestLaws", ""},
		{"panic: index out of range\n", "panic: index out of range", ""},
		{"panic: test timed out after 4m0s\n", "", ""},
	} {
		if by, seed := whatNoticed([]byte(c.out)); by != c.by || seed != c.seed {
			t.Errorf("%q: %q, seed %q", c.out, by, seed)
		}
	}
}
