package policy

import (
	"cmp"
	"fmt"
	"time"

	"skynet/signals"
)

// Step adds or removes a fixed number of workers when a signal has been beyond a
// threshold for a time. One that stays beyond it takes a step each such time, not
// each tick: the fleet must not have changed since.
type Step struct {
	As          string // how it is called in reasons; "": step
	Signal      string
	Above       *float64 // nil: never adds
	Below       *float64 // nil: never removes
	For         time.Duration
	Add, Remove int
}

// Name is how it is called in reasons.
func (p Step) Name() string { return cmp.Or(p.As, "step") }

// Window is how long the signal must have been beyond a threshold.
func (p Step) Window() time.Duration { return p.For }

// Want returns what there is and one step more or less, and abstains between the
// thresholds.
func (p Step) Want(s signals.Snapshot) (int, string, error) {
	v, err := s.Value(p.Signal)
	if err != nil {
		return 0, "", err
	}
	switch {
	case p.Above != nil && v > *p.Above:
		return p.step(s, fmt.Sprintf("%s is %g, above %g", p.Signal, v, *p.Above), p.Add, func(v float64) bool { return v > *p.Above })
	case p.Below != nil && v < *p.Below:
		return p.step(s, fmt.Sprintf("%s is %g, below %g", p.Signal, v, *p.Below), -p.Remove, func(v float64) bool { return v < *p.Below })
	}
	return 0, fmt.Sprintf("%s is %g, %s", p.Signal, v, p.neither()), ErrAbstain
}

func (p Step) neither() string {
	switch {
	case p.Above == nil && p.Below == nil:
		return "and there is no threshold"
	case p.Above == nil:
		return fmt.Sprintf("not below %g", *p.Below)
	case p.Below == nil:
		return fmt.Sprintf("not above %g", *p.Above)
	}
	return fmt.Sprintf("from %g to %g", *p.Below, *p.Above)
}

func (p Step) step(s signals.Snapshot, said string, by int, beyond func(float64) bool) (int, string, error) {
	_, have, err := headcount(s)
	if err != nil {
		return 0, said, err
	}
	if h := heldFor(s, p.Signal, p.For, beyond); h.why != "" {
		return 0, fmt.Sprintf("%s, but not for %s yet: %s", said, span(p.For), h.why), ErrAbstain
	}
	if why := unsettled(s, p.For); why != "" {
		return 0, said + ", but " + why, ErrAbstain
	}
	if p.For > 0 {
		said += " for " + span(p.For)
	}
	return max(0, have+by), fmt.Sprintf("%s: %d %+d", said, have, by), nil
}

// stretch is what became of a signal over a window.
type stretch struct {
	most float64 // the largest value, now's among them
	why  string  // why it was not beyond a threshold throughout, or "" if it was
}

// heldFor reports whether a signal was known and beyond a threshold in each tick of
// a window that ticks cover.
func heldFor(s signals.Snapshot, name string, window time.Duration, beyond func(float64) bool) (h stretch) {
	v, err := s.Value(name)
	if err != nil {
		return stretch{why: err.Error()}
	}
	h.most = v
	if window <= 0 {
		return h
	}
	if !s.Covers(window) {
		return stretch{why: "there are not as many ticks to look back on"}
	}
	read := signals.Reader{Name: name}
	ticks := s.Since(s.Now.Add(-window))
	for i := len(ticks) - 1; i >= 0; i-- {
		ago := s.Now.Sub(ticks[i].At)
		v, known := read.Value(&ticks[i])
		switch {
		case !known:
			return stretch{why: fmt.Sprintf("it was unknown %s ago", span(ago))}
		case !beyond(v):
			return stretch{why: fmt.Sprintf("it was %.6g %s ago", v, span(ago))}
		}
		h.most = max(h.most, v)
	}
	return h
}

// unsettled says who has come or gone within a window, or "" if nobody has.
// Besides what ticks did it looks at how many there were: others change a fleet
// too.
func unsettled(s signals.Snapshot, window time.Duration) string {
	_, have, err := headcount(s)
	ticks := s.Since(s.Now.Add(-window))
	for i := len(ticks) - 1; i >= 0; i-- {
		t := &ticks[i]
		ago := span(s.Now.Sub(t.At))
		if d := t.Deeds; d.Asked+len(d.Recalled)+len(d.Drained) > 0 {
			return fmt.Sprintf("the fleet changed %s ago: %d were asked for, %d recalled, %d asked to drain", ago, d.Asked, len(d.Recalled), len(d.Drained))
		}
		if err == nil && t.Have != have {
			return fmt.Sprintf("the fleet changed less than %s ago: there were %d", ago, t.Have)
		}
		have = t.Have
	}
	return ""
}
