package faults

import (
	"strings"
	"testing"
	"time"
)

// told counts the lines of a story that say something.
func (g *log) told(what string) (n int) {
	for _, l := range g.lines {
		if strings.Contains(l.String(), what) {
			n++
		}
	}
	return n
}

// TestOperatorsAreObeyed: where nothing goes wrong but that people change their minds,
// no law is broken, and all that they may do is done.
func TestOperatorsAreObeyed(t *testing.T) {
	all := map[string]int{}
	for seed := uint64(1); seed <= 5; seed++ {
		r, err := Run(seed, Options{Length: time.Hour, Weather: func(w Weather) Weather {
			return w.Only().With(calmAfter(time.Hour), Orders, Reloads)
		}})
		if err != nil || r.Breach != nil || r.Items == 0 {
			t.Errorf("seed %d: %v %v, %d items", seed, err, r.Breach, r.Items)
		}
		for _, what := range []string{"is paused", "goes on", "keeps at least", "drains i-", "forgets i-", "looks after", "taken: true", "taken: false", "decides by", "gives up"} {
			all[what] += r.log.told(what)
		}
	}
	for what, n := range all {
		if n == 0 && what != "gives up" { // who starts with a file that is refused
			t.Errorf("in no seed anybody or anything %q", what)
		}
	}
	t.Log(all)
}

// TestForecastsAreListenedTo: where a scene has them the policy knows what is to come,
// from its first tick on.
func TestForecastsAreListenedTo(t *testing.T) {
	for seed := uint64(1); seed <= 40; seed++ {
		w, err := newWorld(seed, Options{Length: 2 * time.Hour, Weather: func(w Weather) Weather { return w.Only() }})
		if err != nil {
			t.Fatal(err)
		}
		if !w.scene.foresees || w.scene.load.shape != "steady" {
			continue
		}
		w.play()
		if n := w.laws.ahead; w.log.breach != nil || n == 0 || n < w.laws.ticks/2 {
			t.Errorf("seed %d: %d of %d ticks have a forecast; %v", seed, n, w.laws.ticks, w.log.breach)
		}
		return
	}
	t.Error("no seed has forecasts")
}
