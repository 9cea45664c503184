package supply

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plant lays files below a folder of its own.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`
	gpl = `This program is free software: you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation, either version 3 of the License, or
(at your option) any later version.

This program is distributed in the hope that it will be useful,
but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
GNU General Public License for more details.

You should have received a copy of the GNU General Public License
along with this program.  If not, see <https://www.gnu.org/licenses/>.
`
	clause = `
No part of this software, of any work derived from it, or of any service that is
built upon it may be offered to third parties for a fee, shown at conferences, or
mentioned in advertising, unless the author was asked in writing ninety days before
and has answered by letter. Whoever uses it in a company of more than ten employees
shall pay one hundredth of the turnover of that company to the author each year, and
shall let the author look at its books in order to find out what that turnover was.
Any quarrel that arises is decided by the author. The author may end this licence at
any time, upon which all copies are to be destroyed within a week and the deed proven.
`
)

// What a new dependency may bring, and what is said to it.
func TestLicencesAreJudged(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		use   Use
		ids   string // what is found
		want  string // in the error; "" is none
	}{
		{"a permitted one", map[string]string{"LICENSE": mit, "a/b/b.go": ""}, Linked, "MIT", ""},
		{"with the line ends of Windows", map[string]string{"LICENSE.txt": strings.ReplaceAll(mit, "\n", "\r\n"), "a/b/b.go": ""}, Linked, "MIT", ""},
		{"the GPL in a program", map[string]string{"COPYING": gpl, "a/b/b.go": ""}, Linked, "GPL-3.0-or-later", "is under GPL-3.0-or-later, which is not permitted"},
		{"the GPL in tests", map[string]string{"COPYING": gpl, "a/b/b.go": ""}, Tested, "GPL-3.0-or-later", "is under GPL-3.0-or-later, which is not permitted"},
		{"the GPL in a tool", map[string]string{"COPYING": gpl, "a/b/b.go": ""}, Tool, "GPL-3.0-or-later", ""},
		{"the GPL beside a package of it", map[string]string{"LICENSE": mit, "a/b/COPYING": gpl, "a/b/b.go": ""}, Linked, "GPL-3.0-or-later MIT", "is under GPL-3.0-or-later"},
		{"the GPL beside a package not in use", map[string]string{"LICENSE": mit, "a/b/b.go": "", "c/COPYING": gpl}, Linked, "MIT", ""},
		{"none", map[string]string{"README.md": mit, "a/b/b.go": ""}, Linked, "", "no licence file covers"},
		{"none for the package in use", map[string]string{"c/LICENSE": mit, "a/b/b.go": ""}, Tool, "", "no licence file covers"},
		{"only a notice", map[string]string{"NOTICE": "Copyright Somebody", "a/b/b.go": ""}, Linked, "", "no licence file covers"},
		{"an empty one", map[string]string{"LICENSE": "", "a/b/b.go": ""}, Linked, "", "only 0% of it"},
		{"one of somebody's own", map[string]string{"LICENSE": clause, "a/b/b.go": ""}, Linked, "", "read it, and say in allowed.go"},
		{"a permitted one with a clause of somebody's own", map[string]string{"LICENSE": mit + clause, "a/b/b.go": ""}, Linked, "", "read it, and say in allowed.go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := plant(t, test.files)
			m := Module{Path: "example.org/new", Version: "v1.0.0", Use: test.use, Root: root, Dirs: []string{filepath.Join(root, "a/b")}}
			texts, err := Texts(m)
			if err == nil {
				if ids := strings.Join(IDs(texts), " "); ids != test.ids {
					t.Errorf("found %q, want %q", ids, test.ids)
				}
				err = Judge(m.Path, m.Use, IDs(texts))
			}
			if said := errors.Join(err); test.want == "" && said != nil || test.want != "" && (said == nil || !strings.Contains(said.Error(), test.want)) {
				t.Errorf("said %v, want %q", said, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), "example.org/new") {
				t.Errorf("%v does not name the module", err)
			}
		})
	}
}

func TestNoticesAreKept(t *testing.T) {
	root := plant(t, map[string]string{"LICENSE": mit, "NOTICE.txt": "Made by Somebody", "notice.go": "package notice"})
	m := Module{Path: "example.org/new", Version: "v1.0.0", In: []string{"skynet-worker"}, Root: root, Dirs: []string{root}}
	texts, err := Texts(m)
	if err != nil {
		t.Fatal(err)
	}
	s := Supply{Modules: []Module{m}, Texts: map[string][]Text{m.Path: texts}}
	worker, err := s.Notices(root, "skynet-worker")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"example.org/new v1.0.0 (LICENSE)", "Copyright (c) 2026 Somebody", "Made by Somebody", "The Go Authors"} {
		if !strings.Contains(worker, want) {
			t.Errorf("the worker's notices lack %q", want)
		}
	}
	if strings.Contains(worker, "package notice") {
		t.Error("code is taken for a notice")
	}
}

func TestParts(t *testing.T) {
	good := `"version": "1.2.3", "resolved": "https://registry.npmjs.org/p/-/p-1.2.3.tgz", "license": "MIT", "integrity": "sha512-aGVsbG8="`
	tests := []struct{ name, lock, want string }{
		{"whole", `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/p": {` + good + `}}}`, ""},
		{"within another", `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/q/node_modules/p": {` + good + `}}}`, ""},
		{"no integrity", `{"lockfileVersion": 3, "packages": {"node_modules/p": {"version": "1.2.3", "resolved": "https://registry.npmjs.org/p"}}}`, "no sha512 integrity"},
		{"a weak hash", `{"lockfileVersion": 3, "packages": {"node_modules/p": {` + strings.Replace(good, "sha512", "sha1", 1) + `}}}`, "no sha512 integrity"},
		{"from elsewhere", `{"lockfileVersion": 3, "packages": {"node_modules/p": {` + strings.Replace(good, "registry.npmjs.org", "example.org", 1) + `}}}`, "not from the npm registry"},
		{"from git", `{"lockfileVersion": 3, "packages": {"node_modules/p": {` + strings.Replace(good, "https://", "git+ssh://", 1) + `}}}`, "not from the npm registry"},
		{"an old lock file", `{"lockfileVersion": 1, "dependencies": {}}`, "only 3 is read"},
		{"not JSON", `<<<<<<< HEAD`, "package-lock.json"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parts, err := Parts(plant(t, map[string]string{"package-lock.json": test.lock}))
			for _, p := range parts {
				err = errors.Join(err, p.Pinned())
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("said %v, want %q", err, test.want)
			}
		})
	}
	if err := Judge("npm p", Linked, []string{"GPL-2.0-only"}); err == nil {
		t.Error("a part under the GPL passes")
	}
	if err := Judge("npm p", Tool, []string{""}); err == nil {
		t.Error("a part under no licence passes")
	}
}

// Every way of being there has a word, and every package of Debian is there once.
func TestDebianIsWhole(t *testing.T) {
	var names, shared []string
	for _, p := range Debian {
		if p.Licence == "" || p.How == "" {
			t.Errorf("%s: no licence, or no word on what it is for", p.Name)
		}
		names = append(names, p.Name)
		shared = append(shared, p.Shared...)
	}
	for _, list := range [][]string{names, shared} {
		slices.Sort(list)
		if n := len(slices.Compact(slices.Clone(list))); n != len(list) {
			t.Errorf("one is there twice: %v", list)
		}
	}
}

// A program that is linked with more than was thought has no bill.
func TestUnknownLibraryIsNamed(t *testing.T) {
	_, err := Needs("/bin/bash") // linked with libtinfo
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /bin/bash here")
	}
	if err == nil || !strings.Contains(err.Error(), "libtinfo") || !strings.Contains(err.Error(), "debian.go") {
		t.Errorf("said %v", err)
	}
}
