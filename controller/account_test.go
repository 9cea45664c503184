package controller_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/test/world"
)

// others is what a fleet is told of the others when it commits own.
func others(l *controller.Ledger, name string, own signals.Usage) (told signals.Usage) {
	l.Commit(name, func(o signals.Usage) signals.Usage { told = o; return own })
	return told
}

func TestLedger(t *testing.T) {
	l := controller.NewLedger("render", "gallery", "upload")
	for _, c := range []struct {
		name      string
		own, told signals.Usage
	}{
		{"render", signals.Usage{Instances: 3, Hourly: 0.5}, signals.Usage{Unknown: "gallery has not decided yet"}},
		{"gallery", signals.Usage{Instances: 2, Hourly: 1}, signals.Usage{Instances: 3, Hourly: 0.5, Unknown: "upload has not decided yet"}},
		{"upload", signals.Usage{Instances: 1, Hourly: 2}, signals.Usage{Instances: 5, Hourly: 1.5}},
		{"render", signals.Usage{Instances: 4, Unpriced: "render: cost.per_hour is unknown"}, signals.Usage{Instances: 3, Hourly: 3}},
		{"upload", signals.Usage{}, signals.Usage{Instances: 6, Hourly: 1, Unpriced: "render: cost.per_hour is unknown"}},
		{"render", signals.Usage{}, signals.Usage{Instances: 2, Hourly: 1}},
		{"new", signals.Usage{Instances: 7}, signals.Usage{Instances: 2, Hourly: 1}}, // nobody has named it before
		{"gallery", signals.Usage{}, signals.Usage{Instances: 7}},
	} {
		if diff := cmp.Diff(c.told, others(l, c.name, c.own)); diff != "" {
			t.Errorf("%s is told of the others:\n%s", c.name, diff)
		}
	}
}

func TestWhatIsSeededCountsUntilTheFleetSpeaks(t *testing.T) {
	l := controller.NewLedger("render", "gallery")
	l.Seed("render", signals.Usage{Instances: 3})
	l.Seed("stranger", signals.Usage{Instances: 99})
	if got := others(l, "gallery", signals.Usage{Instances: 1}); got != (signals.Usage{Instances: 3}) {
		t.Errorf("seeded with 3, told %+v", got)
	}
	l.Seed("gallery", signals.Usage{Instances: 50}) // older than what it has said itself
	if got := others(l, "render", signals.Usage{}); got != (signals.Usage{Instances: 1}) {
		t.Errorf("told %+v, gallery has said 1", got)
	}
}

// A decision that breaks off may have decided anything.
func TestNothingIsKnownOfAFleetThatBrokeOff(t *testing.T) {
	l := controller.NewLedger("render", "gallery")
	others(l, "render", signals.Usage{Instances: 3})
	untilDeath(func() { l.Commit("render", func(signals.Usage) signals.Usage { panic(crashed{}) }) })
	if got := others(l, "gallery", signals.Usage{}); got.Unknown == "" {
		t.Errorf("told %+v", got)
	}
}

func TestUsedIsOfTheLastTickThatDecided(t *testing.T) {
	tick := func(n int, failed string) journal.Record {
		return journal.Record{
			Snapshot: signals.Snapshot{Workers: make([]fleet.Worker, n)},
			Decision: policy.Decision{Launch: 2, Failed: failed},
		}
	}
	if u, ok := controller.Used([]journal.Record{tick(1, ""), tick(3, ""), tick(0, "no list")}); !ok || u.Instances != 5 {
		t.Errorf("%+v, %v; want 3 and the 2 that were about to be launched", u, ok)
	}
	if u, ok := controller.Used([]journal.Record{tick(3, "no list")}); ok {
		t.Errorf("a tick that failed tells %+v", u)
	}
}

// account is several fleets that share limits, each in a world of its own.
type account struct {
	t      *rapid.T
	limits policy.Limits
	ledger *controller.Ledger
	fleets []*member
}

// member is one of them.
type member struct {
	*world.World
	name    string
	price   float64
	journal journal.Journal
	broken  flaky
	ctl     *controller.Controller
}

// flaky is a journal that fails before or after it has written.
type flaky struct {
	journal.Journal
	before, after bool
}

var errDisk = errors.New("no space left on device")

func (f *flaky) Write(ctx context.Context, r journal.Record) error {
	if f.before {
		return errDisk
	}
	if err := f.Journal.Write(ctx, r); err != nil || !f.after {
		return err
	}
	return errDisk
}

// Collect adds prices to what the world measures.
func (m *member) Collect(ctx context.Context, now time.Time) []signals.Signal {
	known := func(name string, v float64) signals.Signal { return signals.Known(name, v, now, time.Minute) }
	return append(m.World.Collect(ctx, now), known("cost.per_hour", 0), known("cost.per_instance", m.price))
}

// priced knows what the workers of a tick cost, as a derived signal does.
type priced struct {
	policy.Engine
	price float64
}

func (p priced) Decide(s signals.Snapshot) policy.Decision {
	i := slices.IndexFunc(s.Signals, func(k signals.Signal) bool { return k.Name == "cost.per_hour" })
	s.Signals[i].Value = p.price * float64(s.Billed()) // where Usage finds it too
	return p.Engine.Decide(s)
}

