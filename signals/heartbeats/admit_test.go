package heartbeats_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
	"skynet/queue"
	"skynet/signals/heartbeats"
)

// from is letters that an instance posted, by the server's word.
func from(who string, letters []queue.Letter) []queue.Letter {
	for i := range letters {
		letters[i].From = who
	}
	return letters
}

func drained(b *fleet.Heartbeat) {
	b.State, b.Drain, b.Jobs = fleet.Drained, "render-20260301T115900.000Z", 0
}
func future(b *fleet.Heartbeat) { b.Boot, b.At = "liar", noon.Add(100*365*24*time.Hour) }
func past(b *fleet.Heartbeat)   { b.Boot, b.At = "liar", time.Time{} }

// TestNobodySpeaksForAnother: where the server vouches for who posted, a worker's
// words are its own, however they are dated and numbered.
func TestNobodySpeaksForAnother(t *testing.T) {
	for name, lie := range map[string]fleet.Heartbeat{
		"drained":                    beat(3, drained),
		"drained, by another start":  beat(3, drained, future),
		"drained, of long ago":       beat(3, drained, past),
		"drained, last of all words": beat(math.MaxUint64, drained),
		"leaving":                    beat(3, func(b *fleet.Heartbeat) { b.State, b.Jobs = fleet.Leaving, 0 }),
		"idle":                       beat(3, func(b *fleet.Heartbeat) { b.Jobs = 0 }),
		"interrupted":                beat(3, func(b *fleet.Heartbeat) { b.Jobs, b.Interruption = 0, &fleet.Interruption{Action: "terminate"} }),
		"items":                      beat(3, func(b *fleet.Heartbeat) { b.Jobs, b.Queues[0].Completed = 0, 1_000_000 }),
	} {
		for _, liar := range []string{"i-2", ""} {
			t.Run(name+" from "+liar, func(t *testing.T) {
				e := counting()
				e.Hear(noon, from("i-1", post(beat(1))))
				e.Hear(noon, from("i-1", post(beat(2))))
				e.Hear(noon, from(liar, post(lie)))
				expect(t, e, 2, 2)
				e.Hear(noon, from("i-1", post(beat(3)))) // and is heard on
				expect(t, e, 3, 3)
				if b, _, _ := e.Last("i-1"); b.State != fleet.Working || b.Interruption != nil || b.Boot != "a" {
					t.Errorf("believes %+v", b)
				}
				if got := e.Refusals(); got["forged"] != 1 || e.Refused() != 1 {
					t.Errorf("refused %v", got)
				}
			})
		}
	}
}

// TestTheWorkerItselfIsBelievedBeforeWhoeverSpokeFirst: a liar that is quicker than
// the agent's first word keeps nothing.
func TestTheWorkerItselfIsBelievedBeforeWhoeverSpokeFirst(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(math.MaxUint64, drained, future)))
	e.Hear(noon.Add(time.Second), from("i-1", post(beat(1))))
	b, heard, _ := e.Last("i-1")
	if b.Boot != "a" || b.State != fleet.Working || !heard.Equal(noon.Add(time.Second)) || !e.Booted("i-1").Equal(heard) {
		t.Errorf("believes %+v, heard at %s", b, heard)
	}
	if e.Hear(noon, post(beat(9, drained))); e.Refusals()["forged"] != 1 {
		t.Errorf("refused %v", e.Refusals())
	}
}

// TestProofAfterARestart: what the journal remembers of a worker is no lie.
func TestProofAfterARestart(t *testing.T) {
	e := counting()
	e.Prime([]fleet.Worker{{ID: "i-1", Heard: noon.Add(-time.Minute), Booted: noon.Add(-time.Hour)}})
	e.Hear(noon, from("i-1", post(beat(7))))
	if got := e.Booted("i-1"); !got.Equal(noon.Add(-time.Hour)) {
		t.Errorf("booted at %s", got)
	}
}

// TestNeitherOfTwoHasDrained: where no server vouches for anybody, "drained" is not
// believed of a worker for which two starts of an agent speak at once; for one that
// was started again it is, when it has been the only one for a while.
func TestNeitherOfTwoHasDrained(t *testing.T) {
	type said struct {
		at time.Duration
		b  fleet.Heartbeat
	}
	const s = time.Second
	for _, c := range []struct {
		name  string
		words []said
		asked time.Duration
		want  fleet.State
	}{
		{"one agent", []said{{0, beat(1)}, {15 * s, beat(2, drained)}}, 16 * s, fleet.Drained},
		{"at once by another start", []said{{0, beat(1)}, {s, beat(1, drained, future)}}, 16 * s, fleet.Draining},
		{"by another start that has been the only one", []said{{0, beat(1)}, {s, beat(1, drained, future)}, {61 * s, beat(2, drained, future)}}, 77 * s, fleet.Drained},
		{"while the true one speaks on", []said{{0, beat(1)}, {s, beat(1, drained, future)}, {61 * s, beat(2)}, {75 * s, beat(3)}, {76 * s, beat(2, drained, future)}}, 77 * s, fleet.Draining},
		{"and later", []said{{0, beat(1)}, {s, beat(1, drained, future)}, {61 * s, beat(2)}, {240 * s, beat(3, drained, future)}}, 240 * s, fleet.Draining},
		{"a last word of the old start that is late", []said{{0, beat(1)}, {s, beat(1, drained, future)}, {20 * s, beat(2)}}, 77 * s, fleet.Drained},
		{"by a start of long after", []said{{0, beat(1)}, {301 * s, beat(1, drained, future)}}, 302 * s, fleet.Drained},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := counting()
			for _, w := range c.words {
				at := noon.Add(w.at)
				e.Hear(at, postAt(at, w.b))
			}
			e.Hear(noon.Add(c.asked), nil)
			if b, _, _ := e.Last("i-1"); b.State != c.want {
				t.Errorf("is %s, want %s", b.State, c.want)
			}
		})
	}
}

