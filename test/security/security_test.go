// Package security reads docs/security.md and holds it to the source: a claim whose
// test, setting or file is not there any more is no claim.
package security

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skynet/config"
	"skynet/config/strict"
	"skynet/policy/file"
	"skynet/worker/recipe"
)

const (
	root = "../.."
	page = "docs/security.md"
)

// row is one of a table, with what its head says of the columns.
type row struct {
	line  int
	head  []string
	cells []string
}

func (r row) String() string { return fmt.Sprintf("%s:%d", page, r.line) }

// column is the cell under a heading, by a word of that.
func (r row) column(word string) (cell string, ok bool) {
	for i, h := range r.head {
		if strings.Contains(h, word) && i < len(r.cells) {
			return r.cells[i], true
		}
	}
	return "", false
}

// rowsOf reads the tables of a page in Markdown, code blocks left out.
func rowsOf(text string) (rows []row) {
	var head []string
	code := false
	for n, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if code || !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := cellsOf(line)
		switch {
		case head == nil:
			head = cells
		case strings.Trim(strings.Join(cells, ""), "-: ") != "":
			rows = append(rows, row{n + 1, head, cells})
		}
	}
	return rows
}

func cellsOf(line string) (cells []string) {
	line = strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), `\|`, "\x00")
	for _, c := range strings.Split(line, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(c), "\x00", "|"))
	}
	return cells
}

var quoted = regexp.MustCompile("`([^`]+)`")

// words are what stands between backquotes.
func words(text string) (list []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

var testName = regexp.MustCompile(`^(Test|Fuzz)[A-Z][A-Za-z0-9_]*(/.+)?$`)

// mistakes are what is wrong with a page.
func mistakes(text string) (list []string) {
	bad := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, r := range rowsOf(text) {
		tests, tested := r.column("test")
		if remains, has := r.column("remain"); !tested && !has {
			bad("%s: a table with neither a column for tests nor for what remains", r)
		} else if tested && remains == "" && !strings.Contains(strings.Join(r.cells, " "), "remains") && !slices.ContainsFunc(words(tests), testName.MatchString) {
			bad("%s: neither a test nor what remains", r)
		}
		for _, missing := range untested(tests) {
			bad("%s: %s", r, missing)
		}
	}
	for n, line := range strings.Split(text, "\n") {
		for _, w := range words(line) {
			if why := unfounded(w); why != "" {
				bad("%s:%d: `%s` %s", page, n+1, w, why)
			}
		}
	}
	return list
}

// untested are the tests that a cell names and its packages do not have. A package is
// named ahead of its tests.
func untested(cell string) (missing []string) {
	folder := ""
	for _, w := range words(cell) {
		switch {
		case !testName.MatchString(w):
			folder = w
		case folder == "":
			missing = append(missing, w+" names no package")
		case !has(folder, w):
			missing = append(missing, w+" is not in "+folder)
		}
	}
	return missing
}

// tests are those of a package, with what their files say.
type tests struct {
	names map[string]bool
	text  string
}

// has reports whether a package's tests have one of that name, and say the name of
// each part of it.
func has(folder, name string) bool {
	name, part, _ := strings.Cut(name, "/")
	in := testsOf(folder)
	for _, p := range strings.Split(part, "/") {
		if !strings.Contains(in.text, p) && !strings.Contains(in.text, strings.ReplaceAll(p, "_", " ")) {
			return false
		}
	}
	return in.names[name]
}

// read are the packages whose tests were read.
var read = map[string]tests{}

func testsOf(folder string) tests {
	if in, known := read[folder]; known {
		return in
	}
	in := tests{names: map[string]bool{}}
	files, _ := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		in.text += string(source)
		tree, err := parser.ParseFile(token.NewFileSet(), f, source, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range tree.Decls {
			if fn, is := d.(*ast.FuncDecl); is && fn.Recv == nil {
				in.names[fn.Name.Name] = true
			}
		}
	}
	read[folder] = in
	return in
}

var (
	// filePath is a path below a folder of ours.
	filePath = regexp.MustCompile(`^(cmd|config|controller|dashboard|decide|deploy|docs|fleet|journal|lease|policy|queue|signals|simulate|test|web|worker)(/[\w.*-]+)+/?$`)
	// setting is a key with the keys above it, or one of the highest level with a colon.
	setting = regexp.MustCompile(`^([a-z_]+(\.[a-z_0-9]+)+|[a-z_]+:)$`)
	// noSetting are words of others that look like one.
	noSetting = regexp.MustCompile(`\.(go|md|sh|yaml|json|jpg|mp4|service|mjs|txt|mod|sum)$`)
)

// unfounded says what is wrong with a word: a file or a setting that is not there.
func unfounded(word string) string {
	switch {
	case filePath.MatchString(word):
		if found, err := filepath.Glob(filepath.Join(root, word)); err != nil || len(found) == 0 {
			return "is no file or folder of the project"
		}
	case setting.MatchString(word) && !noSetting.MatchString(word):
		if !settings()[strings.TrimSuffix(word, ":")] {
			return "is no setting"
		}
	}
	return ""
}

// settings are the keys of all files that people write, with those above them.
var settings = func() func() map[string]bool {
	var keys map[string]bool
	return func() map[string]bool {
		if keys == nil {
			keys = map[string]bool{}
			for _, schema := range [][]byte{strict.Schema[config.Config](), strict.Schema[config.Worker](), file.Schema(), recipe.Schema()} {
				var whole map[string]any
				if json.Unmarshal(schema, &whole) == nil {
					walk(keys, whole, whole, "", 0)
				}
			}
		}
		return keys
	}
}()

// walk adds the keys of a schema, however deep they are.
func walk(keys map[string]bool, whole, at map[string]any, above string, depth int) {
	if depth > 12 {
		return
	}
	if ref, ok := at["$ref"].(string); ok {
		target := whole
		for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			target, _ = target[part].(map[string]any)
		}
		walk(keys, whole, target, above, depth+1)
	}
	if properties, ok := at["properties"].(map[string]any); ok {
		for name, inner := range properties {
			keys[above+name] = true
			if m, ok := inner.(map[string]any); ok {
				walk(keys, whole, m, above+name+".", depth+1)
			}
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if m, ok := at[key].(map[string]any); ok {
			walk(keys, whole, m, above, depth+1)
		}
	}
	for _, key := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := at[key].([]any)
		for _, one := range list {
			if m, ok := one.(map[string]any); ok {
				walk(keys, whole, m, above, depth+1)
			}
		}
	}
}

func TestThePageIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes(string(text)) {
		t.Error(m)
	}
	if n := len(rowsOf(string(text))); n < 60 {
		t.Errorf("%d rows of tables: is the page read at all?", n)
	}
}

// Links of the page lead somewhere: files, and headings of the page itself.
func TestLinksLeadSomewhere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		headings[strings.ReplaceAll(regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		name, heading, _ := strings.Cut(m[1], "#")
		switch {
		case strings.HasPrefix(name, "http"):
		case name == "" && !headings[heading]:
			t.Errorf("no heading %q", heading)
		case name != "":
			if _, err := os.Stat(filepath.Join(root, "docs", name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// The reader itself notices what it is there for.
func TestTheReaderNotices(t *testing.T) {
	const table = "| could try | what stops it | test | what remains |\n|---|---|---|---|\n"
	for _, c := range []struct{ text, want string }{
		{table + "| a | b | `test/security` `TestThePageIsTrue` | |", ""},
		{table + "| a | b | | nothing is known of it |", ""},
		{table + "| a | b, and that remains | | |", ""},
		{table + "| a | b | | |", "neither a test nor what remains"},
		{table + "| a | b | `test/security` `TestOfYesterday` | |", "TestOfYesterday is not in test/security"},
		{table + "| a | b | `test/securities` `TestThePageIsTrue` | |", "is no file or folder"},
		{table + "| a | b | `TestThePageIsTrue` | |", "names no package"},
		{table + "| a | b | `test/security` `TestTheReaderNotices/the_part` | |", ""},
		{table + "| a | b | `test/security` `TestTheReaderNotices/no" + "where` | |", "is not in"},
		{"| a | b |\n|---|---|\n| c | d |", "neither a column for tests"},
		{"`limits.instances`, `listen:`, `guards.launch.per_hour`, `access.token_file`", ""},
		{"`limits.instance`", "is no setting"},
		{"`listens:`", "is no setting"},
		{"`worker/confine/confine.go`", ""},
		{"`worker/confine/confined.go`", "is no file"},
		{"```\n| a | b |\n```", ""},
	} {
		got := strings.Join(mistakes(c.text), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

const _ = "the part" // of a test, for TestTheReaderNotices
