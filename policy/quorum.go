package policy

import (
	"fmt"

	"skynet/fleet"
	"skynet/signals"
)

// Quorum lets nobody go while many workers are silent at once: it is more
// likely that we have gone deaf than that they have all died. Buying for
// demand goes on.
//
// It prevents what befell github-aws-runners (#4391), whose collector of
// orphans killed running jobs when its source of truth failed.
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
	return d.letNobodyGo("quorum", fmt.Sprintf("%d of %d workers are silent, more likely we are deaf", silent, all))
}

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
