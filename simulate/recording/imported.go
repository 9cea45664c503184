package recording

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/simulate/scenario"
)

// by is who speaks in the decisions of ticks that were imported.
const by = "import"

// Imported reports whether a tick was made of somebody's files, rather than lived
// through by a daemon.
func Imported(r journal.Record) bool {
	return r.Decision.Failed != "" && len(r.Decision.Reasons) > 0 && r.Decision.Reasons[0].By == by
}

// Load is what is known of one queue: a series of arrivals, or single jobs.
type Load struct {
	Queue  string
	From   string // the file that it is from
	Series scenario.Series
	Trace  scenario.Trace
	Takes  time.Duration // how long an item of the series takes; 0: not known
}

func (l *Load) began() time.Time {
	if l.Series.Began.IsZero() {
		return l.Trace.Began
	}
	return l.Series.Began
}

// Ended is when the last of it had come.
func (l *Load) Ended() time.Time {
	return l.began().Add(max(l.Series.End(), l.Trace.End()))
}

// Import is a recording that is made of files. Nothing was decided in it, so its
// ticks say that there was no decision: a daemon that comes upon them remembers none.
type Import struct {
	Fleet    string
	Slots    int      // items that one instance works on at once; 0: not known
	Price    *float64 // of an instance, an hour; nil: not known
	Interval time.Duration
	Loads    []Load
	Workers  scenario.Series // how many there were; may be empty
	From, To time.Time       // only what lies between; zero: all
}

// mostTicks of an import: ten years of minutes.
const mostImported = 10 * 366 * 24 * 60

// span is the first tick and how many there are: each tells of the interval before
// it, the first of nothing.
func (im *Import) span() (first time.Time, ticks int) {
	var from, to time.Time
	for i := range im.Loads {
		l := &im.Loads[i]
		if b := l.began(); from.IsZero() || b.Before(from) {
			from = b
		}
		if e := l.Ended(); e.After(to) {
			to = e
		}
	}
	if from.Before(im.From) {
		from = im.From
	}
	if !im.To.IsZero() && to.After(im.To) {
		to = im.To
	}
	first = from.UTC().Truncate(im.Interval)
	if im.Interval <= 0 || !to.After(first) {
		return first, 0
	}
	return first, 1 + int((to.Sub(first)+im.Interval-1)/im.Interval)
}

// Ticks is how many there will be.
func (im *Import) Ticks() int { _, n := im.span(); return n }

// Check refuses what makes no recording.
func (im *Import) Check() error {
	for i := range im.Loads {
		if b := im.Loads[i].began(); b.Year() < 1970 || b.Year() > 2200 {
			return fmt.Errorf("%s begins in %d; times from 1970 to 2200 will do", im.Loads[i].From, b.Year())
		}
		if items := im.Loads[i].Series.Items(); !(items <= scenario.MostItems) {
			return fmt.Errorf("%s has %.3g items; at most %g will do: is its second column how many items came?", im.Loads[i].From, items, scenario.MostItems)
		}
	}
	n := im.Ticks()
	switch {
	case len(im.Loads) == 0:
		return errors.New("there is nothing to import: name a file of arrivals or of jobs")
	case im.Interval < time.Second || im.Interval > time.Hour:
		return fmt.Errorf("the interval %s is out of range; write 1s to 1h", im.Interval)
	case n < 2:
		return errors.New("nothing is left to import: the files have nothing in that time")
	case n > mostImported:
		return fmt.Errorf("these are %d ticks, of %s each; at most %d will do: import less of it, or write a longer interval", n, im.Interval, mostImported)
	}
	return nil
}

// Records are the ticks, oldest first.
func (im *Import) Records() iter.Seq[journal.Record] {
	first, n := im.span()
	return func(yield func(journal.Record) bool) {
		var queues []string
		pumps := make([]pump, len(im.Loads))
		for i := range im.Loads {
			pumps[i] = pump{Load: &im.Loads[i]}
			pumps[i].until(first)
			queues = append(queues, im.Loads[i].Queue)
		}
		crowd := level{series: im.Workers}
		for k := range n {
			now := first.Add(time.Duration(k) * im.Interval)
			if !yield(im.record(now, k == 0, queues, pumps, &crowd)) {
				return
			}
		}
	}
}

// record is one tick.
func (im *Import) record(now time.Time, first bool, queues []string, pumps []pump, crowd *level) journal.Record {
	s := signals.Snapshot{Fleet: im.Fleet, Now: now, Queues: queues}
	know := func(name string, v float64, note string) {
		sig := signals.Known(name, v, now, im.Interval)
		sig.Note = note
		s.Signals = append(s.Signals, sig)
	}
	var said []string
	for i := range pumps {
		said = append(said, pumps[i].tell(now, first, im.Interval, &s))
	}
	sums(&s, pumps, im.Interval)
	if im.Slots > 0 {
		know("fleet.slots", float64(im.Slots), "imported: as it was given")
	}
	if im.Price != nil {
		know("cost.per_instance", *im.Price, "imported: as it was given")
	}
	d := policy.Decision{ID: fleet.DecisionID(im.Fleet, now), Fleet: im.Fleet, Failed: "imported: " + strings.Join(said, "; ")}
	if v, ok := crowd.at(now); ok {
		know("fleet.running", v, "")
	}
	d.Reasons = []policy.Reason{{By: by, Said: strings.Join(said, "; ")}}
	return journal.Record{Snapshot: s.Freeze(), Decision: d}
}

