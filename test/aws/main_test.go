// Package aws runs the real programs against moto server: skynet buys instances
// there, and for each of them a machine of the tests' own runs skynet-worker, as
// user data and systemd would. Queues are SQS's, results go to S3; both programs
// take the endpoint and credentials from the SDK's own environment variables, so
// that no line of theirs knows of tests.
//
// Every test has a moto server, a folder and processes of its own. Without
// SKYNET_MOTO all of them are skipped; `make conformance` sets it.
package aws

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"skynet/test/moto"
	"skynet/test/processes"
	"skynet/test/programs"
)

// bin is the folder of the programs, built when the first test asks.
var bin = sync.OnceValues(buildAll)

var built string // to be removed

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(status)
}

// program is the path of skynet or skynet-worker.
func program(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv(moto.Variable) == "" {
		t.Skipf("needs moto server: run make conformance, or set %s to the path of moto_server", moto.Variable)
	}
	dir, err := bin()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func buildAll() (dir string, err error) {
	if built, err = os.MkdirTemp("", "skynet-aws-"); err != nil {
		return "", err
	}
	return built, programs.Build(context.Background(), built, "skynet", "skynet-worker")
}

// patient is how long is waited for what takes a moment on a quiet machine. One thing
// takes longer: where SQS does not vouch for who sent a heartbeat (moto does not), the
// word of an agent that was just started anew that it has drained counts after 75 s.
const patient = 2 * time.Minute

// await looks again and again until look finds nothing wrong.
func await(t *testing.T, what string, look func() error) {
	t.Helper()
	awaitFor(t, patient, what, look)
}

// awaitFor is await with a patience of one's own.
func awaitFor(t *testing.T, patience time.Duration, what string, look func() error) {
	t.Helper()
	if err := processes.Await(what, patience, look); err != nil {
		t.Fatal(err)
	}
}
