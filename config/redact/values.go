package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// called is the name of a secret with what stands between it and its value: as data
// source names, headers, JSON, and JSON as a text in JSON have it.
var called = regexp.MustCompile(`(?i)(?:passwords?|passwd|pwd|passphrase|secret|token|signature|credentials?|(?:secret|access|account|private|api)[_-]?key)(?:\\*["'])*\s*(?:=>|:=|[=:])\s*`)

// values is a text without the values of what is called a secret.
func values(s string) string {
	var out strings.Builder
	for {
		at := called.FindStringIndex(s)
		if at == nil {
			break
		}
		out.WriteString(s[:at[1]])
		s = s[at[1]:]
		if n := length(s); n > 0 {
			out.WriteString(Mask)
			s = s[n:]
		}
	}
	out.WriteString(s)
	return out.String()
}

// length is how much of a text the value is with which it begins.
func length(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '[' || s[0] == '{' {
		return listed(s)
	}
	if strings.HasPrefix(s, "\\") { // in a text in a text each piece has marks of its own
		if n := quoted(s); n > 0 {
			return n
		}
	}
	n := 0
	for n < len(s) && !ends(s[n:]) && (n == 0 || !closes(s[n:])) {
		n += piece(s[n:])
	}
	for n > 0 && n < len(s) && s[n-1] == '\\' && marks(s[n]) {
		n-- // it belongs to the mark
	}
	return n
}

func marks(b byte) bool { return b == '"' || b == '\'' }

// ends reports that a value without quotation marks is over.
func ends(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r) || strings.ContainsRune("&,;}", r)
}

// closes reports a quotation mark that is of the text around the value.
func closes(s string) bool { return marks(s[0]) && (len(s) == 1 || ends(s[1:]) || marks(s[1])) }

// piece is how long the next piece of a value is: some have several, as in 'it”s'.
func piece(s string) int {
	if marks(s[0]) {
		return quoted(s)
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// quoted is how long a text in quotation marks is, 0 where there are none. Behind a
// backslash the marks are those of a text in a text, and so on: a mark of depth d has
// 2^d-1 backslashes, and one within the text has more, up to as many as each backslash
// of the text has become. Without a mark at its end it was cut short: all of it counts.
func quoted(s string) int {
	depth := backslashes(s)
	if depth == len(s) || !marks(s[depth]) {
		return 0
	}
	mark := s[depth]
	for n := depth + 1; n < len(s); n++ {
		run := backslashes(s[n:])
		n += run
		switch {
		case n == len(s) || s[n] != mark:
		case run < depth: // of the text around it
			return n - run
		case run%(2*depth+2) == depth:
			return n + 1
		}
	}
	return len(s)
}

func backslashes(s string) int { return len(s) - len(strings.TrimLeft(s, `\`)) }

// listed is how long a list or an object is, all of the text where it has no end.
func listed(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
