package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/dashboard"
	"skynet/fleet"
	"skynet/signals"
)

// late is after how many intervals without a tick something is wrong.
const late = 3

// longestInterval is what settings may ask for at most.
const longestInterval = time.Hour

// wrong is what a person should look into, in plain words.
func (l looker) wrong(v *fleetView, f dashboard.Fleet, now time.Time) (list []string) {
	if !v.ticked {
		return []string{"there was no tick yet: is skynet running? The first comes at the next full interval"}
	}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	s, d := v.report.Snapshot, v.report.Decision
	step := l.interval
	if step == 0 {
		step = s.Step()
	}
	if step == 0 {
		step = longestInterval
	}
	if past := now.Sub(s.Now); past > late*step {
		say("the last tick was %s ago: skynet does not run, or hangs", roughly(past))
	}
	if why := v.failed(); why != "" {
		say("the last tick decided nothing: %s", firstLine(why))
		return list
	}
	if d.Blind {
		say("blind, nobody is let go: %s", d.Blindness())
	}
	for _, q := range f.Queues {
		if q.Missed != "" {
			say("%s", q.Missed)
		}
	}
	if f.Breaker != nil {
		say("the breaker is open: %s", *f.Breaker)
	}
	for _, by := range []string{"budget", "quorum"} {
		if said := argued(d, by); said != "" {
			say("%s", said)
		}
	}
	if why := shortage(d); why != "" && f.Breaker == nil {
		say("more are wanted and none can be had: %s", why)
	}
	for _, why := range v.report.Deeds.Failures {
		say("refused: %s", firstLine(why))
	}
	return list
}

func firstLine(text string) string {
	first, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		first += " …"
	}
	return first
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func (f fleetStand) print(out io.Writer, now time.Time, all bool) {
	head := "fleet " + f.Name
	if f.Have != nil && f.Want != nil {
		head += fmt.Sprintf(": have %d, want %d: %s", *f.Have, *f.Want, f.Headline)
	} else if f.LastTick != nil {
		head += ": no decision"
	}
	if t := f.LastTick; t != nil {
		head += fmt.Sprintf("  (%s, %s ago)", t.At.Local().Format(time.TimeOnly), roughly(now.Sub(t.At)))
	}
	fmt.Fprintln(out, head)
	for _, q := range f.Queues {
		say(out, "promise", promiseSaid(q))
	}
	if f.LastTick != nil {
		say(out, "workers", f.workersSaid())
		say(out, "cost", f.costSaid())
	}
	for _, said := range f.ordersSaid() {
		say(out, "orders", said)
	}
	for _, why := range f.Wrong {
		say(out, "wrong", why)
	}
	if len(f.Wrong) == 0 {
		say(out, "wrong", "nothing")
	}
	f.listWorkers(out, now, all)
}

// promiseSaid is how a queue's objective is kept.
func promiseSaid(q dashboard.Queue) string {
	said := q.Name + ": "
	if o := q.Objective; o != nil {
		said += fmt.Sprintf("%.4g%% start within %s: ", 100*o.Quantile, span(o.Wait))
	}
	switch {
	case q.Missed != "":
		said += "missed"
	case q.Within != nil:
		said += fmt.Sprintf("kept, %.4g%% lately", 100**q.Within)
	default:
		said += "nothing has started lately"
	}
	said += fmt.Sprintf("; %s waiting, %s in hand", figure(q.Visible), figure(q.InFlight))
	if q.OldestAge != nil && *q.OldestAge > 0 {
		said += ", the oldest for " + span(*q.OldestAge)
	}
	if q.Dead != nil && *q.Dead > 0 {
		said += fmt.Sprintf(", %.0f in the dead-letter queue (skynet dead list %s)", *q.Dead, q.Name)
	}
	return said
}

// span is so many seconds as people say it.
func span(seconds float64) string {
	return strict.Duration((time.Duration(seconds * float64(time.Second))).Round(time.Second)).String()
}

// figure is a number, or that it is unknown.
func figure(v *float64) string {
	if v == nil {
		return "?"
	}
	return fmt.Sprintf("%.4g", *v)
}

func (f fleetStand) workersSaid() string {
	if f.Jobs == nil {
		return "unknown: " + f.Unknown["workers"]
	}
	var parts []string
	for s := fleet.Unknown; s < fleet.Leaving; s++ {
		if n := f.States[s.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	said := "none"
	if len(parts) > 0 {
		said = strings.Join(parts, ", ") + fmt.Sprintf("; %d of %d slots busy", *f.Jobs, *f.Slots)
	}
	if b := f.Bounds; b != nil {
		said += fmt.Sprintf("; %d to %d may be", b.Min, b.Max)
	}
	return said
}

func (f fleetStand) costSaid() string {
	said := fmt.Sprintf("%s an hour, %s today", money(f.CostHourly), money(f.SpentToday))
	if b := f.Budget; b != nil {
		if b.Hourly != nil {
			said += fmt.Sprintf("; at most %.2f an hour", *b.Hourly)
		}
		if b.Daily != nil {
			said += fmt.Sprintf("; at most %.2f a day", *b.Daily)
		}
	}
	return said
}

func money(v *float64) string {
	if v == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.2f", *v)
}

// ordersSaid are the operator's orders, with who gave them and why.
func (f fleetStand) ordersSaid() (list []string) {
	by := func(who, why string) string {
		if who != "" {
			who = ", by " + who
		}
		if why != "" {
			why = ": " + why
		}
		return who + why
	}
	if p := f.Pause; p != nil {
		list = append(list, "paused until "+zoned(p.Until)+by(p.By, p.Why))
	}
	if l := f.Floor; l != nil {
		list = append(list, fmt.Sprintf("at least %d until %s%s", l.Workers, zoned(l.Until), by(l.By, l.Why)))
	}
	for _, o := range []struct {
		verb string
		of   []signals.Named
	}{{"drain", f.Drain}, {"forget", f.Forget}} {
		for i, n := range o.of {
			if i == fewWorkers {
				list = append(list, fmt.Sprintf("%s %d more", o.verb, len(o.of)-i))
				break
			}
			list = append(list, fmt.Sprintf("%s %s until %s%s", o.verb, n.ID, zoned(n.Until), by(n.By, n.Why)))
		}
	}
	return list
}

// fewWorkers are listed one by one on a screen that has room for all else as well.
const fewWorkers = 12

func (f fleetStand) listWorkers(out io.Writer, now time.Time, all bool) {
	ws := slices.DeleteFunc(slices.Clone(f.Workers), func(w dashboard.Worker) bool { return w.State == fleet.Leaving.String() && !all })
	for i, w := range ws {
		if i == fewWorkers && !all {
			fmt.Fprintf(out, "  and %d more: --workers lists all\n", len(ws)-i)
			return
		}
		line := fmt.Sprintf("  %-20s %-9s", w.ID, w.State)
		if w.Slots > 0 {
			line += fmt.Sprintf(" %d of %d busy", w.Jobs, w.Slots)
		}
		if w.Type != "" {
			line += "  " + w.Type
		}
		if w.Zone != "" && w.Zone != w.Type {
			line += " " + w.Zone
		}
		if w.Spot {
			line += " spot"
		}
		if w.Heard != nil {
			line += fmt.Sprintf("  heard %s ago", roughly(now.Sub(*w.Heard)))
		}
		if w.Silent {
			line += ", silent"
		}
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}
