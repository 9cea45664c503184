package expression

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"skynet/signals"
)

// Windows reach from a second to a day back.
const (
	shortestWindow = time.Second
	longestWindow  = 24 * time.Hour
)

// slot is one number that is read from the snapshot before anything is computed.
type slot struct {
	signal   string
	shown    string // in the words of the expression
	over     over   // nil: the signal's value now
	window   time.Duration
	written  string // the window as it was written
	quantile float64
}

// over computes a number from the samples of a window.
type over func(slot, samples) (float64, error)

// windowed are the functions of a window. Of an unknown sample here and there the
// known ones speak too; if more than half of a window is unknown, so is the
// result.
var windowed = map[string]over{
	"mean":     mean,
	"min":      func(_ slot, s samples) (float64, error) { return slices.Min(s.values()), nil },
	"max":      func(_ slot, s samples) (float64, error) { return slices.Max(s.values()), nil },
	"sum":      sum,
	"rate":     rate,
	"delta":    delta,
	"quantile": quantile,
}

// sample is a signal at one tick, and for how long before that it was not known: a
// tick that did not count lends its time to the next one that did.
type sample struct {
	at    time.Time
	since time.Duration
	value float64
}

// samples are the known ones of a window, of so many ticks and so long; before is
// the one at its start, if that is known.
type samples struct {
	known  []sample
	ticks  int
	length time.Duration
	before *sample
}

func (s samples) values() []float64 {
	list := make([]float64, len(s.known))
	for i := range s.known {
		list[i] = s.known[i].value
	}
	return list
}

// read takes the slot's number from a snapshot. Covered says that history
// reaches back as far as the longest window.
func (s slot) read(snapshot signals.Snapshot, covered bool) (float64, error) {
	if s.over == nil {
		return snapshot.Value(s.signal)
	}
	if !covered && !snapshot.Covers(s.window) {
		return 0, fmt.Errorf("%s is unknown: less than %s of history without a gap", s.shown, s.written)
	}
	past := s.samples(snapshot)
	if len(past.known)*2 < past.ticks {
		return 0, fmt.Errorf("%s is unknown: %s was known at %d of the last %d ticks", s.shown, s.signal, len(past.known), past.ticks)
	}
	v, err := s.over(s, past)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = errors.New("too large a number")
	}
	if err != nil {
		return 0, fmt.Errorf("%s is unknown: %w", s.shown, err)
	}
	return v, nil
}

// samples are those of the ticks after now less the window, and now's own.
func (s slot) samples(snapshot signals.Snapshot) (past samples) {
	ticks, read := snapshot.Since(snapshot.Now.Add(-s.window)), signals.Reader{Name: s.signal}
	past.known = make([]sample, 0, len(ticks)+1)
	past.ticks = len(ticks) + 1
	last := snapshot.Now
	if earlier := snapshot.Recent[:len(snapshot.Recent)-len(ticks)]; len(earlier) > 0 {
		start := &earlier[len(earlier)-1]
		past.length, last = snapshot.Now.Sub(start.At), lastKnown(earlier, &read)
		if v, ok := read.Value(start); ok {
			past.before = &sample{at: start.At, value: v}
		}
	}
	for i := range ticks {
		if v, ok := read.Value(&ticks[i]); ok {
			past.known = append(past.known, sample{ticks[i].At, ticks[i].At.Sub(last), v})
			last = ticks[i].At
		}
	}
	if v, err := snapshot.Value(s.signal); err == nil {
		past.known = append(past.known, sample{snapshot.Now, snapshot.Now.Sub(last), v})
	}
	return past
}

// lastKnown is the latest tick that knew the signal; if none did, the latest.
func lastKnown(ticks []signals.Tick, read *signals.Reader) time.Time {
	for i := len(ticks) - 1; i >= 0; i-- {
		if _, ok := read.Value(&ticks[i]); ok {
			return ticks[i].At
		}
	}
	return ticks[len(ticks)-1].At
}

func mean(_ slot, s samples) (float64, error) {
	total := 0.0
	for _, v := range s.known {
		total += v.value
	}
	return total / float64(len(s.known)), nil
}

// sum adds counts up. Where the window begins or ends with ticks that did not
// count, they are taken to be like the rest, and so is each unknown sample of a
// user's own: an outage of a source must not look like a quiet queue.
func sum(s slot, past samples) (float64, error) {
	total, counting := past.total()
	switch {
	case !counted(s.signal):
		return total * (float64(past.ticks) / float64(len(past.known))), nil
	case counting <= 0:
		return 0, errNoTime
	}
	return total * (past.length.Seconds() / counting.Seconds()), nil
}

// rate is per second: of a count, what was counted over the time in which it was;
// of anything else, its slope from the first to the last that is known.
func rate(s slot, past samples) (float64, error) {
	if !counted(s.signal) {
		change, length, err := past.change()
		return change / length.Seconds(), err
	}
	total, counting := past.total()
	if counting <= 0 {
		return 0, errNoTime
	}
	return total / counting.Seconds(), nil
}

var errNoTime = errors.New("no time has passed")

// total adds up what was counted, and the time in which it was.
func (s samples) total() (total float64, counting time.Duration) {
	for _, v := range s.known {
		total += v.value
		counting += v.since
	}
	return total, counting
}

// delta is the change over the window at the slope that rate gives.
func delta(s slot, past samples) (float64, error) {
	change, length, err := past.change()
	if err != nil {
		return 0, err
	}
	return change * (s.window.Seconds() / length.Seconds()), nil
}

func (s samples) change() (float64, time.Duration, error) {
	first, last := s.known[0], s.known[len(s.known)-1]
	if s.before != nil {
		first = *s.before
	}
	length := last.at.Sub(first.at)
	if length <= 0 {
		return 0, time.Second, errors.New("known once only, which has no slope")
	}
	return last.value - first.value, length, nil
}

// quantile is between two samples where it falls there, as Prometheus and most
// of statistics have it (type 7 of Hyndman and Fan).
func quantile(s slot, past samples) (float64, error) {
	sorted := past.values()
	slices.Sort(sorted)
	rank := s.quantile * float64(len(sorted)-1)
	low := int(rank)
	high := min(low+1, len(sorted)-1)
	part := rank - float64(low)
	return sorted[low]*(1-part) + sorted[high]*part, nil
}

// counted reports a signal that counts what happened since the tick before, as
// its line in the catalogue says. A user's own is not one.
func counted(name string) bool {
	k, ok := signals.KindOf(name)
	return ok && (strings.HasSuffix(k.Says, "since the last tick") || strings.HasSuffix(k.Says, "by the last tick"))
}

// fits says why a function cannot be had of a signal, "" if it can.
func fits(function, signal string) string {
	_, known := signals.KindOf(signal)
	switch {
	case function == "sum" && known && !counted(signal):
		return "adds up a level at every tick, which says nothing; use mean or max"
	case function == "delta" && counted(signal):
		return "is the change of a count; use sum for how many there were"
	}
	return ""
}

// parseWindow reads a window as durations are written in files: 90s, 10m, 1h30m,
// 1d. Weeks are longer than any window.
func parseWindow(text string) (time.Duration, error) {
	days, rest := time.Duration(0), text
	if n, after, ok := strings.Cut(text, "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, errWindow
		}
		days, rest = time.Duration(count)*24*time.Hour, after
	}
	length := days
	if rest != "" || days == 0 {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, errWindow
		}
		length += d
	}
	if length < shortestWindow || length > longestWindow {
		return 0, errors.New("is not from 1s to 24h")
	}
	return length, nil
}

var errWindow = errors.New("is not a window; write it like '10m', '90s' or '1d'")