// sums are the fleet's own numbers: what arrived in all of its queues.
func sums(s *signals.Snapshot, pumps []pump, good time.Duration) {
	total := 0.0
	for i := range pumps {
		if pumps[i].why != "" {
			s.Signals = append(s.Signals, signals.Missing("queue.arrived", s.Now, pumps[i].why))
			return
		}
		total += pumps[i].came
	}
	s.Signals = append(s.Signals, signals.Known("queue.arrived", total, s.Now, good))
}

// pump walks through a load, from tick to tick.
type pump struct {
	*Load
	row  int           // of the series or the trace: the first that is not over
	at   time.Duration // since the load began
	came float64       // since the tick before
	why  string        // nothing is known of it
	took []float64     // s, of the jobs since the tick before
	step time.Duration // of the series, in which the tick lies
}

// until takes what arrived until then.
func (p *pump) until(now time.Time) {
	to := now.Sub(p.began())
	p.came, p.why, p.took = 0, "", p.took[:0]
	if !p.Trace.Began.IsZero() {
		p.jobs(to)
	} else {
		p.share(to)
	}
	if p.at = to; to <= 0 {
		p.why = p.From + " begins later"
	}
}

func (p *pump) jobs(to time.Duration) {
	if p.at >= p.Trace.End() {
		p.why = p.From + " has nothing for this time"
	}
	for ; p.row < len(p.Trace.Jobs) && p.Trace.Jobs[p.row].At < to; p.row++ {
		p.came++
		p.took = append(p.took, p.Trace.Jobs[p.row].Took.Seconds())
	}
	slices.Sort(p.took)
}

// share takes from each step of the series as much as lies in the interval.
func (p *pump) share(to time.Duration) {
	covered := time.Duration(0)
	for i := p.row; i < len(p.Series.Steps); i++ {
		s := &p.Series.Steps[i]
		from, end := max(s.At, p.at), min(s.At+s.For, to)
		if from < end {
			p.came += s.Items * float64(end-from) / float64(s.For)
			covered += end - from
			p.step = s.For
		}
		if s.At+s.For > to {
			break
		}
		p.row = i + 1
	}
	if covered == 0 {
		p.why = p.From + " has nothing for this time"
	}
}

// tell puts what arrived in a queue since the tick before, and says it.
func (p *pump) tell(now time.Time, first bool, interval time.Duration, s *signals.Snapshot) (said string) {
	name := func(of string) string { return signals.OfQueue(of, p.Queue) }
	know := func(of string, v float64, note string) {
		sig := signals.Known(name(of), v, now, interval)
		sig.Note = note
		s.Signals = append(s.Signals, sig)
	}
	if p.until(now); first {
		p.why = "it is the first tick: nothing was counted before"
	}
	if p.why != "" {
		s.Signals = append(s.Signals, signals.Missing(name("queue.arrived"), now, p.why))
		return fmt.Sprintf("%s: %s", p.Queue, p.why)
	}
	note := ""
	if p.step > interval {
		note = fmt.Sprintf("imported: spread evenly over %s", p.step)
	}
	know("queue.arrived", p.came, note)
	if p.Takes > 0 {
		know("work.seconds_mean", p.Takes.Seconds(), "imported: as it was given")
	}
	if n := len(p.took); n > 0 {
		sum := 0.0
		for _, t := range p.took {
			sum += t
		}
		know("work.seconds_mean", sum/float64(n), "")
		know("work.seconds_p50", rank(p.took, .5), "")
		know("work.seconds_p95", rank(p.took, .95), "")
	}
	return fmt.Sprintf("%s: %.4g items arrived, says %s", p.Queue, p.came, p.From)
}

// rank is the smallest value that a share q of them does not exceed.
func rank(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// level is a number that holds until the next line says another.
type level struct {
	series scenario.Series
	row    int
}

// at is the number of now; false before the first line, and in a gap after a line's
// own time.
func (l *level) at(now time.Time) (float64, bool) {
	at := now.Sub(l.series.Began)
	for l.row+1 < len(l.series.Steps) && l.series.Steps[l.row+1].At <= at {
		l.row++
	}
	if l.row >= len(l.series.Steps) {
		return 0, false
	}
	s := l.series.Steps[l.row]
	return s.Items, at >= s.At && at-s.At < 2*s.For
}
