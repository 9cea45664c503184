package report

import (
	"time"

	"skynet/policy"
)

const (
	// mostDecisions of a fleet are kept.
	mostDecisions = 1000
	// mostReasons of a decision are kept, and mostRunes of what one says.
	mostReasons, mostRunes = 24, 400
)

// kept are the decisions that changed something: that did something, wanted
// another number than the one before, or could not tell. Of too many the largest
// in each stretch of time stays.
type kept struct {
	list    []decision
	span    int64 // ticks of which one decision stays
	ticks   int64
	changed int64
	before  policy.Decision
}

type decision struct {
	tick   int64
	weight int
	at     time.Time
	policy.Decision
}

func (k *kept) note(at time.Time, d policy.Decision) {
	k.ticks++
	if !k.changes(d) {
		return
	}
	k.before = policy.Decision{ID: d.ID, Want: d.Want, Blind: d.Blind, Failed: d.Failed}
	k.changed++
	k.add(decision{tick: k.ticks, weight: deeds(d), at: at, Decision: d})
	for len(k.list) > mostDecisions {
		k.thin()
	}
}

func (k *kept) changes(d policy.Decision) bool {
	b := k.before
	return b.ID == "" || !d.Idle() || d.Want != b.Want || d.Blind != b.Blind || d.Failed != b.Failed
}

// deeds counts the machines that a decision touches.
func deeds(d policy.Decision) int {
	return d.Launch + len(d.Wake) + len(d.Recall) + len(d.Drain) + len(d.Sleep) + len(d.Terminate)
}

// add adds one, or has it take the place of a smaller one in the same stretch.
func (k *kept) add(d decision) {
	n := len(k.list)
	switch {
	case n == 0 || k.list[n-1].tick/k.span != d.tick/k.span:
		k.list = append(k.list, d)
	case d.weight > k.list[n-1].weight:
		k.list[n-1] = d
	}
}

// thin has one stay of twice as many ticks.
func (k *kept) thin() {
	k.span *= 2
	all := k.list
	k.list = all[:0]
	for _, d := range all {
		k.add(d)
	}
	clear(all[len(k.list):])
}
