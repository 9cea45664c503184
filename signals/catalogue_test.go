package signals_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"skynet/signals"
)

var update = flag.Bool("update", false, "write the table of docs/signals.md anew")

// The page for users has the catalogue as it is.
func TestTheCataloguesPage(t *testing.T) {
	const path = "../docs/signals.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), " -update -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatal("the page has no place for the catalogue")
	}
	want := head + " -update -->\n" + table() + "<!-- end -->" + tail
	if want == string(page) {
		return
	}
	if !*update {
		t.Fatal("the table is stale: go test ./signals -run TestTheCataloguesPage -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("\n| name | unit | each queue | what it says | source |\n|---|---|---|---|---|\n")
	for _, k := range signals.Catalogue {
		queue := ""
		if k.Queue {
			queue = "`" + strings.TrimPrefix(signals.OfQueue(k.Name, "q"), "queues.q") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Name, k.Unit, queue, k.Says, k.Source)
	}
	return b.String() + "\n"
}

// Each name is there once, and says what it is.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range signals.Catalogue {
		if seen[k.Name] || k.Unit == "" || k.Says == "" || k.Source == "" || strings.Contains(k.Says+k.Source, "|") {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
		if found, ok := signals.KindOf(k.Name); !ok || found != k {
			t.Errorf("%s is not found", k.Name)
		}
		if found, ok := signals.KindOf(signals.OfQueue(k.Name, "photos")); k.Queue && (!ok || found != k) {
			t.Errorf("%s of a queue is not found", k.Name)
		}
	}
}
