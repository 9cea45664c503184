package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/queue"
)

// count follows the ticks of a demo.
type count struct {
	mu       sync.Mutex
	started  time.Time
	last     controller.Report
	launched map[fleet.ID]time.Time
}

func (c *count) watch(r controller.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r
	if c.launched == nil {
		c.launched = map[fleet.ID]time.Time{}
	}
	for _, id := range r.Deeds.Launched {
		c.launched[id] = r.Snapshot.Now
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
	Done            int     `json:"done"`
	Failed          int     `json:"failed"`
	WaitP50         float64 `json:"wait_p50"` // s, from sent to started
	WaitP95         float64 `json:"wait_p95"`
	WaitMax         float64 `json:"wait_max"`
	InstanceSeconds float64 `json:"instance_seconds"`
	Launches        int     `json:"launches"`
	Results         string  `json:"results"`

	took    time.Duration
	left    int // items neither done nor failed
	morgue  []queue.Dead
	folder  string
	fleetOf string
}

// summary adds up a demo that has ended.
func (c *count) summary(ctx context.Context, d *demo, dm *daemon, l *load) summary {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s := summary{
		Items: int(l.sent.Load()), Launches: len(c.launched), Results: d.results(),
		took: time.Since(c.started), folder: d.folder, fleetOf: "render",
	}
	q := dm.queues["media"]
	if depth, err := q.Depth(ctx); err == nil {
		s.left, s.Failed = depth.Visible+depth.InFlight+depth.Delayed, depth.Dead
	}
	s.Done = s.Items - s.Failed - s.left
	s.morgue, _ = q.DeadLetters(ctx, 5)
	s.waits(dm)
	s.InstanceSeconds = millis(c.instanceSeconds(dm))
	return s
}

func (s *summary) waits(dm *daemon) {
	var wait fleet.Sketch
	for _, w := range dm.ears.Totals(s.fleetOf) {
		wait.Merge(w.Wait)
	}
	s.WaitP50, _ = wait.Quantile(.5)
	s.WaitP95, _ = wait.Quantile(.95)
	s.WaitMax, _ = wait.Quantile(1)
	s.WaitP50, s.WaitP95, s.WaitMax = millis(s.WaitP50), millis(s.WaitP95), millis(s.WaitMax)
}

// millis rounds seconds to milliseconds: more is not known.
func millis(s float64) float64 { return math.Round(s*1000) / 1000 }

// instanceSeconds is the time from launch to end over all instances.
func (c *count) instanceSeconds(dm *daemon) (sum float64) {
	for id, launched := range c.launched {
		ended := time.Now()
		if e, err := dm.local.Ending(id); err == nil {
			ended = e.At
		}
		sum += ended.Sub(launched).Seconds()
	}
	return sum
}

var errStopped = errors.New("stopped before the end")

// verdict is an error if the demo did not end as it should.
func (s summary) verdict(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return finding{errStopped}
	case s.left > 0:
		return finding{fmt.Errorf("%d items were left when the time was up", s.left)}
	}
	return nil
}

func (s summary) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d items in, %d done, %d failed", s.Items, s.Done, s.Failed)
	if s.left > 0 {
		fmt.Fprintf(&b, ", %d left", s.left)
	}
	fmt.Fprintf(&b, ", in %s\n", s.took.Round(time.Second))
	fmt.Fprintf(&b, "waited        p50 %.1f s, p95 %.1f s, at most %.1f s\n", s.WaitP50, s.WaitP95, s.WaitMax)
	fmt.Fprintf(&b, "instances     %d launched, %.0f instance-seconds\n", s.Launches, s.InstanceSeconds)
	fmt.Fprintf(&b, "results       %s\n", s.Results)
	fmt.Fprintf(&b, "log, settings %s\n", s.folder)
	for _, dead := range s.morgue {
		fmt.Fprintf(&b, "failed        %s\n", dead.Reason)
	}
	fmt.Fprintf(&b, "why?          %s explain --config %s/skynet.yaml\n", os.Args[0], s.folder)
	return b.String()
}
