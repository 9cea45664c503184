package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker"
)

// In /tmp the first who comes owns a folder by a known name: what somebody else has
// made there is not worked in, be it a folder or a link to one.
func TestScratchOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	shared := filepath.Join(t.TempDir(), "tmp")
	for _, err := range []error{os.Mkdir(shared, 0o700), os.Chmod(shared, 0o777|os.ModeSticky)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	own, err := worker.OpenScratch(filepath.Join(shared, "own"))
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	for name, make := range map[string]func(string) error{
		"folder": func(at string) error { return os.Mkdir(at, 0o777) },
		"link":   func(at string) error { return os.Symlink(t.TempDir(), at) },
	} {
		at := filepath.Join(shared, name)
		if err := make(at); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(at, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		s, err := worker.OpenScratch(at)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("a %s of another user: %v", name, err)
		}
	}
	closed := filepath.Join(t.TempDir(), "scratch") // nobody but its owner may make folders above it
	if err := os.Mkdir(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(closed, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	s, err := worker.OpenScratch(closed)
	if err != nil {
		t.Fatalf("a folder that an administrator gave: %v", err)
	}
	_ = s.Close()
}
