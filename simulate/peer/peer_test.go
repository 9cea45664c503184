package peer_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config/strict"
	"skynet/controller"
	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/peer"
	"skynet/simulate/scenario"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]struct {
		peer   peer.Peer
		called string
		tune   bool
	}{
		"keda":               {peer.Peer{Name: "keda"}, "keda", false},
		" step ":             {peer.Peer{Name: "step"}, "step", false},
		"target-tracking":    {peer.Peer{Name: "target-tracking"}, "target-tracking", false},
		"target-tracking=.5": {peer.Peer{Name: "target-tracking", Setting: .5}, "target-tracking=0.5", false},
		"keda=20":            {peer.Peer{Name: "keda", Setting: 20}, "keda=20", false},
		"keda=tuned":         {peer.Peer{Name: "keda", Tuned: true}, "keda=tuned", true},
		"static":             {peer.Peer{Name: "static"}, "static", true},
		"static=12":          {peer.Peer{Name: "static", Setting: 12}, "static=12", false},
		"static=tuned":       {peer.Peer{Name: "static", Tuned: true}, "static=tuned", true},
		"clairvoyant":        {peer.Peer{Name: "clairvoyant"}, "clairvoyant", false},
	} {
		p, err := peer.Parse(text)
		if err != nil || p != want.peer || p.String() != want.called || p.NeedsTuning() != want.tune {
			t.Errorf("%q: %+v (%s), %v", text, p, p, err)
		}
	}
	if s := (peer.Peer{Name: "keda", Setting: 20, Tuned: true}).String(); s != "keda=20 (tuned)" {
		t.Error(s)
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"kda":           `"kda" is nothing to compare with, did you mean "keda"?; known: target-tracking, step, keda, static, clairvoyant`,
		"":              `"" is nothing to compare with; known: target-tracking, step`,
		"Static":        `did you mean "static"?`,
		"slo":           `known:`,
		"keda=":         `"" is no setting; write a number above 0, or keda=tuned`,
		"keda=0":        `"0" is no setting`,
		"keda=-1":       `"-1" is no setting`,
		"keda=NaN":      `"NaN" is no setting`,
		"keda=Inf":      `"Inf" is no setting`,
		"keda=1e300":    `"1e300" is no setting`,
		"keda=Tuned":    `"Tuned" is no setting`,
		"keda=5=5":      `"5=5" is no setting`,
		"static=2.5":    `there are no parts of an instance; write static=3`,
		"clairvoyant=1": "clairvoyant has no setting",
	} {
		if p, err := peer.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %s", text, p, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"keda", "keda=20", "static=tuned", "clairvoyant", "step=1e-9", "x=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := peer.Parse(text)
		if err != nil {
			return
		}
		again, err := peer.Parse(p.String())
		if err != nil || again.Name != p.Name || again.Tuned != p.Tuned || math.Abs(again.Setting-p.Setting) > 1e-5*p.Setting {
			t.Errorf("%q is %+v, called %q, which is %+v, %v", text, p, p, again, err)
		}
	})
}

const second = strict.Duration(time.Second)

// world has one queue and one fleet of so many slots that boot in two minutes. Who
// starts is there already.
func world(slots, start int, jobs []scenario.Job) *scenario.Scenario {
	sc := &scenario.Scenario{
		Name: "small", Interval: 60 * second, Seed: 1,
		Queues: []scenario.Queue{{Name: "photos", Jobs: &scenario.Jobs{}, Trace: scenario.Trace{Jobs: jobs}, Visibility: 300 * second, Weight: 1, Next: -1}},
		Fleets: []scenario.Fleet{{
			Name: "render", Slots: slots, Start: start, Boot: scenario.Constant(2 * time.Minute), Wake: scenario.Constant(time.Minute),
			Serves: []int{0}, Billing: scenario.Billing{Unit: second, Minimum: 60 * second},
		}},
	}
	sc.Start.Time = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	sc.End = sc.Queues[0].Trace.End()
	return sc
}

// steady are jobs that come evenly from one time to another.
func steady(from, to, apart, took time.Duration) (jobs []scenario.Job) {
	for at := from; at < to; at += apart {
		jobs = append(jobs, scenario.Job{At: at, Took: took})
	}
	return jobs
}

func objective(wait time.Duration) policy.Objective {
	return policy.Objective{Wait: wait, Quantile: .95}
}

var bounds = policy.Bounds{Max: 60}

