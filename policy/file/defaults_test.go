package file_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/signals/derived"
)

// What is promised of a file of objective and bounds alone, key by key.
func TestDefaultsOfObjectiveAndBoundsAlone(t *testing.T) {
	for _, c := range []struct {
		text      string
		objective policy.Objective
	}{
		{"bounds: {max: 7}\n", policy.Objective{Wait: 5 * time.Minute, Quantile: .95}},
		{"bounds: {max: 7}\nobjective: {wait: 2m}\n", policy.Objective{Wait: 2 * time.Minute, Quantile: .95}},
	} {
		p := read(t, c.text)
		want := policy.Engine{
			Bounds:   policy.Bounds{Max: 7},
			Policies: []policy.Policy{policy.SLO{As: "slo", Objective: c.objective}},
			Plan:     policy.Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute}, // no drain deadline, nobody kept asleep
			Guards: []policy.Guard{ // billing by the second: no guard for it
				policy.Blind{}, policy.Quorum{Share: .8}, policy.Release{PerTick: strict.Percentage(100)},
				policy.LaunchLimit{PerTick: 7, PerHour: 28}, policy.Breaker{Dead: 3}, policy.Freeze{},
			},
		}
		if diff := cmp.Diff(want, p.Engine, cmp.AllowUnexported(strict.Share{})); diff != "" {
			t.Errorf("%s%s", c.text, diff)
		}
		signals := derived.Settings{Zone: time.UTC, Priors: derived.Priors{Boot: 2 * time.Minute, Wake: time.Minute, Item: 10 * time.Second}, Promise: derived.Promise{Wait: c.objective.Wait, Late: 1 - c.objective.Quantile}}
		if diff := cmp.Diff(signals, p.Signals, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
			t.Errorf("%s%s", c.text, diff)
		}
		if p.Money != "" || p.Programs != nil || p.Silent != 200*time.Second {
			t.Errorf("%s: needs prices for %q, asks %v, silent after %s", c.text, p.Money, p.Programs, p.Silent)
		}
	}
}

// The stabilisation before a release is slo's own matter only where it is alone.
func TestReleaseAfter(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"", 0},
		{"policies: [{type: slo}]", 0},
		{"policies: [{type: slo}, {type: slo, name: other}]", 0},
		{"policies: [{type: slo}, {type: backlog, per_worker: 1}]", 5 * time.Minute},
		{"policies: [{type: backlog, per_worker: 1}]", 5 * time.Minute},
		{"guards: {release: {after: 0s}}\npolicies: [{type: backlog, per_worker: 1}]", 0},
		{"guards: {release: {after: 3m}}", 3 * time.Minute},
	} {
		if got := guard[policy.Release](t, read(t, "bounds: {max: 7}\n"+c.text+"\n")).After; got != c.want {
			t.Errorf("%s: after %s, want %s", c.text, got, c.want)
		}
	}
}
