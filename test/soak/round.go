//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"skynet/queue"
	"skynet/test/processes"
)

// round is one installation's life: a calm moment, torture, and the calm after it,
// in which everything must come right by itself.
type round struct {
	set    options
	cage   cage
	seed   uint64
	length time.Duration
	*story
	*site
	load   *load
	census *processes.Census
	models [models]map[string]hash // what comes of each picture
}

const (
	// calm is how much of a round, at most, is left for everything to come right.
	calm = 20 * time.Second
	// homeWithin is how long that may take: claims run out, pauses after failed tries
	// grow, and a worker that met a full disk takes nothing for a minute.
	homeWithin = 4 * time.Minute
	// longRound has time for harm that takes a minute to get over.
	longRound = 3 * time.Minute
)

var errInterrupted = errors.New("interrupted")

// run plays the round.
func (r *round) run(ctx context.Context) (sum tally, err error) {
	dir := filepath.Join(r.set.dir, fmt.Sprintf("round-%d", r.seed))
	if r.site, err = openSite(ctx, r.cage, dir, r.set, r.story.tell); err != nil {
		return sum, err
	}
	defer r.site.close()
	r.census = processes.Count(dir, 200*time.Millisecond)
	defer r.census.End()
	r.load = newLoad(r.site, r.dice(0), r.story)
	hearing, stop := context.WithCancel(context.Background())
	var ears sync.WaitGroup
	defer func() { stop(); ears.Wait() }()
	for _, f := range fleets {
		ears.Go(func() { r.load.hear(hearing, f) })
	}
	err = errors.Join(r.before(ctx), r.torture(ctx), r.home(ctx))
	if err == nil {
		err = r.stop()
	}
	if err == nil && ctx.Err() == nil {
		sum, err = r.judge()
	}
	if ctx.Err() != nil {
		return sum, errInterrupted
	}
	for _, said := range r.found() {
		err = errors.Join(err, errors.New(said))
	}
	if err != nil {
		r.keep()
	}
	return sum, err
}

// dice of one stream of the round's seed.
func (r *round) dice(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(r.seed, stream)) }

// before has every picture made once while nobody does any harm: what comes of it is
// what must come of it later.
func (r *round) before(ctx context.Context) error {
	for n := range models {
		it := item{name: fmt.Sprintf("model-%d", n), fleet: fleets[n%len(fleets)], recipe: "picture", model: n}
		it, body := it.asPicture()
		if err := r.load.send(ctx, it, body); err != nil {
			return err
		}
	}
	if err := await(ctx, "four pictures, before any harm is done", patience, r.load.allTold); err != nil {
		return err
	}
	for folder, it := range r.load.items {
		r.models[it.model] = map[string]hash{}
		for _, name := range []string{"large.jpg", "small.png"} {
			body, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			r.models[it.model][name] = sha256.Sum256(body)
		}
	}
	return nil
}

func (r *round) torture(ctx context.Context) error {
	lasts := max(r.length-calm, r.length/2) - time.Since(r.begun)
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	r.tell("torture for %s", lasts.Round(time.Second))
	var all sync.WaitGroup
	all.Go(func() { r.load.run(ctx) })
	for n, faults := range [][]fault{amongProcesses, amongGround} {
		t := &torturer{site: r.site, dice: r.dice(uint64(n + 1)), tell: r.story, faults: faults, long: r.length >= longRound}
		all.Go(func() { t.run(ctx) })
	}
	all.Wait()
	r.tell("calm: %d items were sent, %d are told of", len(r.load.items), r.load.heard())
	return r.cure()
}

// home waits until everything is done, and nobody is left.
func (r *round) home(ctx context.Context) error {
	if err := await(ctx, "every item to be told of", homeWithin, r.load.allTold); err != nil {
		return err
	}
	r.load.open.Wait()
	if err := await(ctx, "empty queues", homeWithin, func() error { return r.empty(ctx) }); err != nil {
		return err
	}
	return await(ctx, "the fleets to be back at 0", homeWithin, func() error {
		if w := r.workers(); len(w) > 0 {
			return fmt.Errorf("workers %v", w)
		}
		return nil
	})
}

func (r *round) empty(ctx context.Context) error {
	for _, f := range fleets {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		d, err := r.queues[f].Depth(ctx)
		var dead []queue.Dead
		if err == nil {
			dead, err = r.queues[f].DeadLetters(ctx, 5)
		}
		cancel()
		switch {
		case err != nil:
			return err
		case len(dead) > 0:
			return fmt.Errorf("queue %s has given up %d items: %s: %s", f, d.Dead, dead[0].Body, dead[0].Reason)
		case d.Visible+d.InFlight+d.Delayed > 0:
			return fmt.Errorf("queue %s holds %+v", f, d)
		}
	}
	return nil
}

