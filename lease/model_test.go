package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skynet/lease"
)

// The model: machines that are stopped and woken at any moment, each with a clock of
// its own, a network that loses requests and answers and delivers some late, and a
// cloud whose calls take effect some time after they were sent. Whatever happens, no
// call of one holder may be under way while one of another is.

// faults are planted one at a time, to show that the model would notice.
type faults struct {
	unconditional bool // the store ignores the condition of a write
	unguarded     bool // calls have no deadline: the note alone must do
	dozing        bool // the holder's clock stands still while its machine does
	hasty         bool // a successor does not wait for the call that may be under way
	impatient     bool // a successor goes by a time of its own, shorter than the holder's
	forgetful     bool // a fenced holder acts all the same
}

const (
	lasts = time.Minute
	grace = 30 * time.Second
	model = 40 * time.Minute // that each run lasts
)

// call is one deed that was under way.
type call struct {
	holder   string
	from, to time.Time
}

// model world.
type world struct {
	chance *rand.Rand
	shelf  *shelf
	plant  faults

	mu    sync.Mutex
	calls []call
	turns int // holders
}

func (w *world) rand(most time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.chance.Int64N(int64(most) + 1))
}

func (w *world) roll(p float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.chance.Float64() < p
}

// machine runs one controller.
type machine struct {
	w    *world
	name string

	mu     sync.Mutex
	until  time.Time     // stopped until then
	asleep time.Duration // stopped for so long in all
}

// stop is SIGSTOP, and SIGCONT after d.
func (m *machine) stop(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until = time.Now().Add(d)
	m.asleep += d
}

// pass is where a machine may be stopped: it returns when it runs.
func (m *machine) pass() {
	for {
		m.mu.Lock()
		wait := time.Until(m.until)
		m.mu.Unlock()
		if wait <= 0 {
			return
		}
		time.Sleep(wait)
	}
}

// clock may stop before it is read, and after.
func (m *machine) clock() time.Duration {
	m.pass()
	defer m.pass()
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Duration(time.Now().UnixNano())
	if m.w.plant.dozing {
		return now - m.asleep
	}
	return now
}

// line is a machine's way to the store.
type line struct{ *machine }

var errLine = errors.New("connection reset")

// over carries a request there and its answer back.
func (l line) over(ctx context.Context, do func()) error {
	l.pass()
	defer l.pass()
	trouble := 0
	if l.w.roll(0.15) {
		trouble = 1 + int(l.w.rand(2))
	}
	time.Sleep(l.w.rand(200 * time.Millisecond))
	switch trouble {
	case 1: // never arrives
	case 2: // arrives, the answer is lost
		do()
	case 3: // arrives late
		go func() {
			time.Sleep(l.w.rand(3 * time.Minute))
			do()
		}()
	default:
		do()
		time.Sleep(l.w.rand(200 * time.Millisecond))
		return ctx.Err()
	}
	time.Sleep(l.w.rand(5 * time.Second))
	return errLine
}

func (l line) Read(ctx context.Context) ([]byte, lease.Version, error) {
	type answer struct {
		body []byte
		v    lease.Version
	}
	got := make(chan answer, 1)
	if err := l.over(ctx, func() {
		body, v, _ := l.w.shelf.Read(ctx)
		got <- answer{body, v}
	}); err != nil {
		return nil, "", err
	}
	a := <-got
	if l.w.plant.impatient || l.w.plant.hasty {
		a.body = l.shorten(a.body)
	}
	return a.body, a.v, nil
}

func (l line) Write(ctx context.Context, body []byte, replaces lease.Version) (lease.Version, error) {
	type answer struct {
		v   lease.Version
		err error
	}
	got := make(chan answer, 1)
	if err := l.over(ctx, func() {
		v, err := l.w.shelf.Write(ctx, body, replaces)
		got <- answer{v, err}
	}); err != nil {
		return "", err
	}
	a := <-got
	return a.v, a.err
}

func (l line) Put(ctx context.Context, name string, body []byte) error {
	return l.over(ctx, func() { _ = l.w.shelf.Put(ctx, name, body) })
}

func (l line) Get(ctx context.Context, name string) ([]byte, error) { return l.w.shelf.Get(ctx, name) }
func (l line) List(ctx context.Context, after, before string) ([]string, error) {
	return l.w.shelf.List(ctx, after, before)
}

// run stands by, holds, and acts, until the end.
func (m *machine) run(ctx context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		o := lease.Options{Holder: fmt.Sprintf("%s/%d", m.name, turn), Lasts: lasts, Grace: grace, Look: time.Second, Clock: m.clock}
		l := lease.New(line{m}, line{m}, m.hurried(o))
		if l.Acquire(ctx, nil) != nil {
			return
		}
		m.hold(ctx, l, o.Holder)
	}
}

