package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/signals"
)

// Orders given at the same time all stand.
func TestOrdersGivenAtOnce(t *testing.T) {
	folder := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if out, err := said(t, "pause", "--for", "30m", "--state-dir", folder, "--fleet", fmt.Sprintf("fleet_%d", i)); err != nil {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
	wg.Wait()
	all, err := readOrders(ordersFile(folder))
	if err != nil || len(all) != 20 {
		t.Errorf("%d of 20 pauses are there, %v", len(all), err)
	}
}

// The daemon must be able to read what another user wrote, however strict that
// user's umask.
func TestOrdersCanBeReadByTheDaemon(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	folder := t.TempDir()
	if out, err := said(t, "pause", "--for", "30m", "--state-dir", folder, "--fleet", "render"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	f, err := os.Stat(ordersFile(folder))
	if err != nil || f.Mode().Perm() != 0o644 {
		t.Errorf("its mode is %v, %v", f.Mode(), err)
	}
	left, _ := filepath.Glob(filepath.Join(folder, "*.new*"))
	if len(left) > 0 {
		t.Errorf("drafts are left: %v", left)
	}
}

func TestExpiredOrdersAreDropped(t *testing.T) {
	folder, past, later := t.TempDir(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	err := writeOrders(ordersFile(folder), map[string]signals.Standing{
		"old":  {Pause: &signals.Pause{Until: past}},
		"half": {Pause: &signals.Pause{Until: past}, Floor: &signals.Floor{Want: 3, Until: later}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := said(t, "pause", "--for", "30m", "--state-dir", folder, "--fleet", "render"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	all, err := readOrders(ordersFile(folder))
	h, old := all["half"], all["old"]
	if err != nil || h.Pause != nil || h.Floor == nil || old.Pause != nil {
		t.Errorf("%+v, %v", all, err)
	}
	for _, s := range []signals.Standing{h, old} { // the next tick tells of it
		if len(s.Changes) != 1 || s.Changes[0].Said != "the pause has expired" || !s.Changes[0].At.Equal(past) {
			t.Errorf("told of %+v", s.Changes)
		}
	}
}

func TestNoOrdersWrittenAsNull(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(ordersFile(folder), []byte("null"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := said(t, "pause", "--for", "30m", "--state-dir", folder, "--fleet", "render"); err != nil || !strings.Contains(out, "is paused") {
		t.Fatalf("%s, %v", out, err)
	}
	o, err := openOrders(folder, zap.NewNop())
	if err != nil || o.Standing("render", time.Now()).Pause == nil {
		t.Errorf("not paused, %v", err)
	}
}

// What is taken back before the next tick is kept in mind beside the orders, for a
// daemon that restarts meanwhile and takes over what its own last tick was told.
func TestWhatIsTakenBackIsKeptInMind(t *testing.T) {
	for _, c := range []struct{ give, back []string }{
		{[]string{"pause", "--for", "30m"}, []string{"resume"}},
		{[]string{"want", "3", "--for", "30m"}, []string{"want", "0"}},
		{[]string{"drain", "i-1"}, []string{"drain", "i-1", "--undo"}},
		{[]string{"forget", "i-1"}, []string{"forget", "i-1", "--undo"}},
	} {
		t.Run(c.give[0], func(t *testing.T) {
			folder := t.TempDir()
			order := func(args []string) signals.Standing {
				if out, err := said(t, append(args, "--state-dir", folder, "--fleet", "render")...); err != nil {
					t.Fatalf("%s, %v", out, err)
				}
				all, err := readOrders(ordersFile(folder))
				if err != nil {
					t.Fatal(err)
				}
				return all["render"]
			}
			told := order(c.give)
			order(c.give) // replaced by the same for longer
			left := order(c.back)
			got := left.TakeOver(told)
			if got.Pause != nil || got.Floor != nil || len(got.Drain)+len(got.Forget) > 0 || len(got.Ended) != 2 {
				t.Errorf("taken over: %+v", got)
			}
		})
	}
}

func TestTheNewestOfEachKindAreKeptInMind(t *testing.T) {
	list := []signals.Ended{{What: "pause"}, {What: "drain", ID: "i-1"}, {What: "drain", ID: "i-2"}, {What: "drain", ID: "i-3"}}
	got := latest(list, 2)
	if len(got) != 3 || got[0].What != "pause" || got[1].ID != "i-2" || len(list) != 4 {
		t.Errorf("%+v", got)
	}
}
