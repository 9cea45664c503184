package simulate_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/controller"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

var update = flag.Bool("update", false, "write the example files anew")

const examples = "../config/examples/"

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// made is recorded load of a site that never was.
var made = map[string]func() []byte{
	"week.csv": func() []byte {
		r := rand.New(rand.NewPCG(1, 1))
		b := bytes.NewBufferString("timestamp,value\n")
		for i := range 7 * 48 {
			hour, sunday := float64(i%48)/2, i/48 == 6
			v := 40 + 400*math.Max(0, math.Sin(math.Pi*(hour-6)/18))
			if sunday {
				v *= 1.3
				if hour >= 18 && hour < 22 {
					v *= 2.5
				}
			}
			fmt.Fprintf(b, "%s,%.0f\n", monday.Add(time.Duration(i)*30*time.Minute).Format(time.RFC3339), v*(.8+.4*r.Float64()))
		}
		return b.Bytes()
	},
	"videos.csv": func() []byte {
		r := rand.New(rand.NewPCG(2, 2))
		b := bytes.NewBufferString("timestamp,duration_seconds,kind\n")
		for i := range 7 * 24 {
			at := monday.Add(time.Duration(i) * time.Hour)
			for range r.IntN(2 + i%24/8) {
				at = at.Add(time.Duration(r.IntN(1000)) * time.Second)
				fmt.Fprintf(b, "%s,%.0f,clip\n", at.Format(time.RFC3339), 30+300*r.ExpFloat64())
			}
		}
		return b.Bytes()
	},
	"rubberband.csv": func() []byte {
		b := bytes.NewBufferString("timestamp,value\n")
		for i := range 120 {
			v := 60.0
			if i == 10 {
				v = 1e6
			}
			fmt.Fprintf(b, "%s,%.0f\n", time.Date(2026, 3, 1, 17, i, 0, 0, time.UTC).Format(time.RFC3339), v)
		}
		return b.Bytes()
	},
}

func TestExamplesAreMadeHere(t *testing.T) {
	for name, f := range made {
		if *update {
			if err := os.WriteFile(examples+name, f(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(examples + name); err != nil || !bytes.Equal(got, f()) {
			t.Errorf("%s is not as it is made here (%v): go test ./simulate -update", name, err)
		}
	}
}

func load(t testing.TB, name string) scenario.Scenario {
	t.Helper()
	sc, err := scenario.Load(examples + name)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func policyFile(t testing.TB, name string) simulate.Policy {
	t.Helper()
	p, err := file.Load(examples+name, signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return simulate.Policy{Name: name, Decider: p.Engine, Signals: p.Signals, Silent: p.Silent}
}

// A burst of a million items, with launches that are slow, then fail, then come
// back: what is bought stays inside the guards at every tick, and they say so.
func TestRubberBand(t *testing.T) {
	sc, p := load(t, "rubberband.scenario.yaml"), policyFile(t, "rubberband.policy.yaml")
	said := map[string]int{}
	var asked []int // by tick
	open := false
	r, err := simulate.Run(t.Context(), &sc, p, simulate.Options{Watch: func(_ string, r controller.Report) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		asked = append(asked, r.Deeds.Asked)
		hour := 0
		for _, n := range asked[max(0, len(asked)-60):] {
			hour += n
		}
		if billed := r.Snapshot.Billed() + r.Deeds.Asked; r.Deeds.Asked > 20 || hour > 120 || billed > 150 {
			t.Errorf("%s: %d asked for, %d in the hour, %d paid for", r.Snapshot.Now, r.Deeds.Asked, hour, billed)
		}
		open = false
		for _, why := range r.Decision.Reasons {
			said[why.By]++
			open = open || why.By == "breaker"
		}
		if open && r.Deeds.Asked > 1 {
			t.Errorf("%s: the breaker is open, and %d were asked for", r.Snapshot.Now, r.Deeds.Asked)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if said["launch"] < 10 || said["breaker"] == 0 || said["bounds"] == 0 || r.Peak > 150 || r.Unstarted > 0 {
		t.Errorf("the guards were hardly asked: %v, %+v", said, r)
	}
	t.Logf("guarded: peak %d, %d launches, cost %.2f, wait max %.0f s", r.Peak, r.Launches, *r.Cost, r.Wait.Max)
}

// Without the guards the same run is the accident.
func TestRubberBandWithoutGuards(t *testing.T) {
	sc := load(t, "rubberband.scenario.yaml")
	guarded := run(t, sc, policyFile(t, "rubberband.policy.yaml"))
	bare := run(t, sc, played(t, "objective: {wait: 10m, quantile: 0.95}\nbounds: {min: 1, max: 20000}\nguards: {breaker: {dead_launches: 100000}}"))
	if bare.Peak < 5*guarded.Peak || bare.Launches < 10*guarded.Launches {
		t.Errorf("bare: peak %d, %d launches; guarded: %d, %d", bare.Peak, bare.Launches, guarded.Peak, guarded.Launches)
	}
	t.Logf("bare: peak %d, %d launches, cost %.2f", bare.Peak, bare.Launches, *bare.Cost)
}

// The week of the documentation keeps the promise of its policy, in spite of all
// that goes wrong in it.
func TestWeek(t *testing.T) {
	sc, p := load(t, "week.scenario.yaml"), policyFile(t, "render.policy.yaml")
	sc.Interval = strict.Duration(5 * time.Minute) // as many ticks as the race detector bears
	p.Objective.Wait, p.Objective.Queues = 2*time.Minute, map[string]time.Duration{"videos": 30 * time.Minute}
	r := run(t, sc, p)
	if *r.WithinObjective < .9 || *r.Efficiency < .1 || r.Items < 10_000 || r.Unstarted > 0 || r.Interruptions == 0 {
		t.Errorf("%+v %+v", r, r.Wait)
	}
	t.Logf("%+v within %.4f efficiency %.2f", r.Figures, *r.WithinObjective, *r.Efficiency)
}

func TestNothingIsNoScenario(t *testing.T) {
	if _, err := simulate.Run(t.Context(), &scenario.Scenario{}, simulate.Policy{}, simulate.Options{}); err == nil || !strings.Contains(err.Error(), "no queue") {
		t.Error(err)
	}
}