// TestALetterReadAgainIsNoNewStart: it would make the worker unheard since it came.
func TestALetterReadAgainIsNoNewStart(t *testing.T) {
	e := counting()
	e.Hear(noon, postAt(noon, beat(1, future)))
	now := noon.Add(6 * time.Minute)
	e.Hear(now, postAt(now, beat(2)))
	e.Hear(now, postAt(noon, beat(1, future)))
	if b, heard, _ := e.Last("i-1"); b.Boot != "a" || !heard.Equal(now) {
		t.Errorf("believes %+v, heard at %s", b, heard)
	}
}

// TestStrangersGiveWay: whoever posts under ever new names keeps no worker that the
// cloud lists from being heard.
func TestStrangersGiveWay(t *testing.T) {
	e := counting()
	var all []queue.Letter
	for i := range 21_000 {
		all = append(all, post(beat(1, of(fleet.ID(fmt.Sprintf("a-%d", i)))))...)
	}
	e.Hear(noon, all)
	if n := e.Refusals()["strangers"]; n != 1000 {
		t.Errorf("refused %d strangers, want 1,000", n)
	}
	if e.Hear(noon, post(beat(1))); e.Refusals()["strangers"] != 1001 {
		t.Errorf("there is room for one that nobody asks for: %v", e.Refusals())
	}
	for i := range 30 {
		id := fleet.ID(fmt.Sprintf("i-%d", i))
		e.Last(id) // the cloud lists it
		e.Hear(noon.Add(time.Second), append(post(beat(2, of(id))), all[i]))
		if b, _, ok := e.Last(id); !ok || b.Seq != 2 {
			t.Fatalf("%s is not heard", id)
		}
	}
	e.Hear(noon.Add(time.Second), all[20_000:])
	for i := range 30 {
		if _, _, ok := e.Last(fleet.ID(fmt.Sprintf("i-%d", i))); !ok {
			t.Fatalf("strangers drove i-%d out", i)
		}
	}
}

// TestWordsThatWaitInLineAreNoSilence: while more comes than is read, what arrived
// since is not missed; and the signals go on.
func TestWordsThatWaitInLineAreNoSilence(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(1)))
	flood := func(at time.Time) (all []queue.Letter) {
		for range 256 {
			all = append(all, queue.Letter{Body: []byte("flood"), At: at})
		}
		return all
	}
	until := func(want time.Duration) {
		t.Helper()
		if since, got := e.Listening(); !got.Equal(noon.Add(want)) || !since.Equal(noon) {
			t.Errorf("has listened from %s to %s, want to %s", since, got, want)
		}
	}
	for i := range 10 { // a minute behind by and by
		e.Hear(noon.Add(time.Duration(i+1)*12*time.Second), flood(noon.Add(time.Duration(i+1)*6*time.Second)))
		until(time.Duration(i+1) * 6 * time.Second)
	}
	e.Hear(noon.Add(121*time.Second), flood(noon.Add(30*time.Second))) // one from before is read behind
	until(time.Minute)
	if s := e.Source("render", []string{"photos"}, time.Minute); s.Read(t.Context(), noon.Add(122*time.Second))[0].Unknown != "" {
		t.Error("is deaf, though it reads")
	}
	e.Hear(noon.Add(130*time.Second), flood(time.Time{})[:10])
	until(130 * time.Second)
	e.Hear(noon.Add(131*time.Second), flood(noon.Add(time.Hour))) // a clock that is ahead
	until(131 * time.Second)
}

// TestImpossibleMachines: what would make a mean infinite is refused.
func TestImpossibleMachines(t *testing.T) {
	for _, v := range []float64{-1, 101.5, 1e308} {
		e := heartbeats.New()
		e.Hear(noon, post(beat(1, func(b *fleet.Heartbeat) { b.CPU = v }), beat(1, func(b *fleet.Heartbeat) { b.Memory = v })))
		if n := e.Refusals()["unreadable"]; n != 2 {
			t.Errorf("%g: refused %d", v, n)
		}
	}
	w := fleet.Work{BytesIn: math.MaxInt64 - 1e15, Completed: math.MaxInt - 1} // what a liar can add up to
	if w.Merge(fleet.Work{BytesIn: 1e15 + 1, Completed: 1e6}); w.BytesIn != math.MaxInt64 || w.Completed != math.MaxInt {
		t.Errorf("%d bytes, %d items in all", w.BytesIn, w.Completed)
	}
}

// inbox gives letters once.
type inbox struct {
	letters []queue.Letter
}

func (m *inbox) Post(context.Context, []byte) error { return nil }
func (m *inbox) Collect(ctx context.Context, _ int, wait time.Duration) ([]queue.Letter, error) {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return m.letters, nil
}

// TestForgeriesAreToldOfNowAndThen: one line in ten minutes, with the count.
func TestForgeriesAreToldOfNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
		defer cancel()
		var said []string
		heartbeats.New().Listen(ctx, &inbox{letters: from("i-2", post(beat(1)))}, func(err error) {
			if !errors.Is(err, heartbeats.ErrForged) {
				t.Error(err)
			}
			said = append(said, err.Error())
		})
		if len(said) != 3 || !strings.Contains(said[0], "one in the name of i-1 came from i-2") {
			t.Errorf("said %d times: %q", len(said), said)
		}
	})
}