// stop ends the controller in good order; nothing of it is left then.
func (r *round) stop() error {
	r.tell("home: all told of; the controller has %s", vitals(r.controller.pid()))
	r.census.End()
	if err := r.controller.down(); err != nil {
		return err
	}
	r.hangUp()
	if err := r.server.down(); err != nil {
		return err
	}
	return processes.Nobody(r.site.dir)
}

// judge counts what went in and what came out.
func (r *round) judge() (sum tally, err error) {
	var errs []error
	made := map[string]int{} // outputs by folder
	for folder, it := range r.load.items {
		n, err := outputs(folder, it, r.want(it))
		made[folder] = n
		sum.outputs += n
		errs = append(errs, err)
	}
	for _, f := range fleets {
		entries, err := os.ReadDir(filepath.Join(r.out(), f))
		if err != nil {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if _, sent := made[filepath.Join(r.out(), f, e.Name())]; !sent {
				errs = append(errs, fmt.Errorf("outputs of what nobody sent: %s", e.Name()))
			}
		}
	}
	errs = append(errs, rows(r.rows(), made), sound(r.rows()), cries(r.wordsOf()...))
	ever, _ := r.census.Ever()
	of, err := readJournal(context.Background(), filepath.Join(r.state(), "journal.db"))
	errs = append(errs, err)
	for f, rec := range of {
		errs = append(errs, rec.promises(), rec.intended(f, ever))
		if len(rec.open) > 0 {
			errs = append(errs, fmt.Errorf("%d intents of %s have no outcome, the first %+v", len(rec.open), f, rec.open[0]))
		}
		sum.ticks += len(rec.ticks)
	}
	sum.rounds, sum.items, sum.launches = 1, len(made), len(ever)
	sum.starts, sum.refused = r.controller.counts()
	sum.again = r.load.twice()
	sum.faults, _ = r.faults()
	return sum, few(errors.Join(errs...))
}

// want is what must come of an item.
func (r *round) want(it item) map[string]hash {
	if it.recipe == "picture" {
		return r.models[it.model]
	}
	return it.out
}

// wordsOf are the files with what our programs said.
func (r *round) wordsOf() []string {
	logs, _ := filepath.Glob(filepath.Join(r.state(), "logs", "*.log"))
	return append(logs, r.logs(), filepath.Join(r.site.dir, "server.log"))
}

// keep copies what tells of a round that went wrong to where it stays.
func (r *round) keep() {
	to := filepath.Join(r.set.dir, fmt.Sprintf("failed-%d", r.seed))
	if err := os.MkdirAll(to, 0o700); err != nil {
		r.tell("logs are lost: %v", err)
		return
	}
	_ = os.WriteFile(filepath.Join(to, "story"), []byte(r.text()), 0o600)
	kept := []string{r.logs(), filepath.Join(r.site.dir, "server.log"), r.policy(), r.config(), r.rows(), filepath.Join(r.state(), "local", "instances.json")}
	journal, _ := filepath.Glob(filepath.Join(r.state(), "journal.db*"))
	logs, _ := filepath.Glob(filepath.Join(r.state(), "logs", "*.log"))
	for _, file := range slices.Concat(kept, journal, logs) {
		copyTo(to, file)
	}
	for _, f := range []string{filepath.Join(r.state(), "nats"), r.far()} {
		_ = os.CopyFS(filepath.Join(to, filepath.Base(f)), os.DirFS(f)) // as far as it can be read
	}
	r.tell("what tells of it: %s", to)
}

func copyTo(dir, file string) {
	if body, err := os.ReadFile(file); err == nil {
		_ = os.WriteFile(filepath.Join(dir, filepath.Base(file)), body, 0o600)
	}
}

// asPicture is an item of its model with what goes in.
func (it item) asPicture() (item, []byte) {
	body := picture(it.model)
	it.name += ".jpg"
	it.in = sha256.Sum256(body)
	return it, body
}

// allTold reports who is not told of yet.
func (l *load) allTold() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var missing []string
	for folder := range l.items {
		if l.told[folder] == 0 {
			missing = append(missing, filepath.Base(folder))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%d of %d are not: %v", len(missing), len(l.items), missing[:min(len(missing), mostFindings)])
}

func (l *load) heard() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.told)
}

// twice is how many items were told of more than once, which the queue of results
// does not exclude.
func (l *load) twice() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.told {
		if times > 1 {
			n++
		}
	}
	return n
}

// await looks again and again until look finds nothing wrong.
func await(ctx context.Context, what string, within time.Duration, look func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := look()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errInterrupted
		case time.Now().After(deadline):
			return fmt.Errorf("waited %s for %s: %w", within, what, err)
		}
		rest(ctx, 100*time.Millisecond)
	}
}

// vitals are what a process holds.
func vitals(pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return "ended"
	}
	for line := range strings.Lines(string(status)) {
		if size, is := strings.CutPrefix(line, "VmRSS:"); is {
			return fmt.Sprintf("%s of memory, %d files open", strings.TrimSpace(size), len(files))
		}
	}
	return fmt.Sprintf("%d files open", len(files))
}
