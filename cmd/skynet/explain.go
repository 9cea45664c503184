package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/journal"
)

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say what was decided and why",
		Long: `Say what ticks decided: what each policy wanted and why, what guards took away,
what was done, and what came of it; and for a tick that did nothing, why nothing.

Without flags it tells of the last five ticks that did something, or in which an
operator's order was given, taken back or expired. One tick is
told of whole, with every signal that it knew. Times are local: 15:04 is today's,
"2026-03-01 17:00" any day's; 10m is ten minutes ago.`,
		Example: "  skynet explain --config skynet.yaml                 the last five ticks that did something\n" +
			"  skynet explain --config skynet.yaml --at 17:05      that minute's tick, with every signal\n" +
			"  skynet explain --config skynet.yaml --all --last 20   also those that held",
		Args: cobra.NoArgs,
		RunE: explain,
	}
	addJournalFlags(c)
	addOutputFlag(c)
	c.Flags().Int("last", 5, "how many decisions")
	c.Flags().Bool("all", false, "also ticks that held: why nothing happened")
	c.Flags().String("at", "", "the tick at that time: 17:05, \"2026-03-01 17:05\", RFC 3339, or 10m for ten minutes ago")
	c.Flags().String("decision", "", "the tick with that decision's ID, as a drain tag or a log line names it")
	c.Flags().Bool("signals", false, "every signal that was known; always there for a single tick")
	return c
}

func explain(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	a, err := askedOf(c)
	if err != nil {
		return err
	}
	h, err := openHistory(c)
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	list, later, err := a.find(c.Context(), h)
	if err != nil {
		return err
	}
	if asJSON {
		return explainJSON(c.OutOrStdout(), list, later)
	}
	for i, r := range list {
		if i > 0 {
			fmt.Fprintln(c.OutOrStdout())
		}
		told{r, after(later, r), a.signals}.print(c.OutOrStdout())
	}
	return nil
}

// question is which ticks are asked about.
type question struct {
	n       int
	all     bool
	at      time.Time     // of one tick; zero: the last ones
	within  time.Duration // how exactly at was written: a minute, a second, a millisecond
	exact   bool          // at is a tick's own time
	signals bool
}

func askedOf(c *cobra.Command) (q question, err error) {
	q.n, _ = c.Flags().GetInt("last")
	q.all, _ = c.Flags().GetBool("all")
	q.signals, _ = c.Flags().GetBool("signals")
	if q.n < 1 {
		return q, fmt.Errorf("--last %d: write 1 or more", q.n)
	}
	at, _ := c.Flags().GetString("at")
	id, _ := c.Flags().GetString("decision")
	switch {
	case at != "" && id != "":
		return q, fmt.Errorf("--at and --decision both name a tick: give one of them")
	case at != "":
		q.signals = true
		q.at, q.within, err = momentOf(at, time.Now())
		return q, err
	case id != "":
		q.signals, q.exact = true, true
		var ok bool
		if q.at, ok = fleet.DecisionTime(id); !ok {
			return q, fmt.Errorf("--decision %q is not a decision's ID; it looks like %s", id, fleet.DecisionID("render", time.Now()))
		}
		_ = c.Flags().Set("fleet", id[:len(id)-len(fleet.DecisionID("", q.at))])
	}
	return q, nil
}

// layouts are how people write times, and how exactly.
var layouts = []struct {
	text   string
	today  bool // the date is left out
	within time.Duration
}{
	{time.DateTime, false, time.Second}, {"2006-01-02T15:04:05", false, time.Second}, {"15:04:05", true, time.Second},
	{"2006-01-02 15:04", false, time.Minute}, {"2006-01-02T15:04", false, time.Minute}, {"15:04", true, time.Minute},
}

// momentOf reads a time as people write it. Ticks come a little after the full
// second: 17:05 means any time within that minute.
func momentOf(text string, now time.Time) (at time.Time, within time.Duration, err error) {
	if d, err := strict.ParseDuration(text); err == nil {
		return now.Add(-d.Std()), 0, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		if t.Nanosecond() != 0 {
			return t, time.Millisecond, nil
		}
		return t, time.Second, nil
	}
	for _, l := range layouts {
		layout, full := l.text, text
		if l.today {
			layout, full = time.DateOnly+" "+layout, now.Format(time.DateOnly)+" "+text
		}
		if t, err := time.ParseInLocation(layout, full, time.Local); err == nil {
			return t, l.within, nil
		}
	}
	return time.Time{}, 0, fmt.Errorf("--at %q is not a time; write 17:05, \"2026-03-01 17:05\", 2026-03-01T17:05:00Z, or 10m for ten minutes ago", text)
}

