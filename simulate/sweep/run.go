package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"skynet/simulate"
)

// Outcome is what came of a point.
type Outcome struct {
	Point  Point
	Result simulate.Result
}

// Run plays every point, so many at once (0: as many as there are cores), and
// returns what came of them, in order. The first that fails ends it: no sweep is
// half a sweep. progress, if any, is told how many are done, by one at a time.
func Run(ctx context.Context, points []Point, workers int, play func(context.Context, Point) (simulate.Result, error), progress func(done, of int)) ([]Outcome, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &sweep{points: points, outcomes: make([]Outcome, len(points)), errs: make([]error, len(points)), progress: progress}
	var all sync.WaitGroup
	for range min(workers, len(points)) {
		all.Go(func() {
			for i, ok := s.take(ctx); ok; i, ok = s.take(ctx) {
				r, err := play(ctx, points[i])
				if s.done(i, r, err); err != nil {
					stop()
				}
			}
		})
	}
	all.Wait()
	if err := s.failed(); err != nil {
		return nil, err
	}
	if s.finished < len(points) {
		return nil, ctx.Err()
	}
	return s.outcomes, nil
}

// sweep is one run.
type sweep struct {
	sync.Mutex
	points         []Point
	outcomes       []Outcome
	errs           []error
	next, finished int
	progress       func(done, of int)
}

// take is the next point; false if there is none, or an end to it.
func (s *sweep) take(ctx context.Context) (int, bool) {
	s.Lock()
	defer s.Unlock()
	if s.next >= len(s.points) || ctx.Err() != nil {
		return 0, false
	}
	s.next++
	return s.next - 1, true
}

func (s *sweep) done(i int, r simulate.Result, err error) {
	s.Lock()
	defer s.Unlock()
	s.outcomes[i] = Outcome{s.points[i], r}
	if err != nil {
		s.errs[i] = fmt.Errorf("%s: %w", s.points[i], err)
		return
	}
	if s.finished++; s.progress != nil {
		s.progress(s.finished, len(s.points))
	}
}

// failed is the first error that is not only the end of the others.
func (s *sweep) failed() (first error) {
	for _, err := range s.errs {
		switch {
		case err == nil:
		case !errors.Is(err, context.Canceled):
			return err
		case first == nil:
			first = err
		}
	}
	return first
}

// Frontier are the places of the outcomes that no other beats, cheapest first: none
// costs as little or less with a p99 of waits as short or shorter, and one of the
// two better. What is compared is the wait and not the share within the objective,
// since points may promise differently. Without prices it is billed time that
// counts. Where nothing arrived there is nothing to compare.
func Frontier(outcomes []Outcome) []int {
	priced := allPriced(outcomes)
	var order []int
	for i, o := range outcomes {
		if o.Result.Wait != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(paid(outcomes[a], priced), paid(outcomes[b], priced)), cmp.Compare(waits(outcomes[a]), waits(outcomes[b])))
	})
	var front []int
	for _, i := range order {
		if n := len(front); n > 0 {
			last := outcomes[front[n-1]]
			same := waits(outcomes[i]) == waits(last) && paid(outcomes[i], priced) == paid(last, priced)
			if waits(outcomes[i]) >= waits(last) && !same {
				continue
			}
		}
		front = append(front, i)
	}
	return front
}

func allPriced(outcomes []Outcome) bool {
	return !slices.ContainsFunc(outcomes, func(o Outcome) bool { return o.Result.Cost == nil })
}

// paid is money, or instance hours.
func paid(o Outcome, priced bool) float64 {
	if priced {
		return *o.Result.Cost
	}
	return float64(o.Result.InstanceSeconds) / 3600
}

// waits is the p99, s.
func waits(o Outcome) float64 { return o.Result.Wait.P99 }
