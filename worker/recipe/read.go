package recipe

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"skynet/config/strict"
)

//go:embed builtin.yaml
var builtin []byte

// Book is all recipes that a worker knows: those of its file, then the built-in.
type Book struct{ all []Recipe }

// Read reads a recipes file. The built-in recipes stand behind its own, which may
// take their names. Every mistake is in the error.
func Read(name string, data []byte) (Book, error) {
	own, err := strict.Read[File](name, data)
	if err != nil {
		return Book{}, err
	}
	base, err := strict.Read[File]("builtin.yaml", builtin)
	if err != nil {
		return Book{}, fmt.Errorf("the built-in recipes: %w", err)
	}
	b := Book{all: own.Recipes}
	for _, r := range base.Recipes {
		if _, taken := b.Find(r.Name); !taken {
			b.all = append(b.all, r)
		}
	}
	return b, nil
}

// Load reads a recipes file from disk; "" is no file, and the built-in recipes alone.
func Load(file string) (Book, error) {
	if file == "" {
		return Read("no file", []byte("recipes: []"))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Book{}, fmt.Errorf("recipes: %w", err)
	}
	return Read(file, data)
}

// Find returns the recipe of that name.
func (b Book) Find(name string) (Recipe, bool) {
	i := slices.IndexFunc(b.all, func(r Recipe) bool { return r.Name == name })
	if i < 0 {
		return Recipe{}, false
	}
	return b.all[i], true
}

// Names are those of all recipes, in their order.
func (b Book) Names() []string {
	names := make([]string, len(b.all))
	for i, r := range b.all {
		names[i] = r.Name
	}
	return names
}

// Recipes are all of them, in their order.
func (b Book) Recipes() []Recipe { return slices.Clone(b.all) }

// Fitting returns the first recipe that fits an input of that URL and kind. Asked
// before the kind is known ("") it answers only where the kind makes no difference.
func (b Book) Fitting(url string, kind Kind) (r Recipe, ok bool) {
	for _, r := range b.all {
		switch r.fits(url, kind) {
		case yes:
			return r, true
		case unclear:
			return Recipe{}, false
		}
	}
	return Recipe{}, false
}

type answer int

const (
	no answer = iota
	unclear
	yes
)

func (x Recipe) fits(url string, kind Kind) answer {
	best := no
	for _, m := range x.Match {
		best = max(best, m.fits(url, kind))
	}
	return best
}

func (m Match) fits(url string, kind Kind) answer {
	low := strings.ToLower(url)
	switch {
	case !strings.HasPrefix(url, m.Prefix):
		return no
	case len(m.Suffix) > 0 && !slices.ContainsFunc(m.Suffix, func(s string) bool { return strings.HasSuffix(low, strings.ToLower(s)) }):
		return no
	case m.Kind != "" && kind == "":
		return unclear
	case m.Kind != "" && m.Kind != kind:
		return no
	}
	return yes
}

// Validate wants something to match by: a match of everything would take every item.
func (m *Match) Validate(r *strict.Report) {
	if m.Prefix == "" && len(m.Suffix) == 0 && m.Kind == "" && r.Sound("prefix", "suffix", "kind") {
		r.Bad("", nil, "fits everything; give prefix, suffix or kind")
	}
}

// inline is how outputs stand in an item.
type inline struct {
	Outputs []Output `yaml:"outputs" strict:"required"`
}

func (i *inline) Validate(r *strict.Report) {
	checkOutputs(r, i.Outputs, []string{Main})
	for k, o := range i.Outputs {
		if o.Command != nil {
			r.Bad(fmt.Sprintf("outputs[%d].command", k), nil, "an item may not bring a program; name a recipe that runs it")
		}
	}
}

// ReadOutputs reads the outputs that an item brings itself: a JSON list. It may
// not run programs.
func ReadOutputs(list []byte) ([]Output, error) {
	if !json.Valid(list) {
		return nil, errors.New("outputs: not JSON")
	}
	// JSON is YAML; none of YAML's own (anchors, tags, documents) is JSON.
	data := slices.Concat([]byte(`{"outputs":`), bytes.TrimSpace(list), []byte("}"))
	in, err := strict.Read[inline]("item", data)
	if err != nil {
		return nil, err
	}
	return in.Outputs, nil
}

// Schema is the JSON Schema of recipes files, for editors.
func Schema() []byte { return strict.Schema[File]() }