const (
	// around is how far from the time asked for a tick may lie.
	around = time.Hour
	// outcomeWithin is how long after a tick its launches are looked for.
	outcomeWithin = time.Hour
	// lookBack is how many ticks are read to find some that did something.
	lookBack = 10_000
)

// find returns the ticks asked for, oldest first, and those after the first of
// them, which tell what came of it.
func (q question) find(ctx context.Context, h *history) (list, later []journal.Record, err error) {
	if q.at.IsZero() {
		all, err := q.last(ctx, h)
		return chosen(all, q.n, q.all), all, err
	}
	if q.exact {
		list, err = h.between(ctx, q.at, q.at.Add(time.Millisecond), 1)
	} else {
		list, err = q.nearest(ctx, h)
	}
	if err != nil {
		return nil, nil, err
	}
	from := list[0].Snapshot.Now
	later, err = h.Between(ctx, h.fleet, from.Add(1), from.Add(outcomeWithin), 0)
	return list, later, err
}

// last are the last ticks, so many that those asked for are among them. It looks
// further back only when it must: thousands of ticks of many workers take seconds.
func (q question) last(ctx context.Context, h *history) (all []journal.Record, err error) {
	if q.all {
		return h.between(ctx, time.Time{}, forever, q.n)
	}
	for n := 20 * min(q.n, lookBack); ; n *= 8 {
		n = min(n, lookBack)
		all, err = h.between(ctx, time.Time{}, forever, n)
		if err != nil || len(all) < n || n >= lookBack || didSomething(all) >= q.n {
			return all, err
		}
	}
}

func didSomething(list []journal.Record) (n int) {
	for _, r := range list {
		if telling(r) {
			n++
		}
	}
	return n
}

// telling reports whether a tick is worth telling of: it did something, or the
// operator did.
func telling(r journal.Record) bool { return len(r.Intents)+len(r.Snapshot.Orders.Changes) > 0 }

// nearest is the first tick within the time asked for, else the last before it,
// else the first after.
func (q question) nearest(ctx context.Context, h *history) ([]journal.Record, error) {
	within, err := h.Between(ctx, h.fleet, q.at, q.at.Add(q.within-1), 0)
	if err != nil || len(within) > 0 {
		return take(within, 1), err
	}
	before, err := h.Between(ctx, h.fleet, q.at.Add(-around), q.at, 1)
	if err != nil || len(before) > 0 {
		return before, err
	}
	next, err := h.between(ctx, q.at.Add(-around), q.at.Add(around), 0)
	return take(next, 1), err
}

func take(list []journal.Record, n int) []journal.Record { return list[:min(n, len(list))] }

// chosen are the last n, of those worth telling of unless all are wanted. If
// none did, the last tick says why.
func chosen(list []journal.Record, n int, all bool) []journal.Record {
	kept := list
	if !all {
		kept = nil
		for _, r := range list {
			if telling(r) {
				kept = append(kept, r)
			}
		}
	}
	if len(kept) == 0 && len(list) > 0 {
		kept = list[len(list)-1:]
	}
	return kept[max(0, len(kept)-n):]
}

// after are the ticks of a list that came after r, for as long as its launches
// may take.
func after(list []journal.Record, r journal.Record) (some []journal.Record) {
	for _, l := range list {
		if past := l.Snapshot.Now.Sub(r.Snapshot.Now); past > 0 && past <= outcomeWithin {
			some = append(some, l)
		}
	}
	return some
}

// explained is a tick with what came of it.
type explained struct {
	journal.Record
	Then []string `json:"then,omitempty"` // in words
}

func explainedBy(r journal.Record, later []journal.Record) explained {
	return explained{r, told{Record: r, later: later}.became()}
}

func explainJSON(out io.Writer, list, later []journal.Record) error {
	enc := json.NewEncoder(out)
	for _, r := range list {
		if err := enc.Encode(explainedBy(r, after(later, r))); err != nil {
			return err
		}
	}
	return nil
}
