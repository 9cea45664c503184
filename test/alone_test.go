package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAloneRunAlone holds the packages that are tested without the race detector to
// what that rests on: they start no goroutine.
func TestAloneRunAlone(t *testing.T) {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ALONE := (.*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("the Makefile does not say which packages run alone")
	}
	for _, pkg := range strings.Fields(string(line[1])) {
		files, _ := filepath.Glob("../" + pkg + "/*.go")
		if len(files) == 0 {
			t.Errorf("%s holds no Go file", pkg)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, at := range goroutines(t, file) {
				t.Errorf("%s starts a goroutine: take %s out of ALONE in the Makefile", at, pkg)
			}
		}
	}
}

// goroutines are the places where a file starts one.
func goroutines(t *testing.T, file string) (at []string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			at = append(at, files.Position(n.Pos()).String())
		case *ast.SelectorExpr:
			if n.Sel.Name == "Go" {
				at = append(at, files.Position(n.Pos()).String())
			}
		}
		return true
	})
	return at
}
