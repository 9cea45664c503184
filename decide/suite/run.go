package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"skynet/decide"
	"skynet/policy"
	"skynet/signals/line"
)

// Result is what became of one test.
type Result struct {
	Test     string    `json:"test"`
	OK       bool      `json:"ok"`
	Ticks    int       `json:"ticks"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one expectation that was not met, with the argument for what was
// decided instead.
type Failure struct {
	At      string          `json:"at"` // since the first tick
	Time    time.Time       `json:"time"`
	Wrong   []string        `json:"wrong"` // "want: got 3, expected 5"
	Reasons []policy.Reason `json:"reasons"`
}

// Run plays the test's signals through a session and compares what is decided.
// An error says that a line could not be decided at all.
func (t Test) Run(ctx context.Context, s *decide.Session, interval time.Duration) (Result, error) {
	r := Result{Test: t.Name}
	last := 0
	for _, e := range t.Expect {
		last = max(last, tickOf(e, interval))
	}
	for tick := range last + 1 {
		in := t.line(tick, interval)
		out, d, err := s.Decide(ctx, in)
		if err != nil {
			return r, fmt.Errorf("test %q, %s after its start: %w", t.Name, time.Duration(tick)*interval, err)
		}
		r.Ticks++
		for _, e := range t.Expect {
			if tickOf(e, interval) != tick {
				continue
			}
			if wrong := e.compare(out, d); len(wrong) > 0 {
				r.Failures = append(r.Failures, Failure{At: e.At.String(), Time: in.Time, Wrong: wrong, Reasons: d.Reasons})
			}
		}
	}
	r.OK = len(r.Failures) == 0
	return r, nil
}

func tickOf(e Expect, interval time.Duration) int { return int(e.At.Std() / interval) }

func (t Test) line(tick int, interval time.Duration) line.In {
	in := line.In{Time: t.start.Add(time.Duration(tick) * interval), Signals: make(map[string]*float64, len(t.Signals))}
	for _, s := range t.Signals {
		in.Signals[s.Name] = s.at(tick)
	}
	return in
}

// compare lists what was decided otherwise than expected.
func (e Expect) compare(out line.Out, d policy.Decision) (wrong []string) {
	number := func(what string, got, expected *int) {
		if expected != nil && (got == nil || *got != *expected) {
			wrong = append(wrong, fmt.Sprintf("%s: got %s, expected %d", what, orUnknown(got), *expected))
		}
	}
	number("have", out.Have, e.Have)
	number("want", out.Want, e.Want)
	number("raw", &d.Raw, e.Raw)
	if e.Action != "" && out.Action != e.Action {
		wrong = append(wrong, fmt.Sprintf("action: got %s, expected %s", out.Action, e.Action))
	}
	if e.Blind != nil && d.Blind != *e.Blind {
		wrong = append(wrong, fmt.Sprintf("blind: got %t, expected %t", d.Blind, *e.Blind))
	}
	for _, p := range e.Policies {
		number("policy "+p.Name, wantOf(d, p.Name), p.Want)
	}
	for _, text := range e.Reasons {
		if !said(d, text) {
			wrong = append(wrong, fmt.Sprintf("reasons: none says %q", text))
		}
	}
	for _, text := range e.Absent {
		if said(d, text) {
			wrong = append(wrong, fmt.Sprintf("reasons: one says %q", text))
		}
	}
	return wrong
}

func orUnknown(n *int) string {
	if n == nil {
		return "unknown"
	}
	return fmt.Sprint(*n)
}

// wantOf is what a policy wants; nil if it has no opinion or is not there.
func wantOf(d policy.Decision, name string) *int {
	for _, w := range d.Wants {
		if w.Policy == name && !w.Abstain {
			return &w.Want
		}
	}
	return nil
}

func said(d policy.Decision, text string) bool {
	for _, r := range d.Reasons {
		if strings.Contains(r.By+": "+r.Said, text) {
			return true
		}
	}
	return false
}
