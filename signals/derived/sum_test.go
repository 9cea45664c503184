package derived_test

import (
	"fmt"
	"testing"
	"time"

	"skynet/signals"
	"skynet/signals/derived"
)

// of gives signals of queues: of("photos.visible", 3, "videos.visible", 4).
func of(pairs ...any) (list []signals.Signal) {
	for i := 0; i < len(pairs); i += 2 {
		name := "queues." + pairs[i].(string)
		switch v := pairs[i+1].(type) {
		case int:
			list = append(list, signals.Known(name, float64(v), noon, time.Minute))
		case string:
			list = append(list, signals.Missing(name, noon, v))
		case signals.Signal:
			v.Name = name
			list = append(list, v)
		}
	}
	return signals.Sort(list)
}

func TestSums(t *testing.T) {
	two, one := []string{"photos", "videos"}, []string{"photos"}
	stale := signals.Known("", 3, ago(2*time.Minute), time.Minute)
	for _, c := range []struct {
		name   string
		queues []string
		each   []signals.Signal
		signal string
		want   float64
		err    string
	}{
		{"a sum", two, of("photos.visible", 3, "videos.visible", 4), "queue.visible", 7, ""},
		{"a sum of one", one, of("photos.visible", 3, "videos.visible", 4), "queue.visible", 3, ""},
		{"a sum of work", two, of("photos.failed", 1, "videos.failed", 2), "work.failed", 3, ""},
		{"the oldest of both", two, of("photos.oldest_age", 30, "videos.oldest_age", 20), "queue.oldest_age", 30, ""},
		{"one part unknown", two, of("photos.visible", 3, "videos.visible", "500"), "queue.visible", 0, "queues.videos.visible is unknown: 500"},
		{"one part stale", two, of("photos.visible", stale, "videos.visible", 1), "queue.visible", 0, "queues.photos.visible is stale"},
		{"one part missing", two, of("photos.visible", 3), "queue.visible", 0, "queues.videos.visible is unknown: no source gives it"},
		{"one age unknown", two, of("photos.oldest_age", 3, "videos.oldest_age", "cannot tell"), "queue.oldest_age", 0, "cannot tell"},
		{"too much for a float", two, of("photos.visible", signals.Known("", 1e308, noon, 0), "videos.visible", signals.Known("", 1e308, noon, 0)),
			"queue.visible", 0, "not a finite number"},

		{"seconds, weighted by what waits", two,
			of("photos.seconds_mean", 1, "videos.seconds_mean", 11, "photos.visible", 90, "videos.visible", 10, "videos.completed", 100),
			"work.seconds_mean", 2, ""},
		{"seconds, weighted by completions when nothing waits", two,
			of("photos.seconds_mean", 1, "videos.seconds_mean", 11, "photos.visible", 0, "videos.visible", 0, "photos.completed", 90, "videos.completed", 10),
			"work.seconds_mean", 2, ""},
		{"seconds, when nothing happens", two,
			of("photos.seconds_mean", 1, "videos.seconds_mean", 11, "photos.visible", 0, "videos.visible", 0, "photos.completed", 0, "videos.completed", 0),
			"work.seconds_mean", 6, ""},
		{"seconds, one queue without an estimate", two,
			of("photos.seconds_mean", 5, "videos.seconds_mean", "no item yet", "photos.visible", 1, "videos.visible", 99), "work.seconds_mean", 5, ""},
		{"seconds, only the other queue waits", two,
			of("photos.seconds_mean", 5, "videos.seconds_mean", "no item yet", "photos.visible", 0, "videos.visible", 99), "work.seconds_mean", 5, ""},
		{"seconds, one depth unknown", two,
			of("photos.seconds_mean", 5, "videos.seconds_mean", 7, "photos.visible", "500", "videos.visible", 9), "work.seconds_mean", 7, ""},
		{"seconds, no estimate at all", two, of("photos.visible", 1, "videos.visible", 1), "work.seconds_mean", 0, "no worker has finished an item yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := derived.Complete(signals.Snapshot{Now: noon, Signals: c.each}, derived.Settings{Queues: c.queues})
			got, err := s.Value(c.signal)
			expect(t, got, err, c.want, c.err)
		})
	}
}

// A sum is as old as its oldest part, and good for as long as the first of them.
func TestASumIsNoBetterThanItsParts(t *testing.T) {
	at := func(age, good time.Duration) signals.Signal { return signals.Known("", 1, ago(age), good) }
	for _, c := range []struct {
		parts     []signals.Signal
		age, good time.Duration
	}{
		{[]signals.Signal{at(0, time.Minute)}, 0, time.Minute},
		{[]signals.Signal{at(20*time.Second, time.Minute)}, 20 * time.Second, time.Minute},
		{[]signals.Signal{at(0, time.Minute), at(4*time.Minute, 5*time.Minute)}, 4 * time.Minute, 5 * time.Minute},
		{[]signals.Signal{at(0, time.Minute), at(4*time.Minute, 10*time.Minute)}, 4 * time.Minute, 5 * time.Minute},
		{[]signals.Signal{at(0, 0), at(0, time.Minute)}, 0, 0},
		{[]signals.Signal{at(0, time.Minute), at(0, 0)}, 0, 0},
		{[]signals.Signal{at(0, 0), at(0, time.Minute), at(0, time.Hour)}, 0, 0},
		{[]signals.Signal{at(time.Minute, time.Minute), at(0, time.Hour)}, time.Minute, time.Minute},
	} {
		var queues []string
		var pairs []any
		for i, p := range c.parts {
			queues = append(queues, fmt.Sprintf("q%d", i))
			pairs = append(pairs, queues[i]+".visible", p, queues[i]+".seconds_mean", p)
		}
		for _, s := range derived.Complete(signals.Snapshot{Now: noon, Signals: of(pairs...)}, derived.Settings{Queues: queues}).Signals {
			if s.Name != "queue.visible" && s.Name != "work.seconds_mean" {
				continue
			}
			if s.Unknown != "" || noon.Sub(s.At) != c.age || s.Good != c.good {
				t.Errorf("%v: %s is %s old and good for %s, want %s and %s (%s)", c.parts, s.Name, noon.Sub(s.At), s.Good, c.age, c.good, s.Unknown)
			}
		}
	}
}
