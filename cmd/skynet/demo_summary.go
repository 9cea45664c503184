package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/local"
	"skynet/queue"
)

// count follows the ticks of a demo.
type count struct {
	mu       sync.Mutex
	started  time.Time
	last     controller.Report
	launched map[fleet.ID]time.Time
}

// watch takes in a tick. Not every launch is among the deeds of one: one whose
// answer was lost is found by a later tick, which only lists the instance.
func (c *count) watch(r controller.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r
	for _, id := range r.Deeds.Launched {
		c.saw(id, r.Snapshot.Now)
	}
	for _, w := range r.Snapshot.Workers {
		c.saw(w.ID, w.Launched)
	}
}

// saw takes down that there is an instance. c.mu is held.
func (c *count) saw(id fleet.ID, launched time.Time) {
	if c.launched == nil {
		c.launched = map[fleet.ID]time.Time{}
	}
	if !launched.IsZero() {
		c.launched[id] = launched // what is listed later is more exact than the tick's time
	}
}

// home reports whether the last tick saw nobody left, and asked for nobody: a
// few items may be done before the tick after the one that launched.
func (c *count) home() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.last
	return r.Err == nil && !r.Snapshot.Now.IsZero() && r.Snapshot.Billed() == 0 && r.Deeds.Asked == 0
}

// summary is what the demo ends with. Its JSON keys are a promise.
type summary struct {
	Items           int     `json:"items"`
	Done            *int    `json:"done"`     // null if the queue did not say
	Failed          *int    `json:"failed"`   // so too
	WaitP50         float64 `json:"wait_p50"` // s, from sent to started
	WaitP95         float64 `json:"wait_p95"`
	WaitMax         float64 `json:"wait_max"`
	InstanceSeconds float64 `json:"instance_seconds"`
	Launches        int     `json:"launches"`
	Results         string  `json:"results"`

	took    time.Duration
	ended   error // why it ended before all was done, nil if it did not
	unknown error // why nobody knows what became of the items
	left    int   // items in the queue that are neither done nor failed
	unsent  int
	morgue  []queue.Dead // some of those that failed
	folder  string
	fleetOf string
}

// sumUp bounds the questions to the queue for the summary.
const sumUp = 10 * time.Second

// summary adds up a demo that has ended, before its time if ended says so.
func (c *count) summary(ctx context.Context, d *demo, dm *daemon, l *load, ended error) summary {
	ctx, cancel := context.WithTimeout(ctx, sumUp)
	defer cancel()
	sent := int(l.sent.Load())
	s := summary{
		Items: sent, unsent: len(l.trickle) + len(l.burst) - sent, ended: ended, Results: d.results(),
		took: time.Since(c.started), folder: d.folder, fleetOf: "render",
	}
	s.instances(ctx, c, dm.local)
	s.waits(dm.ears.Totals(s.fleetOf))
	s.items(ctx, dm.queues["media"])
	return s
}

// left are the items that are neither done nor given up.
func left(d queue.Depth) int { return d.Visible + d.InFlight + d.Delayed }

// items asks the queue what became of them, again and again within ctx: no
// answer does not mean that nothing is left.
func (s *summary) items(ctx context.Context, q queue.Queue) {
	d, err := insist(ctx, q.Depth)
	if err != nil {
		s.unknown = fmt.Errorf("the queue does not answer: %w", err)
		return
	}
	s.left, s.Failed, s.Done = left(d), &d.Dead, new(max(0, s.Items-d.Dead-left(d)))
	if d.Dead > 0 {
		s.morgue, _ = insist(ctx, func(ctx context.Context) ([]queue.Dead, error) { return q.DeadLetters(ctx, 5) })
	}
}

// insist asks until there is an answer or ctx ends; then the last error says why.
func insist[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for {
		once, cancel := context.WithTimeout(ctx, 2*time.Second)
		v, err := ask(once)
		cancel()
		if err == nil {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(look):
		}
	}
}

