// Package exec asks programs of the user's how many workers they want. Each runs
// as a long-lived child of ours and speaks decide's lines: one snapshot a tick on
// its standard input, one answer on its standard output, {"want":12} at least.
//
// A program that answers late, wrongly or at too great a length, or that ends, is
// a piece of advice that is unknown, with the reason. It is killed with its process
// group, which is all that it has started but for what has made a session of its
// own, and started again when it is asked next; one that fails again and again is
// left alone for longer and longer.
package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"skynet/signals"
	"skynet/signals/line"
)

// Program is one that is asked.
type Program struct {
	Policy  string        // the policy that asks it
	Command []string      // the program and its arguments
	Timeout time.Duration // how long it may take to answer; 0: 5s
}

// Advisers asks programs. It must be closed, or they outlive it until they find
// their standard input closed.
type Advisers struct {
	programs []*program
}

// New returns Advisers of these programs. They are started when they are first
// asked.
func New(programs ...Program) *Advisers {
	a := &Advisers{}
	for _, p := range programs {
		if p.Timeout <= 0 {
			p.Timeout = 5 * time.Second
		}
		a.programs = append(a.programs, &program{Program: p, turn: make(chan struct{}, 1)})
	}
	return a
}

// Ask asks all programs at once about a snapshot and returns what each answered,
// or why it did not.
func (a *Advisers) Ask(ctx context.Context, s signals.Snapshot) []signals.Advice {
	if len(a.programs) == 0 {
		return nil
	}
	question, err := line.Of(s).Encode()
	list := make([]signals.Advice, len(a.programs))
	var wg sync.WaitGroup
	for i, p := range a.programs {
		list[i] = signals.Advice{Policy: p.Policy}
		if err != nil {
			list[i].Unknown = err.Error()
			continue
		}
		wg.Go(func() { list[i] = p.advise(ctx, s.Now, question) })
	}
	wg.Wait()
	return list
}

// Close ends the programs: they find their standard input closed, and are killed
// if they have not ended a moment later. It may be called while they are asked;
// nobody is asked afterwards.
func (a *Advisers) Close() error {
	var wg sync.WaitGroup
	for _, p := range a.programs {
		wg.Go(p.close)
	}
	wg.Wait()
	return nil
}

// program is one program and its child, if it runs.
type program struct {
	Program
	turn chan struct{} // holds a token while it is asked or closed: the rest is that one's

	child  *child
	failed int       // times in a row
	retry  time.Time // not started before
	last   string    // why it failed last
	closed bool
}

const (
	firstWait   = 30 * time.Second
	longestWait = 10 * time.Minute
)

// advise is the program's answer, or why there is none.
func (p *program) advise(ctx context.Context, now time.Time, question []byte) signals.Advice {
	a, err := p.ask(ctx, now, question)
	if err != nil {
		a = signals.Advice{Unknown: err.Error()}
	}
	a.Policy = p.Policy
	return a
}

// ask asks once, within the time that the program has.
func (p *program) ask(tick context.Context, now time.Time, question []byte) (signals.Advice, error) {
	if tick.Err() != nil {
		return signals.Advice{}, errors.New("not asked: the tick's time was up before")
	}
	ctx, cancel := context.WithTimeoutCause(tick, p.Timeout, fmt.Errorf("no answer within %s", p.Timeout))
	defer cancel()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return signals.Advice{}, errors.New("the program is still busy with an earlier tick")
	}
	switch {
	case p.closed:
		return signals.Advice{}, errors.New("the program is not asked any more")
	case now.Before(p.retry) && p.retry.Sub(now) <= longestWait: // further off, the clock was set back
		return signals.Advice{}, fmt.Errorf("failed %d times in a row, tried again in %s; the last time: %s", p.failed, p.retry.Sub(now).Round(time.Second), p.last)
	}
	advice, err := p.exchange(ctx, now, question)
	switch {
	case err == nil:
		p.failed, p.retry = 0, time.Time{}
	case tick.Err() != nil: // others may have used the time: what it says late is not wanted, but it is not to blame
		p.end(0)
	default:
		p.fail(now, err)
	}
	return advice, err
}

// fail ends the child and has the next start wait: not after the first failure,
// then twice as long each time.
func (p *program) fail(now time.Time, err error) {
	p.end(0)
	p.failed++
	p.last = err.Error()
	p.retry = time.Time{}
	if p.failed > 1 {
		p.retry = now.Add(min(firstWait<<min(p.failed-2, 10), longestWait))
	}
}

func (p *program) end(grace time.Duration) {
	if p.child != nil {
		p.child.end(grace)
		p.child = nil
	}
}

// exchange sends a question to the child, which is started if there is none, and
// reads its answer.
func (p *program) exchange(ctx context.Context, now time.Time, question []byte) (signals.Advice, error) {
	if p.child != nil && p.child.gone() { // since its last answer: perhaps it answers one question only
		p.end(0)
	}
	if p.child == nil {
		c, err := start(p.Command)
		if err != nil {
			return signals.Advice{}, fmt.Errorf("the program cannot be started: %w", err)
		}
		p.child = c
	}
	text, err := p.child.ask(ctx, question)
	if err != nil {
		return signals.Advice{}, err
	}
	a, err := read(text, now)
	if err != nil {
		return signals.Advice{}, p.child.withLastWords(fmt.Errorf("a wrong answer: %w", err))
	}
	return a, nil
}

// read makes advice of an answer.
func read(text []byte, now time.Time) (signals.Advice, error) {
	out, err := line.ParseOut(text)
	switch {
	case err != nil:
		return signals.Advice{}, err
	case !out.Time.IsZero() && !out.Time.Equal(now):
		return signals.Advice{}, fmt.Errorf("time: it is of %s, asked was %s", out.Time.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano))
	case out.Want == nil:
		return signals.Advice{Unknown: strings.TrimSuffix("the program says that it cannot tell: "+because(out), ": ")}, nil
	}
	return signals.Advice{Want: *out.Want, Because: because(out)}, nil
}

// because joins the reasons of an answer, no more of them than people read.
func because(out line.Out) string {
	const longest = 500
	said := make([]string, 0, len(out.Reasons))
	for _, r := range out.Reasons {
		said = append(said, r.Said)
	}
	return bounded(strings.Join(said, "; "), longest)
}

// bounded is text fit for a reason: one line of at most so many letters.
func bounded(s string, longest int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return s
}

// close ends the program for good.
func (p *program) close() {
	p.turn <- struct{}{} // an ask ends within its deadline
	defer func() { <-p.turn }()
	p.closed = true
	p.end(time.Second)
}
