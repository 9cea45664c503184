package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// costs are the cost signals of a tick; one below 0 is left out.
func costs(perHour, perInstance, today float64) (list []signals.Signal) {
	for _, c := range []struct {
		name  string
		value float64
	}{{"cost.per_hour", perHour}, {"cost.per_instance", perInstance}, {"cost.today", today}} {
		if c.value >= 0 {
			list = append(list, signals.Known(c.name, c.value, noon, time.Minute))
		}
	}
	return list
}

// billed is a snapshot of n workers at work and some that drain.
func billed(working, draining int, costs []signals.Signal) signals.Snapshot {
	s := signals.Snapshot{Fleet: "render", Now: noon, Signals: costs}
	s.Workers = crew(working+draining, func(i int, w *fleet.Worker) {
		if i >= working {
			w.State, w.Drain, w.Interrupted = fleet.Draining, "d", true // not to be recalled
		}
	})
	return s.Freeze()
}

// once adds a tick so many minutes ago, and what was spent and paid by the hour
// then.
func once(minutes int, today, perHour float64, s signals.Snapshot) signals.Snapshot {
	k := signals.Tick{At: minutesAgo(minutes), Signals: costs(perHour, 1, today)}
	for i := range k.Signals {
		k.Signals[i].At = k.At
	}
	s.Recent = append(s.Recent, k)
	return s
}

const none = -1 // a cost that is not known

