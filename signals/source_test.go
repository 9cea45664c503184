package signals_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/signals"
)

// source gives "a" and "b", or does whatever read does.
type source struct {
	read  func(ctx context.Context, now time.Time) []signals.Signal
	names []string
}

func (s source) Names() []string { return s.names }

func (s source) Read(ctx context.Context, now time.Time) []signals.Signal { return s.read(ctx, now) }

func gives(name string, value float64) source {
	return source{names: []string{name}, read: func(_ context.Context, now time.Time) []signals.Signal {
		return []signals.Signal{signals.Known(name, value, now, time.Minute)}
	}}
}

func takes(d time.Duration, s source) source {
	read := s.read
	s.read = func(ctx context.Context, now time.Time) []signals.Signal {
		time.Sleep(d) // deaf to ctx, as a stuck system call is
		return read(ctx, now)
	}
	return s
}

// collect asks as a tick does, with ten seconds to answer, and returns what is
// said by name.
func collect(t *testing.T, c *signals.Collector) map[string]string {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	said := map[string]string{}
	for _, s := range signals.Sort(c.Collect(ctx, time.Now())) {
		said[s.Name] = s.Unknown
	}
	return said
}

func TestSourcesAreAskedAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := signals.NewCollector(takes(9*time.Second, gives("a", 1)), takes(9*time.Second, gives("b", 2)), gives("c", 3))
		want(t, collect(t, c), map[string]string{"a": "", "b": "", "c": ""})
		if took := time.Since(begun); took != 9*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestALateSourceIsUnknownAndNotAskedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32 // the race detector does not know that a bubble runs in turns
		slow := takes(25*time.Second, gives("a", 1))
		read := slow.read
		slow.read = func(ctx context.Context, now time.Time) []signals.Signal { asked.Add(1); return read(ctx, now) }
		c := signals.NewCollector(slow, gives("b", 2))

		begun := time.Now()
		want(t, collect(t, c), map[string]string{"a": "no answer within the tick's deadline", "b": ""})
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("the tick waited %s", took)
		}
		want(t, collect(t, c), map[string]string{"a": "the source is still busy with an earlier tick", "b": ""})
		if asked := asked.Load(); asked != 1 {
			t.Errorf("a busy source was asked %d times", asked)
		}

		time.Sleep(30 * time.Second) // it comes back, and what it said then is not used now
		collect(t, c)
		if asked := asked.Load(); asked != 2 {
			t.Errorf("a source that is free again was asked %d times", asked)
		}
		time.Sleep(time.Minute)
	})
}

func TestASourceThatPanicsIsUnknownAndAskedAgain(t *testing.T) {
	calls := 0
	c := signals.NewCollector(gives("b", 2), source{names: []string{"a"}, read: func(context.Context, time.Time) []signals.Signal {
		calls++
		panic("nil map")
	}})
	for range 2 {
		want(t, collect(t, c), map[string]string{"a": "the source failed: nil map", "b": ""})
	}
	if calls != 2 {
		t.Errorf("asked %d times", calls)
	}
}

func TestASourceThatForgets(t *testing.T) {
	kept := []signals.Signal{{Name: "a", Value: math.NaN(), At: time.Now(), Good: time.Minute}, {Name: "more", At: time.Now()}, {}}
	before := kept[0]
	s := source{names: []string{"a", "b"}, read: func(context.Context, time.Time) []signals.Signal { return kept[:2] }}
	want(t, collect(t, signals.NewCollector(s)), map[string]string{
		"a": "not a finite number: NaN", "b": "the source did not give it", "more": "",
	})
	if kept[0].Unknown != before.Unknown || kept[2].Name != "" {
		t.Errorf("the source's own slice was written to: %+v", kept)
	}
}

func TestNoSources(t *testing.T) {
	want(t, collect(t, signals.NewCollector()), map[string]string{})
}

func want(t *testing.T, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// In a simulation a tick follows another at once: a source that has answered is
// free by then.
func TestASourceThatHasAnsweredIsFree(t *testing.T) {
	c := signals.NewCollector(gives("a", 1))
	for range 2000 {
		for _, s := range c.Collect(t.Context(), time.Time{}) {
			if s.Unknown != "" {
				t.Fatal(s.Unknown)
			}
		}
	}
}
