package forecast

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/signals"
)

// covers is how long after a gap what has arrived since its beginning is still told
// as one number: no earlier tick is compared with than one of an hour ago.
const covers = time.Hour

// A clock that has been set back by more than this is waited for, unless it stays.
const (
	backStep  = 2 * time.Hour
	backTicks = 30
)

// longest is the longest span of which a count is taken in.
const longest = 24 * time.Hour

// dark is how long the arrivals may be unknown before there is no forecast either.
const dark = 24 * time.Hour

// tap is where a stream's counts come from: ticks, some of which do not know.
type tap struct {
	*stream
	names [len(leaves)]string
	known time.Time // until when counts are known
	part  float64   // of the minute that was not complete then
	blank bool
	why   string // why nothing is known now
	back  int    // ticks since the clock was set back too far

	// What was heard since the last tick that is remembered. A tick that came to nothing
	// (the journal could not be written) is not, and the next count holds its own again.
	base  time.Time
	heard float64
}

// hear takes in what a tick says.
func (t *tap) hear(now, before time.Time, items float64, err error) {
	t.why = ""
	if t.wentBack(now) {
		return
	}
	if err == nil {
		items = t.fresh(before, items)
	}
	switch {
	case err != nil:
		t.why = err.Error()
		t.blind(now)
	case t.known.IsZero() && before.IsZero():
		t.known = now // since when these came is not known
	case t.known.IsZero():
		t.take(now, before, items)
	case t.known.Before(before) && now.Sub(t.known) > covers:
		t.rewind()
		t.skip(before)
		t.take(now, before, items)
	default:
		t.take(now, t.known, items)
	}
}

// fresh is what of a count since a tick was not heard before.
func (t *tap) fresh(since time.Time, items float64) float64 {
	again := 0.0
	if !since.IsZero() && since.Equal(t.base) {
		again = t.heard
	}
	t.base, t.heard = since, max(items, again)
	return max(0, items-again)
}

// blind moves the stream on through what may be told later.
func (t *tap) blind(now time.Time) {
	if t.begun && !t.known.IsZero() && now.After(t.known) {
		t.skip(now)
		t.predict(false)
	}
}

// take adds what came since a time. What had been filled in meanwhile is replaced. A
// count over more than a day says nothing of when they came.
func (t *tap) take(now, from time.Time, items float64) {
	if t.begun {
		t.rewind()
	}
	if now.Sub(from) > longest {
		if t.begun {
			t.skip(now)
			t.predict(false)
		}
		t.known, t.part, t.blank = now, t.stream.part, t.stream.blank
		return
	}
	t.observe(from, now, items)
	t.known, t.part, t.blank = now, t.stream.part, t.stream.blank
}

// rewind goes back to where counts were known.
func (t *tap) rewind() {
	if !t.begun || t.known.IsZero() || !t.seen.After(t.known) {
		return
	}
	t.past.cut(minuteOf(t.known))
	t.stream.part, t.stream.blank, t.seen = t.part, t.blank, t.known
}

// wentBack deals with a clock that has been set back, which is true if the tick has
// to be left out.
func (t *tap) wentBack(now time.Time) bool {
	if t.known.IsZero() || !now.Before(t.known) {
		t.back = 0
		return false
	}
	by := t.known.Sub(now)
	if by > backStep {
		t.back++
		if t.back < backTicks {
			t.why = fmt.Sprintf("the clock has been set back by %s", by.Round(time.Second))
			return true
		}
		*t = tap{stream: newStream(t.days), names: t.names, why: "the clock has been set back"}
		return true
	}
	t.rewind()
	t.back = 0
	if t.begun && minuteOf(now) < t.past.head {
		t.past.cut(minuteOf(now))
		t.stream.part, t.stream.blank = 0, true
		t.gap = t.past.head
	}
	t.known, t.seen, t.part, t.blank = now, now, t.stream.part, t.stream.blank
	return true
}

// leaves are the names of the signals, without queue.
var leaves = [...]string{
	"forecast.arrivals_5m", "forecast.arrivals_5m_p90", "forecast.arrivals_5m_p99",
	"forecast.arrivals_15m", "forecast.arrivals_15m_p90", "forecast.arrivals_15m_p99",
	"forecast.arrivals_60m", "forecast.arrivals_60m_p90", "forecast.arrivals_60m_p99",
	"forecast.usual", "forecast.error", "forecast.surprise",
}

