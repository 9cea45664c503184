package controller_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/journal"
	"skynet/signals"
)

// tally is a source that hands each completion out once, as heartbeats do.
type tally struct {
	*rig
	given int
	deaf  bool // it does not know now, and tells with the next
}

func (c *tally) Collect(ctx context.Context, now time.Time) []signals.Signal {
	list := c.World.Collect(ctx, now)
	if c.deaf {
		return append(list, signals.Missing("queues.photos.completed", now, "deaf"))
	}
	n := c.Done - c.given
	c.given = c.Done
	return append(list, signals.Known("queues.photos.completed", float64(n), now, time.Minute))
}

// restart begins a run that counts completions.
func (c *tally) restart() {
	w := c.worldOf()
	w.Signals = c
	c.Controller = controller.New(controller.Fleet{Name: "render", Interval: interval}, w, rules(engine()), c.journal)
	if _, err := c.Resume(context.Background(), c.Now); err != nil {
		c.t.Fatal(err)
	}
}

// unsteady is a journal that sometimes cannot be written.
type unsteady struct {
	journal.Journal
	fails bool
}

func (f *unsteady) Write(ctx context.Context, r journal.Record) error {
	if f.fails {
		return errors.New("disk full")
	}
	return f.Journal.Write(ctx, r)
}

// What was counted in ticks that came to nothing is in the next one that decides:
// arrivals and completions add up to what there was.
func TestWhatFailedTicksCountedIsNotLost(t *testing.T) {
	for name, trouble := range map[string]func(c *tally, j *unsteady, on bool){
		"the roster is away": func(c *tally, _ *unsteady, on bool) {
			if c.Before = nil; on {
				c.Before = failing("list")
			}
		},
		"and a restart follows": func(c *tally, _ *unsteady, on bool) {
			if c.Before = nil; on {
				c.Before = failing("list")
				return
			}
			c.restart()
		},
		"and then it is deaf": func(c *tally, _ *unsteady, on bool) {
			c.deaf = !on && !c.deaf
			if c.Before = nil; on {
				c.Before = failing("list")
			}
		},
		"and is deaf at a restart": func(c *tally, _ *unsteady, on bool) {
			if c.Before = nil; on {
				c.Before = failing("list")
				return
			}
			c.deaf = true
			c.restart()
			c.tick()
			c.restart()
			c.deaf = false
			c.Advance(interval)
		},
		"the journal cannot be written": func(_ *tally, j *unsteady, on bool) { j.fails = on },
		"a policy panics": func(c *tally, _ *unsteady, on bool) {
			w, e := c.worldOf(), engine()
			w.Signals = c
			if on {
				w.Orders = wild{}
			}
			c.Adopt(w, rules(e))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			j := &unsteady{Journal: r.journal.(journal.Journal)}
			r.journal = j
			c := &tally{rig: r}
			c.restart()
			r.minutes(1)
			sent := 0
			for i := range 40 {
				if i%2 == 1 {
					trouble(c, j, i%4 == 1)
				}
				r.Waiting, sent = r.Waiting+7, sent+7
				r.minutes(1)
			}
			trouble(c, j, false)
			r.minutes(30)
			arrived, completed := 0.0, 0.0
			for _, rep := range r.reports {
				if rep.Err != nil {
					continue
				}
				if v, err := rep.Snapshot.Value("queues.photos.arrived"); err == nil {
					arrived += v
				}
				if v, err := rep.Snapshot.Value("queues.photos.completed"); err == nil {
					completed += v
				}
			}
			if r.Done != sent || arrived != float64(sent) || completed != float64(sent) {
				t.Errorf("%d were sent, %d are done; %g arrivals and %g completions were counted", sent, r.Done, arrived, completed)
			}
		})
	}
}

// A launch whose answer was lost is no refusal, before a restart and after it; one
// that is refused when it is sent again is one, then.
func TestALostAnswerIsNoRefusal(t *testing.T) {
	refused := func(rep controller.Report) float64 {
		v, err := rep.Snapshot.Value("fleet.launch_failures")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, restarts := range []bool{false, true} {
		r := newRig(t)
		next := func() controller.Report {
			r.Advance(interval)
			if restarts {
				r.restart()
			}
			return r.tick()
		}
		r.Waiting = 16
		r.After = func(call string) error {
			if call == "launch" {
				return errors.New("timeout: the answer was lost")
			}
			return nil
		}
		rep := r.tick()
		r.After = nil
		if len(rep.Deeds.Failures) != 1 || rep.Deeds.Refused != 0 || rep.Deeds.Asked != 2 {
			t.Errorf("restarts %t: %+v", restarts, rep.Deeds)
		}
		for range 3 {
			if n := refused(next()); n != 0 {
				t.Errorf("restarts %t: %g launches count as refused, two are there", restarts, n)
			}
		}
		if n := len(r.Machines()); n != 2 {
			t.Errorf("restarts %t: %d machines, want 2", restarts, n)
		}
	}
}

// A launch that is refused when it is sent again was refused then, also for a
// controller that starts later.
func TestALaunchRefusedAtLastIsCountedOnce(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		r := newRig(t)
		r.Waiting = 16
		answer := errors.New("timeout")
		r.Before = func(call string) error {
			if call == "launch" {
				return answer
			}
			return nil
		}
		r.tick()
		r.Advance(interval)
		answer = fleet.ErrNoCapacity
		r.tick() // sent again and refused, then bought anew and refused
		r.Before = failing("nothing")
		for range 2 {
			r.Advance(interval)
			if restarts {
				r.restart()
			}
			if n, err := r.tick().Snapshot.Value("fleet.launch_failures"); n != 4 || err != nil {
				t.Errorf("restarts %t: %g launches count as refused, %v; want 4: two orders of two", restarts, n, err)
			}
		}
	}
}
