// Command quality measures what the slo policy is worth on recorded load, and writes
// docs/quality.md: for each series the share of items that started within the
// objective, what was paid over what a clairvoyant would have paid, and launches; the
// same for target tracking and keda, each at its best setting in hindsight; and how
// good the forecasts were.
//
// Peers are tuned in a fluid world, which is fast; every figure that is written down
// comes from package simulate.
//
//	go run ./test/quality -traces ../shared/traces -out docs/quality.md
//	go run ./test/quality -fluid -only wikipedia        a quick look while working on a policy
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// setting is an objective and a boot time.
type setting struct {
	Name       string
	Wait, Boot time.Duration
}

// Roomy leaves time to see an item and boot for it, tight does not.
var settings = []setting{
	{Name: "roomy", Wait: 5 * time.Minute, Boot: 2 * time.Minute},
	{Name: "tight", Wait: time.Minute, Boot: 3 * time.Minute},
}

// flags are what may be said.
type flags struct {
	traces, only, setting, out, keep, show string
	fluid, again                           bool
}

func main() {
	var f flags
	flag.StringVar(&f.traces, "traces", "../shared/traces", "folder of series that stand for arrivals: week_*, burst_*, jobs_*")
	flag.StringVar(&f.only, "only", "", "a part of the names of the series to play")
	flag.StringVar(&f.setting, "setting", "", "roomy or tight; both if left out")
	flag.StringVar(&f.out, "out", "", "file to write the tables to; the terminal if left out")
	flag.StringVar(&f.keep, "keep", "", "folder in which what was played is kept; plays that are there are not played again")
	flag.BoolVar(&f.again, "again", false, "with -keep, play slo anew where peers were kept")
	flag.BoolVar(&f.fluid, "fluid", false, "play slo in the fluid world alone: fast, not to be quoted")
	flag.StringVar(&f.show, "show", "", "with -fluid, the beginning of a time, 2014-01-05T12: its ticks are printed")
	flag.Parse()
	if err := run(f); err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

func run(f flags) error {
	list, err := series(f.traces, f.only)
	if err != nil {
		return err
	}
	if f.fluid {
		return fluidly(list, f)
	}
	t, err := measured(list, f)
	if err != nil {
		return err
	}
	text := t.markdown()
	if f.out == "" {
		fmt.Print(text)
		return nil
	}
	return os.WriteFile(f.out, []byte(text), 0o644) //nolint:gosec // a page of the documentation
}

// series reads the series of a folder, in the order of their names.
func series(folder, only string) (list []arrivals, err error) {
	for _, pattern := range []string{"week_*", "burst_*", "jobs_*"} {
		paths, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, path := range paths {
			if !strings.Contains(path, only) {
				continue
			}
			a, err := load(path)
			if err != nil {
				return nil, err
			}
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no series in %s: name their folder with -traces (make quality TRACES=folder)", folder)
	}
	return list, nil
}

// side runs tasks side by side, one a core, and returns all their errors.
func side(tasks []func() error) error {
	errs := make([]error, len(tasks))
	free := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for i, task := range tasks {
		free <- struct{}{}
		wg.Go(func() {
			errs[i] = task()
			<-free
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// chosen are the settings that were asked for.
func chosen(name string) (list []setting) {
	for _, s := range settings {
		if strings.Contains(s.Name, name) {
			list = append(list, s)
		}
	}
	return list
}
