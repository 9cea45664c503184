package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const head = "| workers | tick | p90 | list | other reading | follows | decide | journal | deeds | CPU a tick | memory | journal a tick | calls of EC2 | refused | SQS | heartbeats/s, late | load |\n" +
	"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"

// took is how long a tick took.
func took(t tick) time.Duration { return t.took }

// split are the medians of a tick's parts. Everything is read at once: what is read
// besides the list counts as far as it takes longer.
func (f figures) split() (p parts) {
	of := func(part func(parts) time.Duration) time.Duration {
		return median(f.ticks, func(t tick) time.Duration { return part(t.parts) })
	}
	return parts{
		List: of(func(p parts) time.Duration { return p.List }), Read: of(func(p parts) time.Duration { return max(0, p.Read-p.List) }),
		Derive: of(func(p parts) time.Duration { return p.Derive }), Decide: of(func(p parts) time.Duration { return p.Decide }),
		Journal: of(func(p parts) time.Duration { return p.Journal }), Deeds: of(func(p parts) time.Duration { return p.Deeds }),
	}
}

// row is a line of the table.
func (f figures) row() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	p, calls := f.split(), 0.0
	for _, n := range f.calls {
		calls += n
	}
	return fmt.Sprintf("| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %d MB | %d kB | %.1f | %d | %.0f | %.0f, %.1f s | %s |\n",
		f.workers, ms(median(f.ticks, took)), ms(quantile(f.ticks, 0.9, took)), ms(p.List), ms(p.Read), ms(p.Derive), ms(p.Decide), ms(p.Journal), ms(p.Deeds),
		ms(f.cpu), f.used.peak>>20, f.journal>>10, calls, f.refused, f.sqs, f.beats, f.late.Seconds(), f.busy)
}

// more is what else came of the largest size.
func (f figures) more() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d workers, %d queues, a tick every %s:\n", f.workers, f.queues, f.interval)
	for _, action := range slices.Sorted(maps.Keys(f.calls)) {
		fmt.Fprintf(&b, "  %.1f %s a tick\n", f.calls[action], action)
	}
	failed := 0
	for _, t := range f.ticks {
		if t.bad != "" {
			failed++
			fmt.Fprintf(&b, "  %s: %s\n", t.at.Format(time.TimeOnly), t.bad)
		}
	}
	if n := len(f.memory); n > 1 {
		fmt.Fprintf(&b, "  resident memory after the first tick %d MB, after half of %d %d MB, after the last %d MB\n", f.memory[0]>>20, n, f.memory[n/2]>>20, f.memory[n-1]>>20)
	}
	fmt.Fprintf(&b, "  %d of %d ticks failed; the slowest took %s; metrics were read within %s\n", failed, len(f.ticks), quantile(f.ticks, 1, took).Round(time.Millisecond), f.scrape.Round(time.Millisecond))
	if w := f.front; w != nil {
		fmt.Fprintf(&b, "  %d interruptions told within %s, %d of ours: each read within %s, all of ours known to a tick %s after the last; memory %d MB\n",
			w.sent, f.wave, w.ours, w.late.Round(10*time.Millisecond), w.known.Round(100*time.Millisecond), f.used.peak>>20)
	}
	return b.String()
}
