package worker

import "testing"

// granted reports whether a seat has its slot.
func granted(s *seat) bool {
	select {
	case <-s.granted:
		return true
	default:
		return false
	}
}

// A free slot goes to who is ready, and to who came first among those that are alike.
func TestReadyItemsHaveSlotsFirst(t *testing.T) {
	g := newGate(1, func(stance) {})
	g.admit()
	var seats []*seat
	for range 4 {
		g.receiving++
		seats = append(seats, g.left(pass{}, true))
	}
	g.prepared(seats[2])
	g.prepared(seats[3])
	for _, next := range []int{2, 3, 1} {
		before := seats[0]
		g.done(before)
		seats[0] = seats[next]
		if !granted(seats[next]) {
			t.Fatalf("the slot did not go to item %d", next)
		}
		if next == 2 && granted(seats[1]) {
			t.Fatal("one slot was given twice")
		}
	}
	g.done(seats[0])
	if n := g.working + g.storing + len(g.line); n != 0 {
		t.Errorf("%d are left of none", n)
	}
}
