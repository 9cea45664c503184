package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skynet/config"
	"skynet/fleet"
)

func TestStrays(t *testing.T) {
	instance := func(id fleet.ID, of string, p fleet.Phase) fleet.Instance {
		return fleet.Instance{ID: id, Phase: p, Tags: map[string]string{fleet.TagFleet: of}}
	}
	list := []fleet.Instance{
		instance("i-1", "render", fleet.PhaseRunning),
		instance("i-2", "thumbs", fleet.PhaseRunning),
		instance("i-3", "old", fleet.PhaseRunning),
		instance("i-4", "thumbs", fleet.PhaseStopped),
		instance("i-5", "thumbs", fleet.PhaseTerminated),
		instance("i-6", "gone", fleet.PhaseShuttingDown),
	}
	pids := map[fleet.ID]int{"i-2": 12, "i-3": 13, "i-4": 14}
	found := strays([]config.Fleet{{Name: "render"}}, list, func(id fleet.ID) int { return pids[id] })
	want := []stray{
		{fleet: "old", ids: []fleet.ID{"i-3"}, pids: []int{13}},
		{fleet: "thumbs", ids: []fleet.ID{"i-2", "i-4"}, pids: []int{12, 14}, asleep: true},
	}
	if diff := cmp.Diff(want, found, cmp.AllowUnexported(stray{})); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	for i, end := range []string{": kill 13", ": kill 12 14; kill -CONT 12 14"} {
		if c := found[i].cure(); !strings.HasSuffix(c, end) || !strings.Contains(c, "put fleet "+found[i].fleet+" back") {
			t.Errorf("cure of %s: %s", found[i].fleet, c)
		}
	}
}
