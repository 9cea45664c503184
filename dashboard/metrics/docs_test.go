package metrics_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"skynet/dashboard/metrics"
)

var updateDocs = flag.Bool("update-docs", false, "write the table of docs/metrics.md anew")

const (
	page  = "../../docs/metrics.md"
	begin = "<!-- metrics: go test ./dashboard/metrics -update-docs -->\n"
	end   = "<!-- end -->"
)

// TestDocs holds the table of docs/metrics.md to what there is.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| metric | kind | labels | what it says |\n|---|---|---|---|\n")
	for _, f := range metrics.Families() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Kind, strings.Join(f.Labels, ", "), f.Help)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + b.String() + "\n" + end + after
	if *updateDocs {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Errorf("%s is not what there is: go test ./dashboard/metrics -update-docs", page)
	}
}
