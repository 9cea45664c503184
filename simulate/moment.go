package simulate

import (
	"slices"
	"time"

	"skynet/fleet"
	"skynet/policy"
)

// Moment is what a report draws of one fleet: how it stands right after a tick,
// and what happened since the moment before. The last moment of a run is its end:
// no tick, and so no decision. Queues is used again: copy what is to be kept.
type Moment struct {
	At       time.Time
	Fleet    string
	Flow                     // of all queues together
	Queues   []QueueFlow     // of each
	Workers  [States]int     // by fleet.State, terminated ones left out
	Seconds  int64           // billed so far, what runs now included as if it ended now
	Cost     *float64        // of that; nil without prices
	Decision policy.Decision // of the tick; its ID is "" at the end
}

// States is how many states of a worker there are.
const States = int(fleet.Leaving) + 1

// Flow is what came and went.
type Flow struct {
	// Since the moment before:
	Arrived, Started, Completed int64
	Late                        int64   // of those that started, for longer than promised
	Waited                      float64 // by those that started, in all, s: the mean is Waited/Started

	// Now:
	Waiting, InHand int     // not received; received and not done, or invisible
	Oldest          float64 // age of the longest waiting, s; 0: nothing waits
	// Of those that started within the last five minutes, as the agents tell it; nil: none did. s.
	WaitP95, WaitMax *float64
}

// QueueFlow is one queue's.
type QueueFlow struct {
	Queue    string
	Promised time.Duration // an item may wait so long
	Flow
}

// witness remembers the moment before.
type witness struct {
	seen []Flow // of each queue, counted from the start
	flow []QueueFlow
}

// ended tells of every fleet at the end.
func (r *run) ended() {
	for i := range r.world.crews {
		r.moment(i, r.world.now, policy.Decision{})
	}
}

// moment tells of one fleet, if somebody listens.
func (r *run) moment(crew int, at time.Duration, d policy.Decision) {
	if r.options.Moments == nil {
		return
	}
	for len(r.witnesses) <= crew {
		r.witnesses = append(r.witnesses, witness{seen: make([]Flow, len(r.world.crews[len(r.witnesses)].queues))})
	}
	c := r.world.crews[crew]
	m := Moment{At: r.world.at(at), Fleet: c.Name, Decision: d, Queues: r.witnesses[crew].look(c)}
	for _, q := range m.Queues {
		m.add(q.Flow)
	}
	_, wait := c.merged()
	m.WaitP95, m.WaitMax = tail(wait)
	for _, one := range c.live {
		if one.phase != gone {
			m.Workers[one.state(one.says(r.world.now), one.heard(r.world.now))]++
		}
	}
	m.Seconds, m.Cost = c.bill()
	r.options.Moments(m)
}

// look is what each queue did since the last look.
func (w *witness) look(c *crew) []QueueFlow {
	w.flow = w.flow[:0]
	for i, q := range c.queues {
		now := Flow{Arrived: q.arrived, Started: q.started, Completed: q.done, Late: q.started - q.within, Waited: q.waited}
		f := now.since(w.seen[i])
		w.seen[i] = now
		f.Waiting, f.InHand, f.Oldest = q.visible(), q.inHand+len(q.lost), q.oldest(c.world.now).Seconds()
		f.WaitP95, f.WaitMax = tail(q.wait.until(c.world.minute))
		w.flow = append(w.flow, QueueFlow{Queue: q.Name, Promised: q.promised, Flow: f})
	}
	return w.flow
}

func (f Flow) since(o Flow) Flow {
	return Flow{
		Arrived: f.Arrived - o.Arrived, Started: f.Started - o.Started, Completed: f.Completed - o.Completed,
		Late: f.Late - o.Late, Waited: f.Waited - o.Waited,
	}
}

// add adds another queue's, but for quantiles.
func (f *Flow) add(o Flow) {
	f.Arrived, f.Started, f.Completed = f.Arrived+o.Arrived, f.Started+o.Started, f.Completed+o.Completed
	f.Late, f.Waited = f.Late+o.Late, f.Waited+o.Waited
	f.Waiting, f.InHand, f.Oldest = f.Waiting+o.Waiting, f.InHand+o.InHand, max(f.Oldest, o.Oldest)
}

// tail is the p95 and the maximum, s.
func tail(h *histogram) (p95, most *float64) {
	if d, ok := h.quantile(.95); ok {
		p95 = new(d.Seconds())
	}
	if d, ok := h.quantile(1); ok {
		most = new(d.Seconds())
	}
	return p95, most
}

// oldest is how long the first of those that wait has waited.
func (q *queue) oldest(now time.Duration) (age time.Duration) {
	if q.waiting.n > 0 {
		age = now - q.waiting.oldest()
	}
	if q.again.n > 0 {
		age = max(age, now-q.again.oldest())
	}
	return age
}

// bill is what the fleet has been billed for, and what that cost, were all to end
// now.
func (c *crew) bill() (seconds int64, cost *float64) {
	by := slices.Clone(c.seconds)
	for _, m := range c.live {
		if m.billed() {
			by[m.account()] += billedFor(c.world.now-m.paid, c.Billing)
		}
	}
	sum := 0.0
	for i, s := range by {
		seconds += s
		if price, ok := c.price(i/2, i%2 == 1); ok {
			sum += float64(price * float64(s) / 3600)
		}
	}
	if c.Priced() {
		cost = &sum
	}
	return seconds, cost
}