func anyAccount(t *rapid.T) *account {
	a := &account{t: t, limits: policy.Limits{
		Instances: rapid.IntRange(0, 15).Draw(t, "instances"), Hourly: float64(rapid.IntRange(0, 12).Draw(t, "hourly")),
	}}
	for i := range rapid.IntRange(2, 4).Draw(t, "fleets") {
		m := &member{
			World: world.New(start), name: string(rune('a' + i)),
			price: rapid.SampledFrom([]float64{0.25, 0.5, 1.5}).Draw(t, "price"), journal: journal.NewMemory(2 * time.Hour),
		}
		m.Unlisted = time.Duration(rapid.IntRange(0, 90).Draw(t, "unlisted")) * time.Second
		a.fleets = append(a.fleets, m)
	}
	a.restart()
	return a
}

// restart is a new run of the daemon.
func (a *account) restart() {
	var names []string
	for _, m := range a.fleets {
		names = append(names, m.name)
	}
	a.ledger = controller.NewLedger(names...)
	for _, m := range a.fleets {
		m.broken = flaky{Journal: m.journal}
		e := engine()
		e.Policies = []policy.Policy{policy.Backlog{PerWorker: 1}}
		e.Guards = append(e.Guards, a.limits)
		r := rules(priced{e, m.price})
		r.Signals.Final = true
		w := controller.World{Cloud: m, Roster: &roster.Roster{Registry: m, Ears: m}, Signals: m, Account: a.ledger}
		m.ctl = controller.New(controller.Fleet{Name: m.name, Interval: interval}, w, r, &m.broken)
		if _, err := m.ctl.Resume(context.Background(), m.Now); err != nil {
			a.t.Fatal(err)
		}
		ticks, err := m.journal.Records(context.Background(), m.name, time.Time{}, 3)
		if u, ok := controller.Used(ticks); ok && err == nil {
			a.ledger.Seed(m.name, u)
		}
	}
}

// mishap draws what goes wrong in a tick of one fleet.
func (m *member) mishap(t *rapid.T) {
	m.Before, m.After = nil, nil
	m.broken.before, m.broken.after = false, false
	switch rapid.SampledFrom([]string{"", "", "", "write", "written", "list", "launch", "launched", "terminate"}).Draw(t, "fails") {
	case "write":
		m.broken.before = true
	case "written":
		m.broken.after = true
	case "list":
		m.Before = failing("list")
	case "launch":
		m.Before = failing("launch")
	case "launched":
		m.After = failing("launch")
	case "terminate":
		m.Before = failing("terminate")
	}
}

// minute is a tick of every fleet at once.
func (a *account) minute() {
	var wg sync.WaitGroup
	for _, m := range a.fleets {
		m.mishap(a.t)
		m.Waiting = max(0, m.Waiting+rapid.IntRange(-10, 10).Draw(a.t, "demand"))
		wg.Go(func() { m.ctl.Tick(context.Background(), m.Now) })
	}
	wg.Wait()
	a.check()
	for _, m := range a.fleets {
		m.Advance(interval)
	}
}

func (a *account) check() {
	n, cost := 0, 0.0
	for _, m := range a.fleets {
		n, cost = n+m.Billed(), cost+m.price*float64(m.Billed())
	}
	if a.limits.Instances > 0 && n > a.limits.Instances {
		a.t.Fatalf("%d instances, at most %d may be", n, a.limits.Instances)
	}
	if a.limits.Hourly > 0 && cost > a.limits.Hourly {
		a.t.Fatalf("they cost %g an hour, at most %g may be", cost, a.limits.Hourly)
	}
}

// However journals and clouds fail, and whenever the daemon is started anew, no
// two fleets together cross a limit that each would keep alone.
func TestFleetsTogetherKeepTheLimits(t *testing.T) {
	bought := 0
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccount(t)
		for range rapid.IntRange(1, 12).Draw(t, "minutes") {
			if rapid.IntRange(0, 7).Draw(t, "restart?") == 0 {
				a.restart()
			}
			a.minute()
		}
		for _, m := range a.fleets {
			bought += len(m.Machines())
		}
	})
	if bought == 0 {
		t.Error("nobody ever bought anything: this proves nothing")
	}
}

// Fleets that share limits do get what the limits leave.
func TestALimitIsUsedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAccount(t)
		a.limits = policy.Limits{Instances: rapid.IntRange(2, 9).Draw(t, "limit")}
		a.restart()
		for range 4 {
			for _, m := range a.fleets {
				m.Waiting = 60
				m.ctl.Tick(context.Background(), m.Now)
			}
			a.check()
			for _, m := range a.fleets {
				m.Advance(interval)
			}
		}
		n := 0
		for _, m := range a.fleets {
			n += m.Billed()
		}
		if n != a.limits.Instances {
			t.Fatalf("%d instances though much waits, %d may be", n, a.limits.Instances)
		}
	})
}

// A fleet without prices keeps nobody from counting instances.
func TestUnknownMoneyDoesNotHideInstances(t *testing.T) {
	d, s := policy.Decision{Launch: 2}, signals.Snapshot{Fleet: "render", Now: start, Workers: make([]fleet.Worker, 3)}
	if u := d.Usage(s); u.Instances != 5 || u.Unknown != "" || u.Unpriced == "" {
		t.Errorf("%+v", u)
	}
	if u := (policy.Decision{}).Usage(signals.Snapshot{Fleet: "render", Now: start}); u != (signals.Usage{}) {
		t.Errorf("nobody costs %+v", u)
	}
}
