package strict

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"skynet/config/redact"
)

// Report collects what a [Validator] finds wrong. Paths are relative to the value
// that is validated: "min", "queues[1].name", or "" for the value itself.
type Report struct {
	reader *reader
	at     string
}

// Bad reports a value that will not do. What is said follows the value and
// ends in a cure: Bad("min", 5, "must not exceed max (3); raise max or lower
// min"). A nil value is left out, for what is missing. Where reading already
// found a problem nothing is added.
func (r *Report) Bad(path string, value any, format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	if value != nil {
		said = quote(value) + " " + said
	}
	r.reader.bad(join(r.at, path), said)
}

// Unknown reports a name that is not among those known. What says which kind of
// name was wanted: "a queue of this file".
func (r *Report) Unknown(path, name, what string, known []string) {
	r.Bad(path, name, "is not %s; %s", what, suggest(name, known))
}

// Sound reports whether these keys were read without a problem, so that it
// makes sense to compare their values.
func (r *Report) Sound(paths ...string) bool {
	for _, p := range paths {
		if r.reader.touched(join(r.at, p)) {
			return false
		}
	}
	return true
}

// Given reports whether the file, or what overrides it, has this key.
func (r *Report) Given(path string) bool {
	_, ok := r.reader.places[join(r.at, path)]
	return ok
}

// At returns a report for the value at a path below this one, for checks shared
// between types.
func (r *Report) At(path string) *Report { return &Report{r.reader, join(r.at, path)} }

// Beside is where a path that a file mentions leads: relative ones start at the
// file's own folder.
func (r *Report) Beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.reader.file), path)
}

// join appends a relative path, of which "[2]" is one.
func join(at, path string) string {
	if at == "" || path == "" || strings.HasPrefix(path, "[") {
		return at + path
	}
	return at + "." + path
}

// parent cuts the last key or index off a path.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// quote shows a value in a message, not all of it if it is long, and nothing of it
// that may be a secret.
func quote(value any) string {
	const longest, mostRead = 60, 1 << 10
	s, text := value.(string)
	if !text {
		s = fmt.Sprint(value)
	}
	s = redact.Text(s[:min(len(s), mostRead)])
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	if text {
		return fmt.Sprintf("%q", s)
	}
	return s
}
