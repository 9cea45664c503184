package peer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// moment is what a tick read and wanted. What is NaN is unknown.
type moment struct {
	visible, inFlight, running, pending, draining float64
	want                                          int
	blind                                         bool
}

func (m moment) signals(at time.Time) (list []signals.Signal) {
	for name, v := range map[string]float64{
		"queue.visible": m.visible, "queue.in_flight": m.inFlight,
		"fleet.running": m.running, "fleet.pending": m.pending, "fleet.draining": m.draining,
	} {
		list = append(list, signals.Known(name, v, at, time.Minute))
	}
	return signals.Sort(list)
}

// past is a history that ends with now, so far apart. An empty moment is a tick
// that failed, of which nothing is remembered.
func past(step time.Duration, now moment, before ...moment) signals.Snapshot {
	s := signals.Snapshot{Fleet: "render", Now: noon, Signals: now.signals(noon)}
	for i, m := range before {
		at := noon.Add(-step * time.Duration(len(before)-i))
		if m != (moment{}) {
			s.Recent = append(s.Recent, signals.Tick{
				At: at, Have: int(m.running + m.pending), Want: m.want, Blind: m.blind, Signals: m.signals(at),
			})
		}
	}
	for i := range int(now.running) {
		s.Workers = append(s.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprintf("i-%03d", i)), State: fleet.Working})
	}
	for i := range int(now.pending) {
		s.Workers = append(s.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprintf("i-9%03d", i)), State: fleet.Starting})
	}
	return s.Freeze()
}

// times is the same moment several times.
func times(n int, m moment) (list []moment) {
	for range n {
		list = append(list, m)
	}
	return list
}

func then(lists ...[]moment) (all []moment) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

type ruled struct {
	name   string
	now    moment
	before []moment
	want   int
}

func (c ruled) check(t *testing.T, p policy.Policy, step time.Duration) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		n, said, err := p.Want(past(step, c.now, c.before...))
		if err != nil || n != c.want || said == "" {
			t.Errorf("wants %d (%s, %v), not %d", n, said, err, c.want)
		}
	})
}

var (
	bounds  = policy.Bounds{Min: 1, Max: 40}
	unknown = math.NaN()
)

