package simulate

import "time"

// event is something that will happen to a machine or a queue.
type event struct {
	at   time.Duration // since the start
	seq  uint64        // of two at once the one that was planned first comes first
	what kind
	slot int32 // of the machine; or which queue
	life uint32
	on   *machine
}

type kind uint8

const (
	finished    kind = iota // an item is done
	ready                   // an agent starts
	looks                   // an agent reads its tags
	interrupted             // the cloud announces that it takes an instance back
	taken                   // and does
	deafened                // heartbeats are lost
	returned                // an item whose worker died is visible again
)

// events is a heap of four branches, which is flatter than one of two.
type events struct {
	list []event
	seq  uint64
}

func (h *events) before(a, b *event) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *events) push(e event) {
	e.seq = h.seq
	h.seq++
	h.list = append(h.list, e)
	i := len(h.list) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !h.before(&e, &h.list[up]) {
			break
		}
		h.list[i], i = h.list[up], up
	}
	h.list[i] = e
}

func (h *events) pop() event {
	top := h.list[0]
	last := h.list[len(h.list)-1]
	h.list[len(h.list)-1].on = nil
	h.list = h.list[:len(h.list)-1]
	if len(h.list) > 0 {
		h.sink(last)
	}
	return top
}

// sink puts an event in the place of the first one.
func (h *events) sink(e event) {
	i, n := 0, len(h.list)
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for j := first + 1; j < min(first+4, n); j++ {
			if h.before(&h.list[j], &h.list[least]) {
				least = j
			}
		}
		if !h.before(&h.list[least], &e) {
			break
		}
		h.list[i], i = h.list[least], least
	}
	h.list[i] = e
}

// next is when the first of them happens; false if there is none.
func (h *events) next() (time.Duration, bool) {
	if len(h.list) == 0 {
		return 0, false
	}
	return h.list[0].at, true
}
