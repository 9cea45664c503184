package recording

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// Decider is who decides anew: policy.Engine is one.
type Decider interface {
	Decide(s signals.Snapshot) policy.Decision
	// Window is how far back it looks.
	Window() time.Duration
}

// Kind is how a decision differs from the recorded one. One may differ in two ways.
type Kind string

// The kinds. Launches and wakes buy; drains, sleeps and terminations let go, and
// recalls let go less. Otherwise is another want that comes to the same deeds, or
// the same deeds on other workers.
const (
	BuysMore   Kind = "buys_more"
	BuysLess   Kind = "buys_less"
	LetsGoMore Kind = "lets_go_more"
	LetsGoLess Kind = "lets_go_less"
	Otherwise  Kind = "otherwise"
)

// Change is a tick that is decided otherwise now.
type Change struct {
	At        time.Time
	Kinds     []Kind
	Then, Now policy.Decision
}

// Summary counts ticks.
type Summary struct {
	Fleet      string    `json:"fleet"`
	From       time.Time `json:"from"` // the first tick that was decided again
	To         time.Time `json:"to"`
	Ticks      int       `json:"ticks"`        // decided again
	Same       int       `json:"same"`         // the same deeds and want
	Reargued   int       `json:"reargued"`     // of those, for other reasons
	Changed    int       `json:"changed"`      // other deeds, or another want
	BuysMore   int       `json:"buys_more"`    // of those, launches or wakes more
	BuysLess   int       `json:"buys_less"`    // launches or wakes fewer
	LetsGoMore int       `json:"lets_go_more"` // drains, sleeps, terminates more, or recalls fewer
	LetsGoLess int       `json:"lets_go_less"`
	Otherwise  int       `json:"otherwise"` // none of these
	Undecided  int       `json:"undecided"` // ticks without a decision then: they are left out
}

// page is how much is read at once.
const page = 3 * time.Hour

// Replay decides each recorded tick of one fleet again, by what the daemon knew
// then, and calls each with every decision that is another. What would have followed
// from another decision does not: the next tick is as it was recorded. An error of
// each ends it.
func Replay(ctx context.Context, j Journal, o Options, d Decider, each func(Change) error) (Summary, error) {
	names, err := fleets(ctx, j, o.Fleet)
	if err != nil {
		return Summary{}, err
	}
	if len(names) > 1 {
		return Summary{}, fmt.Errorf("the recording has several fleets: choose one with --fleet: %s", strings.Join(names, ", "))
	}
	times, err := j.Times(ctx, names[0], ever, forever)
	if err != nil || len(times) == 0 {
		return Summary{}, noTicks(names[0], err)
	}
	last := times[len(times)-1]
	since := times[0]
	if o.Since > 0 {
		since = last.Add(-o.Since)
	}
	p := newPast(d.Window(), usualStep(times))
	r := replay{past: p, decider: d, since: since, each: each, sum: Summary{Fleet: names[0]}}
	// While ticks fail, nothing is forgotten either: some are remembered for longer.
	const longer = time.Hour
	for from := since.Add(-p.memory - longer); !from.After(last); from = from.Add(page) {
		list, err := j.Between(ctx, names[0], from, from.Add(page-1), 0)
		if err != nil {
			return r.sum, err
		}
		for i := range list {
			if err := r.tick(list[i]); err != nil {
				return r.sum, err
			}
		}
	}
	return r.sum, r.anything()
}

func noTicks(name string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("the recording has no single tick of fleet %s any more", name)
}

// replay is a recording that is decided again.
type replay struct {
	past    *past
	decider Decider
	since   time.Time
	each    func(Change) error
	sum     Summary
	foreign bool // it was imported
}

func (r *replay) anything() error {
	switch {
	case r.sum.Ticks > 0:
		return nil
	case r.foreign:
		return fmt.Errorf("the recording was imported: nothing was decided in it that could be decided again; play it without --replay")
	}
	return fmt.Errorf("the recording of fleet %s has no tick that was decided and is still known whole (details are kept 14 days unless the settings say otherwise)", r.sum.Fleet)
}

func (r *replay) tick(rec journal.Record) error {
	now := rec.Snapshot.Now
	if rec.Decision.Failed != "" { // nothing remembers it
		if !now.Before(r.since) {
			r.sum.Undecided++
			r.foreign = r.foreign || Imported(rec)
		}
		return nil
	}
	s := rec.Snapshot
	s.Recent = r.past.before(rec)
	r.past.add(rec)
	if now.Before(r.since) {
		return nil
	}
	d := r.decider.Decide(s)
	d.Version = rec.Decision.Version
	return r.compare(now, rec.Decision, d)
}

func (r *replay) compare(at time.Time, then, now policy.Decision) error {
	n := &r.sum
	if n.Ticks++; n.Ticks == 1 {
		n.From = at
	}
	n.To = at
	kinds := differs(then, now)
	if len(kinds) == 0 {
		n.Same++
		if !slices.Equal(then.Reasons, now.Reasons) {
			n.Reargued++
		}
		return nil
	}
	n.Changed++
	for _, k := range kinds {
		*map[Kind]*int{
			BuysMore: &n.BuysMore, BuysLess: &n.BuysLess,
			LetsGoMore: &n.LetsGoMore, LetsGoLess: &n.LetsGoLess, Otherwise: &n.Otherwise,
		}[k]++
	}
	return r.each(Change{At: at, Kinds: kinds, Then: then, Now: now})
}

// differs says how; none if the two come to the same.
func differs(then, now policy.Decision) (kinds []Kind) {
	switch b, a := bought(then), bought(now); {
	case a > b:
		kinds = append(kinds, BuysMore)
	case a < b:
		kinds = append(kinds, BuysLess)
	}
	switch b, a := letGo(then), letGo(now); {
	case a > b:
		kinds = append(kinds, LetsGoMore)
	case a < b:
		kinds = append(kinds, LetsGoLess)
	}
	if len(kinds) == 0 && !alike(then, now) {
		kinds = append(kinds, Otherwise)
	}
	return kinds
}

func bought(d policy.Decision) int { return d.Launch + len(d.Wake) }

func letGo(d policy.Decision) int {
	return len(d.Drain) + len(d.Sleep) + len(d.Terminate) - len(d.Recall)
}

func alike(a, b policy.Decision) bool {
	return a.Want == b.Want && a.Launch == b.Launch && a.Blind == b.Blind &&
		same(a.Recall, b.Recall) && same(a.Wake, b.Wake) && same(a.Drain, b.Drain) && same(a.Sleep, b.Sleep) &&
		slices.Equal(a.Terminate, b.Terminate)
}

// same reports whether two lists name the same workers.
func same(a, b []fleet.ID) bool {
	return slices.Equal(a, b) || slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
