package policy

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Vote has workers and signals vote to grow or to shrink, and acts when more than
// a share of all votes agree, as RightScale's server arrays did; after any change
// of the fleet it has no opinion for a calm time.
//
// Sources: "Understanding the Voting Process" (decision threshold, resize up and
// down by, resize calm time),
// https://docs.rightscale.com/cm/rs101/understanding_the_voting_process.html; the
// ratio must be greater than the threshold,
// http://support.rightscale.com/06-FAQs/FAQ_0027_-_How_do_Server_Arrays_grow_and_shrink_and_how_does_this_effect_users%3F/index.html
type Vote struct {
	As          string  // how it is called in reasons; "": vote
	Share       float64 // more than this of the votes must agree, 0 to 1
	Add, Remove int
	Calm        time.Duration
	Voters      []Voter
}

// Voter is a signal with one vote, or a measurement with a vote of each worker
// that runs and is heard. It votes to grow above a threshold and to shrink below
// another.
type Voter struct {
	Signal string
	Worker string // cpu, memory or utilisation, per cent; "" for a signal
	Above  *float64
	Below  *float64
}

// Measured lists what a worker can vote by.
var Measured = []string{"cpu", "memory", "utilisation"}

// Name is how it is called in reasons.
func (p Vote) Name() string { return cmp.Or(p.As, "vote") }

// Window is how long it stays calm.
func (p Vote) Window() time.Duration { return p.Calm }

// Want returns what there is and some more or less if the votes agree, and
// abstains if they do not.
func (p Vote) Want(s signals.Snapshot) (int, string, error) {
	c, err := p.count(s)
	if err != nil {
		return 0, "", err
	}
	_, have, err := headcount(s)
	if err != nil {
		return 0, c.String(), err
	}
	by := 0
	switch limit := p.Share * float64(c.all); {
	case c.all == 0:
		return 0, "there is nobody to vote", ErrAbstain
	case float64(c.grow) > limit+1e-9:
		by = p.Add
	case float64(c.shrink) > limit+1e-9:
		by = -p.Remove
	}
	if by == 0 {
		return 0, fmt.Sprintf("%s, it takes more than %.4g%%", c, 100*p.Share), ErrAbstain
	}
	if why := unsettled(s, p.Calm); why != "" {
		return 0, fmt.Sprintf("%s, but calm for %s: %s", c, span(p.Calm), why), ErrAbstain
	}
	if by < 0 && p.Calm > 0 && !s.Covers(p.Calm) {
		return 0, fmt.Sprintf("%s, but calm for %s: there are not as many ticks to look back on", c, span(p.Calm)), ErrAbstain
	}
	return max(0, have+by), fmt.Sprintf("%s, more than %.4g%%: %d %+d", c, 100*p.Share, have, by), nil
}

// tally counts votes; all includes those for neither.
type tally struct{ grow, shrink, all int }

func (c tally) String() string {
	return fmt.Sprintf("%d of %d vote to grow, %d to shrink", c.grow, c.all, c.shrink)
}

func (c *tally) add(v Voter, value float64) {
	c.all++
	switch {
	case v.Above != nil && value > *v.Above:
		c.grow++
	case v.Below != nil && value < *v.Below:
		c.shrink++
	}
}

func (p Vote) count(s signals.Snapshot) (c tally, err error) {
	for _, v := range p.Voters {
		if v.Worker == "" {
			value, err := s.Value(v.Signal)
			if err != nil {
				return c, err
			}
			c.add(v, value)
			continue
		}
		if err := listedWorkers(s); err != nil {
			return c, fmt.Errorf("%s of workers is unknown: %w", v.Worker, err)
		}
		for i := range s.Workers {
			if value, votes := v.of(&s.Workers[i]); votes {
				c.add(v, value)
			}
		}
	}
	return c, nil
}

// of is the measurement of a worker that runs and is heard.
func (v Voter) of(w *fleet.Worker) (value float64, votes bool) {
	if w.State != fleet.Working || w.Silent || w.Heard.IsZero() {
		return 0, false
	}
	switch v.Worker {
	case "cpu":
		return w.CPU, true
	case "memory":
		return w.Memory, true
	}
	return 100 * float64(w.Jobs) / float64(max(1, w.Slots)), w.Slots > 0
}

// listedWorkers is an error where workers run of whom there is no list, as it may
// be when the snapshot comes from outside.
func listedWorkers(s signals.Snapshot) error {
	if len(s.Workers) > 0 {
		return nil
	}
	if running, _, err := headcount(s); err == nil && running == 0 {
		return nil
	}
	return errors.New("there is no list of workers")
}
