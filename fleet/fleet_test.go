package fleet_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

type fataler interface{ Fatal(args ...any) }

// trip sends a value through JSON.
func trip[T any](t fataler, from T, to *T) T {
	b, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
	return *to
}

// word is an enumeration that has names.
type word interface {
	fmt.Stringer
	encoding.TextMarshaler
}

func TestNamesRoundTrip(t *testing.T) {
	check(t, "unknown starting working draining drained stopping asleep waking leaving",
		func(i int) word { return fleet.State(i) },
		func(b []byte) (word, error) { var s fleet.State; err := s.UnmarshalText(b); return s, err })
	check(t, "drained deadline silent dead orphan slept",
		func(i int) word { return fleet.Cause(i) },
		func(b []byte) (word, error) { var c fleet.Cause; err := c.UnmarshalText(b); return c, err })
	check(t, "pending running stopping stopped shutting-down terminated",
		func(i int) word { return fleet.Phase(i) },
		func(b []byte) (word, error) { var p fleet.Phase; err := p.UnmarshalText(b); return p, err })
}

func check(t *testing.T, names string, of func(int) word, parse func([]byte) (word, error)) {
	known := strings.Fields(names)
	for i, name := range known {
		text, err := of(i).MarshalText()
		back, err2 := parse(text)
		if err != nil || err2 != nil || string(text) != name || of(i).String() != name || back != of(i) {
			t.Errorf("%T %d is written %q and read as %v (%v, %v), want %q", of(i), i, text, back, err, err2, name)
		}
	}
	beyond := of(len(known))
	if text, err := beyond.MarshalText(); err == nil {
		t.Errorf("%v has no name, is written %q", beyond, text)
	}
	for _, foreign := range []string{"", "Working", " drained", "nonsense"} {
		if v, err := parse([]byte(foreign)); err == nil || !strings.Contains(err.Error(), known[0]) {
			t.Errorf("%q is read as %v with error %v, want one that lists the names", foreign, v, err)
		}
	}
}

func TestServesAndBilled(t *testing.T) {
	for _, c := range []struct {
		state          fleet.State
		serves, billed bool
	}{
		{fleet.Unknown, false, true}, // not relied on, but paid for until we know better
		{fleet.Starting, true, true},
		{fleet.Working, true, true},
		{fleet.Draining, false, true},
		{fleet.Drained, false, true},
		{fleet.Stopping, false, false},
		{fleet.Asleep, false, false},
		{fleet.Waking, true, true},
		{fleet.Leaving, false, false},
	} {
		if c.state.Serves() != c.serves || c.state.Billed() != c.billed {
			t.Errorf("%v: serves %v, billed %v", c.state, c.state.Serves(), c.state.Billed())
		}
	}
}

func TestToken(t *testing.T) {
	// The value is fixed: a new version that sends another one for what an old one
	// has journalled buys twice.
	if got := fleet.Token("render", 29542320, 0); got != "sky-d3ea493431956d7c41180d842a82667c" {
		t.Errorf("the token changed to %q", got)
	}
	seen := map[string]string{}
	for _, name := range []string{"render", "render1", "r", strings.Repeat("x", 200)} {
		for _, interval := range []int64{-1, 0, 1, 11, 29542320} {
			for _, attempt := range []int{0, 1, 11, 111} {
				token, of := fleet.Token(name, interval, attempt), fmt.Sprint(name, interval, attempt)
				if len(token) > 64 || seen[token] != "" {
					t.Errorf("token %q of %s, also of %q", token, of, seen[token])
				}
				seen[token] = of
			}
		}
	}
}

func TestDecisionIDHoldsItsTime(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	for _, at := range []time.Time{noon, noon.In(berlin), noon.Add(400 * time.Microsecond), time.Unix(0, 0)} {
		for _, name := range []string{"render", "render_2", "with-dash"} {
			got, ok := fleet.DecisionTime(fleet.DecisionID(name, at))
			if !ok || !got.Equal(at.Truncate(time.Millisecond)) {
				t.Errorf("%s at %s is read as %s, %v", name, at, got, ok)
			}
		}
	}
	if a, b := fleet.DecisionID("render", noon), fleet.DecisionID("render", noon.In(berlin)); a != b {
		t.Errorf("one time in two zones gives %s and %s", a, b)
	}
}

func TestDecisionTimeOfForeignStrings(t *testing.T) {
	for _, id := range []string{
		"", "-", "true", "render", "render-", "render-2026", "by hand", "render-20260301T120000Z",
		"render-20260301T120000.123", "render-20261301T120000.123Z", "20260301T120000.123Z",
		"render-20260301T120000.123Z-", "render-20260301T120000.123Z ",
	} {
		if at, ok := fleet.DecisionTime(id); ok || !at.IsZero() {
			t.Errorf("%q is read as %s", id, at)
		}
	}
}

func TestRefusedIsAPlainNo(t *testing.T) {
	for _, err := range []error{fleet.ErrNoCapacity, fleet.ErrLimit, fleet.ErrThrottled, fleet.ErrDenied, fleet.ErrReadOnly} {
		if !fleet.Refused(fmt.Errorf("launch 3: %w", err)) {
			t.Errorf("%v counts as doubtful", err)
		}
	}
	for _, err := range []error{nil, errors.New("500"), fmt.Errorf("cut off: %w", errors.ErrUnsupported)} {
		if fleet.Refused(err) {
			t.Errorf("%v counts as a plain no", err)
		}
	}
}

func TestWorkMerge(t *testing.T) {
	w := fleet.Work{Queue: "photos", Completed: 1, Failed: 2, Redelivered: 3, BytesIn: 4, BytesOut: 5, Seconds: sketchOf(1), Wait: sketchOf(2)}
	sum := fleet.Work{Queue: "photos"}
	if !sum.Empty() || w.Empty() {
		t.Error("empty work is not, or the other way round")
	}
	sum.Merge(w)
	sum.Merge(w)
	if sum.Completed != 2 || sum.Failed != 4 || sum.Redelivered != 6 || sum.BytesIn != 8 || sum.BytesOut != 10 ||
		sum.Seconds.Sum() != 2 || sum.Wait.Sum() != 4 {
		t.Errorf("twice %+v gives %+v", w, sum)
	}
	if w.Completed != 1 || w.Seconds.Count() != 1 {
		t.Errorf("what was merged changed: %+v", w)
	}
}

func TestHeartbeatSurvivesJSON(t *testing.T) {
	var back fleet.Heartbeat
	trip(t, fleet.Heartbeat{
		Worker: "i-1", Fleet: "render", Boot: "b", Seq: 1 << 60, At: noon, State: fleet.Draining, Drain: "d", Jobs: 1, Slots: 4,
		Interruption: &fleet.Interruption{Action: "stop", At: noon},
		Queues:       []fleet.Work{{Queue: "photos", Completed: 1, Seconds: sketchOf(3)}},
	}, &back)
	if back.Seq != 1<<60 || back.State != fleet.Draining || back.Interruption.Action != "stop" || back.Queues[0].Seconds.Sum() != 3 {
		t.Errorf("got %+v", back)
	}
}
