package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"skynet/fleet"
	"skynet/worker"
	"skynet/worker/workertest"
)

var errSilent = errors.New("no answer")

// instance is the machine's metadata.
type instance struct {
	mu     sync.Mutex
	drain  string
	silent bool
	notice *fleet.Interruption
	risk   bool
}

func (i *instance) set(f func(*instance)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(i)
}

func (i *instance) Tag(_ context.Context, key string) (string, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.silent {
		return "", false, errSilent
	}
	if key != fleet.TagDrain {
		return "", false, fmt.Errorf("asked for tag %q", key)
	}
	return i.drain, i.drain != "", nil
}

func (i *instance) AtRisk(context.Context) (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.silent {
		return false, errSilent
	}
	return i.risk, nil
}

func (i *instance) Interruption(context.Context) (*fleet.Interruption, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.silent {
		return nil, errSilent
	}
	return i.notice, nil
}

// reader is the other end of the mailbox: it counts each (Boot, Seq) once.
type reader struct {
	mu       sync.Mutex
	lose     int // so many posts fail before they arrive
	unsure   int // so many posts arrive and are answered with an error
	posts    int
	seen     map[string]bool
	beats    []fleet.Heartbeat // first arrivals
	total    map[string]*fleet.Work
	arriving func(fleet.Heartbeat)
}

func (r *reader) Post(_ context.Context, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts++
	if r.lose > 0 {
		r.lose--
		return errSilent
	}
	var hb fleet.Heartbeat
	if err := json.Unmarshal(body, &hb); err != nil {
		return err
	}
	r.count(hb)
	if r.unsure > 0 {
		r.unsure--
		return errSilent
	}
	return nil
}

func (r *reader) count(hb fleet.Heartbeat) {
	if r.arriving != nil {
		r.arriving(hb)
	}
	key := fmt.Sprint(hb.Boot, hb.Seq)
	if r.seen[key] {
		return
	}
	if r.seen == nil {
		r.seen, r.total = map[string]bool{}, map[string]*fleet.Work{}
	}
	r.seen[key] = true
	r.beats = append(r.beats, hb)
	for _, w := range hb.Queues {
		if r.total[w.Queue] == nil {
			r.total[w.Queue] = &fleet.Work{Queue: w.Queue}
		}
		r.total[w.Queue].Merge(w)
	}
}

func (r *reader) last() fleet.Heartbeat {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.beats) == 0 {
		return fleet.Heartbeat{}
	}
	return r.beats[len(r.beats)-1]
}

func (r *reader) work(queue string) fleet.Work {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.total[queue]; w != nil {
		return *w
	}
	return fleet.Work{}
}

// craft is a function that does the work.
type craft func(ctx context.Context, id string, body []byte) error

func (c craft) Open(_ context.Context, t worker.Try) (worker.Piece, error) {
	return &piece{c: c, t: t}, nil
}

func (c craft) Failed(context.Context, worker.Try, error) error { return nil }

type piece struct {
	c craft
	t worker.Try
}

func (p *piece) Work(ctx context.Context) error { return p.c(ctx, p.t.ID, p.t.Body) }

func (p *piece) Store(context.Context) (worker.Done, error) {
	return worker.Done{Outputs: []string{"out/" + p.t.ID}, BytesIn: 10, BytesOut: 1}, nil
}

func (p *piece) Close() error { return nil }

// stages is a craft whose stages take as long as they say. It counts how many items
// are in each, and calls entering and leaving, where they are set, for each item.
type stages struct {
	open, work, store time.Duration
	entering, leaving func(id string)

	mu                        sync.Mutex
	opening, working, storing int
	mostWorking, mostInHand   int
}

func (s *stages) in(count *int, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*count += by
	s.mostWorking, s.mostInHand = max(s.mostWorking, s.working), max(s.mostInHand, s.opening+s.working+s.storing)
}

func (s *stages) stay(ctx context.Context, count *int, d time.Duration) error {
	s.in(count, 1)
	defer s.in(count, -1)
	return sleep(ctx, d)
}

func (s *stages) Open(ctx context.Context, t worker.Try) (worker.Piece, error) {
	if s.entering != nil {
		s.entering(t.ID)
	}
	if err := s.stay(ctx, &s.opening, s.open); err != nil {
		s.left(t.ID)
		return nil, err
	}
	return stagedPiece{s, t.ID}, nil
}

func (s *stages) left(id string) {
	if s.leaving != nil {
		s.leaving(id)
	}
}

func (s *stages) Failed(context.Context, worker.Try, error) error { return nil }

type stagedPiece struct {
	s  *stages
	id string
}

func (p stagedPiece) Work(ctx context.Context) error { return p.s.stay(ctx, &p.s.working, p.s.work) }

func (p stagedPiece) Store(ctx context.Context) (worker.Done, error) {
	return worker.Done{}, p.s.stay(ctx, &p.s.storing, p.s.store)
}

func (p stagedPiece) Close() error { p.s.left(p.id); return nil }

// takes works for a duration, or until it is stopped.
func takes(d time.Duration) craft {
	return func(ctx context.Context, _ string, _ []byte) error { return sleep(ctx, d) }
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// world is an agent with everything around it.
type world struct {
	t      testing.TB
	agent  *worker.Agent
	meta   *instance
	reader *reader
	logs   *observer.ObservedLogs
	stop   context.CancelFunc
	ended  chan error
}

// start makes an agent, which fetches nothing ahead unless it is told to. It must be
// in a bubble of synctest.
func start(t testing.TB, slots int, c worker.Craft, feeds []worker.Feed, opts ...worker.Option) *world {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	w := &world{t: t, meta: &instance{}, reader: &reader{}, logs: logs, ended: make(chan error, 1)}
	opts = append([]worker.Option{worker.WithLog(zap.New(core)), worker.WithMetadata(w.meta, 0), worker.WithAhead(0)}, opts...)
	a, err := worker.New(worker.Self{ID: "i-1", Fleet: "render", Version: "v1", Slots: slots}, feeds, c, w.reader, opts...)
	if err != nil {
		t.Fatal(err)
	}
	w.agent = a
	return w
}

func (w *world) run() *world {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.ended <- w.agent.Run(ctx) }()
	synctest.Wait()
	return w
}

// end stops the agent and waits for it.
func (w *world) end() error {
	w.t.Helper()
	w.stop()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(time.Hour):
		w.t.Error("the agent does not end")
		return nil
	}
}

// after lets virtual time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func fill(q *workertest.Queue, n int) {
	for i := range n {
		_, _ = q.Send(context.Background(), fmt.Appendf(nil, "item %d", i))
	}
}

func newQueue() *workertest.Queue { return workertest.New("photos", 30*time.Second, 10*time.Second, 3) }

func only(q *workertest.Queue) []worker.Feed { return []worker.Feed{{Source: q}} }
