package clairvoyant

import (
	"slices"
	"time"
)

// layers has the k-th layer serve wherever k or more are needed. Between two needs
// it is kept or dropped and booted again, whichever is billed less.
func (p *problem) layers(need []int) plan {
	one := plan{capacity: make([]int, p.steps)}
	change := make([]int, p.steps+1)
	for k, spans := range p.spans(need) {
		for _, r := range p.join(spans, k < p.Start) {
			one.runs = append(one.runs, r)
			one.billed += p.bill(r)
			change[r.From]++
			change[r.To]--
		}
	}
	n := 0
	for t := range one.capacity {
		n += change[t]
		one.capacity[t] = n
	}
	return one
}

// span is a stretch of steps.
type span struct{ from, to int }

// spans are where each layer is needed. Gaps that are no longer than a boot are
// left out at once: what is billed for two runs is never less than for one as
// long as both.
func (p *problem) spans(need []int) (layers [][]span) {
	n := 0
	for t := range p.steps + 1 {
		want := 0
		if t < p.steps {
			want = need[t]
		}
		for ; n > want; n-- {
			l := layers[n-1]
			l[len(l)-1].to = t
		}
		for ; n < want; n++ {
			if n == len(layers) {
				layers = append(layers, nil)
			}
			l := layers[n]
			if last := len(l) - 1; last < 0 || p.time(t-l[last].to) > p.Boot {
				layers[n] = append(l, span{from: t})
			}
		}
	}
	return layers
}

func (p *problem) time(steps int) time.Duration { return time.Duration(steps) * p.Step }

// behind is how many earlier runs may be one with the next, beyond those whose
// gaps are shorter than a boot.
const behind = 500

// join keeps a layer through those gaps where that is billed less: the least for
// the first so many spans, for one after the other.
// A layer that is there from the start is one that is needed for nothing at step 0.
func (p *problem) join(spans []span, started bool) []Run {
	if started && len(spans) > 0 && spans[0].from > 0 {
		spans = append([]span{{}}, spans...)
	}
	least := make([]int64, len(spans)+1)
	begun := make([]int, len(spans)+1)
	for j := range spans {
		least[j+1] = -1
		for i := j; i >= 0 && j-i < behind; i-- {
			if i < j && p.time(spans[i+1].from-spans[i].to) > p.Boot+2*max(p.Unit, p.Least) {
				break // more is billed for the gap than for another launch
			}
			cost := least[i] + p.bill(p.run(spans, i, j, started))
			if least[j+1] < 0 || cost < least[j+1] {
				least[j+1], begun[j+1] = cost, i
			}
		}
	}
	var runs []Run
	for j := len(spans); j > 0; j = begun[j] {
		if r := p.run(spans, begun[j], j-1, started); r.To > r.From {
			runs = append(runs, r)
		}
	}
	slices.Reverse(runs)
	return runs
}

// run goes through spans from i to j.
func (p *problem) run(spans []span, i, j int, started bool) Run {
	return Run{From: spans[i].from, To: spans[j].to, Booted: !(started && spans[i].from == 0)}
}

// bill is what is billed for a run, s.
func (p *problem) bill(r Run) int64 { return p.Fleet.Bill(r, p.Step) }

// Bill is what is billed for a run in steps of that length, s.
func (f Fleet) Bill(r Run, step time.Duration) int64 {
	if r.To <= r.From {
		return 0
	}
	d := time.Duration(r.To-r.From) * step
	if r.Booted {
		d += f.Boot
	}
	unit := max(time.Second, f.Unit)
	return int64((max(d, f.Least) + unit - 1) / unit * unit / time.Second)
}
