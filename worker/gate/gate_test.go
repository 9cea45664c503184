package gate_test

import (
	"testing"
	"time"

	"skynet/fleet"
	"skynet/worker/gate"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// granted reports whether a seat has its slot.
func granted(s *gate.Seat) bool {
	select {
	case <-s.Granted():
		return true
	default:
		return false
	}
}

// quickly is a gate that fetches ahead without end.
func quickly(slots int) *gate.Gate {
	g := gate.New(slots, func(gate.Stance) {})
	g.Ahead(func(int) time.Duration { return 0 })
	g.Admit()
	return g
}

// receive has an item arrive.
func receive(t *testing.T, g *gate.Gate) *gate.Seat {
	t.Helper()
	p, ok := g.Try()
	if !ok {
		t.Fatal("no receive may begin")
	}
	return g.Left(p, true, noon)
}

// A free slot goes to who is ready, and to who came first among those that are alike.
func TestReadyItemsHaveSlotsFirst(t *testing.T) {
	g := quickly(2) // two in line for each slot
	occupied := receive(t, g)
	var seats []*gate.Seat
	for range 4 {
		seats = append(seats, receive(t, g))
	}
	g.Prepared(seats[2])
	g.Prepared(seats[3])
	for n, next := range []int{2, 3, 1} {
		before, later := seats[0], noon.Add(time.Duration(n+1)*time.Minute)
		g.Done(before, later)
		seats[0] = seats[next]
		if !granted(seats[next]) || !seats[next].Since().Equal(later) {
			t.Fatalf("the slot did not go to item %d at %s", next, later)
		}
		if next == 2 && granted(seats[1]) {
			t.Fatal("one slot was given twice")
		}
	}
	g.Done(seats[0], noon)
	g.Done(occupied, noon)
	if g.Ask("d1"); g.Now().State != fleet.Drained {
		t.Errorf("something is left of nothing: %+v", g.Now())
	}
}

func TestNothingIsReceivedThroughAShutGate(t *testing.T) {
	for name, shut := range map[string]func(*gate.Gate){
		"a drain": func(g *gate.Gate) { g.Ask("d1") }, "a stop": (*gate.Gate).Stop, "a renewal": (*gate.Gate).Renew,
		"a notice": func(g *gate.Gate) { g.Interrupt(&fleet.Interruption{Action: "terminate", At: noon}) },
	} {
		g := quickly(1)
		p, _ := g.Try()
		shut(g)
		if _, ok := g.Try(); ok {
			t.Errorf("%s: receives on", name)
		}
		if s := g.Now().State; s == fleet.Drained {
			t.Errorf("%s: drained while an item may be arriving", name)
		}
		s := g.Left(p, true, noon)
		if st := g.Now().State; st == fleet.Drained {
			t.Errorf("%s: drained with an item in hand", name)
		}
		g.Done(s, noon)
	}
	if _, ok := gate.New(1, func(gate.Stance) {}).Try(); ok {
		t.Error("receives before it is known whether a drain stands")
	}
}
