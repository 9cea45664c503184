package web

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzShown: what a server says is shown on one line, and steers no terminal.
func FuzzShown(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred", "a\u009b31mb", "a\r\nb\u2028c", "\u202eevil", "\xff\xfe", strings.Repeat("x", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Shown(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > longestReason+1 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q is shown as %q", s, got)
		}
	})
}