func TestBudgetCap(t *testing.T) {
	hourly, daily := policy.Budget{Hourly: 10}, policy.Budget{Daily: 100}
	both := policy.Budget{Hourly: 10, Daily: 100}
	asked := func(s signals.Snapshot, open int) signals.Snapshot { s.Open = open; return s }
	const plenty = 1000
	for _, c := range []struct {
		name   string
		budget policy.Budget
		s      signals.Snapshot
		most   int    // plenty: as many as one may want
		says   string // in its reason
	}{
		{"not set", policy.Budget{}, billed(3, 0, nil), plenty, ""},
		{"not set, though it is spent", policy.Budget{}, billed(3, 0, costs(99, 99, 999)), plenty, ""},

		{"an hour, nothing there yet", hourly, billed(0, 0, costs(0, 0.5, none)), 20, "0 cost 0.00 an hour, one more at most 0.50, the budget is 10.00 an hour"},
		{"some more", hourly, billed(4, 0, costs(2, 0.5, none)), 20, ""},
		{"the last does not fit whole", hourly, billed(4, 0, costs(2, 3, none)), 6, ""},
		{"all is spent", hourly, billed(20, 0, costs(10, 0.5, none)), 20, ""},
		{"all but a little", hourly, billed(19, 0, costs(9.7, 0.5, none)), 19, ""},
		{"spent but for rounding", hourly, billed(20, 0, costs(10+1e-12, 0.5, none)), 20, ""},
		{"tenths add up", hourly, billed(0, 0, costs(0, 0.1, none)), 100, ""},
		{"above it: so many fewer that it fits", hourly, billed(24, 0, costs(12, 0.5, none)), 20, "24 cost 12.00 an hour, 0.50 each, the budget is 10.00 an hour"},
		{"a little above it", hourly, billed(20, 0, costs(10.1, 0.5, none)), 19, ""},
		{"far above it", hourly, billed(3, 0, costs(300, 100, none)), 2, ""}, // the minimum wins
		{"who drains is billed", hourly, billed(10, 10, costs(10, 0.5, none)), 20, ""},
		{"above it, but enough are on their way out", hourly, billed(20, 4, costs(12, 0.5, none)), 20, ""},
		{"asked for counts at its price", hourly, asked(billed(4, 0, costs(2, 0.5, none)), 6), 20, ""},
		{"asked for is too much", hourly, asked(billed(16, 0, costs(8, 1, none)), 4), 16, ""}, // 12 an hour for 20 is 0.6 each
		{"it costs nothing", hourly, billed(4, 0, costs(0, 0, none)), plenty, ""},

		{"a day, far from it: what an hour can pay for", daily, billed(4, 0, costs(2, 0.5, 20)), 159, ""},
		{"one hour more just fits", daily, billed(4, 0, costs(2, 0.5, 97)), 5, "97.00 are spent today at 2.00 an hour, one more costs 0.50 an hour, the budget is 100.00 a day"},
		{"an hour of one costs all that is left", daily, billed(4, 0, costs(2, 1, 97)), 4, ""},
		{"nobody runs, and one is too dear", policy.Budget{Daily: 0.05}, billed(0, 0, costs(0, 0.1, 0)), 2, ""},
		{"with those that are asked for", daily, asked(billed(4, 0, costs(2, 0.5, 94)), 5), 11, ""},
		{"one hour more reaches it", daily, billed(4, 0, costs(2, 0.5, 98)), 2, "98.00 are spent today, one more hour at 2.00 reaches the budget of 100.00 a day"},
		{"it is overspent", daily, billed(4, 0, costs(2, 0.5, 300)), 2, ""},
		{"reached, whatever one more costs", daily, billed(4, 0, costs(2, none, 98)), 2, ""},
		{"not reached, and one more costs nobody knows what", daily, billed(4, 0, costs(2, none, 97)), plenty, ""},

		{"reached a while ago", daily, once(119, 60, 40, billed(4, 0, costs(2, 0.5, 70))), 2, "70.00 are spent today, and within the last 2h one more hour would have reached the budget of 100.00 a day"},
		{"it was nearly reached", daily, once(119, 60, 39.9, billed(4, 0, costs(2, 0.5, 97))), 5, ""},
		{"it was reached long ago", daily, once(120, 60, 40, billed(4, 0, costs(2, 0.5, 97))), 5, ""},
		{"it was reached yesterday", daily, once(10, 99, 40, billed(4, 0, costs(2, 0.5, 97))), 5, ""},

		{"both: the lower is the hour", both, billed(4, 0, costs(2, 0.5, 20)), 20, "the budget is 10.00 an hour"},
		{"both: the lower is the day", both, once(9, 60, 40, billed(4, 0, costs(2, 0.5, 90))), 2, "of 100.00 a day"},
		{"both: the day is spent, the hour cannot be told", both, billed(4, 0, costs(2, none, 99)), 2, "of 100.00 a day"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bounds := policy.Bounds{Min: 2, Max: plenty}
			n, said, err := c.budget.Cap(c.s, bounds)
			if n = min(max(n, bounds.Min), plenty); n != c.most || err != nil || !strings.Contains(said, c.says) {
				t.Errorf("at most %d (%q, %v), want %d and %q", n, said, err, c.most, c.says)
			}
			if (said == "") != (c.most == plenty) {
				t.Errorf("at most %d, because: %q", n, said)
			}
		})
	}
}

func TestABudgetWithoutMoneyKnowsNothing(t *testing.T) {
	hourly, daily := policy.Budget{Hourly: 10}, policy.Budget{Daily: 100}
	stale := costs(2, 0.5, 20)
	for i := range stale {
		stale[i].At = ago(time.Hour)
	}
	negative := func(name string) []signals.Signal {
		list := costs(2, 0.5, 20)
		i := slices.IndexFunc(list, func(s signals.Signal) bool { return s.Name == name })
		list[i].Value = -0.5
		return list
	}
	for _, c := range []struct {
		name   string
		budget policy.Budget
		costs  []signals.Signal
	}{
		{"no source", hourly, nil},
		{"no price", hourly, costs(2, none, 20)},
		{"no cost", hourly, costs(none, 0.5, 20)},
		{"no cost for the day", daily, costs(none, 0.5, 20)},
		{"nothing known of today", daily, costs(2, 0.5, none)},
		{"stale", hourly, stale},
		{"stale for the day", daily, stale},
		{"one more costs less than nothing", hourly, negative("cost.per_instance")},
		{"they cost less than nothing", hourly, negative("cost.per_hour")},
		{"today cost less than nothing", daily, negative("cost.today")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := billed(4, 2, c.costs)
			if n, _, err := c.budget.Cap(s, policy.Bounds{Max: 20}); err == nil {
				t.Fatalf("at most %d", n)
			}
			for want, deeds := range map[int]string{9: "", 4: "", 3: "drain i-0", 1: "drain i-0 i-1 i-2"} {
				e := policy.Engine{Bounds: policy.Bounds{Max: 20}, Policies: []policy.Policy{says{n: want}}, Plan: policy.DefaultPlan(), Caps: []policy.Cap{c.budget}}
				if d := e.Decide(s); told(d) != deeds {
					t.Errorf("of 4 wants %d: %q, want %q", want, told(d), deeds)
				}
			}
		})
	}
}

