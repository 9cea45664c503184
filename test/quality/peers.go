package main

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"skynet/policy"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/peer"
	"skynet/simulate/scenario"
)

// tried is one setting of a peer in the fluid world.
type tried struct {
	Setting, Within, Paid float64 // Paid: s
}

const (
	coarse = 8    // settings over the whole range
	finer  = 4    // between the best and its neighbours
	surely = .001 // more within than asked for, since the worlds differ a little
)

// tune tries settings of a peer in the fluid world: first far apart, then around the
// cheapest that keeps the objective, or else around the one that comes nearest.
func tune(name string, a arrivals, s setting, sc *scenario.Scenario) ([]tried, error) {
	low, high := reach(name, s)
	step := math.Pow(high/low, 1./(coarse-1))
	var list []tried
	try := func(v float64) error {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
		if slices.ContainsFunc(list, func(t tried) bool { return t.Setting == v }) {
			return nil
		}
		t, err := fluidPeer(peer.Peer{Name: name, Setting: v}, a, s, sc)
		list = append(list, t)
		return err
	}
	for i := range coarse {
		if err := try(low * math.Pow(step, float64(i))); err != nil {
			return nil, err
		}
	}
	step = math.Pow(step, 1./3)
	at := best(list).Setting
	for _, v := range []float64{at / step / step, at / step, at * step, at * step * step} {
		if err := try(v); err != nil {
			return nil, err
		}
	}
	step = math.Pow(step, 1./2)
	at = best(list).Setting
	for _, v := range []float64{at / step, at * step} {
		if err := try(v); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b tried) int { return cmp.Compare(a.Setting, b.Setting) })
	return list, nil
}

// reach is where good settings lie: see package peer's Tune.
func reach(name string, s setting) (low, high float64) {
	acceptable := s.Wait.Seconds() / seconds * slots
	if name == peer.KEDA {
		return slots / 8., 2 * (slots + acceptable)
	}
	return acceptable / 128, 2 * acceptable
}

// best is the cheapest that keeps the objective, or else the one with most within.
func best(list []tried) tried {
	return slices.MinFunc(list, func(a, b tried) int {
		keptA, keptB := a.Within >= quantile+surely, b.Within >= quantile+surely
		switch {
		case keptA && keptB:
			return cmp.Compare(a.Paid, b.Paid)
		case keptA:
			return -1
		case keptB:
			return 1
		}
		return cmp.Compare(b.Within, a.Within)
	})
}

// hopeless is what a setting may pay over the clairvoyant before it is given up.
const hopeless = 16

func fluidPeer(p peer.Peer, a arrivals, s setting, sc *scenario.Scenario) (tried, error) {
	sp := s.peer(p, sc)
	e := sp.Decider.(policy.Engine) //nolint:errcheck,forcetypeassert // package peer's are
	w := fluid{setting: s, from: a.from, ask: alone(e), stop: hopeless * cheapest(a.perMinute, s)}
	got, err := w.play(a.perMinute, sp.Interval)
	if got.Paid > w.stop {
		got.Within = 0 // it could not be afforded
	}
	return tried{Setting: p.Setting, Within: got.within(), Paid: got.Paid}, err
}

// alone asks an engine's one policy without all that the peers do not look at.
func alone(e policy.Engine) func(*fluid) (int, error) {
	var recent []signals.Tick
	back := e.Window() + time.Minute
	return func(w *fluid) (int, error) {
		now := w.now()
		known := func(name string, v float64) signals.Signal {
			return signals.Signal{Name: name, Value: v, At: now, Good: time.Minute}
		}
		s := signals.Snapshot{Fleet: fleetName, Now: now, Recent: recent, Signals: []signals.Signal{
			known("fleet.draining", 0), known("fleet.pending", float64(len(w.ready))), known("fleet.running", float64(w.running)),
			known("queue.in_flight", w.inFlight()), known("queue.visible", w.visible()),
		}}
		n, _, err := e.Policies[0].Want(s)
		if err != nil {
			return 0, err
		}
		n = min(max(n, e.Bounds.Min), e.Bounds.Max)
		recent = append(recent, signals.Tick{At: now, Have: w.have(), Want: n, Signals: s.Signals})
		for now.Sub(recent[0].At) > back {
			recent = recent[1:]
		}
		return n - w.have(), nil
	}
}

func (s setting) peer(p peer.Peer, sc *scenario.Scenario) simulate.Policy {
	return p.Policy(sc, s.objective(), policy.Bounds{Max: most})
}
