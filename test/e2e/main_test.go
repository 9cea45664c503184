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
	"os"
	"path/filepath"
	"testing"

	"skynet/test/programs"
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
	if err := programs.Build(context.Background(), dir, "skynet", "skynet-worker"); err != nil {
		return err
	}
	var err error
	media, err = makeSamples(filepath.Join(dir, "media"))
	return err
}
