package config_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"skynet/config"
	"skynet/config/strict"
)

// Editors hold a file to the schema: what we read must pass.
func TestSchemas(t *testing.T) {
	tests := []struct {
		schema []byte
		file   string
		good   bool
	}{
		{strict.Schema[config.Config](), example, true},
		{strict.Schema[config.Config](), "examples/aws.skynet.yaml", true},
		{strict.Schema[config.Config](), "testdata/cloudwatch.yaml", true},
		{strict.Schema[config.Config](), "testdata/bad/many.yaml", false},
		{strict.Schema[config.Worker](), "testdata/worker.yaml", true},
		{strict.Schema[config.Worker](), "testdata/bad/worker_unknown_key.yaml", false},
	}
	for _, test := range tests {
		if err := validate(t, test.schema, test.file); (err == nil) != test.good {
			t.Errorf("%s: %v", test.file, err)
		}
	}
}

func validate(t *testing.T, schema []byte, file string) error {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("schema.json").Validate(value)
}
