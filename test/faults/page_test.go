package faults

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the tables of laws and weather in docs/faults.md anew")

const page = "../../docs/faults.md"

// TestThePageNamesEveryLawAndFault keeps two tables of docs/faults.md as the source has
// them: go test ./test/faults -run ThePage -update
func TestThePageNamesEveryLawAndFault(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := within(t, within(t, string(text), "laws", lawTable(t)), "weather", weatherTable(t))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // for all to read
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Error("docs/faults.md does not say what the source says: go test ./test/faults -run ThePage -update")
	}
}

// within puts a table between its marks.
func within(t *testing.T, text, name, table string) string {
	t.Helper()
	begins, ends := "<!-- "+name+": made by go test ./test/faults -update -->\n", "<!-- end of "+name+" -->\n"
	head, rest, ok := strings.Cut(text, begins)
	_, tail, ended := strings.Cut(rest, ends)
	if !ok || !ended {
		t.Fatalf("%s has no place for %s", page, name)
	}
	return head + begins + table + ends + tail
}

func lawTable(t *testing.T) string {
	var rows []string
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		ast.Inspect(parsed(t, name), func(n ast.Node) bool {
			v, is := n.(*ast.ValueSpec)
			if is && len(v.Names) == 1 && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "law") {
				if text, isText := v.Values[0].(*ast.BasicLit); isText && text.Kind == token.STRING {
					sentence, _ := strconv.Unquote(text.Value)
					rows = append(rows, "| "+apart(v.Names[0].Name[len("law"):])+" | "+sentence+" |\n")
				}
			}
			return true
		})
	}
	if len(rows) < 10 {
		t.Fatalf("found %d laws", len(rows))
	}
	return "| law | in a sentence |\n|---|---|\n" + strings.Join(rows, "")
}

// apart writes a name as words: OneActs is one acts.
func apart(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func weatherTable(t *testing.T) string {
	said := map[string]string{}
	ast.Inspect(parsed(t, "weather.go"), func(n ast.Node) bool {
		if v, is := n.(*ast.ValueSpec); is && len(v.Names) == 1 && v.Comment != nil {
			said[v.Names[0].Name] = strings.TrimSpace(v.Comment.Text())
		}
		return true
	})
	var rows []string
	for ident, comment := range said {
		for k := firstFault; k < kinds; k++ {
			if strings.EqualFold(ident, strings.ReplaceAll(k.String(), "-", "")) {
				rows = append(rows, "| `"+k.String()+"` | "+comment+" |\n")
			}
		}
	}
	if len(rows) != int(kinds-firstFault) {
		t.Fatalf("%d of %d faults are told of: each constant needs a comment, and a name that is its own", len(rows), kinds-firstFault)
	}
	slices.Sort(rows)
	return "| fault | what it does |\n|---|---|\n" + strings.Join(rows, "")
}

func parsed(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
