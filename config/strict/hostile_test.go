package strict_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
)

// bomb is the billion laughs: each level repeats the one before ten times.
func bomb() string {
	var b strings.Builder
	b.WriteString("name: a\nbounds: {max: 1}\nextra:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "  - &a%d [%s*a%d]\n", i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	return b.String()
}

// TestHostile reads what nobody writes by accident: an error soon, no panic.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const size = 256 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var keys strings.Builder
	for i := 0; keys.Len() < size-20; i++ {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	tests := map[string]struct{ data, says string }{
		"brackets":       {fill("["), "nested more than"},
		"braces":         {fill("{a: "), "nested more than"},
		"pairs in lists": {fill("[a: "), "nested more than"},
		"dashes":         {fill("- "), "nested more than"},
		"question marks": {fill("? "), "nested more than"},
		"colons":         {fill("a: "), "nested more than"},
		"anchors":        {fill("&a "), "anchor"},
		"anchor lines":   {fill("&a\n"), "anchor"},
		"tags":           {fill("!a "), "nested more than"},
		"tag lines":      {fill("!a\n"), "nested more than"},
		"indentation":    {indented(650), "nested more than"},
		"too large":      {fill("#") + "##", "larger than"},
		"megabyte":       {strings.Repeat("[", 1<<20), "larger than"},
		"alias bomb":     {bomb(), "values, counting what aliases repeat"},
		"unknown keys":   {keys.String(), "more"},
		"long list":      {"queues: [" + strings.Repeat("a,", 130_000) + "]", "values"},
		"same key":       {fill("name: a\n"), "more"},
		"long word":      {fill("x"), "is not a mapping"},
		"documents":      {fill("---\na: 1\n"), "second document"},
		"comments":       {fill("# x\n"), "is empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := strict.Read[plan]("x.yaml", []byte(test.data))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("want an error with %q, got %.300v", test.says, err)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("took %s", took)
			} else {
				t.Log(took)
			}
		})
	}
}

func indented(levels int) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestErrorIsBounded(t *testing.T) {
	_, err := strict.Read[plan]("x.yaml", []byte("name: a\nbounds: {max: 1}\nlabels:\n"+strings.Repeat("  a: 1\n", 5000)))
	e, ok := errors.AsType[*strict.Error](err)
	if !ok || len(e.Problems) > 200 || len(e.Problems)+e.More != 4999 {
		t.Errorf("got %.300v", err)
	}
}

// FuzzRead wants no panic, an *Error where there is one, and a place in the file
// for each problem.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(bomb()))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := strict.Read[plan]("x.yaml", data)
		if err == nil {
			return
		}
		e, ok := errors.AsType[*strict.Error](err)
		if !ok {
			t.Fatalf("not an *Error: %v", err)
		}
		for _, p := range e.Problems {
			if p.Said == "" || p.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("%+v in %q", p, data)
			}
		}
	})
}
