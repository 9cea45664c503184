package controller_test

import (
	"slices"
	"strings"
	"testing"
)

// Who sleeps still has the tag of the drain before. It is gone before the instance
// starts: an agent that found it would say that it has drained, and be let go.
func TestWhoWakesIsRecalledFirst(t *testing.T) {
	r := newRig(t)
	e := engine()
	e.Plan.Keep = 3
	r.run(e)
	r.Waiting = 24
	r.minutes(30)
	asleep := r.Machines()
	if len(asleep) != 3 || r.Billed() != 0 {
		t.Fatalf("%d machines, %d of them billed: want three that sleep", len(asleep), r.Billed())
	}
	r.Waiting, r.Calls = 8, nil
	r.tick()
	untag := slices.IndexFunc(r.Calls, func(c string) bool { return strings.HasPrefix(c, "untag") })
	wake := slices.IndexFunc(r.Calls, func(c string) bool { return strings.HasPrefix(c, "wake") })
	if untag < 0 || wake < untag {
		t.Errorf("calls: %q", r.Calls)
	}
	if r.minutes(10); r.Done != 32 {
		t.Errorf("%d of 32 done", r.Done)
	}
}
