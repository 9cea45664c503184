package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/decide"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/line"
)

// fluidly plays slo in the fluid world and prints what came of it.
func fluidly(list []arrivals, f flags) error {
	for _, s := range chosen(f.setting) {
		over := make([]float64, len(list))
		var tasks []func() error
		for i, a := range list {
			tasks = append(tasks, func() error {
				p, err := s.policy()
				if err != nil {
					return err
				}
				w := fluid{setting: s, from: a.from, ask: session(p, shown(f.show))}
				got, err := w.play(a.perMinute, time.Minute)
				over[i] = got.Paid / cheapest(a.perMinute, s)
				fmt.Printf("%-6s %-36s within %.4f  paid %6.3f x clairvoyant  launches %d\n", s.Name, a.name, got.within(), over[i], got.Launches)
				return err
			})
		}
		if err := side(tasks); err != nil {
			return err
		}
		slices.Sort(over)
		fmt.Printf("%-6s median %.3f, most %.3f\n", s.Name, over[len(over)/2], over[len(over)-1])
	}
	return nil
}

const fleetName = "fleet"

// text is the policy file, all of it: the default but for the objective and the maximum.
func (s setting) text() string {
	return fmt.Sprintf("objective: {wait: %s, quantile: %v}\nbounds: {max: %d}\n", strings.TrimSuffix(s.Wait.String(), "0s"), quantile, most)
}

const (
	quantile = 0.99
	most     = 5000
)

func (s setting) policy() (file.Policy, error) {
	return file.Parse("slo", []byte(s.text()), signals.Names{Open: true})
}

// session asks the policy file's policies as `skynet decide` does.
func session(p file.Policy, watch func(line.In, line.Out)) func(*fluid) (int, error) {
	s := decide.New(p, fleetName)
	v := func(x float64) *float64 { return &x }
	return func(w *fluid) (int, error) {
		in := line.In{Time: w.now(), Signals: map[string]*float64{
			"queue.visible": v(w.visible()), "queue.in_flight": v(w.inFlight()), "queue.arrived": v(math.Round(w.arrived)),
			"queue.completed": v(math.Round(w.done)), "queue.oldest_age": v(w.oldest()), "work.seconds_mean": v(seconds),
			"fleet.running": v(float64(w.running)), "fleet.pending": v(float64(len(w.ready))),
			"fleet.slots": v(slots), "fleet.boot_seconds": v(w.Boot.Seconds()),
		}}
		out, _, err := s.Decide(context.Background(), in)
		if err != nil {
			return 0, err
		}
		if watch != nil {
			watch(in, out)
		}
		if out.Want == nil {
			return 0, fmt.Errorf("at %s: %v", in.Time, out.Reasons)
		}
		return *out.Want - *out.Have, nil
	}
}

// shown prints ticks whose time begins so.
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
