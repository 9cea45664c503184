// Package programs builds the programs that tests run, as an operator has them.
package programs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// patience is how long a program may take to build.
const patience = 15 * time.Minute

// Build builds programs of cmd into a folder, under their own names.
func Build(ctx context.Context, dir string, names ...string) error {
	return BuildWith(ctx, nil, dir, names...)
}

// BuildWith builds them with flags of go build.
func BuildWith(ctx context.Context, flags []string, dir string, names ...string) error {
	if err := sourcesSeen(); err != nil {
		return err
	}
	for _, name := range names {
		if err := buildOne(ctx, filepath.Join(dir, name), flags, name); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
	}
	return nil
}

func buildOne(ctx context.Context, to string, flags []string, name string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := exec.CommandContext(ctx, "go", slices.Concat([]string{"build", "-o", to}, flags, []string{"skynet/cmd/" + name})...)
	c.Env = append(os.Environ(), "CGO_ENABLED=1") // libvips; the race detector
	if name == "skynet" && !slices.Contains(flags, "-race") {
		c.Env = append(c.Env, "CGO_ENABLED=0")
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// sourcesSeen looks at every folder of the module. go test shows a remembered
// result while what the test looked at is unchanged, and does not know that we
// build programs.
func sourcesSeen() error {
	root, err := module()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "bin") {
			return filepath.SkipDir
		}
		return err
	})
}

// module is the folder of the module that we are in.
func module() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("build programs: there is no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
