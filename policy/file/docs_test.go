package file

import (
	"flag"
	"os"
	"reflect"
	"regexp"
	"testing"

	"skynet/config/strict/stricttest"
	"skynet/signals"
)

var updateDocs = flag.Bool("update-docs", false, "write the tables of docs/policy.md anew")

const page = "../../docs/policy.md"

// TestThePageNamesEveryKey holds the page's tables to the types that read the file.
func TestThePageNamesEveryKey(t *testing.T) {
	tables, must := map[string]reflect.Type{"": reflect.TypeFor[File]()}, []string{""}
	for _, k := range kinds {
		tables[k.name] = reflect.TypeOf(k.make()).Elem()
		must = append(must, k.name)
	}
	stricttest.Page(t, *updateDocs, page, tables, must)
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