// Ten waiting items an instance.
func TestTargetTracking(t *testing.T) {
	p := tracking{settings{"render": 10}, bounds}
	four := func(visible float64) moment { return moment{visible: visible, running: 4, want: 4} }
	twenty := func(visible float64) moment { return moment{visible: visible, running: 20, want: 20} }
	for _, c := range []ruled{
		{"at the target", four(40), times(20, four(40)), 4},
		{"above it for two minutes", four(60), times(1, four(60)), 4},
		{"above it for three", four(60), times(2, four(60)), 6},
		{"one of three at it", four(60), []moment{four(40), four(60)}, 4},
		{"in proportion to the latest, rounded up", four(61), times(2, four(99)), 7},
		{"older ones do not matter", four(60), then(times(9, four(0)), times(2, four(60))), 6},
		{"no more than the most", four(4000), times(2, four(4000)), 40},
		{"those that warm up are not in the metric", moment{visible: 60, running: 4, pending: 2, want: 6}, times(2, moment{visible: 60, running: 4, pending: 2, want: 6}), 6},
		{"but they are wanted", moment{visible: 50, running: 4, pending: 2, want: 6}, times(2, moment{visible: 60, running: 4, pending: 2, want: 6}), 6},
		{"more on top of them", moment{visible: 90, running: 4, pending: 2, want: 6}, times(2, moment{visible: 90, running: 4, pending: 2, want: 6}), 9},
		{"none in service counts as one", moment{visible: 30, pending: 1, want: 1}, times(2, moment{visible: 30, pending: 1, want: 1}), 3},

		{"below 90% for fourteen minutes", four(20), times(13, four(20)), 4},
		{"for fifteen", four(20), times(14, four(20)), 2},
		{"one of them is missing", four(20), then(times(14, four(20)), make([]moment, 1)), 2},
		{"below the target, but not by a tenth", twenty(190), times(14, twenty(190)), 20},
		{"just not by a tenth", twenty(180), times(14, twenty(180)), 20},
		{"just by a tenth", twenty(179), times(14, twenty(179)), 18},
		{"one of fifteen not below", four(20), then(times(1, four(36)), times(13, four(20))), 4},
		{"by the largest of the fifteen", four(0), then(times(1, four(30)), times(13, four(0))), 3},
		{"removing 1.5 removes one", four(25), times(14, four(25)), 3},
		{"never to none", four(0), times(14, four(0)), 1},
		{"none while one warms up", moment{visible: 20, running: 4, pending: 1, want: 5}, times(14, moment{visible: 20, running: 4, pending: 1, want: 5}), 5},
		{"those that terminate are capacity", moment{visible: 20, running: 4, draining: 4, want: 4}, times(14, four(20)), 4},
		{"some of them", moment{visible: 20, running: 4, draining: 2, want: 4}, times(14, four(20)), 3},

		{"what is lost is still wanted", moment{visible: 40, running: 3}, times(3, four(40)), 4},
		{"at the start, what there is", four(60), nil, 4},
		{"the start keeps to the bounds", moment{}, nil, 1},
		{"a blind tick wanted nothing of its own", four(40), then(times(2, four(40)), times(1, moment{visible: unknown, running: 4, want: 9, blind: true})), 4},
		{"one that is missing is looked for further back", four(60), []moment{four(60), four(60), {}}, 6},
		{"and an unknown one", four(60), []moment{four(60), four(60), {visible: unknown, running: 4, want: 4, blind: true}}, 6},
		{"but not for ever", four(20), then(times(12, four(20)), make([]moment, 3), times(1, four(20))), 4},
	} {
		c.check(t, p, time.Minute)
	}
}

// The example of EC2's guide: threshold 50, a group of ten.
func TestStepScaling(t *testing.T) {
	p := stepping{settings{"render": 50}, bounds}
	of := func(n, metric float64) moment { return moment{visible: n * metric, running: n, want: int(n)} }
	all := func(m moment) []moment { return times(3, m) }
	warming := func(n, more, metric float64) moment {
		return moment{visible: n * metric, running: n, pending: more, want: int(n + more)}
	}
	for _, c := range []ruled{
		{"60 of 10: one more", of(10, 60), all(of(10, 60)), 11},
		{"70 of 11: 3.3 more are 3", of(11, 70), all(of(11, 70)), 14},
		{"40 of 14: 1.4 fewer are 1", of(14, 40), all(of(14, 40)), 13},
		{"30 of 13: 3.9 fewer are 3", of(13, 30), all(of(13, 30)), 10},
		{"between", of(10, 59.9), all(of(10, 59.9)), 10},
		{"between, below", of(10, 40.1), all(of(10, 40.1)), 10},
		{"just below the higher step", of(10, 69.9), all(of(10, 69.9)), 11},
		{"just above the lower step", of(10, 30.1), all(of(10, 30.1)), 9},
		{"less than one more is one", of(2, 60), all(of(2, 60)), 3},
		{"less than one fewer is one", of(2, 40), all(of(2, 40)), 1},
		{"never none", of(1, 0), all(of(1, 0)), 1},
		{"no more than the most", of(38, 500), all(of(38, 500)), 40},

		{"62 while one warms up", warming(10, 1, 62), all(warming(10, 1, 62)), 11},
		{"70 while one warms up", warming(10, 1, 70), all(warming(10, 1, 70)), 13},
		{"40 while one warms up", warming(10, 1, 40), all(warming(10, 1, 40)), 11},
		{"those that terminate are capacity", moment{visible: 400, running: 10, draining: 3, want: 10}, all(of(10, 40)), 10},

		{"for three minutes", of(10, 60), times(2, of(10, 60)), 10},
		{"the mean of two minutes", of(10, 80), []moment{of(10, 60), of(10, 60), of(10, 40)}, 11},
		{"one period below", of(10, 80), []moment{of(10, 50), of(10, 50), of(10, 80)}, 10},
		{"from one extreme to the other", of(10, 80), []moment{of(10, 0), of(10, 0), of(10, 80)}, 10},
		{"the step is the latest's", of(10, 80), []moment{of(10, 60), of(10, 60), of(10, 80)}, 13},
		{"what is lost is still wanted", moment{visible: 450, running: 9}, all(of(10, 50)), 10},
	} {
		c.check(t, p, time.Minute)
	}
}

