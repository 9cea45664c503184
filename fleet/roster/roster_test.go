package roster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/fleet/roster"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	asked = noon.Add(-5 * time.Minute)
	drain = fleet.DecisionID("render", asked)
	older = fleet.DecisionID("render", asked.Add(-time.Hour))
)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// known is all that the cloud and the agent say of one worker.
type known struct {
	fleet.Instance
	beat   fleet.Heartbeat
	heard  time.Time
	booted time.Time
}

type fact func(*known)

// a worker that runs for an hour, works on one of four items, and said so ten
// seconds ago; facts change it.
func a(facts ...fact) known {
	k := known{
		Instance: fleet.Instance{ID: "i-1", Phase: fleet.PhaseRunning, Launched: ago(time.Hour), Tags: map[string]string{}},
		beat:     fleet.Heartbeat{Worker: "i-1", State: fleet.Working, Jobs: 1, Slots: 4},
		heard:    ago(10 * time.Second),
	}
	for _, f := range facts {
		f(&k)
	}
	return k
}

func phase(p fleet.Phase) fact { return func(k *known) { k.Phase = p } }
func tagged(id string) fact    { return func(k *known) { k.Tags[fleet.TagDrain] = id } }
func says(s fleet.State, drain string, jobs int) fact {
	return func(k *known) { k.beat.State, k.beat.Drain, k.beat.Jobs = s, drain, jobs }
}
func heard(d time.Duration) fact    { return func(k *known) { k.heard = ago(d) } }
func launched(d time.Duration) fact { return func(k *known) { k.Launched = ago(d) } }
func woken(d time.Duration) fact    { return func(k *known) { k.Woken = ago(d) } }
func never(k *known)                { k.beat, k.heard = fleet.Heartbeat{}, time.Time{} }
func interrupted(k *known)          { k.beat.Interruption = &fleet.Interruption{Action: "terminate", At: noon} }

func TestState(t *testing.T) {
	for _, c := range []struct {
		name string
		k    known
		want fleet.State
	}{
		{"works", a(), fleet.Working},
		{"works with nothing in hand", a(says(fleet.Working, "", 0)), fleet.Working},
		{"is heard before the cloud calls it running", a(phase(fleet.PhasePending)), fleet.Working},
		{"was never heard", a(never), fleet.Starting},
		{"is pending", a(never, phase(fleet.PhasePending)), fleet.Starting},
		{"was heard before its launch, by a clock set back", a(launched(time.Minute), heard(time.Hour)), fleet.Starting},
		{"was heard at the very moment of its launch", a(launched(time.Minute), heard(time.Minute)), fleet.Working},
		{"was woken, and not heard since", a(woken(time.Minute), heard(time.Hour)), fleet.Waking},
		{"was woken, and heard since", a(woken(time.Minute)), fleet.Working},
		{"was woken and never heard at all", a(woken(time.Minute), never), fleet.Waking},

		{"was asked to drain, has not answered", a(tagged(drain)), fleet.Draining},
		{"was asked to drain, was never heard", a(tagged(drain), never), fleet.Draining},
		{"drains", a(tagged(drain), says(fleet.Draining, drain, 1)), fleet.Draining},
		{"has drained", a(tagged(drain), says(fleet.Drained, drain, 0)), fleet.Drained},
		{"has drained for an older drain", a(tagged(drain), says(fleet.Drained, older, 0)), fleet.Draining},
		{"has drained, for none that it names", a(tagged(drain), says(fleet.Drained, "", 0)), fleet.Draining},
		{"says drained with items in hand", a(tagged(drain), says(fleet.Drained, drain, 1)), fleet.Draining},
		{"is empty, but does not say drained", a(tagged(drain), says(fleet.Draining, drain, 0)), fleet.Draining},
		{"said drained before it was woken", a(tagged(drain), says(fleet.Drained, drain, 0), woken(time.Minute), heard(time.Hour)), fleet.Draining},
		{"was recalled, has not noticed", a(says(fleet.Draining, drain, 1)), fleet.Working},
		{"was recalled after it had drained", a(says(fleet.Drained, drain, 0)), fleet.Working},
		{"was asked to drain by hand", a(tagged("by hand"), says(fleet.Drained, "by hand", 0)), fleet.Drained},

		{"goes by itself", a(says(fleet.Draining, "", 1)), fleet.Draining},
		{"has gone by itself", a(says(fleet.Leaving, "", 0)), fleet.Draining},
		{"is empty and goes by itself", a(says(fleet.Drained, "", 0)), fleet.Draining},
		{"went by itself before it was woken", a(says(fleet.Leaving, "", 0), woken(time.Minute), heard(time.Hour)), fleet.Waking},
		{"is interrupted", a(interrupted), fleet.Draining},
		{"is interrupted after it has drained", a(interrupted, tagged(drain), says(fleet.Drained, drain, 0)), fleet.Drained},
		{"is interrupted before it was ever heard", a(never, interrupted), fleet.Draining},
		{"was interrupted before it was woken", a(interrupted, woken(time.Minute), heard(time.Hour)), fleet.Waking},

		// The cloud knows best whether a machine exists, whatever its agent said last.
		{"falls asleep", a(phase(fleet.PhaseStopping)), fleet.Stopping},
		{"sleeps", a(phase(fleet.PhaseStopped)), fleet.Asleep},
		{"sleeps, with the tag of its drain", a(phase(fleet.PhaseStopped), tagged(drain), says(fleet.Drained, drain, 0)), fleet.Asleep},
		{"shuts down", a(phase(fleet.PhaseShuttingDown)), fleet.Leaving},
		{"is gone", a(phase(fleet.PhaseTerminated)), fleet.Leaving},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := join(t, c.k, listening).State; got != c.want {
				t.Errorf("is %v, want %v", got, c.want)
			}
		})
	}
}

