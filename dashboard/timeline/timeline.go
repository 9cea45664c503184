// Package timeline tells how a fleet's numbers went, over minutes or over a year, from
// its journal: in steps of a round length, so many as fit a picture. What is over does
// not change, so that it is read once and remembered, in cells of ten minutes: weeks
// are answered in no time, and a journal that is written to is left alone.
package timeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"skynet/dashboard"
	"skynet/journal"
	"skynet/signals"
)

// Journal is what is looked into.
type Journal interface {
	Heads(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error)
	SeriesOf(ctx context.Context, fleetName string, names []string, from, to time.Time, step time.Duration) (map[string][]journal.Point, error)
}

// Fleet is whose numbers they are.
type Fleet struct {
	Name     string
	Queues   []string
	Interval time.Duration // from tick to tick
	Minutes  time.Duration // so long numbers are known by the tick, before that by the hour
	Hours    time.Duration // before that nothing is known
}

const (
	cell  = 10 * time.Minute // what is remembered is known so finely
	chunk = 6 * time.Hour    // and read so much at a time
	// mostChunks bounds what is remembered: 500 days, some MB.
	mostChunks = 2000
	// late is how long after its time a tick may still be written.
	late = time.Minute
)

// Timeline remembers what is over. It is safe for concurrent use.
type Timeline struct {
	fleet  Fleet
	queues []string // those that are always told of
	names  []string // of the signals that are always told of

	mu     sync.Mutex // one reads at a time: another asks mostly for the same
	chunks map[int64]piece
}

// piece is what is known of a stretch of time.
type piece struct {
	series map[string][]journal.Point // signals, and want and have
	moods  []mood
}

// mostQueues is how many queues' own numbers are told of unless some are asked for by
// name: a hundred would be megabytes to send and hundreds of them to remember.
const mostQueues = 8

// New tells of a fleet.
func New(f Fleet) *Timeline {
	t := &Timeline{fleet: f, chunks: map[int64]piece{}}
	if len(f.Queues) <= mostQueues {
		t.queues = f.Queues
	}
	t.names = slices.Concat(ofFleet, ofQueue, signalsOf(t.queues))
	return t
}

// What is told of, for the fleet and for each of its queues.
var (
	ofFleet = []string{
		"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent",
		"cost.per_hour", "cost.today", "decision.want_raw",
	}
	ofQueue = []string{"queue.visible", "queue.in_flight", "queue.oldest_age", "queue.arrival_rate", "queue.dead", "work.wait_p95"}
)

func signalsOf(queues []string) (names []string) {
	for _, q := range queues {
		for _, name := range ofQueue {
			names = append(names, signals.OfQueue(name, q))
		}
	}
	return names
}

// steps are lengths that people think in.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, cell, 2 * cell, 3 * cell,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour, 364 * 24 * time.Hour,
}

// stepOf is the shortest step of which no more than so many cover the span, and in
// which there is a tick.
func (f Fleet) stepOf(span time.Duration, points int, byHour bool) time.Duration {
	least := max(f.Interval, time.Second)
	if byHour {
		least = max(least, time.Hour)
	}
	for _, s := range steps {
		if s >= least && (span+s-1)/s <= time.Duration(points) {
			return s
		}
	}
	return steps[len(steps)-1] // 100 years in 100 points
}

// History is how numbers went in a span, up to now. Its names are those of
// docs/api.md; signals that are asked for besides are under their own.
func (t *Timeline) History(ctx context.Context, j Journal, q dashboard.Span, now time.Time) (dashboard.History, error) {
	from, to := q.From, q.To
	if oldest := now.Add(-t.fleet.Hours); from.Before(oldest) {
		from = oldest
	}
	if to.After(now) {
		to = now
	}
	if !from.Before(to) {
		return empty(q), nil
	}
	step := t.fleet.stepOf(to.Sub(from), max(1, q.Points-1), from.Before(now.Add(-t.fleet.Minutes)))
	g := grid{from: from.Truncate(step), step: step}
	g.n = int((to.Sub(g.from) + step - 1) / step)
	p, err := t.read(ctx, j, g, now)
	if err != nil {
		return dashboard.History{}, err
	}
	out := g.history(p, t.queues, t.fleet.gap(), now)
	if len(t.queues) < len(t.fleet.Queues) {
		if err := t.named(ctx, j, g, q.Queues, out.Series); err != nil {
			return dashboard.History{}, err
		}
	}
	return out, t.besides(ctx, j, g, q.Signals, out.Series)
}

