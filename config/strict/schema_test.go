package strict_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"skynet/config/strict"
)

// validator compiles the schema with a library that never saw our reader.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(strict.Schema[plan]()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func value(t *testing.T, data []byte) any {
	t.Helper()
	out, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Skip("goccy does not read it either: ", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Skip("JSON has no form for it: ", err)
	}
	return v
}

// beyond is what a schema cannot know: how a value is written, and what Validate checks.
var beyond = []string{
	"cross_", "duplicate_", "octal", "merge_key", "tag", "two_documents", "alias_to", "share_zero", "percent_too_much",
	"utf16", "not_utf8", "control_character", "tab", "syntax", "unclosed", "complex_key", "empty.", "only_comments",
}

func TestSchemaAgrees(t *testing.T) {
	s := validator(t)
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, b := range beyond {
				if strings.HasPrefix(filepath.Base(file), b) {
					t.Skip("beyond a schema")
				}
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(value(t, data)); err == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func TestSchemaAcceptsWhatIsRead(t *testing.T) {
	const good = `
name: "yes"
mode: fast
budget: 1.5
every: 1w1d12h
step: 20
loss: 0.5%
bounds: {max: 3}
objective: {wait: 0}
queues: [photos]
policies: [{type: backlog, per_worker: 8, name: mine}, {type: target, signal: fleet.cpu_mean}]
labels: {a: 1}
extra: [1]
`
	if _, err := strict.Read[plan]("x.yaml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	if err := validator(t).Validate(value(t, []byte(good))); err != nil {
		t.Error(err)
	}
}

func TestSchemaDescribes(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(strict.Schema[plan](), &s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(strict.Schema[plan](), []byte(`"most workers"`)) {
		t.Error("doc tags are missing")
	}
}
