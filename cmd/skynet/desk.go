package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/journal/sqlite"
	"skynet/signals"
)

// desk is where an operator gives orders, by a command or over the API. What is
// ordered there holds from the next tick on; that tick writes who did it and when
// into the journal.
type desk struct {
	folder string // the state folder
	by     string // who gives the orders
}

// How long orders may hold, and do where nobody says.
const (
	longestOrder  = 30 * 24 * time.Hour
	longestForget = 365 * 24 * time.Hour
	drainsFor     = 24 * time.Hour
	forgetsFor    = 30 * 24 * time.Hour
	mostWorkers   = 100_000 // more than any policy file may ask for
	mostNamed     = 1000    // workers in a fleet's orders
)

// holdsFor reads how long an order is to hold. Its errors go on from the name of
// what was given: a flag or a key.
func holdsFor(text string, longest time.Duration) (time.Duration, error) {
	length, err := strict.ParseDuration(text)
	switch {
	case text == "":
		return 0, fmt.Errorf("is missing: an order has an end, such as 30m")
	case err != nil:
		return 0, fmt.Errorf("%q %w", text, err)
	case length <= 0 || length.Std() > longest:
		return 0, fmt.Errorf("%s: write more than 0s and at most %s", text, strict.Duration(longest))
	}
	return length.Std(), nil
}

// pause has fleets left alone. It returns what has become of each, in a sentence.
func (k desk) pause(ctx context.Context, fleets []string, length time.Duration, why string) ([]string, error) {
	return k.change(ctx, fleets, why, func(s *signals.Standing, now time.Time) (string, error) {
		p := &signals.Pause{Until: end(now, length), Since: now, By: k.by, Why: why}
		s.Pause = p
		return "is paused until " + zoned(p.Until), nil
	})
}

// resume ends a pause before it expires.
func (k desk) resume(ctx context.Context, fleets []string, why string) ([]string, error) {
	return k.change(ctx, fleets, why, func(s *signals.Standing, _ time.Time) (string, error) {
		if s.Pause == nil {
			return "was not paused", errNoChange
		}
		s.Pause = nil
		return "goes on with the next tick", nil
	})
}

// want has fleets keep at least n workers for a while; 0 ends that.
func (k desk) want(ctx context.Context, fleets []string, n int, length time.Duration, why string) ([]string, error) {
	if n < 0 || n > mostWorkers {
		return nil, fmt.Errorf("%d is no number of workers: write 0 to %d", n, mostWorkers)
	}
	return k.change(ctx, fleets, why, func(s *signals.Standing, now time.Time) (string, error) {
		switch {
		case n > 0:
			s.Floor = &signals.Floor{Want: n, Until: end(now, length), Since: now, By: k.by, Why: why}
			return fmt.Sprintf("keeps at least %d until %s", n, zoned(s.Floor.Until)), nil
		case s.Floor == nil:
			return "had no floor", errNoChange
		}
		s.Floor = nil
		return "has no floor any more", nil
	})
}

// drain has workers drained and let go; a length of 0 takes that back.
func (k desk) drain(ctx context.Context, fleetName string, ids []fleet.ID, length time.Duration, why string) ([]string, error) {
	return k.name(ctx, fleetName, ids, length, why, naming{
		of:   func(s *signals.Standing) *[]signals.Named { return &s.Drain },
		said: "drains %s, and lets go when each says that it is empty", ended: "need not drain %s any more", was: "was not draining %s",
	})
}

// forget has workers taken for gone; a length of 0 takes that back.
func (k desk) forget(ctx context.Context, fleetName string, ids []fleet.ID, length time.Duration, why string) ([]string, error) {
	return k.name(ctx, fleetName, ids, length, why, naming{
		of:   func(s *signals.Standing) *[]signals.Named { return &s.Forget },
		said: "forgets %s: what runs there is left alone", ended: "looks after %s again, if it is there", was: "had not forgotten %s",
	})
}

// naming is a kind of order about single workers.
type naming struct {
	of               func(*signals.Standing) *[]signals.Named
	said, ended, was string
}