// What drains may be put back to work even if nobody knows what it costs: it is
// paid for already. And the minimum is bought: any budget allows it.
func TestAnUnknownBudgetStillRecallsAndKeepsTheMinimum(t *testing.T) {
	e := policy.Engine{Bounds: policy.Bounds{Min: 3, Max: 20}, Policies: []policy.Policy{says{n: 9}}, Plan: policy.DefaultPlan(), Caps: []policy.Cap{policy.Budget{Hourly: 10}}}
	for _, c := range []struct {
		s     signals.Snapshot
		deeds string
	}{
		{of("a", in(fleet.Working), "b", in(fleet.Working), "c", in(fleet.Working), "d", in(fleet.Draining)), "recall d"},
		{of("a", in(fleet.Working)), "launch 2"},
	} {
		c.s.Fleet, c.s.Now = "render", noon
		d := e.Decide(c.s)
		said := slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool {
			return r.By == "budget" && strings.Contains(r.Said, "cannot tell: cost.per_hour is unknown: no source gives it")
		})
		if told(d) != c.deeds || !said {
			t.Errorf("%q, want %q: %v", told(d), c.deeds, d.Reasons)
		}
	}
}

// purse is a fleet that does at once what is decided, tick by tick.
type purse struct {
	working, draining int
	price, today      float64
	launched, drained int
	minutes           int
	recent            []signals.Tick
}

func (p *purse) minute(e policy.Engine) policy.Decision {
	cost := p.price * float64(p.working+p.draining)
	s := billed(p.working, p.draining, costs(cost, p.price, p.today))
	s.Now, s.Recent = noon.Add(time.Duration(p.minutes)*time.Minute), p.recent
	for i := range s.Signals {
		s.Signals[i].At = s.Now
	}
	d := e.Decide(s)
	p.minutes++
	p.recent = append(p.recent, policy.Remember(s, d, signals.Deeds{}))
	p.working += d.Launch - len(d.Drain)
	p.launched, p.drained = p.launched+d.Launch, p.drained+len(d.Drain)
	p.draining = len(d.Drain) // those of the tick before are gone
	p.today += cost / 60
	return d
}

// A fleet that reaches its budget by the hour stays there.
func TestAFleetAtItsHourlyBudgetIsSteady(t *testing.T) {
	for price := 0.07; price < 3; price += 0.13 {
		e := policy.Engine{Bounds: policy.Bounds{Min: 1, Max: 500}, Policies: []policy.Policy{says{n: 400}}, Plan: policy.DefaultPlan(), Caps: []policy.Cap{policy.Budget{Hourly: 10}}}
		p := &purse{price: price}
		for range 5 {
			p.minute(e)
		}
		top := p.working
		if cost := price * float64(top); cost > 10 || cost+price < 10-1e-9 {
			t.Errorf("at %.2f each %d cost %.2f of 10", price, top, cost)
		}
		e.Caps = []policy.Cap{policy.Budget{Hourly: 8}} // the operator changes his mind
		for range 5 {
			p.minute(e)
		}
		if cost := price * float64(p.working); cost > 8 || cost+price < 8-1e-9 || p.launched != top || p.drained != top-p.working {
			t.Errorf("at %.2f each: %d cost %.2f of 8; %d launched, %d drained", price, p.working, cost, p.launched, p.drained)
		}
	}
}

