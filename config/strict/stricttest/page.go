package stricttest

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"skynet/config/strict"
)

var section = regexp.MustCompile(`(?s)<!-- keys:([\w/]*) -->\n.*?<!-- end -->`)

// Page holds a page's tables of keys to the types that read the file: one that was
// forgotten, or has gone stale, fails; on update, by the flag -update-docs, they are
// written anew. A table stands between <!-- keys:NAME --> and <!-- end -->; those
// that a page may have are given by name, and those that it must have.
func Page(t *testing.T, update bool, page string, tables map[string]reflect.Type, must []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	had := map[string]bool{}
	made := section.ReplaceAllStringFunc(string(text), func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		had[name] = true
		of, known := tables[name]
		if !known {
			t.Errorf("the page has keys of %q, which no file has", name)
			return old
		}
		return "<!-- keys:" + name + " -->" + table(of) + "<!-- end -->"
	})
	for _, name := range must {
		if !had[name] {
			t.Errorf("the page has no keys of %q: give it a section", name)
		}
	}
	if made == string(text) {
		return
	}
	if !update {
		t.Fatalf("the tables are stale: go test -run %s -update-docs", t.Name())
	}
	if err := os.WriteFile(page, []byte(made), 0o644); err != nil {
		t.Fatal(err)
	}
}

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
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		ft := f.Type
		for ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if options == "inline" {
			rows(b, ft, path)
			continue
		}
		if !f.IsExported() || key == "" {
			continue
		}
		fmt.Fprintf(b, "| `%s%s` | %s%s |\n", path, key, f.Tag.Get("doc"), rules(f))
		switch {
		case ft.Kind() == reflect.Struct && !isText(ft):
			rows(b, ft, path+key+".")
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct && !isUnion(ft.Elem()):
			rows(b, ft.Elem(), path+key+"[].")
		}
	}
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

func isUnion(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[strict.Union]())
}

// rules says in words what a strict tag says and the doc does not.
func rules(f reflect.StructField) (said string) {
	for rule := range strings.SplitSeq(f.Tag.Get("strict"), ",") {
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
			if !strings.Contains(f.Tag.Get("doc"), strings.Split(value, "|")[0]+": ") { // unless each is explained
				said += "; " + strings.ReplaceAll(value, "|", " or ")
			}
		}
	}
	return said
}
