package policy

import (
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Quorum lets nobody go while many workers are silent at once: it is more
// likely that we have gone deaf than that they have all died. Buying for
// demand goes on.
//
// It prevents what befell github-aws-runners (#4391), whose collector of
// orphans killed running jobs when its source of truth failed.
//
// It must not hold for ever: two of six whose agents never come back would keep the
// other four, idle, until somebody looks. So one that has been silent for an hour is let
// go, and one more each hour after that, until the others are a quorum: be it due for
// its silence, for a drain whose deadline has passed, or since it said that it had drained.
// Were we deaf after all, that costs one worker an hour, of which there is one less to be
// deaf to.
type Quorum struct {
	Share float64 // of the workers that should be heard, 0 to 1
}

// Name is "quorum".
func (Quorum) Name() string { return "quorum" }

// Soften takes away every drain, sleep and termination when fewer than Share
// of the workers are heard and at least two are silent.
func (q Quorum) Soften(s signals.Snapshot, d Decision) Decision {
	silent, all := hearing(s.Workers)
	if silent < 2 || float64(all-silent) >= q.Share*float64(all) {
		return d
	}
	why := fmt.Sprintf("%d of %d workers are silent, more likely we are deaf", silent, all)
	last, some := pastHope(s, d)
	exits := d.Terminate
	d = d.letNobodyGo("quorum", why)
	if !some {
		return d
	}
	if i := slices.IndexFunc(exits, func(x fleet.Exit) bool { return x.ID == last }); i >= 0 {
		d.Terminate = exits[i : i+1 : i+1]
	} else {
		d.Sleep = []fleet.ID{last}
	}
	return d.Because("quorum", "but %s, silent for longer than %s: one such an hour", last, span(hour))
}

// pastHope is the one that is due and has been silent for longest, for more than an
// hour, if in that hour nobody was let go.
func pastHope(s signals.Snapshot, d Decision) (last fleet.ID, some bool) {
	if !s.Covers(hour) {
		return "", false
	}
	for _, t := range s.Since(s.Now.Add(-hour)) {
		if len(t.Deeds.Terminated)+len(t.Deeds.Slept) > 0 {
			return "", false
		}
	}
	unheard := hour
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Silent && w.Unheard > unheard && lets(d, w.ID) {
			last, unheard, some = w.ID, w.Unheard, true
		}
	}
	return last, some
}

// lets reports whether one is to be let go for good or for a sleep.
func lets(d Decision, id fleet.ID) bool {
	return slices.Contains(d.Sleep, id) || slices.ContainsFunc(d.Terminate, func(x fleet.Exit) bool { return x.ID == id })
}

// Window is how far back it looks.
func (Quorum) Window() time.Duration { return hour }

// hearing counts the workers that were heard once, and how many of them are
// silent now.
func hearing(ws []fleet.Worker) (silent, all int) {
	for i := range ws {
		w := &ws[i]
		if w.Heard.IsZero() || !w.State.Billed() {
			continue
		}
		all++
		if w.Silent {
			silent++
		}
	}
	return silent, all
}
