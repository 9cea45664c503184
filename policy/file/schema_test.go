package file_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"skynet/policy/file"
	"skynet/signals"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("policy.schema.json")
}

// validates reports whether an editor would take the text; readable is false for
// what is no YAML.
func validates(t *testing.T, s *jsonschema.Schema, text []byte) (valid, readable bool) {
	t.Helper()
	text, err := yaml.YAMLToJSON(text)
	if err != nil {
		return false, false
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return false, false
	}
	return s.Validate(value) == nil, true
}

// What the reader takes an editor must not underline.
func TestTheSchemaTakesWhatTheReaderTakes(t *testing.T) {
	s := schema(t)
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := [][]byte{[]byte(minimal), []byte(everything)}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1) {
		texts = append(texts, m[1])
	}
	files, err := filepath.Glob("../../config/examples/*.policy.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	for _, text := range texts {
		if _, err := file.Parse("x.policy.yaml", text, signals.Names{Open: true}); err != nil {
			t.Errorf("the reader refuses it: %v\n%s", err, text)
		}
		if valid, _ := validates(t, s, text); !valid {
			t.Errorf("the schema refuses it:\n%s", text)
		}
	}
}

// onlyTheReader are mistakes that no schema can see: in what depends on other
// keys, on names, on the calendar, on the words of an expression.
var onlyTheReader = []string{
	"boot_zero", "bounds_crossed", "holiday_nonsense", "holiday_nowhere", "objective_queue_twice",
	"policies_empty", "policy_name", "policy_name_taken", "quorum_too_much", "replace_before_silent",
	"replace_before_the_default_of_silent", "rule_function", "rule_many", "rule_syntax", "rule_when_empty",
	"rule_when_number", "rule_window", "schedule_every", "schedule_fields", "schedule_for_long",
	"schedule_for_zero", "schedule_hour", "schedule_never", "schedule_zone", "silent_zero",
	"step_remove_without_below", "step_signal_misspelt", "step_thresholds_crossed", "step_without_threshold",
	"target_signal_misspelt", "timezone_local", "timezone_path", "timezone_unknown", "vote_of_all",
	"vote_voter_of_both", "vote_voters_empty", "wait_zero",
}

// What the reader refuses an editor underlines too, but for what no schema can say.
func TestTheSchemaRefusesWhatTheReaderRefuses(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var taken []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if valid, readable := validates(t, s, text); valid && readable {
			taken = append(taken, strings.TrimSuffix(filepath.Base(f), ".yaml"))
		}
	}
	if !slices.Equal(taken, onlyTheReader) {
		t.Errorf("the schema takes %q, expected %q", taken, onlyTheReader)
	}
}
