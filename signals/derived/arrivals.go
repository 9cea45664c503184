package derived

import (
	"math"

	"skynet/signals"
)

// arrivals puts what has arrived since the last tick: how the depth has changed,
// and what was completed meanwhile.
//
// Completions are heard of later than the queue knows of them, so that the raw
// figure of one tick may be too small, and that of a later one too large by as much.
// Let S be the sum of raw figures since some earlier tick. S is what has truly
// arrived less the completions that are not heard of yet, so it is never too large,
// and the most it has ever been is the best that is known: what has arrived is by
// how much S now exceeds that. Arrivals then add up over any stretch of time.
//
// Some of what S has fallen by may never come back: somebody purged the queue. A
// completion is heard of within five minutes (a heartbeat expires then), so what S
// had fallen by five minutes ago, and has not been heard of as completed since, is
// forgotten.
func (r *row) arrivals() {
	now, err := r.depth()
	if err != nil {
		r.fails(arrived, err)
		return
	}
	r.doubted = r.witness(len(r.Recent)).doubt(now, r.Now)
	done, err := r.count(completed)
	switch {
	case err != nil:
		r.fails(arrived, err)
	case len(r.Recent) == 0:
		r.miss(arrived, "no earlier tick to compare with")
	case r.doubted != "":
		r.miss(arrived, r.doubted)
	default:
		r.since(now, done)
	}
}

// since compares with earlier ticks. S of each, less S of now, is by how much the
// depth was larger less what was completed since. A tick in which something arrived
// stood at the maximum, so there is no need to look beyond it. One that did not
// hear of completions lends its time to the next, whose count holds them: it is
// compared with only if there is no other. One whose depth was not believed is none
// to compare with.
func (r *row) since(now, done float64) {
	depth, counted, finished, graves := r.pastDepth(), r.past(arrived), r.past(completed), r.graves()
	var h, deaf height
	before := len(r.Recent) - len(r.Since(r.Now.Add(-max(hour, r.window))))
	for i := len(r.Recent) - 1; i >= before; i-- {
		t := &r.Recent[i]
		graves.back(t)
		was, seen := depth(t)
		seen = seen && (was <= plain || r.witness(i).doubt(was, t.At) == "")
		s, old := was-now-done-graves.grew, r.Now.Sub(t.At) >= r.window
		n, heard := then(finished, t)
		switch {
		case seen && heard:
			h.look(s, done, old)
		case seen && !deaf.found:
			deaf.look(s, done, old)
		}
		if came, ok := then(counted, t); seen && ok && came > 0 {
			break
		}
		if heard {
			done += n
		}
	}
	if !h.found {
		h = deaf
	}
	if !h.found {
		r.miss(arrived, "no earlier tick can be compared with: what was there or completed is not known")
		return
	}
	r.know(arrived, math.Max(0, -h.most()))
}

// witness is what the first so many ticks know of the depth.
func (r *row) witness(n int) witness { return witness{r.Recent[:n], r.pastDepth(), r.window} }

// height is the most that S has been before now.
type height struct {
	found, old bool
	recent     float64 // over the last five minutes
	then       float64 // five minutes ago
	before     float64 // until then
	heard      float64 // completions heard of since
}

func (h *height) look(s, heard float64, old bool) {
	if old && !h.old {
		h.old, h.then, h.before, h.heard = true, s, s, heard
	}
	if !h.found {
		h.found, h.recent = true, s
	}
	if old {
		h.before = math.Max(h.before, s)
	} else {
		h.recent = math.Max(h.recent, s)
	}
}

func (h *height) most() float64 {
	if !h.old {
		return h.recent
	}
	return math.Max(h.recent, h.then+math.Min(h.before-h.then, h.heard))
}

// depth is all that is in the queue.
func (r *row) depth() (float64, error) {
	sum := 0.0
	for _, l := range []leaf{visible, inFlight, delayed} {
		n, err := r.count(l)
		if l == delayed && !r.has[l] {
			continue // few queues can delay
		}
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// pastDepth is the depth at earlier ticks.
func (r *row) pastDepth() func(*signals.Tick) (float64, bool) {
	parts := []*signals.Reader{r.past(visible), r.past(inFlight)}
	if r.has[delayed] {
		parts = append(parts, r.past(delayed))
	}
	return func(t *signals.Tick) (sum float64, ok bool) {
		for _, p := range parts {
			n, ok := then(p, t)
			if !ok {
				return 0, false
			}
			sum += n
		}
		return sum, true
	}
}

// graveyard follows the dead-letter queue back through the ticks. What has gone
// there has left the queue without being completed. That somebody has emptied it
// says nothing about arrivals.
type graveyard struct {
	past  *signals.Reader
	later float64
	known bool
	grew  float64 // from the last tick looked at until now
}

func (r *row) graves() *graveyard {
	n, err := r.count(dead)
	return &graveyard{past: r.past(dead), later: n, known: err == nil}
}

func (g *graveyard) back(t *signals.Tick) {
	n, ok := then(g.past, t)
	if !ok {
		return
	}
	if g.known {
		g.grew += math.Max(0, g.later-n)
	}
	g.later, g.known = n, true
}
