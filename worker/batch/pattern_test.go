package batch

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.jpg", "a.jpg", true}, {"*.jpg", "a.JPG", false}, {"*.jpg", "x/a.jpg", false}, {"*.jpg", "ajpg", false},
		{"x/*.jpg", "x/a.jpg", true}, {"**/*.jpg", "a.jpg", true}, {"**/*.jpg", "x/y/a.jpg", true},
		{"x/**", "x/y/a.jpg", true}, {"x**z", "x/y/z", true}, {"?.jpg", "é.jpg", true}, {"?.jpg", "/.jpg", false},
		{"[ab].jpg", "b.jpg", true}, {"[a-c].jpg", "b.jpg", true}, {"[!a].jpg", "a.jpg", false}, {"[!a].jpg", "b.jpg", true},
		{"[!a]b", "/b", false}, {"[a", "[a", true}, {"a+b(1).jpg", "a+b(1).jpg", true}, {"a.b", "axb", false},
		{"[[]a", "[a", true}, {`[\d]`, "7", false}, {"*", "", true}, {"a\nb*", "a\nbc", true},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil || p.Match(c.path) != c.want {
			t.Errorf("%q matches %q: %v, want %v (%v)", c.pattern, c.path, !c.want, c.want, err)
		}
	}
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.jpg", "x/y/A.JPG", true}, {"*.jpg", "a.jpg", true}, {"raw/*", "raw/a", true}, {"raw/*", "x/raw/a", false},
		{"/raw/*", "raw/a", true}, {"**/raw/**", "x/RAW/y/a", true},
	} {
		p, err := ParseFilter(c.pattern)
		if err != nil || p.Match(c.path) != c.want {
			t.Errorf("filter %q matches %q: %v, want %v (%v)", c.pattern, c.path, !c.want, c.want, err)
		}
	}
	for _, bad := range []string{"", "[z-a]", "\xff"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is taken for a pattern", bad)
		}
	}
}

// FuzzParsePattern: nothing that a pattern may hold does harm, and one without
// anything wild fits itself alone.
func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"*.jpg", "[a-z]?", "**/x", "[!", "a]b", "\xff*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		p.fitsOrBelow(text)
		if !Wild(text) && (!p.Match(text) || p.Match(text+"x")) {
			t.Errorf("%q does not fit itself, or fits more", text)
		}
		if strings.Trim(text, "*/") == "" && !p.Match("") && strings.HasPrefix(text, "*") && !strings.Contains(text, "/") {
			t.Errorf("%q does not fit everything", text)
		}
	})
}

func TestFixed(t *testing.T) {
	for text, want := range map[string][2]string{
		"*.jpg": {"", "*.jpg"}, "a/b/*.jpg": {"a/b/", "*.jpg"}, "a/*/c": {"a/", "*/c"}, "/x*": {"/", "x*"}, "a/b": {"a/", "b"},
	} {
		if folder, rest := fixed(text); folder != want[0] || rest != want[1] {
			t.Errorf("%s: %q and %q", text, folder, rest)
		}
	}
}
