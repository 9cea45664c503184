package file

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"skynet/config/strict"
	"skynet/signals"
)

var updateDocs = flag.Bool("update-docs", false, "write the tables of docs/policy.md anew")

const page = "../../docs/policy.md"

// table is the keys of a struct, as people read them.
func table(t reflect.Type) string {
	var b strings.Builder
	b.WriteString("\n| key | what it says |\n|---|---|\n")
	rows(&b, t, "")
	return b.String()
}

func rows(b *strings.Builder, t reflect.Type, path string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if f.Anonymous && key == "" && ft.Kind() == reflect.Struct {
			rows(b, ft, path)
			continue
		}
		if !f.IsExported() || key == "" {
			continue
		}
		fmt.Fprintf(b, "| `%s%s` | %s%s |\n", path, key, f.Tag.Get("doc"), rules(f.Tag.Get("strict")))
		switch {
		case ft == reflect.TypeFor[strict.Share]() || ft == reflect.TypeFor[[]Entry]():
		case ft.Kind() == reflect.Struct:
			rows(b, ft, path+key+".")
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct:
			rows(b, ft.Elem(), path+key+"[].")
		}
	}
}

// rules says in words what a strict tag says.
func rules(tag string) (said string) {
	for rule := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(rule, "=")
		switch name {
		case "required":
			said += "; required"
		case "min":
			said += "; at least " + value
		case "max":
			said += "; at most " + value
		case "above":
			said += "; more than " + value
		case "enum":
			said += "; " + strings.ReplaceAll(value, "|", " or ")
		}
	}
	return said
}

var section = regexp.MustCompile(`(?s)<!-- keys:(\w*) -->\n.*?<!-- end -->`)

// TestThePageNamesEveryKey holds the page's tables to the types that read the
// file: one that was forgotten, or has gone stale, fails.
func TestThePageNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]reflect.Type{"": reflect.TypeFor[File]()}
	for _, k := range kinds {
		wanted[k.name] = reflect.TypeOf(k.make()).Elem()
	}
	made := section.ReplaceAllStringFunc(string(text), func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		of, known := wanted[name]
		if !known {
			t.Errorf("the page has keys of %q, which is no type of policy", name)
			return old
		}
		delete(wanted, name)
		return "<!-- keys:" + name + " -->" + table(of) + "<!-- end -->"
	})
	for name := range wanted {
		t.Errorf("the page has no keys of %q: give it a section", name)
	}
	if made == string(text) {
		return
	}
	if !*updateDocs {
		t.Fatal("the tables are stale: go test ./policy/file -run TestThePage -update-docs")
	}
	if err := os.WriteFile(page, []byte(made), 0o644); err != nil {
		t.Fatal(err)
	}
}

var block = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestThePagesExamplesLoad reads every example of the page.
func TestThePagesExamplesLoad(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := block.FindAllStringSubmatch(string(text), -1)
	if len(examples) < 10 {
		t.Fatalf("found %d examples", len(examples))
	}
	known := signals.Names{Queues: []string{"photos", "videos"}}
	for _, e := range examples {
		if _, err := Parse("example.yaml", []byte(e[1]), known); err != nil {
			t.Errorf("%v\n%s", err, e[1])
		}
	}
}
