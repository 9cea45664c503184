package programs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatCannotBeBuilt(t *testing.T) {
	if err := Build(t.Context(), t.TempDir(), "none"); err == nil || !strings.HasPrefix(err.Error(), "build none: ") || !strings.Contains(err.Error(), "cmd/none") {
		t.Errorf("built: %v", err)
	}
}

func TestModule(t *testing.T) {
	root, err := module()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "test", "programs")); err != nil {
		t.Error(err)
	}
	t.Chdir("/")
	if root, err := module(); err == nil {
		t.Errorf("found %s outside", root)
	}
	if err := Build(t.Context(), t.TempDir(), "skynet"); err == nil {
		t.Error("built outside")
	}
}
