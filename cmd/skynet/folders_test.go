package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/config"
)

func TestFoldersAreOpenToWorkers(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "file"), "no folder")
	for name, c := range map[string]struct {
		stores  []string
		outputs string
		closed  string // what is said; nothing: open
	}{
		"nothing is named":           {},
		"there":                      {[]string{"file://" + root}, "file://" + root + "/out/2026", ""},
		"to be made":                 {[]string{"file://" + root + "/media/new"}, "", ""},
		"elsewhere":                  {[]string{"s3://media"}, "s3://media/out", ""},
		"a file in the way":          {[]string{"file://" + root + "/file/media"}, "", "workers cannot"},
		"a file in outputs' way":     {[]string{"file://" + root}, "file://" + root + "/file/out", "workers cannot write to " + root + "/file/out"},
		"nobody may make it (/proc)": {[]string{"file:///proc/media"}, "", "workers cannot"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(c.closed, "workers") && os.Geteuid() == 0 && strings.Contains(name, "/proc") {
				t.Skip("root may do everything, until it tries")
			}
			l := config.Local{Stores: c.stores}
			l.Outputs = c.outputs
			err := openToWorkers(l)
			if c.closed == "" && err != nil || c.closed != "" && (err == nil || !strings.Contains(err.Error(), c.closed) || !strings.Contains(err.Error(), "ReadWritePaths")) {
				t.Errorf("%v, want %q", err, c.closed)
			}
		})
	}
}

func TestFoldersClosedToTheUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	root := t.TempDir()
	if err := os.Chmod(root, 0o500); err != nil {
		t.Fatal(err)
	}
	l := config.Local{Stores: []string{"file://" + root}}
	if err := openToWorkers(l); err != nil {
		t.Errorf("it can be read: %v", err)
	}
	l.Outputs = "file://" + root + "/out"
	if err := openToWorkers(l); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("%v", err)
	}
}
