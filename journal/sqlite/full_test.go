package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/journal"
	"skynet/journal/journaltest"
)

// smallDisk mounts a disk of so many bytes, where that is allowed.
func smallDisk(t *testing.T, bytes int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("no small disk to fill here: mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill writes ticks until one is refused, and returns those that were not.
func fill(t *testing.T, j *Journal, all []journal.Record) ([]journal.Record, error) {
	t.Helper()
	for n := len(all); n < 20_000; n++ {
		r := busy(n, 10, 20)
		r.Intents = journaltest.Tick("render", n).Intents
		if err := j.Write(t.Context(), r); err != nil {
			return all, err
		}
		all = append(all, r)
	}
	t.Fatal("the disk never fills up")
	return nil, nil
}

func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	path := filepath.Join(dir, "journal.db")
	ballast := filepath.Join(dir, "somebody.log")
	if err := os.WriteFile(ballast, make([]byte, 400<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	j := open(t, path, Options{Reserve: 160 << 10})
	if said := j.Degraded(); said != "" {
		t.Fatalf("all is well, and it says %q", said)
	}
	var all []journal.Record
	for j.Degraded() == "" { // no tick is lost on the way into the reserve
		r := busy(len(all), 10, 20)
		r.Intents = journaltest.Tick("render", len(all)).Intents
		journaltest.Write(t, j, r)
		all = append(all, r)
	}
	inReserve := len(all)
	if said := j.Short(); !strings.Contains(said, "nearly full") {
		t.Errorf("short of room: %q", said)
	}
	all, err := fill(t, j, all)
	expectProblem(t, err, ErrFull, path)
	if said := j.Degraded(); !strings.Contains(said, "ticks are refused") || !strings.Contains(said, path) {
		t.Fatalf("it must say that ticks are refused, and says %q", said)
	}
	if len(all)-inReserve < 30 {
		t.Fatalf("the space set aside was enough for %d ticks only", len(all)-inReserve)
	}
	t.Logf("%d ticks, of which %d in the space set aside", len(all), len(all)-inReserve)
	expectRecords(t, j, all)
	whole(t, j)

	if err := os.Remove(ballast); err != nil { // somebody tidies up
		t.Fatal(err)
	}
	all = append(all, busy(len(all), 10, 20))
	journaltest.Write(t, j, all[len(all)-1])
	if said := j.Degraded(); said != "" {
		t.Fatalf("there is room again, and it says %q", said)
	}
	if at, err := os.Stat(path + ".reserve"); err != nil || at.Size() != 160<<10 {
		t.Fatalf("space must be set aside again: %v, %v", at, err)
	}
	expectRecords(t, j, all)
}

func TestOpenOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, 2<<20)
	path := filepath.Join(dir, "journal.db")
	j := open(t, path, Options{Reserve: 256 << 10})
	all := []journal.Record{busy(0, 10, 20)}
	journaltest.Write(t, j, all...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	err := os.WriteFile(filepath.Join(dir, "somebody.log"), make([]byte, 4<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	j = open(t, path, Options{Reserve: 256 << 10}) // a restart must not be what stops us
	all = append(all, busy(1, 10, 20))
	journaltest.Write(t, j, all[1])
	if j.Degraded() == "" {
		t.Fatal("it must say that the disk is full")
	}
	expectRecords(t, j, all)
}

// TestRefusedWhole fills a file that may not grow, where there is no small
// disk: a tick that does not fit leaves nothing behind, whatever row it ends at.
func TestRefusedWhole(t *testing.T) {
	path := newPath(t)
	j := open(t, path, Options{})
	if err := j.Confine(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	all, err := fill(t, j, nil)
	expectProblem(t, err, ErrFull, path)
	if j.Degraded() == "" {
		t.Fatal("it must say that ticks are refused")
	}
	expectRecords(t, j, all)
	whole(t, j)
	open, err := j.Unsettled(t.Context(), "render")
	if err != nil || len(open) != 2*len(all) {
		t.Fatalf("%d unsettled intents of %d ticks, %v", len(open), len(all), err)
	}
	if err := j.Confine(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	all = append(all, busy(len(all), 10, 25)) // with signals of a new name: their IDs are given again
	journaltest.Write(t, j, all[len(all)-1])
	expectRecords(t, j, all)
	if said := j.Degraded(); said != "" {
		t.Fatalf("there is room again, and it says %q", said)
	}
	journaltest.Expect(t, j, "render", all[len(all)-1].Snapshot.Now.Add(time.Second), 0)
}

// TestAReaderTellsOfAFullDisk: who looks from outside is told what the log says once.
func TestAReaderTellsOfAFullDisk(t *testing.T) {
	path := filepath.Join(smallDisk(t, 2<<20), "journal.db")
	j, err := Open(path, Options{Reserve: 160 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	r, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if said := r.Short(); said != "" {
		t.Errorf("with its space set aside: %s", said)
	}
	if !j.reserve.release() {
		t.Fatal("nothing was set aside")
	}
	if said := r.Short(); !strings.Contains(said, "the disk is full or nearly so") {
		t.Errorf("without: %q", said)
	}
}
