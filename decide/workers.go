package decide

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/derived"
	"skynet/signals/line"
)

// uncounted says why it is unknown how many workers there are, "" if it is known.
func uncounted(in line.In) string {
	for _, name := range []string{"fleet.running", "fleet.pending"} {
		v, given := in.Signals[name]
		switch {
		case given && v == nil:
			return name + " is unknown: given as null"
		case !given && in.Workers == nil:
			return name + " is unknown: not in the line, which lists no workers either"
		}
	}
	return ""
}

// standIn has queue.* stand for the one queue in play, where that one's own
// signals are not in the line.
func standIn(in line.In, queues []string) line.In {
	if len(queues) != 1 {
		return in
	}
	in.Signals = maps.Clone(in.Signals)
	for _, name := range in.Names() {
		kind, ok := signals.KindOf(name)
		if !ok || !kind.Queue || kind.Name != name {
			continue
		}
		own := signals.OfQueue(name, queues[0])
		if _, given := in.Signals[own]; !given {
			in.Signals[own] = in.Signals[name]
		}
	}
	return in
}

const unlisted = "not in the line, which lists no workers"

// madeUp adds the workers that the line's numbers speak of, so that the daemon's
// own plan can decide about them. Nothing is known of each but its state and what
// it has in hand.
func madeUp(in line.In, snap signals.Snapshot, set derived.Settings) signals.Snapshot {
	slots := int(count(in, "fleet.slots", float64(set.Slots)))
	running := crew("running", fleet.Working, int(count(in, "fleet.running", 0)))
	items, known := inHand(in, len(running), slots)
	spread(running, items, int(count(in, "fleet.idle", 0)))
	silence(running, int(count(in, "fleet.silent", 0)))
	for i := range running {
		running[i].Slots, running[i].Heard = slots, snap.Now
	}
	draining := crew("draining", fleet.Draining, int(count(in, "fleet.draining", 0)))
	for i := range draining {
		w := &draining[i]
		w.Slots, w.Heard, w.Drain, w.DrainingSince = slots, snap.Now, decisionID(snap), snap.Now
	}
	asleep := crew("asleep", fleet.Asleep, int(count(in, "fleet.asleep", 0)))
	for i := range asleep {
		asleep[i].AsleepSince = snap.Now
	}
	snap.Workers = slices.Concat(running, crew("pending", fleet.Starting, int(count(in, "fleet.pending", 0))), draining, asleep)
	if len(set.Prices) == 1 { // else the dearest is reckoned with
		for i := range snap.Workers {
			snap.Workers[i].Type = set.Prices[0].Type
		}
	}
	snap = hide(snap, unlisted, single...)
	if !known {
		snap = hide(snap, unlisted, busy...)
	}
	return snap
}

// count is a signal of the line, or what to take where it does not know.
func count(in line.In, name string, otherwise float64) float64 {
	if v := in.Signals[name]; v != nil {
		return *v
	}
	return otherwise
}

// crew are n workers in a state, with IDs in order.
func crew(name string, state fleet.State, n int) []fleet.Worker {
	ws := make([]fleet.Worker, n)
	for i := range ws {
		ws[i] = fleet.Worker{ID: fleet.ID(fmt.Sprintf("%s-%06d", name, i+1)), State: state}
	}
	return ws
}

// inHand is how many items the running workers have in hand. Where the line does
// not say it, what is in flight is in their hands as far as they have slots.
func inHand(in line.In, running, slots int) (items int, known bool) {
	if v := in.Signals["fleet.busy_slots"]; v != nil {
		return toInt(*v), true
	}
	if _, null := in.Signals["fleet.busy_slots"]; null || in.Signals["queue.in_flight"] == nil || slots < 1 {
		return 0, false
	}
	return min(toInt(*in.Signals["queue.in_flight"]), running*slots), true
}

func toInt(v float64) int { return int(min(math.Ceil(v), 1e9)) }

// spread gives items to workers evenly, and none to the first few, which are idle.
func spread(ws []fleet.Worker, items, idle int) {
	ws = ws[min(idle, len(ws)):]
	for i := range ws {
		share := items / (len(ws) - i)
		if idle > 0 { // the others are at work
			share = max(share, 1)
		}
		ws[i].Jobs, items = share, max(0, items-share)
	}
}

// silence marks so many workers as silent, those with the most in hand: they are
// the last to be drained, and a silent one is drained never.
func silence(ws []fleet.Worker, n int) {
	for i := range min(n, len(ws)) {
		ws[len(ws)-1-i].Silent = true
	}
}

// single are the signals that can be told from single workers alone. Of workers
// that are made up they would be inventions.
var single = []string{
	"fleet.draining", "fleet.asleep", "fleet.silent", "fleet.idle", "fleet.cpu_mean", "fleet.cpu_p95", "fleet.memory_p95",
	"fleet.dead_on_arrival", "fleet.interruptions", "fleet.spot_share", "fleet.billing_left",
}

// busy are the signals that follow from what the workers have in hand.
var busy = []string{"fleet.busy_slots", "fleet.utilisation"}

// numbers are the signals that follow from how many workers there are.
var numbers = []string{"fleet.running", "fleet.pending", "cost.per_hour"}

// hide makes signals unknown that the line does not give.
func hide(snap signals.Snapshot, why string, names ...string) signals.Snapshot {
	list := slices.Clone(snap.Signals)
	for _, name := range names {
		if _, given := signals.Find(snap.Signals, name); !given {
			list = append(list, signals.Missing(name, snap.Now, why))
		}
	}
	snap.Signals = signals.Sort(list)
	return snap
}
