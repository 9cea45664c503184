package recipe

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"skynet/config/strict"
)

var updateDocs = flag.Bool("update-docs", false, "write the tables of docs/recipes.md anew")

const page = "../../docs/recipes.md"

// keysOf are the keys of a struct, as people read them.
func keysOf(t reflect.Type) string {
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
		switch texts := reflect.PointerTo(ft).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()); {
		case ft.Kind() == reflect.Struct && !texts:
			rows(b, ft, path+key+".")
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct && !isUnion(ft.Elem()):
			rows(b, ft.Elem(), path+key+"[].")
		}
	}
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

// sections are what the page can have a table of, by name. Those of steps it must
// have.
func sections() (all map[string]reflect.Type, must map[string]bool) {
	all = map[string]reflect.Type{
		"recipe": reflect.TypeFor[Recipe](), "output": reflect.TypeFor[Output](), "command": reflect.TypeFor[Command](),
		"then": reflect.TypeFor[Then](), "limits": reflect.TypeFor[Limits](), "match": reflect.TypeFor[Match](),
	}
	must = map[string]bool{}
	for medium, list := range map[string]steps{"image": imageSteps, "video": videoSteps, "audio": audioSteps} {
		for _, s := range list {
			of := reflect.TypeOf(s.make()).Elem()
			all[medium+"/"+s.name] = of
			shared := medium == "audio" && (s.name == "clip" || s.name == "loudness") // with films
			must[medium+"/"+s.name] = of.NumField() > 0 && !shared
		}
	}
	return all, must
}

var section = regexp.MustCompile(`(?s)<!-- keys:([\w/]*) -->\n.*?<!-- end -->`)

// TestThePageNamesEveryKey holds the page's tables to the types that read the file: one
// that was forgotten, or has gone stale, fails.
func TestThePageNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all, must := sections()
	made := section.ReplaceAllStringFunc(string(text), func(old string) string {
		name := section.FindStringSubmatch(old)[1]
		of, known := all[name]
		if !known {
			t.Errorf("the page has keys of %q, which is nothing that a recipe has", name)
			return old
		}
		delete(must, name)
		return "<!-- keys:" + name + " -->" + keysOf(of) + "<!-- end -->"
	})
	for name, wanted := range must {
		if wanted {
			t.Errorf("the page has no keys of %q: give it a section", name)
		}
	}
	if made == string(text) {
		return
	}
	if !*updateDocs {
		t.Fatal("the tables are stale: go test ./worker/recipe -run TestThePage -update-docs")
	}
	if err := os.WriteFile(page, []byte(made), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	block  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	inText = regexp.MustCompile("`(\\{do: [^`]*\\})`")
)

// TestThePagesExamplesLoad reads every example of the page, and the steps in its text.
func TestThePagesExamplesLoad(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range block.FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(e[1], "recipes:") {
			continue // of another file
		}
		if _, err := Read("example.yaml", []byte(e[1])); err != nil {
			t.Errorf("%v\n%s", err, e[1])
		}
	}
	pictures, _, _ := strings.Cut(string(text), "## Films")
	for _, e := range inText.FindAllStringSubmatch(pictures, -1) {
		if _, err := Read("step.yaml", []byte("recipes: [{name: a, outputs: [{name: a.jpg, image: ["+e[1]+"]}]}]")); err != nil {
			t.Errorf("%v\n%s", err, e[1])
		}
	}
}
