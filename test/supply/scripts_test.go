package supply_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lay writes files below a folder of its own.
func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// says runs a script of deploy/supply and returns what it says and its status.
func says(t *testing.T, environment []string, script string, args ...string) (string, int) {
	t.Helper()
	c := exec.Command(filepath.Join(root, "deploy/supply", script), args...)
	c.Env = append(os.Environ(), environment...)
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// What make reproducible compares by, told of two builds that differ.
func TestDifferenceIsNamed(t *testing.T) {
	tests := []struct {
		name     string
		one, two map[string]string
		status   int
		want     string
	}{
		{"the same", map[string]string{"bin/a": "abc", "dist/b": "d"}, map[string]string{"bin/a": "abc", "dist/b": "d"}, 0, "the same bytes from both builds: 2 files"},
		{"a byte", map[string]string{"bin/a": "abc", "dist/b": "d"}, map[string]string{"bin/a": "abd", "dist/b": "e"}, 1, "DIFFERENT: bin/a: byte 3"},
		{"a longer file", map[string]string{"bin/a": "abc"}, map[string]string{"bin/a": "abcd"}, 1, "DIFFERENT: bin/a"},
		{"a file more", map[string]string{"bin/a": "abc"}, map[string]string{"bin/a": "abc", "bin/b": ""}, 1, "bin/b"},
		{"a checksum", map[string]string{"SHA256SUMS": "1  a\n"}, map[string]string{"SHA256SUMS": "2  a\n"}, 1, "> 2  a"},
		{"nothing built", nil, nil, 1, "nothing was built"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said, status := says(t, nil, "same.sh", lay(t, test.one), lay(t, test.two))
			if status != test.status || !strings.Contains(said, test.want) {
				t.Errorf("status %d: %s", status, said)
			}
		})
	}
	if said, status := says(t, nil, "same.sh", t.TempDir()); status != 2 {
		t.Errorf("one folder: status %d: %s", status, said)
	}
}

// A package that holds the time at which it was made, in a file or beside one.
func TestDifferenceWithinPackageIsNamed(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb here")
	}
	deb := func(text string, at time.Time) string {
		files := lay(t, map[string]string{
			"usr/share/a":    text,
			"DEBIAN/control": "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a\n",
		})
		if err := os.Chtimes(filepath.Join(files, "usr/share/a"), at, at); err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		build := exec.Command("dpkg-deb", "--root-owner-group", "--build", files, filepath.Join(out, "a.deb"))
		build.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=2000000000")
		if said, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return out
	}
	then, later := time.Unix(1_000_000_000, 0), time.Unix(1_000_000_001, 0)
	one := deb("made now", then)
	for _, test := range []struct{ two, want string }{
		{deb("made later", then), "one/files/usr/share/a and two/files/usr/share/a differ"},
		{deb("made now", later), "01:46:41 ./usr/share/a"},
	} {
		if said, status := says(t, nil, "same.sh", one, test.two); status != 1 || !strings.Contains(said, test.want) {
			t.Errorf("status %d, without %q: %s", status, test.want, said)
		}
	}
}

// A vulnerability that is reached is a finding; a database that cannot be had is said,
// and passes unless it must not.
func TestVulnerabilitiesAreFound(t *testing.T) {
	const planted = `{"schema_version": "1.3.1", "id": "GO-2026-9999", "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
		"summary": "Planted", "details": "Planted.", "database_specific": {"url": "https://example.org/GO-2026-9999"}, "affected": [{"package": {"name": "stdlib", "ecosystem": "Go"},
		"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
		"ecosystem_specific": {"imports": [{"path": "archive/tar", "symbols": ["NewReader"]}]}}]}`
	db := lay(t, map[string]string{
		"index/db.json":        `{"modified": "2026-01-01T00:00:00Z"}`,
		"index/modules.json":   `[{"path": "stdlib", "vulns": [{"id": "GO-2026-9999", "modified": "2026-01-01T00:00:00Z"}]}]`,
		"index/vulns.json":     `[{"id": "GO-2026-9999", "modified": "2026-01-01T00:00:00Z"}]`,
		"ID/GO-2026-9999.json": planted,
	})
	tested := lay(t, map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a.go": "package a\n", "a_test.go": "package a\n\nimport (\n\"archive/tar\"\n\"testing\"\n)\n\nfunc TestA(*testing.T) { tar.NewReader(nil) }\n"})
	imported := lay(t, map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a.go": "package main\n\nimport \"archive/tar\"\n\nfunc main() { println(tar.TypeReg) }\n"})
	for _, test := range []struct {
		name, db, in, strict string
		status               int
		want                 string
	}{
		{"reached by a test", "file://" + db, tested, "", 1, "GO-2026-9999"},
		{"imported, not reached", "file://" + db, imported, "1", 0, "no known vulnerability can be reached"},
		{"no database", "file:///nowhere/at/all", tested, "", 0, "This says nothing of what was not asked"},
		{"no database, strict", "file:///nowhere/at/all", tested, "1", 1, "STRICT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			said, status := says(t, []string{"VULNDB=" + test.db, "IN=" + test.in, "STRICT=" + test.strict}, "vulnerabilities.sh")
			if status != test.status || !strings.Contains(said, test.want) {
				t.Errorf("status %d: %s", status, said)
			}
		})
	}
}