// Where the last three are.
const (
	usual    = nh * nq
	errorOf  = usual + 1
	surprise = usual + 2
)

// inOrder are the places of the leaves in order of their names, under any queue's.
var inOrder = func() (places [len(leaves)]int) {
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places[:], func(a, b int) int { return strings.Compare(leaves[a], leaves[b]) })
	return places
}()

var fleetNames = namesOf("")

func namesOf(queue string) (names [len(leaves)]string) {
	for i, l := range leaves {
		names[i] = l
		if queue != "" {
			names[i] = signals.OfQueue(l, queue)
		}
	}
	return names
}

// signals appends what a policy may know, under the given names and in order of them.
func (t *tap) signals(out []signals.Signal, now time.Time, names *[len(leaves)]string) []signals.Signal {
	why, note := t.silent(now), ""
	if why == "" {
		note = t.rests(now)
	}
	for _, leaf := range inOrder {
		if why != "" {
			out = append(out, signals.Missing(names[leaf], now, why))
		} else {
			out = append(out, t.signal(leaf, names[leaf], now, note))
		}
	}
	return out
}

func (t *tap) signal(leaf int, name string, now time.Time, note string) signals.Signal {
	switch leaf {
	case usual:
		return t.usual(name, now)
	case errorOf:
		return t.error(name, now)
	case surprise:
		return t.surprise(name, now)
	}
	s := signals.Known(name, float64(t.now[leaf/nq].all[leaf%nq]), now, 0)
	s.Note = note
	return s
}

// silent says why there is no forecast, "" if there is one.
func (t *tap) silent(now time.Time) string {
	switch {
	case t.back > 0:
		return t.why
	case !t.begun || !t.now[0].full:
		if t.why != "" {
			return "no whole minute of arrivals has been seen yet: " + t.why
		}
		return "no whole minute of arrivals has been seen yet"
	case now.Sub(t.known) > dark:
		return fmt.Sprintf("arrivals have been unknown for %s: %s", long(now.Sub(t.known)), t.why)
	}
	return ""
}

// long is a length of time as people say it.
func long(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", math.Floor(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", math.Floor(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f minutes", math.Floor(d.Minutes()))
	}
	return fmt.Sprintf("%.0f seconds", d.Seconds())
}

// rests says what a forecast rests on where that is little.
func (t *tap) rests(now time.Time) string {
	if t.why != "" {
		return fmt.Sprintf("arrivals have been unknown for %s: %s", long(now.Sub(t.known)), t.why)
	}
	if age := t.past.age(); age < dayMinutes {
		return fmt.Sprintf("rests on %d minutes of history", age)
	}
	return ""
}

// usual is what this hour of the week usually brings, items/s.
func (t *tap) usual(name string, now time.Time) signals.Signal {
	hour := minuteOf(now)
	part := t.days.at(hour)
	hour -= floorMod(hour+part.offset, 60)
	n, ok := t.like(weekShape, hour, hour+60)
	s := signals.Known(name, n/3600, now, 0)
	if !ok {
		if n, ok = t.like(dayShape, hour, hour+60); !ok {
			return signals.Missing(name, now, "there is no day of history yet")
		}
		s = signals.Known(name, n/3600, now, 0)
		s.Note = "the same hour of earlier days: there is no week of history yet"
	}
	return s
}

// error is our loss at 15 minutes over that of "same as last week".
func (t *tap) error(name string, now time.Time) signals.Signal {
	trial := &t.trials[1]
	if trial.weekRef.weight > 0 && trial.weekSeen >= dayMinutes {
		return against(name, now, trial.week.mean(), trial.weekRef.mean())
	}
	if trial.ours.weight == 0 {
		return signals.Missing(name, now, "no forecast has come to its end yet")
	}
	s := against(name, now, trial.ours.mean(), trial.lastRef.mean())
	s.Note = "over that of the last value: there is no week of history yet"
	return s
}

func against(name string, now time.Time, ours, ref float64) signals.Signal {
	switch {
	case ref > 0:
		return signals.Known(name, ours/ref, now, 0)
	case ours == 0:
		return signals.Known(name, 1, now, 0)
	}
	return signals.Missing(name, now, "what it is compared with has made no error")
}

func (t *tap) surprise(name string, now time.Time) signals.Signal {
	if !t.offOK {
		return signals.Missing(name, now, "no forecast has come to its end yet")
	}
	return signals.Known(name, t.off, now, 0)
}