// stretch is since when we could hear without a break, and when we last did.
type stretch struct{ since, until time.Time }

var listening = stretch{ago(24 * time.Hour), noon}

func TestSilence(t *testing.T) {
	const long = roster.DefaultSilence
	for _, c := range []struct {
		name    string
		k       known
		ears    stretch
		unheard time.Duration
		silent  bool
	}{
		{"heard just now", a(heard(0)), listening, 0, false},
		{"unheard for as long as is allowed", a(heard(long)), listening, long, false},
		{"unheard for longer", a(heard(long + time.Second)), listening, long + time.Second, true},
		{"never heard: not silent, but late", a(never), listening, time.Hour, false},
		{"woken, not heard since", a(woken(10*time.Minute), heard(time.Hour)), listening, 10 * time.Minute, false},
		{"draining", a(tagged(drain), heard(time.Hour)), listening, time.Hour, true},

		// Only time in which we could have heard it counts.
		{"we have just restarted", a(heard(time.Hour)), stretch{ago(30 * time.Second), noon}, 30 * time.Second, false},
		{"we restarted a while ago", a(heard(time.Hour)), stretch{ago(5 * time.Minute), noon}, 5 * time.Minute, true},
		{"we are deaf", a(heard(10 * time.Minute)), stretch{ago(24 * time.Hour), ago(9 * time.Minute)}, time.Minute, false},
		{"we were deaf before it was heard", a(heard(time.Minute)), stretch{ago(24 * time.Hour), ago(9 * time.Minute)}, 0, false},
		{"we have never listened", a(heard(time.Hour)), stretch{}, 0, false},
		{"never heard, and we have never listened", a(never), stretch{}, 0, false},

		// What sleeps or leaves has no duty to speak.
		{"asleep", a(phase(fleet.PhaseStopped), heard(time.Hour)), listening, 0, false},
		{"falling asleep", a(phase(fleet.PhaseStopping), heard(time.Hour)), listening, 0, false},
		{"leaving", a(phase(fleet.PhaseShuttingDown), heard(time.Hour)), listening, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := join(t, c.k, c.ears); w.Unheard != c.unheard || w.Silent != c.silent {
				t.Errorf("unheard %v, silent %v; want %v, %v", w.Unheard, w.Silent, c.unheard, c.silent)
			}
		})
	}
}

func TestWorkerHoldsWhatIsKnown(t *testing.T) {
	k := a(tagged(drain), interrupted)
	k.Type, k.Zone, k.Spot, k.Impaired, k.Hourly = "c7i.xlarge", "a", true, true, 0.07
	k.Tags[fleet.TagIntent] = "sky-1"
	k.beat.CPU, k.beat.Memory, k.beat.AtRisk, k.booted = 80, 40, true, ago(59*time.Minute)
	want := fleet.Worker{
		ID: "i-1", State: fleet.Draining, Jobs: 1, Slots: 4, Order: "sky-1", Type: "c7i.xlarge", Zone: "a", Spot: true, Hourly: 0.07,
		Launched: ago(time.Hour), Heard: ago(10 * time.Second), Booted: ago(59 * time.Minute), Drain: drain, DrainingSince: asked,
		CPU: 80, Memory: 40,
		Unheard: 10 * time.Second, Impaired: true, Interrupted: true, AtRisk: true,
	}
	if diff := cmp.Diff(want, join(t, k, listening)); diff != "" {
		t.Error(diff)
	}
}

func TestOldWordsDoNotCountAfterAWake(t *testing.T) {
	w := join(t, a(woken(time.Minute), heard(time.Hour), interrupted), listening)
	if w.Jobs != 0 || w.Interrupted || !w.Heard.IsZero() {
		t.Errorf("still believes what was said before the wake: %+v", w)
	}
}

func TestDrainByHandHasNoTime(t *testing.T) {
	if w := join(t, a(tagged("by hand")), listening); w.Drain != "by hand" || !w.DrainingSince.IsZero() {
		t.Errorf("got %+v", w)
	}
}

