package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/peer"
	"skynet/simulate/report"
	"skynet/simulate/scenario"
	"skynet/simulate/sweep"
)

// contest is what came of all that was played.
type contest struct {
	simulated
	moments []*report.Recorder // of each result; nil: nothing over time
	peers   []bool
	ideals  *ideals
	swept   []sweep.Outcome
}

// playAll plays what the flags name.
func playAll(c *cobra.Command, sc *scenario.Scenario, m *meter) (*contest, error) {
	list, err := contendersFor(c, sc)
	defer func() {
		for _, p := range list {
			_ = p.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	out := &contest{simulated: simulated{Scenario: sc.Name, Seed: uint64(sc.Seed)}, ideals: &ideals{sc: sc, known: map[string]*ideal{}}}
	if axes, _ := c.Flags().GetStringArray("sweep"); len(axes) > 0 {
		return out, out.sweep(c, sc, axes, m)
	}
	peers, err := peersOf(c)
	if err != nil {
		return nil, err
	}
	for _, n := range hopeless(sc, list) {
		fmt.Fprintln(c.ErrOrStderr(), "skynet: note:", n)
	}
	jobs := make([]job, 0, len(list)+len(peers))
	for _, p := range list {
		jobs = append(jobs, out.policy(c, sc, p.Policy, m))
	}
	for _, p := range peers {
		jobs = append(jobs, out.peer(c, sc, p, list[0], m))
	}
	return out, out.play(jobs, m)
}

// job plays one column.
type job func(ctx context.Context, to *column) error

// play does jobs, as many at once as there are cores, and keeps their order.
func (p *contest) play(jobs []job, m *meter) error {
	m.expect(len(jobs))
	columns, errs := make([]column, len(jobs)), make([]error, len(jobs))
	var wg sync.WaitGroup
	free := make(chan struct{}, runtime.NumCPU())
	for i, do := range jobs {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			errs[i] = do(m.ctx, &columns[i])
		})
	}
	wg.Wait()
	for _, col := range columns {
		p.Results = append(p.Results, col.result)
		p.moments, p.peers, p.promised = append(p.moments, col.moments), append(p.peers, col.peer), append(p.promised, col.promised)
	}
	return errors.Join(errs...)
}

// column is what came of one policy.
type column struct {
	result   simulate.Result
	moments  *report.Recorder
	peer     bool
	promised policy.Objective
}

// policy plays one of ours.
func (p *contest) policy(c *cobra.Command, sc *scenario.Scenario, of simulate.Policy, m *meter) job {
	return func(ctx context.Context, to *column) error {
		to.promised = of.Objective
		o, end, err := optionsFor(c)
		if err != nil {
			return err
		}
		err = p.run(ctx, sc, of, o, to, reporting(c), m)
		return errors.Join(err, end(err == nil))
	}
}

// run plays a policy, and computes what a clairvoyant would have paid.
func (p *contest) run(ctx context.Context, sc *scenario.Scenario, of simulate.Policy, o simulate.Options, to *column, recorded bool, m *meter) error {
	o.Progress = m.share(of.Name)
	if recorded {
		to.moments = report.NewRecorder()
		o.Moments = to.moments.Moment
	}
	r, err := simulate.Run(ctx, sc, of, o)
	if err != nil {
		return finding{err}
	}
	r.ClairvoyantInstanceSeconds, err = p.ideals.bill(ctx, of.Objective)
	to.result = r
	return err
}

// optionsFor opens the journal that is asked for. end closes it, and takes it away
// if what it holds is not whole.
func optionsFor(c *cobra.Command) (o simulate.Options, end func(whole bool) error, err error) {
	path, _ := c.Flags().GetString("journal")
	if path == "" {
		return o, func(bool) error { return nil }, nil
	}
	j, err := sqlite.Open(path, sqlite.Options{Reserve: -1})
	if err != nil {
		return o, nil, fmt.Errorf("--journal: %w", err)
	}
	o.Journal = j
	return o, func(whole bool) error {
		err := j.Close()
		_ = os.Remove(path + ".lock") // nobody writes it any more
		if !whole {
			removeJournal(path)
		}
		return err
	}, nil
}