func parsed(t testing.TB, text string) peer.Peer {
	t.Helper()
	p, err := peer.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// played plays a peer and tells what it wanted at each tick.
func played(t testing.TB, sc *scenario.Scenario, text string, o policy.Objective) (simulate.Result, []int, []string) {
	t.Helper()
	var wants []int
	var said []string
	r, err := simulate.Run(t.Context(), sc, parsed(t, text).Policy(sc, o, bounds), simulate.Options{Watch: func(_ string, rep controller.Report) {
		wants = append(wants, rep.Decision.Want)
		said = append(said, rep.Decision.Reasons[0].Said)
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.WallSeconds = 0
	return r, wants, said
}

// The worked example of EC2's guide: 10 s of latency, 0.1 s a message, 100 messages.
func TestTheAcceptableBacklog(t *testing.T) {
	jobs := steady(0, time.Hour, time.Second, 100*time.Millisecond)
	for name, c := range map[string]struct {
		slots   int
		wait    time.Duration
		fewer   bool // half the items take three times as long
		feeds   bool // each goes on to a queue where two more join it, that take a second each and may wait for a minute
		setting string
	}{
		"the guide's":             {1, 10 * time.Second, false, false, "the target is 100"},
		"four slots":              {4, 10 * time.Second, false, false, "the target is 400"},
		"the mean of all":         {1, 10 * time.Second, true, false, "the target is 50"},
		"at least one":            {1, time.Millisecond, false, false, "the target is 1"},
		"over queues, by items":   {1, 11 * time.Second, false, true, "the target is 14.19"},
		"the shortest of waits":   {1, 2 * time.Minute, false, true, "the target is 77.42"},
		"a setting goes before":   {1, 10 * time.Second, false, false, "the target is 100"},
		"no wait at all promised": {1, 0, false, false, "the target is 1"},
	} {
		sc := world(c.slots, 1, append([]scenario.Job(nil), jobs...))
		for i := range sc.Queues[0].Trace.Jobs {
			if c.fewer && i%2 == 0 {
				sc.Queues[0].Trace.Jobs[i].Took *= 3
			}
		}
		o := objective(c.wait)
		if c.feeds {
			sc.Queues[0].Next = 1
			sc.Queues = append(sc.Queues, scenario.Queue{
				Name: "pages", Seconds: &scenario.Length{Mean: second}, Visibility: 30 * second, Weight: 1, Next: -1,
				Arrivals: &scenario.Arrivals{Scale: 2}, Series: scenario.Series{Steps: []scenario.Step{{For: sc.End, Items: 3600}, {At: sc.End, For: sc.End, Items: 3600}}},
			})
			sc.Fleets[0].Serves = []int{0, 1}
			o.Queues = map[string]time.Duration{"pages": time.Minute}
		}
		if _, _, said := played(t, sc, "target-tracking", o); !strings.HasSuffix(said[0], c.setting+": keeps 1") {
			t.Errorf("%s: %s, not %s", name, said[0], c.setting)
		}
	}
}

// Each fleet aims at its own default; a setting is for all.
func TestSeveralFleets(t *testing.T) {
	sc := world(1, 1, steady(0, time.Hour, time.Second, time.Second))
	sc.Queues = append(sc.Queues, scenario.Queue{
		Name: "videos", Arrivals: &scenario.Arrivals{Scale: 2}, Seconds: &scenario.Length{Mean: 30 * second}, Visibility: 300 * second, Weight: 1, Next: -1,
		Series: scenario.Series{Steps: []scenario.Step{{At: 0, For: time.Hour, Items: 60}}},
	})
	second := sc.Fleets[0]
	second.Name, second.Serves, second.Slots = "cut", []int{1}, 2
	sc.Fleets = append(sc.Fleets, second)
	said := map[string]string{}
	for _, text := range []string{"step", "step=7", "keda"} {
		_, err := simulate.Run(t.Context(), sc, parsed(t, text).Policy(sc, objective(time.Minute), bounds), simulate.Options{Watch: func(fleet string, rep controller.Report) {
			if w := rep.Decision.Wants[0].Because; strings.Contains(w, "threshold") || strings.Contains(w, "a pod") {
				said[text+" "+fleet] = w
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for of, want := range map[string]string{
		"step render": "the threshold is 60", "step cut": "the threshold is 4", "step=7 render": "the threshold is 7", "step=7 cut": "the threshold is 7",
		"keda render": "at 5 a pod", "keda cut": "at 5 a pod",
	} {
		if !strings.Contains(said[of], want) {
			t.Errorf("%s: %q, not %q", of, said[of], want)
		}
	}
}

// Without a number, and before it is tuned, static is what the load keeps busy.
func TestStaticUntuned(t *testing.T) {
	if _, wants, _ := played(t, world(4, 1, steady(0, time.Hour, time.Second, 10*time.Second)), "static", objective(time.Minute)); wants[0] != 3 {
		t.Errorf("wants %d", wants[0])
	}
}

// A burst of an hour, and each peer's way through it: ten items in hand at once, one
// to an instance.
func TestOneHonestRunEach(t *testing.T) {
	jobs := steady(30*time.Minute, 90*time.Minute, 6*time.Second, time.Minute)
	jobs = append(jobs, scenario.Job{At: 4 * time.Hour, Took: time.Minute}) // so that it goes on
	for text, check := range map[string]func(r simulate.Result, wants []int) bool{
		// The first comes as soon as it is looked for. While it boots ten more come a
		// minute; five minutes after those have been worked off it is at the ten in flight,
		// and five minutes after the last of them at none.
		"keda=1": func(r simulate.Result, wants []int) bool {
			return wants[59] == 0 && wants[60] == 1 && wants[61] == 6 && wants[62] == 11 && peak(wants) == 30 && wants[80] == 10 &&
				wants[189] == 10 && wants[195] == 0 && wants[479] == 0 && r.Peak == 30 && *r.WithinObjective > .9 && r.Ticks > 480
		},
		// It has at least one, needs three minutes of backlog to grow, and fifteen of none to
		// shrink: then even those at work go, because they are in no backlog.
		"target-tracking=2": func(r simulate.Result, wants []int) bool {
			return wants[0] == 1 && wants[32] == 1 && peak(wants[:40]) > 3 && peak(wants) >= 10 && wants[120] == 1 && r.Peak >= 10
		},
		"step=2": func(_ simulate.Result, wants []int) bool {
			return wants[0] == 1 && wants[32] == 1 && peak(wants) > 5 && wants[130] == 1 && grows(wants)
		},
		"static=11": func(r simulate.Result, wants []int) bool {
			return wants[0] == 11 && wants[len(wants)-1] == 11 && r.Peak == 11 && *r.WithinObjective == 1 && r.Terminations == 0
		},
		// On average 2.5 are busy.
		"static": func(r simulate.Result, wants []int) bool { return peak(wants) == 3 && r.Peak == 3 },
	} {
		r, wants, _ := played(t, world(1, 0, jobs), text, objective(time.Minute))
		if !check(r, wants) || r.Policy != text || r.Items != int64(len(jobs)) || r.Unstarted > 0 {
			t.Errorf("%s: wanted %v, %+v, %v", text, wants, r.Figures, *r.WithinObjective)
		}
	}
}

func peak(list []int) (most int) {
	for _, n := range list {
		most = max(most, n)
	}
	return most
}

// grows reports that no step out was larger than a share of thirty in a hundred, or one.
func grows(wants []int) bool {
	for i := 1; i < len(wants); i++ {
		if wants[i]-wants[i-1] > max(1, wants[i-1]*3/10) {
			return false
		}
	}
	return true
}

// Sixty items that take a minute each are in hand at once, and no two come together:
// six instances of ten slots are needed, and none needs to wait with them.
func TestTheFewestIsFound(t *testing.T) {
	sc := world(10, 60, steady(0, 3*time.Hour, time.Second, time.Minute))
	var plays []int
	p, r, err := parsed(t, "static").Tune(t.Context(), sc, objective(time.Second), bounds, nil, func(done, of int) {
		if plays = append(plays, done); of != 16 {
			t.Errorf("%d of %d", done, of)
		}
	})
	if err != nil || p.Setting != 6 || !p.Tuned || p.String() != "static" || r.Policy != "static" || *r.WithinObjective < .95 || len(plays) > 16 || plays[0] != 1 {
		t.Errorf("%+v, %v, %+v in %d plays", p, err, r.Figures, len(plays))
	}
	if p, r, err = parsed(t, "static=tuned").Tune(t.Context(), sc, objective(time.Second), policy.Bounds{Min: 9, Max: 500}, nil, nil); err != nil || p.Setting != 9 || r.Policy != "static=9 (tuned)" {
		t.Errorf("%+v, %v, %s", p, err, r.Policy)
	}
}

// Where none is enough, it is the one that keeps most.
func TestNoneKeepsIt(t *testing.T) {
	sc := world(10, 60, steady(0, 3*time.Hour, time.Second, time.Minute))
	p, r, err := parsed(t, "static").Tune(t.Context(), sc, objective(time.Second), policy.Bounds{Max: 5}, nil, nil)
	if err != nil || p.Setting != 5 || *r.WithinObjective > .5 {
		t.Errorf("%+v, %v, %v", p, err, *r.WithinObjective)
	}
}

// days are short, three hours each, with a quiet night.
func days(n int) *scenario.Scenario {
	var jobs []scenario.Job
	for m := range n * 180 {
		at := time.Duration(m) * time.Minute
		n := 2 + int(6*max(0, math.Sin(2*math.Pi*float64(m)/180)))
		jobs = append(jobs, steady(at, at+time.Minute, time.Minute/time.Duration(n), 40*time.Second)...)
	}
	return world(2, 1, jobs)
}

// What is found keeps the objective, and of a fine grid that is played in full
// nothing that keeps it is a hundredth cheaper.
func TestTheCheapestIsFound(t *testing.T) {
	sc, o := days(2), objective(5*time.Minute)
	for _, name := range []string{"keda", "target-tracking", "step"} {
		plays := 0
		p, found, err := parsed(t, name+"=tuned").Tune(t.Context(), sc, o, bounds, nil, func(int, int) { plays++ })
		if err != nil || plays > 15 || *found.WithinObjective < .95 || found.Policy != p.String() || p.String() == name {
			t.Fatalf("%s: %+v, %v, %v in %d plays", name, p, err, *found.WithinObjective, plays)
		}
		least := found.InstanceSeconds
		for setting := .1; setting < 60; setting *= 1.6 {
			r, err := simulate.Run(t.Context(), sc, peer.Peer{Name: name, Setting: setting}.Policy(sc, o, bounds), simulate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if *r.WithinObjective >= .95 {
				least = min(least, r.InstanceSeconds)
			}
		}
		if float64(found.InstanceSeconds) > 1.01*float64(least) {
			t.Errorf("%s costs %d, but there is one at %d", p, found.InstanceSeconds, least)
		}
		preset, _, _ := played(t, sc, name, o)
		if *preset.WithinObjective >= .95 && preset.InstanceSeconds < found.InstanceSeconds {
			t.Errorf("%s costs more than at its default", p)
		}
	}
}

// The same seed gives the same, on however many cores; another seed may not.
func TestDeterminism(t *testing.T) {
	sc := days(1)
	sc.Faults = scenario.Faults{DeadOnArrival: 5, LaunchRefused: 10, HeartbeatLoss: 5, APIErrors: 5}
	for _, name := range []string{"keda", "target-tracking", "step", "static"} {
		var last string
		for range 2 {
			p, r, err := parsed(t, name+"=tuned").Tune(t.Context(), sc, objective(5*time.Minute), bounds, new(uint64(7)), nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := simulate.Run(t.Context(), sc, p.Policy(sc, objective(5*time.Minute), bounds), simulate.Options{Seed: new(uint64(7))})
			r.WallSeconds, again.WallSeconds = 0, 0
			if d := cmp.Diff(again, r); err != nil || d != "" {
				t.Errorf("%s: %v, %s", name, err, d)
			}
			text, err := json.Marshal([]any{p, r})
			if err != nil {
				t.Fatal(err)
			}
			if last != "" {
				if d := cmp.Diff(last, string(text)); d != "" {
					t.Errorf("%s: %s", name, d)
				}
			}
			last = string(text)
		}
	}
}

func TestTuningStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := parsed(t, "keda=tuned").Tune(ctx, days(1), objective(time.Minute), bounds, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := parsed(t, "clairvoyant").Tune(t.Context(), days(1), objective(time.Minute), bounds, nil, nil); err == nil {
		t.Error("clairvoyant was tuned")
	}
}

// A world in which nothing comes is no reason to fail.
func TestNothingComes(t *testing.T) {
	sc := world(1, 0, []scenario.Job{{At: 50 * time.Minute}})
	sc.End = 40 * time.Minute
	for _, name := range []string{"keda", "target-tracking", "step", "static"} {
		p, r, err := parsed(t, name+"=tuned").Tune(t.Context(), sc, objective(time.Minute), bounds, nil, nil)
		if err != nil || r.Items != 0 || p.Setting <= 0 {
			t.Errorf("%+v, %v", p, err)
		}
	}
}
