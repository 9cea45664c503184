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
// go, and one more each hour after that, until the others are a quorum. Were we deaf
// after all, that costs one worker an hour, of which there is one less to be deaf to.
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
	given, some := pastHope(s, d)
	d = d.letNobodyGo("quorum", why)
	if some {
		d.Terminate = []fleet.Exit{given}
		d = d.Because("quorum", "but %s, silent for longer than %s: one such an hour", given.ID, span(hour))
	}
	return d
}

// pastHope is the exit of a worker that has been silent for an hour, if in that hour no
// other was let go without a word of its own.
func pastHope(s signals.Snapshot, d Decision) (longest fleet.Exit, some bool) {
	if !s.Covers(hour) {
		return longest, false
	}
	for _, t := range s.Since(s.Now.Add(-hour)) {
		if slices.ContainsFunc(t.Deeds.Terminated, unasked) {
			return longest, false
		}
	}
	var unheard time.Duration
	for _, x := range d.Terminate {
		i := slices.IndexFunc(s.Workers, func(w fleet.Worker) bool { return w.ID == x.ID })
		if unasked(x) && i >= 0 && s.Workers[i].Silent && s.Workers[i].Unheard > max(hour, unheard) {
			longest, unheard, some = x, s.Workers[i].Unheard, true
		}
	}
	return longest, some
}

// unasked reports whether a worker goes that was heard once, without having said that it
// has drained. One that is silent and draining is due for its deadline, not its silence.
func unasked(x fleet.Exit) bool {
	return x.Cause == fleet.CauseSilent || x.Cause == fleet.CauseDeadline
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
