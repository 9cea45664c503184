package clairvoyant

import "sort"

// serve works with so many instances, on what is due first, and returns how many
// of them find something to do in each step. Where an item would be late more are
// taken. served, if any, is filled in.
func (p *problem) serve(capacity []int, served [][]int64) []int {
	used := make([]int, p.steps)
	done := make([]int64, len(p.arrived))
	for t := range p.steps {
		n := min(max(capacity[t], p.pressing(t, done)), p.most())
		used[t] = int(ceilDiv(p.work(t, done, int64(n)*p.unit), p.unit))
		for i := range served {
			served[i][t+1] = done[i]
		}
	}
	return used
}

// pressing is how many must serve now.
func (p *problem) pressing(t int, done []int64) int {
	must := int64(0)
	for i := range done {
		must += max(0, p.due[i][t+1]-done[i])
	}
	return int(ceilDiv(must, p.unit))
}

// work does as much as it can in a step, and returns how much.
func (p *problem) work(t int, done []int64, can int64) int64 {
	if len(done) == 1 {
		n := min(can, p.arrived[0][t+1]-done[0])
		done[0] += n
		return n
	}
	// All that is due by a certain step can be done, and some of what is due in the next.
	last := t + sort.Search(p.steps-t, func(d int) bool { return p.dueBy(t, t+d, done) > can })
	left := can
	for i := range done {
		left -= p.do(i, t, last-1, done, left)
	}
	for i := range done {
		left -= p.do(i, t, last, done, left)
	}
	for i := range done { // what is due after the end
		n := min(left, p.arrived[i][t+1]-done[i])
		done[i] += n
		left -= n
	}
	return can - left
}

// dueBy is how much of what has arrived and is not done is due by a step.
func (p *problem) dueBy(t, by int, done []int64) (sum int64) {
	for i := range done {
		sum += max(0, min(p.arrived[i][t+1], p.due[i][by])-done[i])
	}
	return sum
}

// do works on one class, no further than what is due by a step.
func (p *problem) do(i, t, by int, done []int64, can int64) int64 {
	n := min(can, max(0, min(p.arrived[i][t+1], p.due[i][by])-done[i]))
	done[i] += n
	return n
}
