package supply

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestBills makes them of the program of this package, under the names of ours.
func TestBills(t *testing.T) {
	program, s := built(t)
	t.Run("whole and valid", func(t *testing.T) { wholeBill(t, program, s) })
	t.Run("with the pages", func(t *testing.T) { billWithPages(t, program, s) })
	t.Run("of other source", func(t *testing.T) { billOfOtherSource(t, program, s) })
}

// built is the program of this package, with the supply that go.mod would name for it.
func built(t *testing.T) (program string, s Supply) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "skynet-worker")
	build := exec.Command("go", "build", "-o", program, "skynet/deploy/supply/cmd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	s.Texts = map[string][]Text{}
	for _, d := range info.Deps {
		s.Modules = append(s.Modules, Module{Path: d.Path, Version: d.Version})
		s.Texts[d.Path] = []Text{{File: "LICENSE", IDs: []string{"Apache-2.0", "MIT"}}}
	}
	if len(s.Modules) == 0 {
		t.Fatal("no module in this test: nothing is tried")
	}
	s.Parts = map[string][]Part{Locked[0]: {
		{Name: "@scope/part", Version: "1.2.3", Licence: "MIT", Integrity: "sha512-aGVsbG8=", Use: Linked},
		{Name: "builder", Version: "4.5.6", Licence: "MIT", Integrity: "sha512-aGVsbG8=", Use: Tool},
	}}
	return program, s
}

// schema is CycloneDX's own, which comes with the library; without a network.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	for name, file := range map[string]string{"bom-1.6.schema.json": "", "spdx.schema.json": "", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		if file == "" {
			file = name
		}
		f, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, text); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wholeBill(t *testing.T, program string, s Supply) {
	t.Helper()
	about := About{Program: program, Version: "1.2.3+4.gabc", Made: time.Unix(1_800_000_000, 0).UTC()}
	text, err := s.Bill(about)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Bill(about); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same program has another bill: %v", err)
	}
	valid := schema(t)
	if err := validate(t, valid, text); err != nil {
		t.Errorf("it is no CycloneDX: %v", err)
	}
	for name, planted := range map[string][2]string{
		"an unknown field":   {`"type": "application"`, `"type": "application", "colour": "red"`},
		"an unknown licence": {`"id": "MIT"`, `"id": "MY-OWN"`},
		"an unknown type":    {`"type": "library"`, `"type": "thing"`},
	} {
		if err := validate(t, valid, []byte(strings.Replace(string(text), planted[0], planted[1], 1))); err == nil {
			t.Errorf("%s passes for CycloneDX", name)
		}
	}
	for _, want := range []string{`"timestamp": "2027-01-15T08:00:00Z"`, `pkg:golang/github.com/cyclonedx/cyclonedx-go@v`, `pkg:golang/std@1.`, `"pkg:deb/debian/ffmpeg`, `@1.2.3%2B4.gabc`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it lacks %s", want)
		}
	}
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	bill, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(bill)
}

// The page's parts are in skynet alone, and without what builds the page.
func billWithPages(t *testing.T, program string, s Supply) {
	t.Helper()
	skynet := filepath.Join(filepath.Dir(program), "skynet")
	if err := os.Link(program, skynet); err != nil {
		t.Fatal(err)
	}
	text, err := s.Bill(About{Program: skynet})
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		Metadata   struct{ Timestamp string }
		Components []struct{ Purl string }
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	has := func(purl string) bool {
		return slices.ContainsFunc(bill.Components, func(c struct{ Purl string }) bool { return c.Purl == purl })
	}
	if !has("pkg:npm/%40scope/part@1.2.3") || has("pkg:npm/builder@4.5.6") {
		t.Errorf("parts of the page: %v", bill.Components)
	}
	if bill.Metadata.Timestamp != "" {
		t.Errorf("made at no time, it says %s", bill.Metadata.Timestamp)
	}
}

// A program with a module that go.mod does not name was not built from this source.
func billOfOtherSource(t *testing.T, program string, s Supply) {
	t.Helper()
	s.Modules = slices.Clone(s.Modules)
	s.Modules[0].Version = "v0.0.1"
	if _, err := s.Bill(About{Program: program}); err == nil || !strings.Contains(err.Error(), "not in go.mod") {
		t.Errorf("said %v", err)
	}
}
