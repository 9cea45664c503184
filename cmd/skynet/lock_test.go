package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A folder that was there keeps its mode, and whoever may look into it or change it is
// told of; one that we make is ours alone.
func TestStateFolderIsClosedOrSaysSo(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "state")
	release, err := lockFolder(made)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = release() }()
	if what := openToOthers(made); what != "" {
		t.Errorf("others may %s a folder that we have made", what)
	}
	for mode, want := range map[fs.FileMode]string{0o700: "", 0o750: "", 0o770: "", 0o755: "look into", 0o711: "look into", 0o777: "change", 0o1777: "change"} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if what := openToOthers(folder); what != want {
			t.Errorf("mode %o: others may %q, want %q", mode, what, want)
		}
	}
}
