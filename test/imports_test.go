// Package test holds what concerns the whole module.
package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// Imports run downhill. Each line is a package and what it may import of ours;
// the first line that fits counts, "*" stands for one name. A package that is on
// no line fails the test: find its place first. Tests may import more.
var downhill = []struct {
	pkg string
	may string
}{
	{"fleet", ""},
	{"fleet/roster", "fleet"},
	{"fleet/local", "fleet config/redact"}, // shows what its workers said last
	{"fleet/*", "fleet"},                   // clouds
	{"config/redact", ""},
	{"config/strict", "config/redact"},
	{"config/strict/stricttest", "config/strict"},
	{"config", "config/strict"},
	{"awshttp", ""},
	{"lease", ""},
	{"lease/*", "lease"},
	{"queue", "fleet"},
	{"queue/*", "queue fleet"}, // brokers
	{"signals", "fleet"},
	{"signals/derived", "signals fleet"},
	{"signals/line", "signals fleet config/strict"}, // the lines of decide, also spoken by exec
	{"signals/forecast", "signals"},
	{"signals/exec", "signals fleet signals/line"},
	{"signals/web", "signals config/redact"},
	{"signals/prometheus", "signals signals/web"},
	{"signals/httpjson", "signals signals/web"},
	{"signals/*", "signals fleet queue journal"}, // sources
	{"policy/expression", "signals"},
	{"policy", "fleet signals policy/expression"},
	{"policy/file", "policy policy/expression signals signals/derived config/strict"},
	{"journal", "fleet signals policy"},
	{"journal/*", "journal fleet signals policy"}, // records on disk
	{"decide/suite", "decide policy signals signals/line config/strict"},
	{"decide", "fleet signals signals/derived signals/forecast signals/line policy policy/file"},
	{"controller", "fleet signals signals/derived policy journal"},
	{"controller/reaper", "fleet fleet/ec2 signals policy journal config/strict"},
	{"simulate/scenario", "config/strict"},
	{"simulate/chance", ""},
	{"simulate/peer", "simulate simulate/scenario policy signals config/strict"},
	{"simulate/recording", "fleet signals policy journal simulate/scenario config/strict"},
	{"simulate/report", "simulate fleet policy"},
	{"simulate/clairvoyant", ""},
	{"simulate/sweep", "simulate"},
	{"simulate", "controller signals/derived signals/forecast fleet signals policy journal simulate/chance simulate/scenario simulate/clairvoyant"},
	{"worker/recipe", "config/strict"},
	{"worker/confine", ""},
	{"worker/gate", "fleet"},
	{"worker", "fleet queue worker/recipe worker/gate config/redact"},
	{"worker/image/libvips", ""},
	{"worker/image/imagetest", ""},
	{"worker/image", "worker/recipe worker/image/libvips"},
	{"worker/*", "fleet queue awshttp worker/recipe worker/confine config/redact"}, // media, stores, metadata
	{"dashboard/health", "controller fleet signals policy policy/file"},
	{"dashboard/metrics", "dashboard/health controller fleet signals policy journal"},
	{"dashboard/notify", "dashboard/health config/redact"},
	{"dashboard/traces", ""},
	{"dashboard/timeline", "dashboard journal signals policy"},
	{"dashboard", "config/strict"},
	{"cmd/internal/*", "*"}, // what the programs share
	{"cmd/*", "*"},          // wiring happens here and nowhere else
	{"deploy/supply", ""},
	{"deploy/supply/*", "deploy/supply"}, // its program
	{"test/*", "*"},                      // but see testOnly
	{"test/bench/*", "*"},                // what is measured against others
	{"test/faults/*", "*"},               // what shows that the hostile world notices
}

// Packages that only tests may import.
var testOnly = []string{"test", "test/*", "test/bench/*", "test/faults/*", "config/strict/stricttest", "queue/queuetest", "journal/journaltest", "worker/workertest", "worker/image/imagetest"}

// Who may use the AWS SDK: what is wired, and what talks to Amazon.
var (
	aws        = "github.com/aws/"
	awsMay     = []string{"awshttp", "cmd/*", "cmd/internal/*", "fleet/ec2", "queue/sqs", "signals/cloudwatch", "lease/s3", "worker/metadata", "worker/store", "test/*"}
	awsInTests = []string{"fleet/local"} // serves what the SDK's client of instance metadata asks
)

// What policies and their expressions may use besides the standard library:
// expressions and cron.
var libraries = []string{"policy", "policy/expression"}

var policyMay = []string{"github.com/expr-lang/expr", "github.com/netresearch/go-cron"}

// Who may use cgo: the rest builds for any machine without a C compiler.
var cgoMay = []string{"worker/image/libvips"}

// Who takes the time as an argument, so that a tick has one clock reading, and
// the functions that may read a clock all the same.
var (
	clockless = []string{"worker/gate", "fleet", "fleet/roster", "signals", "signals/*", "policy", "policy/*", "dashboard/health"}
	mayRead   = []string{"signals/heartbeats.Listen"}
)

