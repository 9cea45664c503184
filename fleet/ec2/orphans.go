package ec2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
)

const (
	orphanAge    = time.Hour       // younger ones may be on their way
	orphanAsleep = 24              // times as long: who sleeps cannot be heard
	lastListened = 2 * time.Minute // ago, at most
)

// Orphans lists living instances that carry our tag, and that of a fleet which is not
// in the settings: nobody looks after them. They are only listed; Reap decides.
func (f *Fleet) Orphans(ctx context.Context) ([]fleet.Instance, error) {
	all, err := f.listed(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("look for orphans: %w", err)
	}
	var list []fleet.Instance
	for _, s := range all {
		configured := slices.ContainsFunc(f.o.Templates, func(t Template) bool { return t.Fleet == s.Tags[fleet.TagFleet] })
		if !configured && s.Phase != fleet.PhaseShuttingDown && s.Phase != fleet.PhaseTerminated {
			list = append(list, s.Instance)
		}
	}
	return list, nil
}

// Evidence is what is known besides EC2's list when orphans are judged.
type Evidence struct {
	// Fleets are those of the settings: their own plans let go of their workers.
	Fleets []string
	// Journal are the fleets that our journal has ticks of. Another controller that
	// goes by our name has fleets of its own, and we do not hear their workers:
	// without this, two daemons with one name would end each other's instances.
	Journal []string
	// After is how long ago one was started and was last heard, at least, and we have
	// listened for half of it; an hour by default. One that sleeps is left a day for each
	// hour of it.
	After time.Duration
	// Since and Until are how long we have listened to heartbeats without a break.
	Since, Until time.Time
	// Heard is when each was last heard, if ever.
	Heard map[fleet.ID]time.Time
}

// Spared is an orphan that is not let go, and why.
type Spared struct {
	ID  fleet.ID
	Why string
}

// Reap says which orphans are let go: those with all the tags that a launch of ours
// gives, of a fleet that was ours and is no longer in the settings, launched long ago,
// and not heard for as long. At most so many as the budget
// says, the oldest first. It is pure.
func Reap(list []fleet.Instance, e Evidence, now time.Time, budget int) (exits []fleet.Exit, spared []Spared) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b fleet.Instance) int {
		if c := a.Launched.Compare(b.Launched); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	for _, i := range list {
		why := e.spares(i, now)
		if why == "" && len(exits) >= budget {
			why = fmt.Sprintf("at most %d are let go at a time", budget)
		}
		if why != "" {
			spared = append(spared, Spared{i.ID, why})
			continue
		}
		exits = append(exits, fleet.Exit{ID: i.ID, Cause: fleet.CauseOrphan})
	}
	return exits, spared
}

// spares is what speaks for an orphan, "" if nothing does.
func (e Evidence) spares(i fleet.Instance, now time.Time) string {
	name := i.Tags[fleet.TagFleet]
	switch {
	case i.Tags[fleet.TagController] == "" || name == "" || i.Tags[fleet.TagIntent] == "":
		return "it does not carry all the tags that a launch of ours gives"
	case slices.Contains(e.Fleets, name):
		return fmt.Sprintf("fleet %s looks after it", name)
	case !slices.Contains(e.Journal, name):
		return fmt.Sprintf("our journal does not know fleet %s: another controller of the same name may look after it", name)
	case i.Phase == fleet.PhaseShuttingDown || i.Phase == fleet.PhaseTerminated:
		return "it is ending"
	case i.Phase == fleet.PhaseStopped || i.Phase == fleet.PhaseStopping:
		return e.asleep(i, now)
	}
	return e.awake(i, now)
}

func (e Evidence) after() time.Duration {
	if e.After > 0 {
		return e.After
	}
	return orphanAge
}

func (e Evidence) asleep(i fleet.Instance, now time.Time) string {
	switch long := orphanAsleep * e.after(); {
	case i.Stopped.IsZero():
		return "it sleeps, nobody knows since when"
	case now.Sub(i.Stopped) <= long:
		return fmt.Sprintf("it has slept for %s only, of %s", now.Sub(i.Stopped).Round(time.Minute), long)
	}
	return ""
}

func (e Evidence) awake(i fleet.Instance, now time.Time) string {
	begun := i.Launched
	if i.Woken.After(begun) {
		begun = i.Woken
	}
	listened, enough := e.Until.Sub(e.Since), e.after()/2
	heard, ever := e.Heard[i.ID]
	switch {
	case begun.IsZero() || now.Sub(begun) <= e.after():
		return fmt.Sprintf("it was started less than %s ago", e.after())
	case e.Since.IsZero() || listened < enough || now.Sub(e.Until) > lastListened || e.Until.After(now.Add(lastListened)):
		return fmt.Sprintf("we have not listened for %s without a break", enough)
	case ever && now.Sub(heard) <= e.after():
		return "it was heard " + now.Sub(heard).Round(time.Second).String() + " ago"
	}
	return ""
}
