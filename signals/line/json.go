package line

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// encoding/json takes a key in any case, twice, and unasked. So objects are taken
// apart here, and only their values are left to it.

// members calls each with every member of an object, and returns the keys.
func members(raw []byte, path string, each func(key string, value json.RawMessage) error) (map[string]bool, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("%s%s is not an object; write it like {…}", prefix(path), shown(string(raw)))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, broken(path, err)
		}
		key, _ := t.(string)
		if seen[key] {
			return nil, fmt.Errorf("%s%s is given twice; remove one", prefix(path), shown(key))
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, broken(joined(path, key), err)
		}
		if err := each(key, value); err != nil {
			return nil, err
		}
	}
	return seen, ended(dec, path)
}

// elements calls each with every element of a list and its path.
func elements(raw []byte, path string, each func(path string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return fmt.Errorf("%s%s is not a list; write it like […]", prefix(path), shown(string(raw)))
	}
	for i := 0; dec.More(); i++ {
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return broken(path, err)
		}
		if err := each(fmt.Sprintf("%s[%d]", path, i), value); err != nil {
			return err
		}
	}
	return ended(dec, path)
}

// ended wants the end of an object or list, and nothing after it.
func ended(dec *json.Decoder, path string) error {
	if _, err := dec.Token(); err != nil {
		return broken(path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%smore follows the end of the object; write one object a line", prefix(path))
	}
	return nil
}

// fields reads a flat object into a T: its keys and no others, each once, the
// required ones among them.
func fields[T any](raw []byte, path string, required ...string) (value T, err error) {
	known := keysOf(reflect.TypeFor[T]())
	seen, err := members(raw, path, func(key string, _ json.RawMessage) error {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s%w", prefix(path), strange(key, known))
		}
		return nil
	})
	if err != nil {
		return value, err
	}
	for _, key := range required {
		if !seen[key] {
			return value, fmt.Errorf("%s: missing; add it", joined(path, key))
		}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&value); err != nil {
		return value, mistyped(path, err)
	}
	return value, nil
}

// keysOf lists the keys that a struct is read from.
func keysOf(t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	return keys
}

func mistyped(path string, err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: is a %s, not of the kind %s; correct it", joined(path, t.Field), t.Value, t.Type)
	}
	return fmt.Errorf("%s%w", prefix(path), err)
}

// broken is JSON that is not.
func broken(path string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%sthe line ends too early; write a whole object on one line", prefix(path))
	}
	return fmt.Errorf("%sis not JSON: %w; a number that is unknown is written as null", prefix(path), err)
}

func joined(path, key string) string {
	if path == "" {
		return key
	}
	if path == "signals" { // their names have dots of their own
		return path + ": " + key
	}
	return path + "." + key
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// shown is what a message shows of a value: not all of it if it is long.
func shown(s string) string {
	const longest = 60
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	if strings.HasPrefix(s, `"`) {
		return s
	}
	return fmt.Sprintf("%q", s)
}
