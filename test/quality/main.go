// Command quality plays the slo policy against recorded load in a fluid world and
// prints, for each series, how many items started within the objective and what was
// paid over what a clairvoyant would have paid. The world is fast, to try a policy out;
// figures to be quoted come from package simulate.
//
//	go run ./test/quality -traces ../traces
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"skynet/decide"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/line"
)

// setting is an objective and a boot time.
type setting struct {
	name       string
	wait, boot time.Duration
	from       time.Time
	watch      func(line.In, line.Out) // every tick; may be nil
}

// Roomy leaves time to see an item and boot for it, tight does not.
var settings = []setting{
	{name: "roomy", wait: 5 * time.Minute, boot: 2 * time.Minute},
	{name: "tight", wait: time.Minute, boot: 3 * time.Minute},
}

func main() {
	traces := flag.String("traces", cmp.Or(os.Getenv("SKYNET_TRACES"), "../shared/traces"), "folder of series: timestamp,value")
	only := flag.String("only", "", "a part of the names of the series to play")
	which := flag.String("setting", "", "roomy or tight; both if left out")
	show := flag.String("show", "", "the beginning of a time, 2014-01-05T12: its ticks are printed")
	flag.Parse()
	var list []*play
	for _, pattern := range []string{"week_*", "burst_*", "jobs_*"} {
		paths, _ := filepath.Glob(filepath.Join(*traces, pattern))
		for _, path := range paths {
			for _, s := range settings {
				if strings.Contains(path, *only) && strings.Contains(s.name, *which) {
					s.watch = shown(*show)
					list = append(list, &play{path: path, setting: s})
				}
			}
		}
	}
	if len(list) == 0 {
		fmt.Fprintf(os.Stderr, "quality: no series in %s: name their folder with -traces\n", *traces)
		os.Exit(2)
	}
	if err := playAll(list); err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
	report(list)
}

// play is one series under one setting, and what came of it.
type play struct {
	path    string
	setting setting
	got     figures
	least   float64 // s
}

func playAll(list []*play) error {
	errs := make([]error, len(list))
	free := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for i, p := range list {
		free <- struct{}{}
		wg.Go(func() {
			errs[i] = p.run()
			<-free
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *play) run() error {
	l, err := load(p.path)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("objective: {wait: %s, quantile: 0.99}\nbounds: {max: 5000}\n", p.setting.wait)
	slo, err := file.Parse("slo", []byte(text), signals.Names{Open: true})
	if err != nil {
		return err
	}
	p.setting.from = l.from
	p.least = cheapest(l.perMinute, p.setting)
	p.got, err = p.setting.play(decide.New(slo, "fleet"), l.perMinute, time.Minute)
	return err
}

func report(list []*play) {
	for _, s := range settings {
		var over []float64
		for _, p := range list {
			if p.setting.name != s.name {
				continue
			}
			over = append(over, p.got.Paid/p.least)
			name, _, _ := strings.Cut(filepath.Base(p.path), ".")
			fmt.Printf("%-6s %-42s within %.4f  paid %6.3f x clairvoyant  launches %d\n", s.name, name, p.got.within(), p.got.Paid/p.least, p.got.Launches)
		}
		if slices.Sort(over); len(over) > 0 {
			fmt.Printf("%-6s median %.3f, most %.3f\n", s.name, over[len(over)/2], over[len(over)-1])
		}
	}
}

func shown(beginning string) func(line.In, line.Out) {
	if beginning == "" {
		return nil
	}
	return func(in line.In, out line.Out) {
		if !strings.HasPrefix(in.Time.Format(time.RFC3339), beginning) {
			return
		}
		v := func(name string) float64 { return *in.Signals[name] }
		fmt.Printf("%s waiting %.0f in flight %.0f arrived %.0f running %.0f pending %.0f: want %d %v\n", in.Time.Format("02T15:04"),
			v("queue.visible"), v("queue.in_flight"), v("queue.arrived"), v("fleet.running"), v("fleet.pending"), *out.Want, out.Reasons)
	}
}