// A fleet that comes near its daily budget gives up what it has in a few long
// steps: it does not buy every minute what the last one has saved.
func TestAFleetAtItsDailyBudgetDoesNotFlap(t *testing.T) {
	e := policy.Engine{Bounds: policy.Bounds{Min: 2, Max: 500}, Policies: []policy.Policy{says{n: 100}}, Plan: policy.DefaultPlan(), Caps: []policy.Cap{policy.Budget{Daily: 1000}}}
	p := &purse{price: 0.5, working: 100}
	falls, last := 0, -1
	for minute := range 24 * 60 {
		if d := p.minute(e); len(d.Drain) > 0 {
			if falls > 0 && minute-last < 30 {
				t.Fatalf("falls again after %d minutes, with %.2f spent", minute-last, p.today)
			}
			falls, last = falls+1, minute
			if p.working != 2 {
				t.Fatalf("falls to %d, the minimum is 2", p.working)
			}
		}
	}
	if falls < 2 || falls > 8 || p.today > 1000 {
		t.Errorf("falls %d times and spends %.2f of 1000", falls, p.today)
	}
}

func TestBilling(t *testing.T) {
	age := func(minutes float64) func(*fleet.Worker) {
		return launched(time.Duration(minutes * float64(time.Minute)))
	}
	slots := func(n int) func(*fleet.Worker) { return func(w *fleet.Worker) { w.Slots = n } }
	woken := func(minutes int) func(*fleet.Worker) { return func(w *fleet.Worker) { w.Woken = minutesAgo(minutes) } }
	unborn := func(w *fleet.Worker) { w.Launched = time.Time{} }
	for _, c := range []struct {
		name   string
		w      fleet.Worker
		each   float64 // seconds an item; below 0: unknown
		drains bool
	}{
		{"idle, has just begun an hour", in(fleet.Working, age(60)), 60, false},
		{"idle, in the middle of it", in(fleet.Working, age(30)), 60, false},
		{"idle, before the last five minutes", in(fleet.Working, age(54.99)), 60, false},
		{"idle, in the last five minutes", in(fleet.Working, age(55)), 60, true},
		{"idle, at the very end", in(fleet.Working, age(59.99)), 60, true},
		{"idle, in the last five minutes of a later hour", in(fleet.Working, age(60*7+57)), 60, true},
		{"idle, in the middle of a later hour", in(fleet.Working, age(60*7+17)), 60, false},
		{"a wake begins an hour", in(fleet.Working, age(57), woken(20)), 60, false},
		{"and ends one", in(fleet.Working, age(20), woken(57)), 60, false}, // launched after it was woken: a clock that was set
		{"the end of an hour since the wake", in(fleet.Working, age(600), woken(57)), 60, true},
		{"busy, in the last five minutes", in(fleet.Working, age(56), jobs(1)), 60, true},
		{"busy, so much earlier that it will be done", in(fleet.Working, age(46), jobs(1)), 600, true},
		{"busy, too early even so", in(fleet.Working, age(44), jobs(1)), 600, false},
		{"several at once take no longer", in(fleet.Working, age(46), jobs(4), slots(4)), 600, true},
		{"several at once, too early", in(fleet.Working, age(44), jobs(4), slots(4)), 600, false},
		{"two rounds take twice as long", in(fleet.Working, age(36), jobs(5), slots(4)), 600, true},
		{"busy for longer than an hour", in(fleet.Working, age(1), jobs(1)), 9000, true},
		{"busy, and nobody knows for how long", in(fleet.Working, age(50), jobs(1)), none, false},
		{"the same in the last five minutes", in(fleet.Working, age(55), jobs(1)), none, true},
		{"nobody knows since when", in(fleet.Working, unborn), 60, true},
		{"launched in the future: the clock was set", in(fleet.Working, age(-10)), 60, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := of("a", c.w)
			s.Now = noon
			if c.each >= 0 {
				s.Signals = []signals.Signal{signals.Known("work.seconds_mean", c.each, noon, time.Minute)}
			}
			d := soften(t, policy.Billing{}, s, policy.Decision{Drain: []fleet.ID{"a"}, Terminate: []fleet.Exit{{ID: "z"}}, Sleep: []fleet.ID{"y"}})
			if got := len(d.Drain) == 1; got != c.drains || len(d.Terminate) != 1 || len(d.Sleep) != 1 {
				t.Errorf("drains: %v, want %v: %+v", got, c.drains, d)
			}
		})
	}
}

