package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// key is one that an object may have, and what reads its value.
type key struct {
	name string
	read func(json.RawMessage) error
}

// readObject reads a JSON object of known keys. It is not left to struct decoding,
// which takes "INPUT" for "input" and the last of two.
func readObject(body []byte, known []key) error {
	return eachKey(body, func(name string, value json.RawMessage) error {
		i := slices.IndexFunc(known, func(k key) bool { return k.name == name })
		if i < 0 {
			all := make([]string, len(known))
			for i, k := range known {
				all[i] = k.name
			}
			return fmt.Errorf("unknown key %q (known: %s)", name, strings.Join(all, ", "))
		}
		if err := known[i].read(value); err != nil {
			return fmt.Errorf("key %q: %w", name, err)
		}
		return nil
	})
}

// eachKey goes through an object, whose keys must differ.
func eachKey(body []byte, f func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	} else if t != json.Delim('{') {
		return fmt.Errorf("not a JSON object: it starts with %v", t)
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		name, _ := t.(string) // the decoder takes nothing else for a key
		if seen[name] {
			return fmt.Errorf("key %q is given twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("key %q: not JSON: %w", name, err)
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// text reads a text.
func text[T ~string](into *T) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var s *string
		if err := json.Unmarshal(raw, &s); err != nil || s == nil {
			return fmt.Errorf("must be text, is %.40s", raw)
		}
		*into = T(*s)
		return nil
	}
}

// list takes a list as it is.
func list(into *json.RawMessage) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
			return fmt.Errorf("must be a list, is %.40s", raw)
		}
		*into = raw
		return nil
	}
}

// table reads names with texts.
func table(into *map[string]string) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		*into = map[string]string{}
		return eachKey(raw, func(name string, value json.RawMessage) error {
			var s string
			err := text(&s)(value)
			(*into)[name] = s
			if err != nil {
				return fmt.Errorf("key %q: %w", name, err)
			}
			return nil
		})
	}
}
