// Package supply says what the programs are made of: which modules are in them, under
// which licences, from which checked sources, and whether that may be. The program
// below it (cmd) writes THIRD_PARTY.md and the bills of materials; the tests beside it
// and those in test/supply hold every change to it.
package supply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Use is how near to a user a module comes.
type Use int

// From what is shipped to what never leaves a developer's machine.
const (
	Linked Use = iota // in a program that is given to users
	Tested            // in test programs alone
	Tool              // run by make; not linked with anything of ours
)

// String is the word for it in THIRD_PARTY.md.
func (u Use) String() string { return [...]string{"linked", "tests", "tools"}[u] }

// Module is one Go module that something here is built from.
type Module struct {
	Path, Version string
	Use           Use
	In            []string // the programs it is linked into
	Root          string   // its folder in the module cache
	Dirs          []string // folders of those of its packages that are in use, sorted
}

// Programs are what users are given, by the packages they are built from.
var Programs = []string{"skynet", "skynet-worker"}

// Modules lists what the programs, their tests and the tools are built from, by path,
// each once at its nearest use, as far as a use. Root is the folder of go.mod. It asks
// go list, which reads the imports of files for the platform that it runs on.
func Modules(root string, until Use) ([]Module, error) {
	found := map[string]*Module{}
	for _, program := range Programs {
		if err := add(found, root, Linked, program, "./cmd/"+program); err != nil {
			return nil, err
		}
	}
	if until >= Tested {
		if err := add(found, root, Tested, "", "-test", "./..."); err != nil {
			return nil, err
		}
	}
	if until >= Tool {
		if err := add(found, root, Tool, "", "tool"); err != nil {
			return nil, err
		}
	}
	list := make([]Module, 0, len(found))
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := *found[path]
		slices.Sort(m.Dirs)
		m.Dirs = slices.Compact(m.Dirs)
		list = append(list, m)
	}
	return list, nil
}

// listed is what go list says of a package.
type listed struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path string }
	}
}

// add puts the modules behind some packages among those found; a module that is there
// already keeps its nearer use, and only packages of that use.
func add(found map[string]*Module, root string, use Use, program string, packages ...string) error {
	list := exec.Command("go", append([]string{"list", "-deps", "-json=Dir,Module"}, packages...)...)
	list.Dir = root
	list.Env = append(os.Environ(), "CGO_ENABLED=1")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list %s: %w", strings.Join(packages, " "), err)
	}
	for lines := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := lines.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list %s: %w", strings.Join(packages, " "), err)
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		if p.Module.Replace != nil {
			return fmt.Errorf("%s is replaced by %s: what is built would not be what go.mod names", p.Module.Path, p.Module.Replace.Path)
		}
		m := found[p.Module.Path]
		if m == nil {
			m = &Module{Path: p.Module.Path, Version: p.Module.Version, Use: use, Root: p.Module.Dir}
			found[m.Path] = m
		}
		if m.Use != use {
			continue
		}
		m.Dirs = append(m.Dirs, p.Dir)
		if program != "" && !slices.Contains(m.In, program) {
			m.In = append(m.In, program)
		}
	}
}

// upTo are the folders from dir up to root, dir first. A folder outside root has none.
func upTo(root, dir string) (dirs []string) {
	rel, err := filepath.Rel(root, dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == root {
			return dirs
		}
	}
}
