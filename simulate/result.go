package simulate

import (
	"fmt"
	"slices"
	"time"
)

// Result is what came of a policy.
type Result struct {
	Policy string `json:"policy"`
	Figures
	// ClairvoyantInstanceSeconds is what the cheapest schedule that knows every
	// arrival would have been billed for this policy's objective; null: not computed.
	ClairvoyantInstanceSeconds *int64  `json:"clairvoyant_instance_seconds"`
	Ticks                      int     `json:"ticks"`
	WallSeconds                float64 `json:"wall_seconds"` // how long the simulation took; the only figure that differs from run to run
	// Fleets are the figures of each fleet, where there are several.
	Fleets []FleetResult `json:"fleets,omitempty"`
}

// FleetResult is what came of one fleet.
type FleetResult struct {
	Fleet string `json:"fleet"`
	Figures
}

// Figures are what is compared. What cannot be told is null: the waits of no
// items, the cost without prices.
type Figures struct {
	Items           int64    `json:"items"`            // that arrived
	Unstarted       int64    `json:"unstarted"`        // of those, never started
	WithinObjective *float64 `json:"within_objective"` // share that started within the objective
	Wait            *Wait    `json:"wait"`
	InstanceSeconds int64    `json:"instance_seconds"` // billed
	WorkSeconds     float64  `json:"work_seconds"`     // slot-seconds of items that were done
	Efficiency      *float64 `json:"efficiency"`       // work over the slots that were paid for
	Cost            *float64 `json:"cost"`
	Launches        int64    `json:"launches"`
	Wakes           int64    `json:"wakes"`
	Sleeps          int64    `json:"sleeps"`
	Terminations    int64    `json:"terminations"`
	Interruptions   int64    `json:"interruptions"`
	Peak            int      `json:"peak"` // most instances billed at once
	// Forecast is how good the fleet's forecasts were; null: none were made, the run
	// was too short, or the figures are those of several fleets.
	Forecast *Forecast `json:"forecast"`
}

// Wait is how long items waited, s. One that never started waited until the end.
// Mean and maximum are exact, the quantiles are within 0.05%.
type Wait struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// result sums up. What still runs is billed until the end.
func (r *run) result() Result {
	w := r.world
	end := w.now // when the last item was done, or arrivals ended
	total := newSum()
	res := Result{Policy: r.policy.Name, Ticks: r.ticks}
	var alone *Forecast
	for i, c := range w.crews {
		s := newSum()
		s.crew(c, end)
		for _, q := range c.queues {
			s.queue(q, end)
		}
		total.add(s)
		fc := r.forecast(i)
		if len(w.crews) > 1 {
			f := FleetResult{Fleet: c.Name, Figures: s.figures()}
			f.Forecast = fc
			res.Fleets = append(res.Fleets, f)
		} else {
			alone = fc
		}
	}
	total.peak = w.peak // fleets may be largest at different times
	res.Figures = total.figures()
	res.Forecast = alone
	return res
}

// sum adds up exactly: in whole numbers where it can.
type sum struct {
	Figures
	within   int64
	waits    histogram
	longest  time.Duration
	waited   float64 // s
	work     time.Duration
	paid     int64 // slot-seconds
	peak     int
	cost     float64
	unpriced bool
}

func newSum() *sum { return &sum{waits: histogram{fine: exact}} }

func (s *sum) crew(c *crew, end time.Duration) {
	bill := slices.Clone(c.seconds)
	for _, m := range c.live {
		if m.billed() {
			bill[m.account()] += billedFor(end-m.paid, c.Billing)
		}
	}
	for i, seconds := range bill {
		s.InstanceSeconds += seconds
		s.paid += seconds * int64(c.Slots)
		if price, ok := c.price(i/2, i%2 == 1); ok {
			s.cost += float64(price * float64(seconds) / 3600)
		}
	}
	s.unpriced = !c.Priced()
	s.peak = c.peak
	s.Launches, s.Wakes, s.Sleeps, s.Terminations, s.Interruptions = c.launches, c.wakes, c.sleeps, c.terminations, c.notices
}

func (s *sum) queue(q *queue, end time.Duration) {
	s.Items += q.arrived
	s.Unstarted += int64(q.waiting.n)
	s.within += q.within
	s.work += q.work
	s.longest = max(s.longest, q.longest)
	s.waits.merge(&q.waits, 1)
	s.waited += q.waited
	for _, b := range q.waiting.list[q.waiting.head:] {
		s.waits.add(end-b.sent, int64(b.n))
		s.waited += float64((end - b.sent).Seconds() * float64(b.n))
		s.longest = max(s.longest, end-b.sent)
	}
}

// add adds another fleet's.
func (s *sum) add(o *sum) {
	s.Items, s.Unstarted, s.within = s.Items+o.Items, s.Unstarted+o.Unstarted, s.within+o.within
	s.InstanceSeconds, s.paid, s.work = s.InstanceSeconds+o.InstanceSeconds, s.paid+o.paid, s.work+o.work
	s.Launches, s.Wakes, s.Sleeps = s.Launches+o.Launches, s.Wakes+o.Wakes, s.Sleeps+o.Sleeps
	s.Terminations, s.Interruptions = s.Terminations+o.Terminations, s.Interruptions+o.Interruptions
	s.longest, s.waited = max(s.longest, o.longest), s.waited+o.waited
	s.cost, s.unpriced = s.cost+o.cost, s.unpriced || o.unpriced
	s.waits.merge(&o.waits, 1)
}

func (s *sum) figures() Figures {
	f := s.Figures
	f.WorkSeconds, f.Peak = s.work.Seconds(), s.peak
	if !s.unpriced {
		f.Cost = &s.cost
	}
	if s.paid > 0 {
		f.Efficiency = new(f.WorkSeconds / float64(s.paid))
	}
	if s.Items > 0 {
		f.WithinObjective = new(float64(s.within) / float64(s.Items))
		f.Wait = &Wait{Mean: s.waited / float64(s.Items), P50: s.wait(.5), P95: s.wait(.95), P99: s.wait(.99), Max: s.longest.Seconds()}
	}
	return f
}

func (s *sum) wait(q float64) float64 {
	d, _ := s.waits.quantile(q)
	return min(d, s.longest).Seconds()
}

// Percent says 100% of all alone: a late item in a million is none the less late.
func Percent(share float64) string {
	if share < 1 {
		share = min(share, .99999)
	}
	return fmt.Sprintf("%.3f%%", 100*share)
}
