package derived

import (
	"strings"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// journal puts what the last hour and the last decision brought.
func (v *view) journal() {
	v.lastHour()
	v.lastDecision()
	v.put(v.billingLeft())
}

func (v *view) lastHour() {
	refused, died := 0, len(v.Died)
	noticed := map[fleet.ID]bool{}
	for _, t := range v.Since(v.Now.Add(-hour)) {
		refused += t.Deeds.Refused
		died += len(t.Died)
		for _, id := range t.Interrupted {
			noticed[id] = true
		}
	}
	for i := range v.Workers {
		if v.Workers[i].Interrupted {
			noticed[v.Workers[i].ID] = true
		}
	}
	v.ofWorkers("fleet.launch_failures", refused)
	v.ofWorkers("fleet.dead_on_arrival", died)
	v.ofWorkers("fleet.interruptions", len(noticed))
}

// ofWorkers puts a count that means nothing where the workers are not known.
func (v *view) ofWorkers(name string, n int) {
	if !v.counted() {
		v.put(signals.Missing(name, v.Now, notGiven))
		return
	}
	v.put(signals.Known(name, float64(n), v.Now, 0))
}

func (v *view) lastDecision() {
	last := v.Last()
	for _, d := range []struct {
		name string
		n    int
	}{
		{"decision.want_raw", last.Want},
		{"decision.launched", len(last.Deeds.Launched) + len(last.Deeds.Woken)},
		{"decision.drained", len(last.Deeds.Drained)},
	} {
		if len(v.Recent) == 0 {
			v.put(signals.Missing(d.name, v.Now, "there is no earlier tick"))
			continue
		}
		v.put(signals.Known(d.name, float64(d.n), v.Now, 0))
	}
}

// billingLeft is the least that any running instance has left of an hour that is
// paid for. Each start begins an hour of its own.
func (v *view) billingLeft() signals.Signal {
	const name = "fleet.billing_left"
	switch {
	case !v.set.Hourly:
		return signals.Missing(name, v.Now, "billing is per second")
	case !v.counted():
		return signals.Missing(name, v.Now, notGiven)
	}
	least, known := hour, false
	for i := range v.Workers {
		w := &v.Workers[i]
		since := w.Launched
		if w.Woken.After(since) {
			since = w.Woken
		}
		if w.State == fleet.Working && !since.IsZero() {
			least, known = min(least, hour-max(0, v.Now.Sub(since))%hour), true
		}
	}
	if !known {
		return signals.Missing(name, v.Now, "no worker is running")
	}
	return signals.Known(name, least.Seconds(), v.Now, 0)
}

func compare(a, b fleet.ID) int { return strings.Compare(string(a), string(b)) }

// dayBegins is the first moment of the day that now lies in. In some zones it is
// not midnight, since the clock is set forward then, or midnight comes twice.
func dayBegins(now time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := now.In(zone).Date()
	is := func(t time.Time) bool { ty, tm, td := t.In(zone).Date(); return ty == y && tm == m && td == d }
	first := time.Date(y, m, d, 0, 0, 0, 0, zone)
	changed, change := first.ZoneBounds()
	if !is(first) { // there is no midnight: the day begins when the clock is set forward
		return change
	}
	if before := changed.Add(-time.Nanosecond); !changed.IsZero() && is(before) { // it may have been midnight before
		_, was := before.In(zone).Zone()
		if earlier := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Add(-time.Duration(was) * time.Second); is(earlier) && earlier.Before(first) {
			return earlier
		}
	}
	return first
}