// removeJournal takes away a journal that would mislead.
func removeJournal(path string) {
	for _, end := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + end)
	}
}

// peersOf reads --against.
func peersOf(c *cobra.Command) (list []peer.Peer, err error) {
	texts, _ := c.Flags().GetStringSlice("against")
	all := slices.Contains(texts, "tuned")
	var errs []error
	for _, text := range texts {
		if text == "tuned" {
			continue
		}
		p, err := peer.Parse(text)
		if all && p.Setting == 0 && p.Name != peer.Clairvoyant {
			p.Tuned = true
		}
		list, errs = append(list, p), append(errs, err)
	}
	if all && len(list) == 0 {
		errs = append(errs, errors.New("tuned: names no peer by itself; write --against keda,tuned"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	return list, nil
}

// peer plays one of the others with what the first policy promises and may use.
func (p *contest) peer(c *cobra.Command, sc *scenario.Scenario, who peer.Peer, like contender, m *meter) job {
	return func(ctx context.Context, to *column) (err error) {
		to.peer, to.promised = true, like.Objective
		if who.Name == peer.Clairvoyant {
			to.result, err = p.ideals.result(ctx, like.Objective)
			m.share(who.Name)(1)
			return err
		}
		name := who.String()
		if who.NeedsTuning() {
			tell := m.share(name)
			who, to.result, err = who.Tune(ctx, sc, like.Objective, like.bounds, nil, func(done, of int) { tell(float64(done) / float64(of+1)) })
			if err != nil {
				return finding{err}
			}
			if !reporting(c) {
				tell(1)
				to.result.ClairvoyantInstanceSeconds, err = p.ideals.bill(ctx, like.Objective)
				return err
			}
			name = to.result.Policy
		}
		of := who.Policy(sc, like.Objective, like.bounds)
		of.Name = name
		return p.run(ctx, sc, of, simulate.Options{}, to, reporting(c), m)
	}
}

func reporting(c *cobra.Command) bool { return c.Flags().Changed("report") }

// ideals are the clairvoyant's schedules, one for each objective.
type ideals struct {
	sc    *scenario.Scenario
	mu    sync.Mutex
	known map[string]*ideal
	order []string
}

type ideal struct {
	done    chan struct{}
	result  simulate.Result
	courses []simulate.Course
	err     error
}

// of waits for the schedule of an objective, or until somebody stops the program:
// planning takes long where there are billions of items, and cannot be stopped.
func (s *ideals) of(ctx context.Context, o policy.Objective) (*ideal, error) {
	s.mu.Lock()
	key := fmt.Sprint(o.Wait, o.Queues)
	one, ok := s.known[key]
	if !ok {
		one = &ideal{done: make(chan struct{})}
		s.known[key], s.order = one, append(s.order, key)
		go func() {
			defer close(one.done)
			one.result, one.courses, one.err = simulate.ClairvoyantCourse(s.sc, nil, o)
		}()
	}
	s.mu.Unlock()
	select {
	case <-one.done:
		return one, one.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *ideals) result(ctx context.Context, o policy.Objective) (r simulate.Result, err error) {
	one, err := s.of(ctx, o)
	if err != nil {
		return r, err
	}
	return one.result, nil
}

func (s *ideals) bill(ctx context.Context, o policy.Objective) (*int64, error) {
	r, err := s.result(ctx, o)
	return r.ClairvoyantInstanceSeconds, err
}

// print writes a table, and of a sweep its frontier.
func (p *contest) print(out io.Writer) error {
	if p.swept == nil {
		p.simulated.print(out)
		return nil
	}
	fmt.Fprintf(out, "scenario %s, seed %d\n\n", p.Scenario, p.Seed)
	if err := sweep.Table(out, p.swept); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return sweep.Draw(out, p.swept, 72, 18)
}
