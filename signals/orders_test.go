package signals_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/signals"
)

// What expires while nobody looks is told by the first who does, once.
func TestOrdersExpire(t *testing.T) {
	at := func(m int) time.Time { return time.Date(2026, 3, 1, 12, m, 0, 0, time.UTC) }
	kept := signals.Standing{
		Pause:   &signals.Pause{Until: at(10), By: "ann"},
		Floor:   &signals.Floor{Want: 3, Until: at(5), By: "bob"},
		Drain:   []signals.Named{{ID: "i-1", Until: at(7)}, {ID: "i-2", Until: at(20)}},
		Forget:  []signals.Named{{ID: "i-3", Until: at(8)}},
		Changes: []signals.Change{{At: at(1), Said: "paused", By: "ann"}},
	}
	for _, c := range []struct {
		now, told int
		want      signals.Standing
	}{
		{2, 0, kept},
		{4, 1, signals.Standing{Pause: kept.Pause, Floor: kept.Floor, Drain: kept.Drain, Forget: kept.Forget}},
		{9, 4, signals.Standing{Pause: kept.Pause, Drain: kept.Drain[1:], Changes: []signals.Change{
			{At: at(5), Said: "the floor of 3 has expired", By: "bob"},
			{At: at(7), Said: "the order to drain i-1 has expired"},
			{At: at(8), Said: "the order to forget i-3 has expired"},
		}}},
		{10, 9, signals.Standing{Drain: kept.Drain[1:], Changes: []signals.Change{{At: at(10), Said: "the pause has expired", By: "ann"}}}},
		{11, 10, signals.Standing{Drain: kept.Drain[1:]}},
		{20, 20, signals.Standing{}},
	} {
		got := kept.In(at(c.now)).Since(at(c.told), at(c.now))
		if diff := cmp.Diff(c.want, got); diff != "" || got.IsZero() != (c.now == 20) {
			t.Errorf("at minute %d: %s", c.now, diff)
		}
	}
	if len(kept.Drain) != 2 || len(kept.Changes) != 1 {
		t.Errorf("what is kept has changed: %+v", kept)
	}
}

func TestTheForgottenHaveLeft(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := signals.Snapshot{Now: now, Workers: []fleet.Worker{
		{ID: "i-1", State: fleet.Working, Jobs: 2}, {ID: "i-2", State: fleet.Starting, Unheard: time.Hour}, {ID: "i-3", State: fleet.Working},
	}}
	s.Orders.Forget = []signals.Named{{ID: "i-2", Until: now.Add(1)}, {ID: "i-3", Until: now}, {ID: "i-9", Until: now.Add(1)}}
	got := s.WithoutForgotten()
	if got.Have() != 2 || got.Workers[1].State != fleet.Leaving || got.Workers[1].Unheard != 0 || s.Workers[1].State != fleet.Starting {
		t.Errorf("%+v, was %+v", got.Workers, s.Workers)
	}
}

// What was ordered elsewhere is taken over, but for what is ordered here.
func TestOrdersAreTakenOver(t *testing.T) {
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ann, bob := signals.Named{ID: "i-1", Until: end, By: "ann"}, signals.Named{ID: "i-1", Until: end, By: "bob"}
	two, three := signals.Named{ID: "i-2", Until: end}, signals.Named{ID: "i-3", Until: end}
	pause, floor := &signals.Pause{Until: end}, &signals.Floor{Want: 3, Until: end}
	for name, c := range map[string]struct{ own, other, want signals.Standing }{
		"nothing":           {},
		"all of it":         {other: signals.Standing{Pause: pause, Floor: floor, Drain: []signals.Named{two}}, want: signals.Standing{Pause: pause, Floor: floor, Drain: []signals.Named{two}}},
		"ours stand":        {own: signals.Standing{Pause: pause, Floor: floor}, other: signals.Standing{Pause: &signals.Pause{}, Floor: &signals.Floor{}}, want: signals.Standing{Pause: pause, Floor: floor}},
		"of single workers": {own: signals.Standing{Drain: []signals.Named{ann}, Forget: []signals.Named{two}}, other: signals.Standing{Drain: []signals.Named{bob, two}, Forget: []signals.Named{three}}, want: signals.Standing{Drain: []signals.Named{ann, two}, Forget: []signals.Named{two, three}}},
	} {
		if diff := cmp.Diff(c.want, c.own.TakeOver(c.other)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What an operator takes back stays taken back, whatever another controller, or this
// one before it was restarted, was told last: and the other way round.
func TestWhatWasTakenBackIsNotTakenOver(t *testing.T) {
	at := func(m int) time.Time { return time.Date(2026, 3, 1, 12, m, 0, 0, time.UTC) }
	for name, told := range map[string]signals.Standing{
		"pause":  {Pause: &signals.Pause{Since: at(1), Until: at(50)}},
		"floor":  {Floor: &signals.Floor{Want: 3, Since: at(1), Until: at(50)}},
		"drain":  {Drain: []signals.Named{{ID: "i-1", Since: at(1), Until: at(50)}}},
		"forget": {Forget: []signals.Named{{ID: "i-1", Since: at(1), Until: at(50)}}},
	} {
		t.Run(name, func(t *testing.T) {
			back := signals.Standing{}.Instead(told)
			if len(back.Ended) != 1 || back.Ended[0].What != name {
				t.Fatalf("noted as ended: %+v", back.Ended)
			}
			for _, got := range []signals.Standing{back.TakeOver(told), told.TakeOver(back), back.TakeOver(told).TakeOver(told)} {
				if diff := cmp.Diff(back, got); diff != "" {
					t.Error(diff)
				}
			}
			// Given again, or elsewhere by a clock that is behind, it is another order.
			anew := moved(told, -time.Hour)
			if got := back.TakeOver(anew); got.Pause != anew.Pause || got.Floor != anew.Floor || len(got.Drain)+len(got.Forget) != len(anew.Drain)+len(anew.Forget) {
				t.Errorf("another order is taken over as %+v", got)
			}
			if got := back.In(at(50)); !got.IsZero() {
				t.Errorf("kept for longer than the order would have held: %+v", got)
			}
		})
	}
}

// moved are orders given so much later.
func moved(s signals.Standing, by time.Duration) signals.Standing {
	if s.Pause != nil {
		s.Pause = &signals.Pause{Since: s.Pause.Since.Add(by), Until: s.Pause.Until}
	}
	if s.Floor != nil {
		s.Floor = &signals.Floor{Want: s.Floor.Want, Since: s.Floor.Since.Add(by), Until: s.Floor.Until}
	}
	for _, list := range []*[]signals.Named{&s.Drain, &s.Forget} {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i].Since = (*list)[i].Since.Add(by)
		}
	}
	return s
}

// An order that gives way to one of here is not taken back: it holds when that is over.
func TestAnOrderThatGaveWayIsNotOver(t *testing.T) {
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	theirs := signals.Standing{Pause: &signals.Pause{Until: end}}
	ours := signals.Standing{Pause: &signals.Pause{Until: end.Add(-time.Hour)}}
	got := ours.TakeOver(theirs).In(end.Add(-time.Hour)).TakeOver(theirs)
	if got.Pause != theirs.Pause {
		t.Errorf("%+v", got)
	}
}
