package recipe

import (
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"skynet/config/strict/stricttest"
)

var updateDocs = flag.Bool("update-docs", false, "write the tables of docs/recipes.md anew")

const page = "../../docs/recipes.md"

// sections are what the page can have a table of, by name. Those of steps it must
// have.
func sections() (all map[string]reflect.Type, must []string) {
	all = map[string]reflect.Type{
		"recipe": reflect.TypeFor[Recipe](), "output": reflect.TypeFor[Output](), "command": reflect.TypeFor[Command](),
		"then": reflect.TypeFor[Then](), "limits": reflect.TypeFor[Limits](), "match": reflect.TypeFor[Match](),
	}
	for medium, list := range map[string]steps{"image": imageSteps, "video": videoSteps, "audio": audioSteps} {
		for _, s := range list {
			of := reflect.TypeOf(s.make()).Elem()
			all[medium+"/"+s.name] = of
			shared := medium == "audio" && (s.name == "clip" || s.name == "loudness") // with films
			if of.NumField() > 0 && !shared {
				must = append(must, medium+"/"+s.name)
			}
		}
	}
	return all, must
}

// TestThePageNamesEveryKey holds the page's tables to the types that read the file.
func TestThePageNamesEveryKey(t *testing.T) {
	tables, must := sections()
	stricttest.Page(t, *updateDocs, page, tables, must)
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
