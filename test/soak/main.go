//go:build linux

// Command soak runs the real programs on this machine and does them harm, from a
// seed: it kills, stops and freezes the controller, its workers and a queue server,
// fills their disks, takes the network away, edits the policy well and badly. Then it
// lets go, waits until everything has come right by itself, and counts: each input
// has its outputs, byte for byte, each once; every worker was bought under an intent;
// the fleets are back at 0, and no process is left.
//
//	go run ./test/soak -for 10m [-seed 7]
//
// It goes round by round, each with an installation of its own, so that it takes no
// more disk and memory in a day than in a minute. What it does to machines (disks,
// the network) it does to namespaces of its own, where the kernel has them; in them
// nothing can be left of it, however it ends. Clocks it leaves alone: a namespace can
// shift only the clocks that count from the boot, and only for processes that have not
// started yet; the time of day is everybody's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"skynet/test/programs"
)

// What this program is, by its first argument; by default the one that people start.
const (
	roleFirst  = "first-in-cage"
	roleInside = "inside"
	roleQueue  = "queue-server"

	// statusNoCage says that the kernel allows no namespaces.
	statusNoCage = 77
	// leastRound is the shortest round worth beginning.
	leastRound = 30 * time.Second
)

// options are what flags say.
type options struct {
	length   time.Duration
	lap      time.Duration
	interval time.Duration
	seed     uint64
	race     bool
	bare     bool
	dir      string
	programs string
}

func main() { os.Exit(as(os.Args[1:])) }

func as(args []string) int {
	role := ""
	if len(args) > 0 {
		role = args[0]
	}
	switch role {
	case roleFirst:
		return first(args[1:])
	case roleQueue:
		return serveQueue(args[1:])
	case roleInside:
		o, err := parse(args[1:])
		if err != nil {
			return 2
		}
		return o.soak(cage{whole: true})
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	return o.outside()
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.DurationVar(&o.length, "for", 5*time.Minute, "how long, builds left out")
	f.DurationVar(&o.lap, "lap", 24*time.Minute, "longest round; 24m are the 1,440 ticks of a day of a tick a minute")
	f.DurationVar(&o.interval, "interval", time.Second, "from tick to tick")
	f.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what the harm is drawn from: the first round's, the next has the next")
	f.BoolVar(&o.race, "race", false, "build the programs with the race detector")
	f.BoolVar(&o.bare, "bare", false, "take no namespaces: leave disks and the network alone")
	f.StringVar(&o.dir, "dir", "", "folder for everything (a temporary one, removed if all went well)")
	f.StringVar(&o.programs, "programs", "", "folder with skynet and skynet-worker (built)")
	return o, f.Parse(args)
}

// outside prepares what takes a system as it is: a folder, programs, the cage.
func (o options) outside() (status int) {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "skynet-soak-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		o.dir = dir
		defer func() {
			if status == 0 {
				_ = os.RemoveAll(dir)
			}
		}()
	}
	if o.programs == "" {
		o.programs = filepath.Join(o.dir, "bin")
		if err := o.build(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	if !o.bare {
		if status, entered := enter(o.args()); entered {
			return status
		}
		fmt.Println("the kernel gives us no namespaces: disks are not filled, and the network is not taken away")
	}
	return o.soak(cage{})
}

// args are the flags of the same options.
func (o options) args() []string {
	return []string{"-for", o.length.String(), "-lap", o.lap.String(), "-interval", o.interval.String(), "-seed", fmt.Sprint(o.seed), "-dir", o.dir, "-programs", o.programs}
}

func (o options) build() error {
	var flags []string
	if o.race {
		flags = []string{"-race"}
	}
	return programs.BuildWith(context.Background(), flags, o.programs, "skynet", "skynet-worker")
}

// soak plays rounds until the time is over, or one went wrong.
func (o options) soak(c cage) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var sum tally
	begun := time.Now()
	for seed := o.seed; ; seed++ {
		left := o.length - time.Since(begun)
		if sum.rounds > 0 && left < leastRound {
			break
		}
		fmt.Printf("round %d: seed %d\n", sum.rounds+1, seed)
		r := &round{set: o, cage: c, seed: seed, length: min(left, o.lap), story: newStory(os.Stdout)}
		got, err := r.run(ctx)
		if errors.Is(err, errInterrupted) {
			fmt.Printf("interrupted in round %d, which was not judged\n%s", sum.rounds+1, sum)
			return 1
		}
		if err != nil {
			o.fail(r, err)
			return 1
		}
		sum.add(got)
		_ = os.RemoveAll(r.site.dir)
	}
	fmt.Printf("\nnothing was lost in %s\n%s", time.Since(begun).Round(time.Second), sum)
	return 0
}

// fail tells what went wrong, and how it came to it.
func (o options) fail(r *round, err error) {
	_, n := r.faults()
	fmt.Printf("\nWRONG, with seed %d, after %d faults:\n%v\n\nthe story:\n%s\nagain, as far as real time repeats itself: go run ./test/soak -seed %d -for %s\n",
		r.seed, n, err, r.text(), r.seed, r.length)
}