func TestImportsRunDownhill(t *testing.T) {
	found, read := check(os.DirFS(".."))
	if len(read) < 20 {
		t.Errorf("read %d packages only: %v", len(read), read)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestThePlantedAreFound shows that each rule notices a file that breaks it.
func TestThePlantedAreFound(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             string // "" where all is well
	}{
		{"downhill", "policy/a.go", `package policy; import _ "skynet/fleet"`, ""},
		{"uphill", "fleet/a.go", `package fleet; import _ "skynet/policy"`, "fleet/a.go: fleet may not import policy"},
		{"sideways", "fleet/ec2/a.go", `package ec2; import _ "skynet/fleet/local"`, "fleet/ec2/a.go: fleet/ec2 may not import fleet/local"},
		{"from deep below", "worker/av/a.go", `package av; import _ "skynet/worker"`, "worker/av/a.go: worker/av may not import worker"},
		{"under another name", "queue/a.go", `package queue; import p "skynet/controller"; var _ = p.New`, "queue/a.go: queue may not import controller"},
		{"behind a build tag", "fleet/a.go", "//go:build windows\n\npackage fleet\n\nimport _ \"skynet/queue\"", "fleet/a.go: fleet may not import queue"},
		{"in a test", "fleet/a_test.go", `package fleet_test; import _ "skynet/controller"`, ""},
		{"in cmd", "cmd/skynet/a.go", `package main; import _ "skynet/worker"`, ""},
		{"no place", "novel/a.go", `package novel; import _ "skynet/fleet"`, "novel/a.go: novel has no place in the table of imports"},
		{"no place below", "policy/file/deep/a.go", `package deep`, "policy/file/deep/a.go: policy/file/deep has no place in the table of imports"},
		{"the root", "a.go", `package skynet`, "a.go: . has no place in the table of imports"},
		{"a test's world", "controller/a.go", `package controller; import _ "skynet/test/world"`, "controller/a.go: controller may import test/world in tests only"},
		{"a test's helper", "cmd/skynet/a.go", `package main; import _ "skynet/queue/queuetest"`, "cmd/skynet/a.go: cmd/skynet may import queue/queuetest in tests only"},
		{"a world in a test", "controller/a_test.go", `package controller; import _ "skynet/test/world"`, ""},
		{"a helper in a helper", "test/world/a.go", `package world; import _ "skynet/test/other"`, ""},
		{"AWS", "signals/a.go", `package signals; import _ "github.com/aws/aws-sdk-go-v2/aws"`, "signals/a.go: signals may not import the AWS SDK: github.com/aws/aws-sdk-go-v2/aws"},
		{"AWS in a test", "signals/a_test.go", `package signals; import _ "github.com/aws/smithy-go"`, "signals/a_test.go: signals may not import the AWS SDK: github.com/aws/smithy-go"},
		{"AWS in its place", "worker/metadata/a.go", `package metadata; import _ "github.com/aws/smithy-go"`, ""},
		{"AWS in the local fleet", "fleet/local/a.go", `package local; import _ "github.com/aws/smithy-go"`, "fleet/local/a.go: fleet/local may not import the AWS SDK: github.com/aws/smithy-go"},
		{"AWS in its tests", "fleet/local/a_test.go", `package local; import _ "github.com/aws/smithy-go"`, ""},
		{"a library in policy", "policy/a.go", `package policy; import _ "go.uber.org/zap"`, "policy/a.go: policy may not use go.uber.org/zap"},
		{"a library of policy's", "policy/a.go", `package policy; import (_ "math"; _ "github.com/netresearch/go-cron")`, ""},
		{"a library in expressions", "policy/expression/a.go", `package expression; import _ "go.uber.org/zap"`, "policy/expression/a.go: policy/expression may not use go.uber.org/zap"},
		{"a part of it", "policy/a.go", `package policy; import _ "github.com/expr-lang/expr/ast"`, ""},
		{"one that begins alike", "policy/a.go", `package policy; import _ "github.com/expr-lang/exprs"`, "policy/a.go: policy may not use github.com/expr-lang/exprs"},
		{"cgo", "worker/av/a.go", `package av; import "C"`, "worker/av/a.go: worker/av may not use cgo"},
		{"cgo in its place", "worker/image/libvips/a.go", `package libvips; import "C"`, ""},
		{"a clock", "policy/a.go", `package policy; import "time"; var now = time.Now()`, "policy/a.go: policy may not read a clock: time.Now"},
		{"a clock as a value", "fleet/a.go", `package fleet; import "time"; var now = time.Now`, "fleet/a.go: fleet may not read a clock: time.Now"},
		{"a clock by another name", "signals/a.go", `package signals; import clock "time"; func f() { _ = clock.Since(clock.Time{}) }`, "signals/a.go: signals may not read a clock: time.Since"},
		{"a clock in Listen", "signals/heartbeats/a.go", `package heartbeats; import "time"; type e int; func (e) Listen() { _ = time.Now() }`, ""},
		{"a clock beside Listen", "signals/heartbeats/a.go", `package heartbeats; import "time"; func Hear() { _ = time.Now() }`, "signals/heartbeats/a.go: signals/heartbeats may not read a clock: time.Now"},
		{"a clock in a test", "policy/a_test.go", `package policy; import "time"; var now = time.Now()`, ""},
		{"a clock in an adapter", "fleet/local/a.go", `package local; import "time"; var now = time.Now()`, ""},
		{"another Now", "policy/a.go", `package policy; type t struct{ Now int }; var time t; var _ = time.Now`, ""},
		{"a file that is no Go", "fleet/a.go", `what?`, "fleet/a.go: cannot be read"},
		{"a file of testdata", "fleet/testdata/a.go", `what?`, ""},
		{"a hidden file", ".build/a.go", `what?`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, _ := check(fstest.MapFS{c.file: {Data: []byte(c.text)}})
			if got := strings.Join(found, "\n"); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || len(found) > 1 {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

const module = "skynet/"

// check reads every Go file below root, whatever it builds for, and returns
// what it finds wrong and the packages that it read. It reads the files itself,
// because `go list` inside a test is answered from the test's cache.
func check(root fs.FS) (found, packages []string) {
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		packages = append(packages, path.Dir(name))
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		found = append(found, checkFile(name, text)...)
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	slices.Sort(packages)
	return found, slices.Compact(packages)
}

func skipped(dir string) bool {
	return dir == "testdata" || len(dir) > 1 && strings.ContainsAny(dir[:1], "._")
}

// source is one file that is read.
type source struct {
	name, pkg string
	test      bool
	*ast.File
	found []string
}

func checkFile(name string, text []byte) []string {
	tree, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{fmt.Sprintf("%s: cannot be read: %v", name, err)}
	}
	s := &source{name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), File: tree}
	may, placed := ours(s.pkg)
	if !placed {
		may = []string{"*"} // one finding is enough
		if !s.test {
			s.bad("has no place in the table of imports")
		}
	}
	for _, i := range tree.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		if of, is := strings.CutPrefix(name, module); is {
			s.checkOurs(of, may)
		} else {
			s.checkOther(name)
		}
	}
	if !s.test && fits(s.pkg, clockless) {
		s.checkClock()
	}
	return s.found
}

func (s *source) bad(format string, args ...any) {
	s.found = append(s.found, fmt.Sprintf("%s: %s ", s.name, s.pkg)+fmt.Sprintf(format, args...))
}

// ours is what a package may import of ours; false if it is on no line.
func ours(pkg string) (may []string, ok bool) {
	for _, line := range downhill {
		if fits(pkg, []string{line.pkg}) {
			return strings.Fields(line.may), true
		}
	}
	return nil, false
}

func (s *source) checkOurs(pkg string, may []string) {
	switch {
	case s.test:
	case fits(pkg, testOnly):
		if !fits(s.pkg, testOnly) {
			s.bad("may import %s in tests only", pkg)
		}
	case !slices.Contains(may, pkg) && !slices.Contains(may, "*"):
		s.bad("may not import %s", pkg)
	}
}

func (s *source) checkOther(name string) {
	switch {
	case name == "C" && !fits(s.pkg, cgoMay):
		s.bad("may not use cgo")
	case strings.HasPrefix(name, aws) && !fits(s.pkg, awsMay) && !(s.test && fits(s.pkg, awsInTests)):
		s.bad("may not import the AWS SDK: %s", name)
	case fits(s.pkg, libraries) && !s.test && !standard(name) && !slices.ContainsFunc(policyMay, func(lib string) bool {
		return name == lib || strings.HasPrefix(name, lib+"/")
	}):
		s.bad("may not use %s", name)
	}
}

// standard reports a package of the standard library: its path has no domain.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// checkClock looks for the functions of package time that read a clock.
func (s *source) checkClock() {
	clock := s.local("time")
	for _, d := range s.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && slices.Contains(mayRead, s.pkg+"."+f.Name.Name) {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && clock != "" {
				x, ok := sel.X.(*ast.Ident)
				if ok && x.Name == clock && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
					s.bad("may not read a clock: time.%s", sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// local is the name by which the file knows an imported package, "" if it does
// not.
func (s *source) local(imported string) string {
	for _, i := range s.Imports {
		if name, _ := strconv.Unquote(i.Path.Value); name == imported {
			if i.Name != nil {
				return i.Name.Name
			}
			return path.Base(name)
		}
	}
	return ""
}

// fits reports whether a package is one of those listed.
func fits(pkg string, listed []string) bool {
	return slices.ContainsFunc(listed, func(pattern string) bool {
		ok, _ := path.Match(pattern, pkg)
		return ok
	})
}
