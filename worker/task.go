package worker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is what sort of media an item is.
type Kind string

// The kinds of items.
const (
	Photo Kind = "photo"
	Video Kind = "video"
)

// Task is an item's body: what to make of what, and where to put it.
type Task struct {
	Kind   Kind   `json:"kind,omitempty"` // "" : the input tells
	Input  string `json:"input"`          // URL of one object
	Output string `json:"output"`         // URL of the folder for what is made of it

	event bool // told of by an event: the object was there, and may be gone again
}

// maxBody bounds an item's body, in bytes. SQS allows more; a task is three
// short strings.
const maxBody = 64 << 10

// ReadTask reads an item's body strictly: what is not understood is an error
// that names the key, since an ignored one means work done wrongly.
func ReadTask(body []byte) (Task, error) { return readTask(body, "") }

// readTask reads an item of ours. What is made of one that names no output goes
// below outputs, if there is such a folder.
func readTask(body []byte, outputs string) (Task, error) {
	if len(body) > maxBody {
		return Task{}, fmt.Errorf("not an item: %d bytes, at most %d are read", len(body), maxBody)
	}
	keys, err := readKeys(body)
	if err != nil {
		return Task{}, fmt.Errorf("not an item: %w", err)
	}
	t := Task{Kind: Kind(keys["kind"]), Input: keys["input"], Output: keys["output"]}
	if t.Output == "" && t.Input != "" && outputs != "" {
		if t.Output, err = below(outputs, t.Input); err != nil {
			return Task{}, err
		}
	}
	return t, t.check()
}

// readKeys reads a JSON object of known keys with text values. It is not left to
// struct decoding, which takes "INPUT" for "input" and the last of two.
func readKeys(body []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	} else if t != json.Delim('{') {
		return nil, fmt.Errorf("not a JSON object: it starts with %v", t)
	}
	keys := map[string]string{}
	for dec.More() {
		if err := readKey(dec, keys); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if dec.More() {
		return nil, errors.New("something follows the JSON object")
	}
	return keys, nil
}

var known = []string{"kind", "input", "output"}

func readKey(dec *json.Decoder, keys map[string]string) error {
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	key, _ := t.(string) // the decoder takes nothing else for a key
	if !slices.Contains(known, key) {
		return fmt.Errorf("unknown key %q (known: %s)", key, strings.Join(known, ", "))
	}
	if _, twice := keys[key]; twice {
		return fmt.Errorf("key %q is given twice", key)
	}
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return fmt.Errorf("key %q: not JSON: %w", key, err)
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return fmt.Errorf("key %q: must be text, is %.40s", key, raw)
	}
	keys[key] = *text
	return nil
}

func (t Task) check() error {
	var errs []error
	if t.Kind != "" && t.Kind != Photo && t.Kind != Video {
		errs = append(errs, fmt.Errorf("key %q: %q is not a kind (known: photo, video)", "kind", t.Kind))
	}
	if t.Input == "" {
		errs = append(errs, errors.New(`key "input": missing`))
	}
	if t.Output == "" {
		errs = append(errs, errors.New(`key "output": missing; name one, or set outputs in the worker's settings`))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("not an item: %w", err)
	}
	return nil
}
