package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"skynet/worker/recipe"
)

// Kind is what sort of media an item is.
type Kind = recipe.Kind

// The kinds of items.
const (
	Photo = recipe.Photo
	Video = recipe.Video
	Audio = recipe.Audio
)

// Task is an item's body: what to make of what, and where to put it.
type Task struct {
	Kind    Kind              `json:"kind,omitempty"`    // "": the input tells
	Input   string            `json:"input"`             // URL of one object
	Output  string            `json:"output,omitempty"`  // URL of the folder for what is made of it
	Recipe  string            `json:"recipe,omitempty"`  // "": outputs, or the first recipe that fits
	Outputs json.RawMessage   `json:"outputs,omitempty"` // what to make, as in a recipe; see recipe.ReadOutputs
	Inputs  map[string]string `json:"inputs,omitempty"`  // URLs of further inputs by their names
	Values  map[string]string `json:"values,omitempty"`  // what {name} stands for in texts
	Batch   string            `json:"batch,omitempty"`   // what it was sent with
	Group   *Group            `json:"group,omitempty"`   // what it is a part of

	event bool // told of by an event: the object was there, and may be gone again
}

// Group says that an item makes one part of something that is put together when
// all parts are there.
type Group struct {
	Name   string `json:"name"`
	Part   string `json:"part"`
	Output string `json:"output"` // URL of the group's folder
}

// maxBody bounds an item's body, in bytes: what any queue takes.
const maxBody = 256 << 10

// readTask reads an item of ours, strictly: what is not understood is an error that
// names the key, since an ignored one means work done wrongly. What is made of one that names no output goes
// below outputs, if there is such a folder.
func readTask(body []byte, outputs string) (Task, error) {
	t, err := parseTask(body)
	if err != nil {
		return Task{}, fmt.Errorf("not an item: %w", err)
	}
	if t.Output == "" && t.Input != "" && outputs != "" {
		if t.Output, err = below(outputs, t.Input); err != nil {
			return Task{}, err
		}
	}
	if err := t.check(); err != nil {
		return Task{}, fmt.Errorf("not an item: %w", err)
	}
	return t, nil
}

func parseTask(body []byte) (t Task, err error) {
	if len(body) > maxBody {
		return t, fmt.Errorf("%d bytes, at most %d are read", len(body), maxBody)
	}
	return t, readObject(body, []key{
		{"kind", text(&t.Kind)}, {"input", text(&t.Input)}, {"output", text(&t.Output)},
		{"recipe", text(&t.Recipe)}, {"outputs", list(&t.Outputs)},
		{"inputs", table(&t.Inputs)}, {"values", table(&t.Values)}, {"batch", text(&t.Batch)},
		{"group", func(raw json.RawMessage) error {
			t.Group = &Group{}
			return readObject(raw, []key{
				{"name", text(&t.Group.Name)}, {"part", text(&t.Group.Part)}, {"output", text(&t.Group.Output)},
			})
		}},
	})
}

// plainName is what names of inputs, values and parts look like, so that recipes
// can speak of them.
var plainName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (t Task) check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(t.Kind != "" && t.Kind != Photo && t.Kind != Video && t.Kind != Audio, "key %q: %q is not a kind (known: photo, video, audio)", "kind", t.Kind)
	bad(t.Input == "", `key "input": missing`)
	bad(t.Output == "", `key "output": missing; name one, or set outputs in the worker's settings`)
	bad(t.Recipe != "" && t.Outputs != nil, `keys "recipe" and "outputs": give one of them`)
	for _, name := range names(t.Inputs) {
		bad(!plainName.MatchString(name), `key "inputs": %q is not a name; write small letters, digits and _`, name)
		bad(name == recipe.Main, `key "inputs": %q is the item's own input; choose another name`, name)
	}
	for _, name := range names(t.Values) {
		bad(!plainName.MatchString(name), `key "values": %q is not a name; write small letters, digits and _`, name)
	}
	if g := t.Group; g != nil {
		bad(g.Name == "", `key "group": "name" is missing`)
		bad(!plainName.MatchString(g.Part), `key "group": part %q is not a name; write small letters, digits and _`, g.Part)
		bad(g.Output == "", `key "group": "output", the folder that the parts share, is missing`)
	}
	if t.Outputs != nil {
		_, err := recipe.ReadOutputs(t.Outputs)
		bad(err != nil, "%w", err)
	}
	return errors.Join(errs...)
}

func names(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
