package notify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"skynet/dashboard/health"
)

// Watch judges when there is something to tell. It is pure: time is what it is given.
type Watch struct {
	Interval   time.Duration                       // from tick to tick
	Controller string                              // the machine
	More       func(fleet, occasion string) string // the command that shows more
	open       map[about]*Trouble                  // what is wrong now, told or not yet
	pauses     map[string]Pause                    // by fleet, as last seen
	seen       map[string]time.Time                // by fleet, when its last tick was
	changed    bool
}

// about is what a trouble is about.
type about struct{ Fleet, Occasion, About string }

// Trouble is something that is wrong.
type Trouble struct {
	Fleet    string             `json:"fleet"`
	Occasion string             `json:"occasion"`
	About    string             `json:"about,omitempty"`
	Since    time.Time          `json:"since"`
	Last     time.Time          `json:"last"` // when it was seen last
	Told     bool               `json:"told"`
	Said     string             `json:"said"`
	Numbers  map[string]float64 `json:"numbers,omitempty"`
}

// Pause is one of the operator's, to notice when it has expired.
type Pause struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// Act says on which fleets we act from now on. Of the others another controller tells,
// if anybody does.
func (w *Watch) Act(now time.Time, fleets ...string) {
	w.begin()
	for _, name := range fleets {
		if w.seen[name].IsZero() {
			w.seen[name] = now
		}
	}
	mine := func(fleet string) bool { return slices.Contains(fleets, fleet) }
	maps.DeleteFunc(w.seen, func(name string, _ time.Time) bool { return !mine(name) })
	maps.DeleteFunc(w.open, func(k about, _ *Trouble) bool { return !mine(k.Fleet) })
	maps.DeleteFunc(w.pauses, func(name string, _ Pause) bool { return !mine(name) })
	w.changed = true
}

func (w *Watch) begin() {
	if w.open == nil {
		w.open, w.pauses, w.seen = map[about]*Trouble{}, map[string]Pause{}, map[string]time.Time{}
	}
}

// See judges how a fleet fares after a tick.
func (w *Watch) See(f health.Fleet) (list []Message) {
	w.begin()
	w.seen[f.Name] = f.At
	for _, o := range occasions {
		if !f.Decided && o.name != failed {
			continue // nothing is known of it: it is neither worse nor over
		}
		list = append(list, w.judge(f, o)...)
	}
	if f.Decided {
		list = append(list, w.pause(f)...)
	}
	return list
}

// Pass notices that ticks have stopped.
func (w *Watch) Pass(now time.Time) (list []Message) {
	w.begin()
	o := occasions[slices.IndexFunc(occasions, func(o occasion) bool { return o.name == failed })]
	for _, name := range slices.Sorted(maps.Keys(w.seen)) {
		last := w.seen[name]
		if silent := now.Sub(last); silent > w.patience(o)+w.Interval {
			said := finding{said: fmt.Sprintf("no tick has ended since %s, %s ago: it neither grows nor shrinks", clock(last), span(silent))}
			list = append(list, w.bad(about{name, failed, ""}, said, last, now, o)...)
		}
	}
	return list
}

// patience is how long something must last before it is told.
func (w *Watch) patience(o occasion) time.Duration {
	if o.name == failed {
		return max(o.after, 3*w.Interval)
	}
	return o.after
}

// judge holds one occasion against what was seen.
func (w *Watch) judge(f health.Fleet, o occasion) (list []Message) {
	found := o.find(f)
	for _, what := range slices.Sorted(maps.Keys(found)) {
		list = append(list, w.bad(about{f.Name, o.name, what}, found[what], f.At, f.At, o)...)
	}
	for _, k := range w.of(f.Name, o.name) {
		if _, still := found[k.About]; !still {
			list = append(list, w.good(k, f.At, o)...)
		}
	}
	return list
}

// of are the troubles of a fleet of one kind, in order.
func (w *Watch) of(fleet, name string) (keys []about) {
	for k := range w.open {
		if k.Fleet == fleet && k.Occasion == name {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b about) int { return cmp.Compare(a.About, b.About) })
	return keys
}

// bad notes that something is wrong, since then at least, and tells it once it has
// lasted.
func (w *Watch) bad(k about, said finding, since, now time.Time, o occasion) []Message {
	t := w.open[k]
	if t == nil {
		t = &Trouble{Fleet: k.Fleet, Occasion: k.Occasion, About: k.About, Since: since}
		w.open[k] = t
	}
	t.Last, t.Said, t.Numbers, w.changed = now, cut([]byte(said.said), longestSaid), said.numbers, true
	if t.Told || now.Sub(t.Since) < w.patience(o) {
		return nil
	}
	t.Told = true
	return []Message{w.message(*t, Begins, now)}
}

// good notes that it is not wrong now, and tells that it is over once that has lasted.
func (w *Watch) good(k about, now time.Time, o occasion) []Message {
	t := w.open[k]
	if now.Sub(t.Last) < o.calm {
		return nil
	}
	delete(w.open, k)
	w.changed = true
	if !t.Told {
		return nil
	}
	return []Message{w.message(*t, Over, now)}
}

// pause tells that a pause has expired; that it was ended by hand somebody knows.
func (w *Watch) pause(f health.Fleet) (list []Message) {
	before, was := w.pauses[f.Name]
	switch {
	case f.Pause != nil:
		since := f.At
		if was {
			since = before.Since
		}
		now := Pause{Since: since, Until: f.Pause.Until, By: f.Pause.By, Why: f.Pause.Why}
		w.changed = w.changed || now != before
		w.pauses[f.Name] = now
	case was:
		delete(w.pauses, f.Name)
		w.changed = true
		if !f.At.Before(before.Until) {
			said := fmt.Sprintf("the pause until %s%s has expired: it grows and shrinks again", clock(before.Until), ordered(before))
			list = append(list, w.message(Trouble{Fleet: f.Name, Occasion: pauseExpired, Since: before.Since, Said: said}, Over, f.At))
		}
	}
	return list
}

func ordered(p Pause) (text string) {
	if p.By != "" {
		text += " by " + p.By
	}
	if p.Why != "" {
		text += " (" + p.Why + ")"
	}
	return text
}

// message puts a trouble into words.
func (w *Watch) message(t Trouble, state string, now time.Time) Message {
	m := Message{
		Fleet: t.Fleet, Occasion: t.Occasion, About: t.About, State: state, Since: t.Since.UTC().Truncate(time.Second), At: now.UTC().Truncate(time.Second),
		Said: t.Said, Numbers: t.Numbers, Controller: w.Controller,
	}
	if w.More != nil {
		m.More = w.More(t.Fleet, t.Occasion)
	}
	switch {
	case t.Occasion == pauseExpired:
		m.Text = fmt.Sprintf("SkyNet, fleet %s: %s.", t.Fleet, t.Said)
	case state == Over:
		m.Text = fmt.Sprintf("SkyNet, fleet %s: over after %s: %s.", t.Fleet, span(now.Sub(t.Since)), t.Said)
	default:
		m.Text = fmt.Sprintf("SkyNet, fleet %s: %s. Since %s.", t.Fleet, t.Said, clock(t.Since))
	}
	if m.More != "" {
		m.Text += " More: " + m.More
	}
	m.Text = harmless.Replace(m.Text)
	return m
}

// longestSaid bounds what is said, in letters.
const longestSaid = 600

// harmless keeps what others have said (a cloud, a program) from being read as an
// order by who shows it: <!channel> would call everybody.
var harmless = strings.NewReplacer("<", "‹", ">", "›")

// clock is a time as messages have it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a length of time in whole seconds below a minute, else in minutes.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
