package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"skynet/journal/journaltest"
)

const crashFile = "SKYNET_TEST_CRASH_FILE" // set in the child: the journal to write until killed

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		writeForever(path)
	}
	os.Exit(m.Run())
}

// writeForever prints a tick's number once it is written, and now and then
// prunes, so that the kill may come in the middle of that too.
func writeForever(path string) {
	j, err := Open(path, Options{Details: 2 * time.Hour, Minutes: 3 * time.Hour, Reserve: 64 << 10})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx := context.Background()
	recent, err := j.Records(ctx, "render", time.Time{}, 1)
	n := 0
	if len(recent) > 0 {
		_, err = fmt.Sscanf(recent[0].Decision.ID, "render-%d", &n)
	}
	for ; err == nil; n++ {
		if err = j.Write(ctx, busy(n+1, 5, 8)); err == nil {
			fmt.Println(n + 1)
		}
		if n%50 == 0 && err == nil {
			err = j.Prune(ctx, busy(n, 0, 0).Snapshot.Now)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKilledWriterLosesNothing kills a writer again and again at moments that
// it does not choose. What it said it had written is there, whole.
func TestKilledWriterLosesNothing(t *testing.T) {
	path, last := newPath(t), 0
	for range 5 {
		last = max(last, killed(t, path, last))
		j := open(t, path, Options{})
		whole(t, j)
		got, err := j.Records(t.Context(), "render", busy(last, 0, 0).Snapshot.Now.Add(-time.Hour), 0)
		if err != nil || j.Degraded() != "" {
			t.Fatal(err, j.Degraded())
		}
		if want := min(last, 61); len(got) != want && len(got) != want+1 { // one may be written and not yet said
			t.Fatalf("%d ticks up to %d, want %d or one more", len(got), last, want)
		}
		for i, r := range got {
			expectSame(t, r, busy(max(1, last-60)+i, 5, 8))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d ticks written, 5 kills", last)
}

// killed runs a writer for a while, and returns the last tick that it said it
// had written.
func killed(t *testing.T, path string, last int) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n := 0
		if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
			t.Errorf("the writer says: %s", lines.Text())
			break
		}
		if last == 0 || n > last {
			last = n
		}
		if child.ProcessState == nil && n%5 == 0 {
			time.AfterFunc(time.Duration(rand.IntN(80))*time.Millisecond, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait() // it was killed: that is its only way out
	return last
}

func TestJournalNamesTicksForTheCrashTest(t *testing.T) {
	if id := journaltest.Tick("render", 7).Decision.ID; id != "render-7" {
		t.Fatalf("the writer above reads tick numbers from IDs, and this one is %s", id)
	}
}
