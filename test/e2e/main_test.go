// Package e2e runs the real programs on real media: skynet and skynet-worker
// are built once, started as an operator would start them, killed, stopped,
// started again and fed with broken files. What is looked at is what an
// operator can see: exit statuses, what is printed, processes, results, queues.
//
// Every test has a folder of its own, which marks its processes: it is in their
// command lines or environments, so each test finds what it started, also what
// its processes started, and ends it by process ID.
package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	skynet string // paths of the programs
	worker string
	media  samples
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "skynet-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := prepare(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func prepare(dir string) error {
	skynet, worker = filepath.Join(dir, "skynet"), filepath.Join(dir, "skynet-worker")
	if err := sourcesSeen(filepath.Join("..", "..")); err != nil {
		return err
	}
	if err := build(skynet, "skynet/cmd/skynet", "CGO_ENABLED=0"); err != nil {
		return err
	}
	if err := build(worker, "skynet/cmd/skynet-worker"); err != nil {
		return err
	}
	var err error
	media, err = makeSamples(filepath.Join(dir, "media"))
	return err
}

// sourcesSeen looks at every folder of the module. go test shows a remembered
// result while what the test looked at is unchanged, and does not know that we
// build programs.
func sourcesSeen(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "bin") {
			return filepath.SkipDir
		}
		return err
	})
}

func build(to, pkg string, env ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "build", "-o", to, pkg)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}
