package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is the worker's program: the one in the settings, else the one beside
// our own, else the one in PATH.
func (l Local) Program() (string, error) {
	const name = "skynet-worker"
	if l.Worker != "" {
		return l.Worker, nil
	}
	if self, err := os.Executable(); err == nil {
		if beside, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s: it is neither beside skynet nor in PATH; set local.worker to its path: %w", name, err)
	}
	return path, nil
}
