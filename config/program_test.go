package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"skynet/config"
)

func TestProgram(t *testing.T) {
	if got, err := (config.Local{Worker: "/opt/w"}).Program(); got != "/opt/w" || err != nil {
		t.Errorf("as set: got %q, %v", got, err)
	}
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	if got, err := (config.Local{}).Program(); err == nil {
		t.Errorf("nowhere: got %q", got)
	}
	program := filepath.Join(folder, "skynet-worker")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // a program must be executable
		t.Fatal(err)
	}
	if got, err := (config.Local{}).Program(); got != program || err != nil {
		t.Errorf("in PATH: got %q, %v", got, err)
	}
}