// waits adds up how long items of all queues waited.
func (s *summary) waits(done map[string]fleet.Work) {
	var wait fleet.Sketch
	for _, w := range done {
		wait.Merge(w.Wait)
	}
	for q, to := range map[float64]*float64{.5: &s.WaitP50, .95: &s.WaitP95} {
		v, _ := wait.Quantile(q)
		*to = millis(v)
	}
	longest, _ := wait.Max()
	s.WaitMax = millis(longest)
}

// cloud is what the summary asks of the fleet.
type cloud interface {
	Instances(ctx context.Context, fleetName string) ([]fleet.Instance, error)
	Ending(id fleet.ID) (local.Ending, error)
}

// instances counts what was launched, and the time from launch to end over all.
// The ticks saw what is listed no longer, the list has what no tick has seen.
func (s *summary) instances(ctx context.Context, c *count, l cloud) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, _ := l.Instances(ctx, s.fleetOf) // fails only when ctx ends or it is closed: neither is so
	for _, i := range list {
		c.saw(i.ID, i.Launched)
	}
	s.Launches = len(c.launched)
	var sum time.Duration
	for id, launched := range c.launched {
		ended := time.Now()
		if e, err := l.Ending(id); err == nil {
			ended = e.At
		}
		sum += ended.Sub(launched)
	}
	s.InstanceSeconds = millis(sum.Seconds())
}

// millis rounds seconds to milliseconds: more is not known.
func millis(s float64) float64 { return math.Round(s*1000) / 1000 }

// verdict is an error if the demo did not end as it should.
func (s summary) verdict() error {
	switch {
	case errors.Is(s.ended, errStopped):
		return finding{s.ended}
	case s.unknown != nil:
		return finding{fmt.Errorf("what became of %s is unknown: %w", items(s.Items), s.unknown)}
	case s.left+s.unsent > 0:
		return finding{fmt.Errorf("%s left when the time was up", were(s.left+s.unsent))}
	case *s.Failed > 0:
		return finding{fmt.Errorf("%s failed", items(*s.Failed))}
	case s.ended != nil:
		return finding{fmt.Errorf("all items were done, and workers were still there when %w", s.ended)}
	}
	return nil
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

func were(n int) string {
	if n == 1 {
		return "1 item was"
	}
	return fmt.Sprintf("%d items were", n)
}

func (s summary) text() string {
	var b strings.Builder
	b.WriteString("\n" + s.tally() + fmt.Sprintf(", in %s\n", s.took.Round(time.Second)))
	fmt.Fprintf(&b, "waited        p50 %.1f s, p95 %.1f s, at most %.1f s\n", s.WaitP50, s.WaitP95, s.WaitMax)
	fmt.Fprintf(&b, "instances     %d launched, %.0f instance-seconds\n", s.Launches, s.InstanceSeconds)
	fmt.Fprintf(&b, "results       %s\n", s.Results)
	fmt.Fprintf(&b, "log, settings %s\n", s.folder)
	b.WriteString(s.failures())
	fmt.Fprintf(&b, "why?          %s explain --config %s/skynet.yaml\n", os.Args[0], s.folder)
	return b.String()
}

// tally is what became of the items, in half a line.
func (s summary) tally() string {
	if s.unknown != nil {
		return fmt.Sprintf("%s in, what became of them is unknown: %v", items(s.Items), s.unknown)
	}
	text := fmt.Sprintf("%s in, %d done, %d failed", items(s.Items), *s.Done, *s.Failed)
	if s.left > 0 {
		text += fmt.Sprintf(", %d left", s.left)
	}
	if s.unsent > 0 {
		text += fmt.Sprintf(", %d not sent", s.unsent)
	}
	return text
}

// failures are some of the files that failed, and why.
func (s summary) failures() string {
	var b strings.Builder
	for _, dead := range s.morgue {
		var t task
		_ = json.Unmarshal(dead.Body, &t) // written by this program
		fmt.Fprintf(&b, "failed        %s: %s\n", path.Base(t.Input), dead.Reason)
	}
	if s.Failed != nil && *s.Failed > len(s.morgue) {
		fmt.Fprintf(&b, "failed        %d more\n", *s.Failed-len(s.morgue))
	}
	return b.String()
}