// Ticks ten minutes apart would miss the last five minutes of every hour.
func TestBillingKnowsHowFarApartTicksAre(t *testing.T) {
	for step, minutes := range map[time.Duration]int{time.Minute: 5, 2 * time.Minute: 5, 10 * time.Minute: 20} {
		s := of("a", in(fleet.Working, launched(time.Hour-time.Duration(minutes)*time.Minute)), "b", in(fleet.Working, launched(time.Hour-time.Duration(minutes+1)*time.Minute)))
		s.Now = noon
		for i := range 6 {
			s.Recent = append(s.Recent, signals.Tick{At: ago(step * time.Duration(6-i))})
		}
		if d := (policy.Billing{}).Soften(s, policy.Decision{Drain: []fleet.ID{"a", "b"}}); !slices.Equal(d.Drain, []fleet.ID{"a"}) {
			t.Errorf("every %s: drains %v at %d minutes before the end", step, d.Drain, minutes)
		}
	}
}

// With hourly billing those go first whose hour is nearly over, among those with
// as little in hand.
func TestWhoGoesFirstByTheHour(t *testing.T) {
	s := of(
		"a", in(fleet.Working, launched(90*time.Minute)),
		"b", in(fleet.Working, launched(58*time.Minute)),
		"c", in(fleet.Working, launched(5*time.Hour)),
		"d", in(fleet.Working, launched(59*time.Minute), jobs(1)),
		"e", in(fleet.Working, launched(118*time.Minute)),
	)
	for hourly, deeds := range map[bool]string{false: "drain c e a b d", true: "drain e b a c d"} {
		p := policy.DefaultPlan()
		p.Hourly = hourly
		if got := told(plan(p, 0, 9, s)); got != deeds {
			t.Errorf("by the hour %v: %q, want %q", hourly, got, deeds)
		}
	}
}

