package batch

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Pattern is a pattern of paths with slashes: * stands for anything within a name, ?
// for one character, [a-z] for one of these, ** for anything with slashes too.
type Pattern struct {
	text string
	re   *regexp.Regexp
}

// ParsePattern reads a pattern as the shell writes it: every letter counts.
func ParsePattern(text string) (Pattern, error) { return compile(text, "") }

// ParseFilter reads a pattern of --include or --exclude. Small and capital letters
// are the same to it, as cameras and people write both. One without a slash is
// about the name alone, in whatever folder.
func ParseFilter(text string) (Pattern, error) {
	if !strings.Contains(text, "/") {
		return compile("**/"+text, "(?i)")
	}
	return compile(strings.TrimPrefix(text, "/"), "(?i)")
}

// Match reports whether a path fits.
func (p Pattern) Match(path string) bool { return p.re.MatchString(path) }

func (p Pattern) String() string { return p.text }

// Wild reports whether a text holds what patterns are made of.
func Wild(text string) bool { return strings.ContainsAny(text, "*?[") }

func compile(text, flags string) (Pattern, error) {
	var b strings.Builder
	for rest := text; rest != ""; {
		part, n := translate(rest)
		b.WriteString(part)
		rest = rest[n:]
	}
	re, err := regexp.Compile(flags + "(?s)^" + b.String() + "$")
	if err != nil || text == "" {
		return Pattern{}, fmt.Errorf("%.200q is not a pattern; write it like *.jpg, 2024/*.png or **/raw/*", text)
	}
	return Pattern{text, re}, nil
}

// translate turns what a pattern begins with into a regular expression, and says
// how many of its bytes that were.
func translate(rest string) (expression string, n int) {
	switch {
	case strings.HasPrefix(rest, "**/"):
		return "(?:.*/)?", 3
	case strings.HasPrefix(rest, "**"):
		return ".*", 2
	case rest[0] == '*':
		return "[^/]*", 1
	case rest[0] == '?':
		return "[^/]", 1
	case rest[0] == '[':
		if end := strings.IndexByte(rest, ']'); end > 1 {
			return set(rest[1:end]), end + 1
		}
	}
	_, n = utf8.DecodeRuneInString(rest)
	return regexp.QuoteMeta(rest[:n]), n
}

// set is a class of characters, [abc] or [a-z]; [!a] is any other.
func set(inner string) string {
	not := ""
	if strings.HasPrefix(inner, "!") || strings.HasPrefix(inner, "^") {
		not, inner = "^/", inner[1:]
	}
	inner = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(inner)
	return "[" + not + inner + "]"
}

// fixed splits a path at the last slash before what is wild in it.
func fixed(pattern string) (folder, rest string) {
	wild := strings.IndexAny(pattern, "*?[")
	if wild < 0 {
		wild = len(pattern)
	}
	slash := strings.LastIndexByte(pattern[:wild], '/')
	return pattern[:slash+1], pattern[slash+1:]
}
