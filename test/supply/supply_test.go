// Package supply_test holds the project to what deploy/supply says of it, and to sources
// whose bytes are pinned.
package supply_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"skynet/deploy/supply"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// named are the project's own files of a name, without what is installed or built.
func named(t *testing.T, name string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.Name() == name:
			rel, err := filepath.Rel(root, path)
			files = append(files, rel)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every dependency has a licence that is permitted where it is used, and is listed.
func TestDependenciesAreListedAndPermitted(t *testing.T) {
	s, err := supply.Gather(root, supply.Tool)
	if err != nil {
		t.Fatal(err)
	}
	if read(t, "THIRD_PARTY.md") != s.Document() {
		t.Error("THIRD_PARTY.md is not what go.mod and the lock files say: run make licences, and look at what has changed")
	}
}

// go.mod builds what it names, from no fork and no folder.
func TestModuleIsPlain(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json", filepath.Join(root, "go.mod")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faultsOf(t, out) {
		t.Error(fault)
	}
}

func faultsOf(t *testing.T, mod []byte) (faults []string) {
	t.Helper()
	var m struct {
		Replace, Exclude []any
		Tool             []struct{ Path string }
		Require          []struct{ Path, Version string }
	}
	if err := json.Unmarshal(mod, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Replace) > 0 {
		faults = append(faults, "go.mod replaces a module: what is built would not be what it names")
	}
	if len(m.Exclude) > 0 {
		faults = append(faults, "go.mod excludes a version: it would hide what the others ask for")
	}
	for _, tool := range m.Tool {
		if !slices.ContainsFunc(m.Require, func(r struct{ Path, Version string }) bool {
			return tool.Path == r.Path || strings.HasPrefix(tool.Path, r.Path+"/")
		}) {
			faults = append(faults, "the tool "+tool.Path+" has no version in go.mod")
		}
	}
	return faults
}

func TestFaultsOfModuleAreSeen(t *testing.T) {
	for mod, want := range map[string]int{
		`{"Tool": [{"Path": "a.org/t/cmd/x"}], "Require": [{"Path": "a.org/t", "Version": "v1.0.0"}]}`: 0,
		`{"Replace": [{"Old": {"Path": "a"}, "New": {"Path": "../a"}}]}`:                               1,
		`{"Exclude": [{"Path": "a", "Version": "v1.0.0"}]}`:                                            1,
		`{"Tool": [{"Path": "a.org/tools/x"}], "Require": [{"Path": "a.org/t", "Version": "v1.0.0"}]}`: 1,
	} {
		if got := faultsOf(t, []byte(mod)); len(got) != want {
			t.Errorf("%s: %v", mod, got)
		}
	}
}

// What npm installs is what was installed before: by lock files with hashes, and from
// versions that name one.
func TestNpmIsPinned(t *testing.T) {
	var folders []string
	for _, file := range named(t, "package.json") {
		folder := filepath.Dir(file)
		folders = append(folders, folder)
		var p struct{ Dependencies, DevDependencies, OptionalDependencies map[string]string }
		if err := json.Unmarshal([]byte(read(t, file)), &p); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, list := range []map[string]string{p.Dependencies, p.DevDependencies, p.OptionalDependencies} {
			for name, version := range list {
				if !exact.MatchString(version) {
					t.Errorf("%s: %s %q is a range; name one version", file, name, version)
				}
			}
		}
		parts, err := supply.Parts(filepath.Join(root, folder))
		if err != nil {
			t.Error(err)
		}
		for _, part := range parts {
			if err := part.Pinned(); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
	}
	if want := slices.Sorted(slices.Values(supply.Locked)); !slices.Equal(folders, want) {
		t.Errorf("package.json are in %v, deploy/supply knows %v", folders, want)
	}
}

var exact = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// pip takes each at one version, and only archives whose hash is known.
func TestPythonIsPinned(t *testing.T) {
	if bad := unpinned(read(t, "deploy/moto-requirements.txt")); len(bad) > 0 {
		t.Errorf("deploy/moto-requirements.txt: without a version or a hash: %q", bad)
	}
	if makefile := read(t, "Makefile"); strings.Count(makefile, "pip install") != strings.Count(makefile, "--require-hashes") {
		t.Error("the Makefile runs pip install without --require-hashes")
	}
	for text, want := range map[string]int{
		"a==1.0 \\\n    --hash=sha256:00\n": 0, "a==1.0\n": 1, "a>=1.0 \\\n    --hash=sha256:00\n": 1,
		"# nothing\n": 0, "a==1.0 \\\n    --hash=md5:00\n": 1, "git+https://example.org/a\n": 1,
	} {
		if got := unpinned(text); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

var requirement = regexp.MustCompile(`^[A-Za-z0-9._-]+==\S+( --hash=sha256:[0-9a-f]+)+$`)

func unpinned(requirements string) (bad []string) {
	for line := range strings.Lines(strings.ReplaceAll(requirements, "\\\n", " ")) {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" && !strings.HasPrefix(line, "#") && !requirement.MatchString(line) {
			bad = append(bad, line)
		}
	}
	return bad
}

// What make and CI run fetches nothing but by go.mod and lock files.
func TestBuildFetchesNothingElse(t *testing.T) {
	for _, file := range []string{"Makefile", ".ci/run", "deploy/deps.sh", "deploy/fuzz.sh", "deploy/packages/build.sh", "deploy/supply/reproducible.sh", "deploy/supply/vulnerabilities.sh"} {
		for i, line := range strings.Split(read(t, file), "\n") {
			if fetches.MatchString(line) {
				t.Errorf("%s:%d fetches what nothing pins: %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
	for line, want := range map[string]bool{
		"\tcurl -fsSL https://example.org | sh": true, "\twget example.org": true, "\tgo install a.org/t@latest": true,
		"\tgo run a.org/t@v1.0.0": true, "\tnpx thing": true, "\tnpm install thing@1": true, "\tgo get -u": true,
		"\tnpm --prefix x ci": false, "\tgo run ./deploy/supply/cmd licences": false, "\tgo tool nfpm": false,
	} {
		if fetches.MatchString(line) != want {
			t.Errorf("%q: fetches is %t", line, !want)
		}
	}
}

var fetches = regexp.MustCompile(`\b(curl|wget|npx|go get|go install)\b|npm\b.*\binstall\b|go run \S+@`)

// What our packages ask of Debian has a licence in the list, and the worker's libraries
// are asked for.
func TestPackagesAskForWhatIsListed(t *testing.T) {
	depends := map[string][]string{}
	for _, name := range supply.Programs {
		var p struct{ Depends, Recommends []string }
		if err := yaml.Unmarshal([]byte(read(t, "deploy/packages/"+name+".nfpm.yaml")), &p); err != nil {
			t.Fatal(err)
		}
		for _, d := range slices.Concat(p.Depends, p.Recommends) {
			d, _, _ = strings.Cut(d, " ")
			depends[name] = append(depends[name], d)
			if !slices.ContainsFunc(supply.Debian, func(p supply.Package) bool { return p.Name == d }) {
				t.Errorf("%s depends on %s: say under which licence in deploy/supply/debian.go", name, d)
			}
		}
	}
	for _, p := range supply.Debian {
		if len(p.Shared) > 0 && !slices.Contains(depends["skynet-worker"], p.Name) {
			t.Errorf("skynet-worker is linked with %s, and its package does not depend on it", p.Name)
		}
	}
}
