package simulate

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
)

const attentive = "objective: {wait: 2m, quantile: 0.99, queues: [{name: videos, wait: 30m}]}\nbounds: {max: 30}\nsleep: {keep: 3}"

// TestMomentsAddUp plays a world in which everything goes wrong: what its moments
// tell adds up to the result.
func TestMomentsAddUp(t *testing.T) {
	sc := mishaps()
	p := read(t, attentive)
	quiet, err := Run(t.Context(), &sc, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]Moment{}
	var sum Flow
	var failed int
	told, err := Run(t.Context(), &sc, p, Options{Moments: func(m Moment) {
		before, known := last[m.Fleet]
		if known && (!m.At.After(before.At) && m.Decision.ID != "" || m.Seconds < before.Seconds || *m.Cost < *before.Cost-1e-9) {
			t.Errorf("%s at %s after %s: billed %d after %d", m.Fleet, m.At, before.At, m.Seconds, before.Seconds)
		}
		if m.Workers[fleet.Leaving] > 0 || m.Workers[fleet.Unknown] > 0 {
			t.Errorf("%s at %s: counts workers %v", m.Fleet, m.At, m.Workers)
		}
		if m.Decision.Failed != "" {
			failed++
		}
		var queues Flow
		for _, q := range m.Queues {
			queues.add(q.Flow)
		}
		one := m.Flow
		one.WaitP95, one.WaitMax = nil, nil
		if diff := cmp.Diff(queues, one); diff != "" {
			t.Errorf("%s at %s: the queues are not the whole:\n%s", m.Fleet, m.At, diff)
		}
		sum.add(m.Flow)
		m.Queues = nil
		last[m.Fleet] = m
	}})
	if err != nil {
		t.Fatal(err)
	}
	quiet.WallSeconds, told.WallSeconds = 0, 0
	if diff := cmp.Diff(quiet, told); diff != "" {
		t.Errorf("listening changes the result:\n%s", diff)
	}
	seconds, cost, waiting := int64(0), 0.0, 0
	for _, m := range last {
		seconds, cost, waiting = seconds+m.Seconds, cost+*m.Cost, waiting+m.Waiting
	}
	late := told.Items - told.Unstarted - int64(math.Round(*told.WithinObjective*float64(told.Items)))
	if sum.Arrived != told.Items || sum.Started != told.Items-told.Unstarted || sum.Late != late ||
		seconds != told.InstanceSeconds || math.Abs(cost-*told.Cost) > 1e-9 || waiting != int(told.Unstarted) {
		t.Errorf("moments: %+v, %d s, %g; result: %+v", sum, seconds, cost, told.Figures)
	}
	if mean := sum.Waited / float64(sum.Started); told.Unstarted == 0 && math.Abs(mean-told.Wait.Mean) > 1e-6 {
		t.Errorf("mean wait %g, result %g", mean, told.Wait.Mean)
	}
	if failed == 0 || sum.Late == 0 {
		t.Errorf("a world of mishaps without a failed tick (%d) or a late item (%d)", failed, sum.Late)
	}
}

// TestMomentsOfNow holds what moments tell of the present against the world.
func TestMomentsOfNow(t *testing.T) {
	sc := mishaps()
	var m Moment
	var oldest, most float64
	compared := 0
	o := Options{Moments: func(now Moment) {
		m = now
		oldest = max(oldest, m.Oldest)
		if m.WaitMax != nil {
			most = max(most, *m.WaitMax)
			if *m.WaitP95 > *m.WaitMax {
				t.Errorf("%s at %s: p95 %g above the maximum %g", m.Fleet, m.At, *m.WaitP95, *m.WaitMax)
			}
		}
		billed := 0
		for s, n := range m.Workers {
			if fleet.State(s).Billed() {
				billed += n
			}
		}
		if m.Decision.ID != "" { // the world has no word at the end
			compared += billed
		}
	}}
	noted := 0
	o.state = func(w *world, _ time.Duration, name string) {
		for _, c := range w.crews {
			if c.Name == name {
				noted += c.billed
			}
		}
	}
	if _, err := Run(t.Context(), &sc, read(t, attentive), o); err != nil {
		t.Fatal(err)
	}
	if m.Decision.ID != "" {
		t.Error("the last moment is not the end")
	}
	if compared != noted || noted == 0 {
		t.Errorf("workers billed over all ticks: %d, the world has %d", compared, noted)
	}
	if oldest == 0 || most == 0 {
		t.Errorf("nobody ever waited: oldest %g s, longest %g s", oldest, most)
	}
}