func (k desk) name(ctx context.Context, fleetName string, ids []fleet.ID, length time.Duration, why string, n naming) ([]string, error) {
	return k.change(ctx, []string{fleetName}, why, func(s *signals.Standing, now time.Time) (string, error) {
		list := n.of(s)
		before := len(*list)
		*list = slices.DeleteFunc(slices.Clone(*list), func(o signals.Named) bool { return slices.Contains(ids, o.ID) })
		who := few(texts(ids))
		switch {
		case length > 0 && len(*list)+len(ids) > mostNamed:
			return "", fmt.Errorf("fleet %s: %d workers are named in its orders already, at most %d can be", fleetName, len(*list), mostNamed)
		case length > 0:
			for _, id := range ids {
				*list = append(*list, signals.Named{ID: id, Until: end(now, length), Since: now, By: k.by, Why: why})
			}
			return fmt.Sprintf(n.said, who), nil
		case len(*list) == before:
			return fmt.Sprintf(n.was, who), errNoChange
		}
		return fmt.Sprintf(n.ended, who), nil
	})
}

// zoned is a time as it is read here, and still understood elsewhere: it also goes
// into the journal.
func zoned(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

func end(now time.Time, length time.Duration) time.Time {
	return now.Add(length).Truncate(time.Second)
}

// errNoChange says that orders stay as they are: there is nothing to journal.
var errNoChange = errors.New("nothing to change")

// change changes the orders of fleets, all or none, and notes who did it. It returns
// what has become of each, when it is done.
func (k desk) change(ctx context.Context, fleets []string, why string, do func(s *signals.Standing, now time.Time) (string, error)) (said []string, err error) {
	err = changeOrders(ctx, ordersFile(k.folder), func(all map[string]signals.Standing, now time.Time) error {
		for _, name := range fleets {
			before := all[name].In(now)
			s := before
			text, err := do(&s, now)
			switch {
			case err == nil:
				s = s.Instead(before)
				s.Changes = append(slices.Clip(s.Changes), signals.Change{At: now, Said: "the fleet " + text, By: k.by, Why: why})
			case !errors.Is(err, errNoChange):
				return err
			}
			all[name] = s
			said = append(said, fmt.Sprintf("fleet %s %s", name, text))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return said, nil
}

// whose finds the fleet of each worker by the last tick of each. One that no tick
// knows is refused, since a slip of the hand must not pass for an order; without a
// journal, and one fleet only, nobody can tell. An order can be taken back of one that
// has gone meanwhile.
func (k desk) whose(ctx context.Context, fleets []string, ids []fleet.ID, back bool) (map[string][]fleet.ID, error) {
	all, err := readOrders(ordersFile(k.folder))
	if err != nil {
		return nil, err
	}
	f := search{left: slices.Clone(ids), of: map[string][]fleet.ID{}}
	if back {
		for _, name := range fleets {
			f.take(name, named(all[name]))
		}
		if len(f.left) == 0 {
			return f.of, nil
		}
	}
	r, err := sqlite.OpenReadOnly(filepath.Join(k.folder, journalFile))
	if err != nil {
		if len(fleets) == 1 {
			return map[string][]fleet.ID{fleets[0]: ids}, nil
		}
		return nil, fmt.Errorf("which fleet these are of cannot be looked up: %w; name it with --fleet", err)
	}
	defer func() { _ = r.Close() }()
	for _, name := range fleets {
		last, err := r.Records(ctx, name, time.Time{}, seedTicks)
		if err != nil {
			return nil, err
		}
		for _, rec := range last {
			f.take(name, idsIn(rec.Snapshot.Workers))
			f.take(name, rec.Deeds().Launched) // no snapshot has them yet
		}
	}
	if len(f.left) > 0 {
		slices.Sort(f.known)
		return nil, fmt.Errorf("no worker %s is known; there are: %s", few(texts(f.left)), orNone(few(slices.Compact(f.known))))
	}
	return f.of, nil
}

// search finds out whose workers are.
type search struct {
	left  []fleet.ID            // not found yet
	of    map[string][]fleet.ID // found, by fleet
	known []string              // all that there are
}

// take finds those that are looked for among a fleet's.
func (f *search) take(fleetName string, ids []fleet.ID) {
	for _, id := range ids {
		f.known = append(f.known, string(id))
		if i := slices.Index(f.left, id); i >= 0 {
			f.of[fleetName], f.left = append(f.of[fleetName], id), slices.Delete(f.left, i, i+1)
		}
	}
}

func idsIn(ws []fleet.Worker) (ids []fleet.ID) {
	for i := range ws {
		ids = append(ids, ws[i].ID)
	}
	return ids
}

// named are the workers that a fleet's orders are about.
func named(s signals.Standing) (ids []fleet.ID) {
	for _, n := range slices.Concat(s.Drain, s.Forget) {
		ids = append(ids, n.ID)
	}
	return ids
}

func orNone(text string) string {
	if strings.TrimSpace(text) == "" {
		return "none"
	}
	return text
}