func empty(q dashboard.Span) dashboard.History {
	return dashboard.History{From: q.From, To: q.To, Step: time.Minute.Seconds(), Time: []int64{}, Series: map[string][]*float64{}, Marks: []dashboard.Mark{}}
}

// named reads the numbers of queues that are asked for by name.
func (t *Timeline) named(ctx context.Context, j Journal, g grid, queues []string, into map[string][]*float64) error {
	queues = slices.DeleteFunc(slices.Clone(queues), func(q string) bool { return !slices.Contains(t.fleet.Queues, q) })
	if len(queues) == 0 {
		return nil
	}
	found, err := j.SeriesOf(ctx, t.fleet.Name, signalsOf(queues), g.from, g.end(), g.step)
	if err == nil {
		g.perQueue(into, piece{series: found}, queues)
	}
	return err
}

// besides reads the signals that are asked for by name.
func (t *Timeline) besides(ctx context.Context, j Journal, g grid, names []string, into map[string][]*float64) error {
	if len(names) == 0 {
		return nil
	}
	found, err := j.SeriesOf(ctx, t.fleet.Name, names, g.from, g.end(), g.step)
	if err != nil {
		return err
	}
	for _, name := range names {
		into[name] = g.line(found[name], mean)
	}
	return nil
}

// read is what is known of a grid's time: by the tick where its steps are short, else
// by the cells that are remembered.
func (t *Timeline) read(ctx context.Context, j Journal, g grid, now time.Time) (piece, error) {
	if g.step < cell {
		return t.look(ctx, j, g.from, g.end(), g.step)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	whole := piece{series: map[string][]journal.Point{}}
	for at := g.from.Truncate(chunk); at.Before(g.end()); at = at.Add(chunk) {
		p, err := t.chunk(ctx, j, at, now)
		if err != nil {
			return piece{}, err
		}
		for name, points := range p.series {
			whole.series[name] = append(whole.series[name], points...)
		}
		whole.moods = append(whole.moods, p.moods...)
	}
	return whole, nil
}

// chunk is one piece, remembered if it is over.
func (t *Timeline) chunk(ctx context.Context, j Journal, at, now time.Time) (piece, error) {
	key := at.UnixNano() / int64(chunk)
	if p, ok := t.chunks[key]; ok {
		return p, nil
	}
	p, err := t.look(ctx, j, at, at.Add(chunk), cell)
	if err == nil && now.After(at.Add(chunk+late+2*t.fleet.Interval)) {
		if len(t.chunks) >= mostChunks {
			clear(t.chunks)
		}
		t.chunks[key] = p
	}
	return p, err
}

// look reads the journal.
func (t *Timeline) look(ctx context.Context, j Journal, from, to time.Time, step time.Duration) (p piece, err error) {
	if p.series, err = j.SeriesOf(ctx, t.fleet.Name, t.names, from, to, step); err != nil {
		return p, err
	}
	list, err := j.Heads(ctx, t.fleet.Name, from, to.Add(-1), 0)
	if err != nil {
		return p, err
	}
	p.series["want"], p.series["have"] = decided(list, from, step)
	p.moods = moodsOf(list, t.fleet.gap())
	return p, nil
}

// gap is the longest time between two ticks that still follow each other.
func (f Fleet) gap() time.Duration { return 3*f.Interval + time.Second }

// Warm reads the weeks that people look at before anybody does, the newest first, and
// rests after each piece for longer than it took: a tick must not wait for it.
func (t *Timeline) Warm(ctx context.Context, j Journal, now time.Time, rest func(context.Context, time.Duration)) {
	for at := now.Truncate(chunk); now.Sub(at) < t.fleet.Minutes && ctx.Err() == nil; at = at.Add(-chunk) {
		begun := time.Now()
		t.mu.Lock()
		_, err := t.chunk(ctx, j, at, now)
		t.mu.Unlock()
		if err != nil {
			return // whoever looks is told
		}
		rest(ctx, 3*time.Since(begun)+time.Millisecond)
	}
}
