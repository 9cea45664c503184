package test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parsers are the packages that read what others wrote, and their fuzz tests. Each has
// inputs that are kept, in testdata/fuzz.
var parsers = map[string]string{
	"config":             "FuzzLoad FuzzLoadWorker FuzzParseAddress", // settings
	"config/strict":      "FuzzRead FuzzParseDuration FuzzSize",      // all that people write in files
	"dashboard":          "FuzzTokens FuzzOrders FuzzQuery",          // requests to the API
	"dashboard/notify":   "FuzzRestore",                              // troubles kept by an earlier run
	"decide/suite":       "FuzzParse FuzzValues",                     // tests of policies
	"fleet":              "FuzzSketch",                               // in heartbeats
	"fleet/ec2":          "FuzzEvent FuzzRequest",                    // Spot events; orders that were written down
	"fleet/local":        "FuzzLoad",                                 // instances kept by an earlier run
	"journal/handover":   "FuzzTake",                                 // another controller's ticks, beside the lease
	"lease":              "FuzzState",                                // the lease and its notes
	"policy":             "FuzzRule FuzzCron",                        // expressions and times
	"policy/file":        "FuzzParse",
	"queue/nats":         "FuzzSocket",     // the kernel's table of sockets, with other users' in it
	"queue/sqs":          "FuzzAttributes", // what a queue says of itself
	"signals/exec":       "FuzzAnswer",     // what programs answer
	"signals/heartbeats": "FuzzParse",
	"signals/httpjson":   "FuzzNumber",
	"signals/line":       "FuzzLine", // lines for decide
	"signals/prometheus": "FuzzAnswer",
	"signals/web":        "FuzzShown", // text from elsewhere in reasons
	"simulate/peer":      "FuzzParse",
	"simulate/scenario":  "FuzzParse FuzzCSV",
	"simulate/sweep":     "FuzzSweep",
	"worker":             "FuzzReadTasks FuzzManifest FuzzMarker FuzzSniff", // items, events of S3; what lies beside outputs
	"worker/av":          "FuzzProbed FuzzReadLevel FuzzFollow",             // what ffmpeg says of strangers' files
	"worker/batch":       "FuzzReadRecord FuzzParsePattern",                 // records of batches
	"worker/bundle":      "FuzzOpen FuzzUnpack FuzzChoose FuzzLook",         // statements, archives, notes
	"worker/command":     "FuzzFill",                                        // names that items bring into arguments
	"worker/image":       "FuzzWork",                                        // pictures
	"worker/metadata":    "FuzzAnswers",                                     // the instance metadata service
	"worker/recipe":      "FuzzRead FuzzReadOutputs FuzzNamed",              // recipes; what items ask for
	"worker/store":       "FuzzLocate",                                      // URLs in items
}

// unfuzzed are packages that decode bytes and have no fuzz test, and why.
var unfuzzed = map[string]string{
	"journal/sqlite":    "reads rows that it wrote itself, in a file of its own (mode 0600) that SQLite checks; damaged ones are in its tests",
	"cmd/skynet":        "reads standing orders that it wrote itself; all else goes through packages above",
	"cmd/skynet-worker": "reads an operator's list of items line by line and checks each by worker.ReadTask (FuzzReadTasks)",
	"worker/rows":       "takes the database's URL apart, which an operator wrote",
	"simulate/report":   "packs what it made itself",
}

// decoders are calls that make something of bytes.
var decoders = regexp.MustCompile(`^(json\.(Unmarshal|NewDecoder)|yaml\.(Unmarshal\w*|NewDecoder)|xml\.(Unmarshal|NewDecoder)|csv\.NewReader|gzip\.NewReader|tar\.NewReader|zip\.\w*Reader|bufio\.NewScanner|strict\.Read|gjson\.\w+|line\.Parse\w*)$`)

// TestParsersAreFuzzed: whoever decodes what others may have written has a fuzz test
// with kept inputs, or a reason.
func TestParsersAreFuzzed(t *testing.T) {
	for pkg, calls := range decoding(t) {
		if parsers[pkg] == "" && unfuzzed[pkg] == "" {
			t.Errorf("%s decodes (%s): write a fuzz test and list it in test/parsers_test.go", pkg, calls)
		}
	}
	for pkg, targets := range parsers {
		have := fuzzTests(t, pkg)
		for _, name := range strings.Fields(targets) {
			if !slices.Contains(have, name) {
				t.Errorf("%s has no %s", pkg, name)
			}
			if kept, _ := filepath.Glob(filepath.Join("..", pkg, "testdata/fuzz", name, "*")); len(kept) == 0 {
				t.Errorf("%s: no input of %s is kept in testdata/fuzz", pkg, name)
			}
		}
		for _, name := range have {
			if !slices.Contains(strings.Fields(targets), name) {
				t.Errorf("%s: %s is not listed in test/parsers_test.go", pkg, name)
			}
		}
	}
}

// decoding are the packages that decode, and by which calls.
func decoding(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || name == "test" || name == "deploy") {
			return fs.SkipDir
		}
		if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call := called(n); decoders.MatchString(call) && !strings.Contains(found[path.Dir(name)], call) {
				found[path.Dir(name)] = strings.TrimSpace(found[path.Dir(name)] + " " + call)
			}
			return true
		})
		return nil
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("%d packages decode: %v", len(found), err)
	}
	return found
}

// called is the function of another package that a node calls.
func called(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return ""
	}
	fun := call.Fun
	if generic, ok := fun.(*ast.IndexExpr); ok {
		fun = generic.X
	}
	if s, ok := fun.(*ast.SelectorExpr); ok {
		if pkg, ok := s.X.(*ast.Ident); ok {
			return pkg.Name + "." + s.Sel.Name
		}
	}
	return ""
}

var fuzzTest = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

func fuzzTests(t *testing.T, pkg string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fuzzTest.FindAllSubmatch(text, -1) {
			names = append(names, string(bytes.Clone(m[1])))
		}
	}
	return names
}