func TestKEDA(t *testing.T) {
	p := keda{settings{"render": 10}, policy.Bounds{Max: 100}}
	of := func(visible, inFlight float64, pods int) moment {
		return moment{visible: visible, inFlight: inFlight, running: float64(pods), want: pods}
	}
	for _, c := range []ruled{
		{"what is in flight counts", of(20, 10, 2), times(20, of(10, 10, 2)), 3},
		{"rounded up", of(31, 0, 2), times(20, of(20, 0, 2)), 4},
		{"at the target", of(40, 0, 4), times(20, of(40, 0, 4)), 4},
		{"within a tenth above", of(44, 0, 4), times(20, of(40, 0, 4)), 4},
		{"beyond it", of(45, 0, 4), times(20, of(40, 0, 4)), 5},
		{"within a tenth below", of(90, 0, 10), times(20, of(90, 0, 10)), 10},
		{"beyond it for five minutes", of(89, 0, 10), times(20, of(89, 0, 10)), 9},

		{"four more, twice", of(900, 0, 2), times(20, of(20, 0, 2)), 12},
		{"twice as many, twice", of(900, 0, 10), times(20, of(100, 0, 10)), 40},
		{"no more than the most", of(9000, 0, 60), times(20, of(600, 0, 60)), 100},
		{"those on their way are there", moment{visible: 50, running: 1, pending: 4, want: 5}, times(20, of(10, 0, 1)), 5},

		{"down after five minutes", of(20, 0, 4), then(times(1, of(40, 0, 4)), times(9, of(20, 0, 4))), 2},
		{"not before", of(20, 0, 4), then(times(1, of(40, 0, 4)), times(8, of(20, 0, 4))), 4},
		{"to the highest of them", of(20, 0, 4), then(times(12, of(40, 0, 4)), []moment{of(29, 0, 4)}, times(8, of(20, 0, 4))), 3},
		{"and no longer", of(20, 0, 4), then(times(12, of(40, 0, 4)), []moment{of(29, 0, 4)}, times(9, of(20, 0, 4))), 2},
		{"what was within the tolerance then kept them", of(10, 0, 10), then(times(1, of(90, 0, 10)), times(5, of(10, 0, 10))), 10},
		{"at the start, what there was", of(10, 0, 4), times(3, of(10, 0, 4)), 4},
		{"a tick that knew nothing recommended nothing", of(20, 0, 4), then(times(1, of(40, 0, 4)), times(4, of(20, 0, 4)), times(1, moment{visible: unknown, inFlight: 90, running: 4, want: 4, blind: true}), times(4, of(20, 0, 4))), 2},

		{"what a blind tick kept is nothing that was wanted", of(20, 0, 12), then(times(20, of(20, 0, 10)), []moment{
			{visible: unknown, running: 11, want: 11, blind: true}, {visible: 105, running: 10, want: 12},
		}), 10},

		{"none, and no messages", of(0, 0, 0), times(20, of(0, 0, 0)), 0},
		{"the first", of(300, 0, 0), times(20, of(0, 0, 0)), 1},
		{"and the others after it", moment{visible: 300, pending: 1, want: 1}, then(times(20, of(0, 0, 0)), times(1, moment{visible: 300, want: 1})), 10},
		{"the last one stays while it has work", of(0, 1, 1), times(20, of(0, 1, 1)), 1},
		{"300 s after the last message", of(0, 0, 1), then(times(5, of(1, 0, 1)), times(9, of(0, 0, 1))), 1},
		{"and then it goes", of(0, 0, 1), then(times(5, of(1, 0, 1)), times(10, of(0, 0, 1))), 0},
		{"in flight is a message", of(0, 0, 1), then(times(5, of(0, 1, 1)), times(9, of(0, 0, 1))), 1},
		{"what is lost is still wanted", of(40, 0, 3), times(20, of(40, 0, 4)), 4},
	} {
		c.check(t, p, 30*time.Second)
	}
	p.bounds.Min = 2
	for _, c := range []ruled{
		{"the least are never none", of(0, 0, 2), times(40, of(0, 0, 2)), 2},
		{"and no fewer", of(0, 0, 4), times(40, of(0, 0, 4)), 2},
	} {
		c.check(t, p, 30*time.Second)
	}
}