func TestLimits(t *testing.T) {

	others := func(n int, hourly float64) *signals.Usage { return &signals.Usage{Instances: n, Hourly: hourly} }
	for _, c := range []struct {
		name         string
		limits       policy.Limits
		others       *signals.Usage
		costs        []signals.Signal
		open         int
		wake, launch int
		wakes, buys  int
		says         string
	}{
		{"none", policy.Limits{}, nil, nil, 0, 1, 3, 1, 3, ""},
		{"nothing is asked", policy.Limits{Instances: 1}, others(9, 0), nil, 0, 0, 0, 0, 0, ""},
		{"within", policy.Limits{Instances: 10}, others(2, 0), nil, 0, 1, 3, 1, 3, ""}, // 4 are billed here
		{"just not within", policy.Limits{Instances: 10}, others(3, 0), nil, 0, 1, 3, 1, 2, "launch or wake 3 instead of 4: 4 here and 3 in other fleets of 10 in all"},
		{"wakes come first", policy.Limits{Instances: 10}, others(5, 0), nil, 0, 2, 3, 1, 0, ""},
		{"used up", policy.Limits{Instances: 10}, others(6, 0), nil, 0, 1, 3, 0, 0, ""},
		{"overdrawn", policy.Limits{Instances: 10}, others(60, 0), nil, 0, 1, 3, 0, 0, ""},
		{"asked for counts", policy.Limits{Instances: 10}, others(2, 0), nil, 3, 1, 3, 1, 0, ""},
		{"the others do not say", policy.Limits{Instances: 10}, &signals.Usage{Unknown: "gallery has not decided yet"}, nil, 0, 1, 3, 0, 0, "launch or wake none instead of 4: what the other fleets have is unknown: gallery has not decided yet"},
		{"nobody asks the others", policy.Limits{Instances: 10}, nil, nil, 0, 1, 3, 0, 0, "unknown"},
		{"the others' money does not matter", policy.Limits{Instances: 10}, &signals.Usage{Instances: 2, Unpriced: "gallery: no prices"}, nil, 0, 1, 3, 1, 3, ""},

		{"money within", policy.Limits{Hourly: 10}, others(2, 6), costs(2, 0.5, none), 0, 1, 3, 1, 3, ""},
		{"money, the last does not fit", policy.Limits{Hourly: 10}, others(2, 6.5), costs(2, 0.5, none), 0, 1, 3, 1, 2, "launch or wake 3 instead of 4: 8.50 an hour are spent over all fleets, one more costs 0.50, at most 10.00 may be"},
		{"tenths add up", policy.Limits{Hourly: 0.3}, others(1, 0.1), costs(0.1, 0.1, none), 0, 0, 4, 0, 1, ""},
		{"money used up", policy.Limits{Hourly: 10}, others(2, 8), costs(2, 0.5, none), 0, 1, 3, 0, 0, ""},
		{"money overdrawn", policy.Limits{Hourly: 10}, others(2, 80), costs(2, 0.5, none), 0, 1, 3, 0, 0, ""},
		{"asked for costs", policy.Limits{Hourly: 10}, others(2, 6), costs(2, 0.5, none), 3, 1, 3, 1, 0, ""},
		{"one more costs nothing", policy.Limits{Hourly: 10}, others(2, 80), costs(2, 0, none), 0, 1, 3, 1, 3, ""},
		{"one more costs less than nothing", policy.Limits{Hourly: 10}, others(2, 8), negativePrice(), 0, 1, 3, 0, 0, "-0.5 is below 0"},
		{"nobody knows what they cost", policy.Limits{Hourly: 10}, others(2, 1), costs(none, 0.5, none), 0, 1, 3, 0, 0, "what it costs cannot be told: cost.per_hour is unknown"},
		{"nobody knows what one more costs", policy.Limits{Hourly: 10}, others(2, 1), costs(2, none, none), 0, 1, 3, 0, 0, "cost.per_instance is unknown"},
		{"nobody knows what the others cost", policy.Limits{Hourly: 10}, &signals.Usage{Unpriced: "gallery: no prices"}, costs(2, 0.5, none), 0, 1, 3, 0, 0, "gallery: no prices"},

		{"both: instances are fewer", policy.Limits{Instances: 7, Hourly: 10}, others(2, 6), costs(2, 0.5, none), 0, 0, 4, 0, 1, "of 7 in all"},
		{"both: money is less", policy.Limits{Instances: 9, Hourly: 10}, others(2, 7.5), costs(2, 0.5, none), 0, 0, 4, 0, 1, "at most 10.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := billed(3, 1, c.costs)
			s.Others, s.Open = c.others, c.open
			before := policy.Decision{Wake: named(c.wake), Launch: c.launch, Drain: named(1), Recall: named(2)}
			d := c.limits.Soften(s, before)
			if d.Launch != c.buys || !slices.Equal(d.Wake, named(c.wakes)) || len(d.Drain) != 1 || len(d.Recall) != 2 {
				t.Errorf("wakes %v and launches %d, want %d and %d: %+v", d.Wake, d.Launch, c.wakes, c.buys, d)
			}
			if said := fmt.Sprint(d.Reasons); !strings.Contains(said, c.says) || (len(d.Reasons) > 0) != (todo(d) < todo(before)) {
				t.Errorf("says %q, want %q", said, c.says)
			}
		})
	}
}

func negativePrice() []signals.Signal {
	return []signals.Signal{signals.Known("cost.per_hour", 2, noon, time.Minute), signals.Known("cost.per_instance", -0.5, noon, time.Minute)}
}
