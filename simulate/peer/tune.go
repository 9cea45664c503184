package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

const (
	coarse   = 6 // settings over the whole range, besides the default
	finer    = 4 // between the best and its neighbours on either side
	narrower = 3 // what lies between two settings is so many times less each time
	rounds   = 2

	fewestRounds = 4 // of finer plays each
)

// Tune finds the setting that is cheapest in hindsight: of those that keep the
// objective's quantile the one with the least instance-seconds; if none does, the
// one with the most items within the objective. It plays the scenario up to
// sixteen times, on all cores: first over a wide range, then ever nearer to the
// best. progress may be nil.
func (p Peer) Tune(ctx context.Context, sc *scenario.Scenario, o policy.Objective, b policy.Bounds, seed *uint64, progress func(done, of int)) (Peer, simulate.Result, error) {
	if p.Name == Clairvoyant {
		return p, simulate.Result{}, errors.New("clairvoyant has no setting to tune")
	}
	t := &tuning{
		peer: p, sc: sc, objective: o, bounds: b, seed: seed, progress: progress,
		results: map[float64]simulate.Result{}, of: coarse + 1 + rounds*finer,
	}
	search := t.cheapest
	if p.Name == Static {
		search, t.of = t.fewest, fewestRounds*finer
	}
	if err := search(ctx); err != nil {
		return p, simulate.Result{}, err
	}
	tuned := Peer{Name: p.Name, Setting: t.best(), Tuned: true, plain: p.Setting == 0 && !p.Tuned}
	r := t.results[tuned.Setting]
	r.Policy = tuned.String()
	return tuned, r, nil
}

// tuning is what has been tried.
type tuning struct {
	peer      Peer
	sc        *scenario.Scenario
	objective policy.Objective
	bounds    policy.Bounds
	seed      *uint64
	progress  func(done, of int)

	sync.Mutex // of what follows
	results    map[float64]simulate.Result
	of         int
}

// cheapest tries settings a constant factor apart, and finer ones around the best.
func (t *tuning) cheapest(ctx context.Context) error {
	low, high, preset := t.reach()
	step := math.Pow(high/low, 1./(coarse-1))
	list := []float64{preset}
	for i := range coarse {
		list = append(list, low*math.Pow(step, float64(i)))
	}
	if err := t.play(ctx, list); err != nil {
		return err
	}
	for range rounds {
		step = math.Pow(step, 1./narrower)
		at := t.best()
		if err := t.play(ctx, []float64{at / step / step, at / step, at * step, at * step * step}); err != nil {
			return err
		}
	}
	return nil
}

// reach is where good settings lie. A backlog that is waited off within the
// objective is about the most that can do, a small share of it is needed where
// instances take long to come. What is in flight counts for keda: below the slots
// of an instance its setting leaves some of them idle.
func (t *tuning) reach() (low, high, preset float64) {
	low = math.Inf(1)
	for i := range t.sc.Fleets {
		l := loadOf(t.sc, &t.sc.Fleets[i], t.objective)
		from, to := max(l.acceptable/128, .1), 2*l.acceptable
		if t.peer.Name == KEDA {
			from, to = l.slots/8, 2*(l.slots+l.acceptable)
		}
		low, high, preset = min(low, from), max(high, to), max(preset, t.peer.preset(l))
	}
	return low, max(high, 8*low), preset
}

// fewest closes in on the smallest fleet that keeps the objective.
func (t *tuning) fewest(ctx context.Context) error {
	most := max(1, t.bounds.Max)
	fails, keeps := max(1, t.bounds.Min)-1, most+1
	for range fewestRounds {
		list := between(fails, keeps, finer)
		if keeps > most {
			list = append(between(fails, most, finer-1), float64(most))
		}
		if len(list) == 0 {
			return nil
		}
		if err := t.play(ctx, list); err != nil {
			return err
		}
		if !t.kept(t.results[t.best()]) {
			return nil // not even the most
		}
		keeps = int(t.best())
		for n := range t.results {
			if int(n) < keeps {
				fails = max(fails, int(n))
			}
		}
	}
	return nil
}

// between are up to so many whole numbers between two, about a factor apart.
func between(low, high, count int) (list []float64) {
	if high-low-1 <= count {
		for n := low + 1; n < high; n++ {
			list = append(list, float64(n))
		}
		return list
	}
	from := float64(max(1, low))
	step := math.Pow(float64(high)/from, 1/float64(count+1))
	for last, i := low, 1; i <= count; i++ {
		last = min(max(last+1, int(math.Round(from*math.Pow(step, float64(i))))), high-1)
		list = append(list, float64(last))
	}
	return slices.Compact(list)
}

// rounded has three digits, as a person would set it, and those of a fleet none.
func (t *tuning) rounded(v float64) float64 {
	if t.peer.Name == Static {
		return math.Round(v)
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return v
}

// play tries those settings that were not tried yet, on all cores. What comes of it
// does not depend on how many there are.
func (t *tuning) play(ctx context.Context, list []float64) error {
	for i := range list {
		list[i] = t.rounded(list[i])
	}
	slices.Sort(list)
	list = slices.DeleteFunc(slices.Compact(list), func(v float64) bool {
		_, played := t.results[v]
		return played
	})
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	cores := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, v := range list {
		wg.Go(func() {
			cores <- struct{}{}
			defer func() { <-cores }()
			errs[i] = t.run(ctx, v)
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// run plays one setting.
func (t *tuning) run(ctx context.Context, v float64) error {
	p := Peer{Name: t.peer.Name, Setting: v}
	r, err := simulate.Run(ctx, t.sc, p.Policy(t.sc, t.objective, t.bounds), simulate.Options{Seed: t.seed})
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	t.Lock()
	defer t.Unlock()
	t.results[v] = r
	if t.progress != nil {
		t.progress(len(t.results), max(t.of, len(t.results)))
	}
	return nil
}

// best is the best setting so far; of equal ones the smallest.
func (t *tuning) best() float64 {
	list := slices.Sorted(maps.Keys(t.results))
	return slices.MinFunc(list, func(a, b float64) int { return t.compare(t.results[a], t.results[b]) })
}

// compare ranks results, the better first.
func (t *tuning) compare(a, b simulate.Result) int {
	switch keptA, keptB := t.kept(a), t.kept(b); {
	case keptA && keptB:
		return cmp.Or(cmp.Compare(a.InstanceSeconds, b.InstanceSeconds), cmp.Compare(share(b), share(a)))
	case keptA:
		return -1
	case keptB:
		return 1
	}
	return cmp.Or(cmp.Compare(share(b), share(a)), cmp.Compare(a.InstanceSeconds, b.InstanceSeconds))
}

// kept reports whether the objective was kept.
func (t *tuning) kept(r simulate.Result) bool { return share(r) >= t.objective.Quantile }

// share is how many started within the objective; of none, all did.
func share(r simulate.Result) float64 {
	if r.WithinObjective == nil {
		return 1
	}
	return *r.WithinObjective
}