// A tick that does not know what it needs keeps what there is.
func TestBlind(t *testing.T) {
	at := func(m moment) signals.Snapshot {
		return past(time.Minute, m, times(40, moment{visible: 500, running: 3, want: 3})...)
	}
	for name, c := range map[string]struct {
		p    policy.Policy
		deaf []moment
	}{
		"target-tracking": {tracking{settings{"render": 10}, bounds}, []moment{{visible: unknown, running: 3}, {visible: 500, running: unknown}, {visible: 500, running: 3, pending: unknown}, {running: 3, draining: unknown}}},
		"step":            {stepping{settings{"render": 10}, bounds}, []moment{{visible: unknown, running: 3}, {visible: 500, running: unknown}}},
		"keda":            {keda{settings{"render": 10}, bounds}, []moment{{visible: unknown, running: 3}, {visible: 500, inFlight: unknown, running: 3}}},
		"another fleet":   {keda{settings{"other": 10}, bounds}, []moment{{visible: 500, running: 3}}},
		"another of them": {tracking{settings{"other": 10}, bounds}, []moment{{visible: 500, running: 3}}},
		"a third":         {stepping{settings{}, bounds}, []moment{{visible: 500, running: 3}}},
	} {
		for _, m := range c.deaf {
			s := at(m)
			if n, _, err := c.p.Want(s); err == nil || n != 3 {
				t.Errorf("%s: wants %d, %v", name, n, err)
			}
			s.Workers = past(time.Minute, moment{running: 3}).Workers
			d := policy.Engine{Bounds: bounds, Policies: []policy.Policy{c.p}}.Decide(s)
			if !d.Blind || !d.Idle() {
				t.Errorf("%s: decides %+v", name, d)
			}
		}
	}
}

// The rounding rules of PercentChangeInCapacity, with the guide's numbers.
func TestChange(t *testing.T) {
	for _, c := range []struct{ capacity, percent, want int }{
		{127, 10, 12}, {67, 1, 1}, {58, -1, -1}, {667, -1, -6}, {0, 30, 0}, {10, 10, 1}, {10, 0, 0},
	} {
		if n := change(c.capacity, c.percent); n != c.want {
			t.Errorf("%d%% of %d are %d, not %d", c.percent, c.capacity, n, c.want)
		}
	}
}

// Autoscalers remember no longer than they say.
func TestWindows(t *testing.T) {
	for least, p := range map[time.Duration]policy.Remembers{
		15 * time.Minute: tracking{}, 4 * time.Minute: stepping{}, 5 * time.Minute: keda{},
	} {
		if p.Window() < least || p.Window() > 2*least {
			t.Errorf("%T looks back %s", p, p.Window())
		}
	}
}