func (m *machine) hold(ctx context.Context, l *lease.Lease, name string) {
	m.w.mu.Lock()
	m.w.turns++
	m.w.mu.Unlock()
	held, lost := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = l.Hold(held)
		lost()
	})
	end := time.Now().Add(m.w.rand(20 * time.Minute)) // then it is told to stop
	for held.Err() == nil && time.Now().Before(end) {
		m.tick(held, l, name)
		time.Sleep(m.w.rand(30 * time.Second))
		m.pass()
	}
	lost()
	wg.Wait()
	_ = l.Release(context.WithoutCancel(ctx))
	if m.w.plant.forgetful {
		m.act(context.Background(), name)
	}
}

// tick writes down what it is about to do, and does it.
func (m *machine) tick(ctx context.Context, l *lease.Lease, name string) {
	if err := l.Note(ctx, []byte(name)); err != nil && !m.w.plant.forgetful {
		return
	}
	for range 2 {
		m.pass()
		if m.w.plant.unguarded {
			m.act(ctx, name)
			continue
		}
		bounded, cancel, err := l.Guard(ctx, grace)
		if err != nil {
			return
		}
		if m.w.roll(0.1) || m.w.plant.hasty && m.w.roll(0.5) {
			m.stop(m.w.rand(lasts)) // at the worst moment
		}
		m.pass()
		m.act(bounded, name)
		cancel()
	}
}

// act is a call by way of the Client; it takes effect at some moment from when it was
// sent, the deadline or not.
func (m *machine) act(ctx context.Context, name string) {
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://cloud", http.NoBody)
	_, _ = lease.Client(doer(func() {
		c := call{holder: name, from: time.Now()}
		if m.w.plant.hasty {
			time.Sleep(grace) // rare enough as it is
		} else {
			time.Sleep(m.w.rand(grace))
		}
		c.to = time.Now()
		m.w.mu.Lock()
		m.w.calls = append(m.w.calls, c)
		m.w.mu.Unlock()
	})).Do(r) //nolint:bodyclose // has none
}

type doer func()

func (d doer) Do(*http.Request) (*http.Response, error) {
	d()
	return nil, nil //nolint:nilnil // nobody looks
}

// play runs three machines for a while and returns what went wrong, and how many
// terms there were.
func play(t *testing.T, seed uint64, plant faults) (wrong string, turns, calls int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{chance: rand.New(rand.NewPCG(seed, 7)), shelf: newShelf(), plant: plant}
		w.shelf.blind = plant.unconditional
		ctx, cancel := context.WithTimeout(t.Context(), model)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 3 {
			m := &machine{w: w, name: fmt.Sprintf("m%d", i)}
			wg.Go(func() { m.run(ctx) })
			wg.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(w.rand(10 * time.Minute))
					m.stop(w.rand(4 * time.Minute))
				}
			})
		}
		wg.Wait()
		time.Sleep(5 * time.Minute) // what is late arrives
		wrong, turns, calls = overlap(w.calls), w.turns, len(w.calls)
	})
	return wrong, turns, calls
}

// overlap finds two holders' calls under way at once.
func overlap(calls []call) string {
	slices.SortFunc(calls, func(a, b call) int { return a.from.Compare(b.from) })
	for i, a := range calls {
		for _, b := range calls[i+1:] {
			if b.holder != a.holder && b.from.Before(a.to) {
				return fmt.Sprintf("%s acts from %s to %s, %s from %s", a.holder, clock(a.from), clock(a.to), b.holder, clock(b.from))
			}
		}
	}
	return ""
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

func TestNeverTwoActAtOnce(t *testing.T) {
	turns, calls := 0, 0
	for seed := range uint64(40) {
		wrong, n, c := play(t, seed, faults{})
		if wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
		turns, calls = turns+n, calls+c
	}
	if turns < 200 || calls < 2000 {
		t.Errorf("only %d terms and %d calls: the model shows nothing", turns, calls)
	}
}

// TestTheModelNotices shows that each of the things that keep two from acting at once
// is needed.
func TestTheModelNotices(t *testing.T) {
	for name, plant := range map[string]faults{
		"writes without a condition": {unconditional: true},
		"calls without a deadline":   {unguarded: true},
		"a clock that dozes":         {dozing: true},
		"no time for the last call":  {hasty: true},
		"an impatient successor":     {impatient: true},
		"a fenced holder that acts":  {forgetful: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(1000) {
				if wrong, _, _ := play(t, seed, plant); wrong != "" {
					return
				}
			}
			t.Error("not noticed in 1000 runs")
		})
	}
}