func join(t *testing.T, k known, s stretch) fleet.Worker {
	t.Helper()
	ws, err := (&roster.Roster{Registry: cloud{list: []fleet.Instance{k.Instance}}, Ears: ears{[]known{k}, s}}).Workers(t.Context(), "render")
	if err != nil || len(ws) != 1 {
		t.Fatalf("%d workers, %v", len(ws), err)
	}
	return ws[0]
}

func TestWorkersAreSortedAndCountedOnce(t *testing.T) {
	list := []fleet.Instance{{ID: "i-3"}, {ID: "i-1"}, {ID: "i-2"}, {ID: "i-1"}} // a page that is listed twice
	ws, err := (&roster.Roster{Registry: cloud{list: list}, Ears: ears{}}).Workers(t.Context(), "render")
	var got []fleet.ID
	for _, w := range ws {
		got = append(got, w.ID)
	}
	if diff := cmp.Diff([]fleet.ID{"i-1", "i-2", "i-3"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestSilenceIsASetting(t *testing.T) {
	k := a(heard(time.Minute))
	r := roster.Roster{Registry: cloud{list: []fleet.Instance{k.Instance}}, Ears: ears{[]known{k}, listening}, Silence: 50 * time.Second}
	if ws, _ := r.Workers(t.Context(), "render"); !ws[0].Silent {
		t.Errorf("unheard for a minute is not silent at 50 s: %+v", ws[0])
	}
}

func TestAnErrorMeansThatNothingIsKnown(t *testing.T) {
	broken := errors.New("500")
	r := roster.Roster{Registry: cloud{list: []fleet.Instance{{ID: "i-1"}}, err: broken}, Ears: ears{}}
	if ws, err := r.Workers(t.Context(), "render"); ws != nil || !errors.Is(err, broken) {
		t.Errorf("got %v, %v", ws, err)
	}
}

func TestDrainAndRecallAreATag(t *testing.T) {
	c := cloud{tags: map[fleet.ID]string{}}
	r := roster.Roster{Registry: c, Ears: ears{}}
	if done, err := r.Drain(t.Context(), []fleet.ID{"i-1", "i-2"}, drain); len(done) != 2 || err != nil || c.tags["i-1"] != "skynet:drain="+drain {
		t.Errorf("drain: %v %v %v", done, err, c.tags)
	}
	if done, err := r.Recall(t.Context(), []fleet.ID{"i-1"}); len(done) != 1 || err != nil || len(c.tags) != 1 {
		t.Errorf("recall: %v %v %v", done, err, c.tags)
	}
}

type cloud struct {
	list []fleet.Instance
	err  error
	tags map[fleet.ID]string
}

func (c cloud) Instances(context.Context, string) ([]fleet.Instance, error) { return c.list, c.err }

func (c cloud) Tag(_ context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	for _, id := range ids {
		c.tags[id] = key + "=" + value
	}
	return ids, nil
}

func (c cloud) Untag(_ context.Context, ids []fleet.ID, _ string) ([]fleet.ID, error) {
	for _, id := range ids {
		delete(c.tags, id)
	}
	return ids, nil
}

type ears struct {
	heard []known
	stretch
}

func (e ears) Listening() (since, until time.Time) { return e.since, e.until }

func (e ears) Booted(id fleet.ID) time.Time {
	for _, k := range e.heard {
		if k.ID == id {
			return k.booted
		}
	}
	return time.Time{}
}

func (e ears) Last(id fleet.ID) (fleet.Heartbeat, time.Time, bool) {
	for _, k := range e.heard {
		if k.ID == id {
			return k.beat, k.heard, true
		}
	}
	return fleet.Heartbeat{}, time.Time{}, false
}

// Whatever a cloud says, what is kept of it can be written as JSON, stands on one
// line, and is not long.
func TestReasonsAreKeptPlain(t *testing.T) {
	because := func(said string) fact { return func(k *known) { k.Reason = said } }
	for said, want := range map[string]string{
		"": "", " Server.InternalError: Internal error on launch\n": "Server.InternalError: Internal error on launch",
		"exit status 2; it said last:\tno \x1b[31mdisk\xff": "exit status 2; it said last: no  [31mdisk?",
		strings.Repeat("é", 200):                            strings.Repeat("é", 120) + "…",
	} {
		if got := join(t, a(phase(fleet.PhaseTerminated), because(said)), listening).Reason; got != want {
			t.Errorf("%q is kept as %q, want %q", said, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		said := string(rapid.SliceOfN(rapid.OneOf(rapid.ByteRange(0x20, 0x7e), rapid.Byte()), 0, 400).Draw(rt, "said"))
		got := join(t, a(because(said)), listening).Reason
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) || len(got) > 250 {
			rt.Fatalf("%q is kept as %q", said, got)
		}
	})
}
