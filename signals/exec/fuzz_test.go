package exec

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// FuzzAnswer: whatever a program answers, it is a number of workers with an argument
// on one line, or a reason why not.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"want":3,"reasons":[{"by":"x","said":"why"}]}`, `{"want":null}`, `{"want":-1}`, `{"want":1e99}`, `{"want":1,"want":2}`,
		`{"time":"2026-03-01T12:00:00Z","want":1}`, `{"want":1,"reasons":[{"said":"\u001b[31m\u009b"}]}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := read(text, now)
		if err != nil {
			return
		}
		if a.Want < 0 || a.Unknown != "" && a.Want != 0 {
			t.Errorf("%q is %+v", text, a)
		}
		for _, said := range []string{a.Because, a.Unknown} {
			if !utf8.ValidString(said) || utf8.RuneCountInString(said) > 600 || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q says %q", text, said)
			}
		}
	})
}
