package ec2_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/test/ec2wire"
)

var ctx = context.Background()

func order(n int) fleet.Order {
	return fleet.Order{Fleet: "render", Count: n, Token: fleet.Token("render", 1, 0)}
}

// compact is JSON without its white space.
func compact(t testing.TB, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func TestDraftHoldsEveryChoice(t *testing.T) {
	s := newStub()
	f := s.fleet(t, halfSpot, func(o *ec2.Options) { o.Templates[0].Version = "$Latest" })
	got := compact(t, string(f.Draft(order(4), nil).Request))
	offers := `[{"type":"c7i.xlarge","zone":"eu-west-1a","subnet":"subnet-a1"},{"type":"c7i.xlarge","zone":"eu-west-1b","subnet":"subnet-b1"},
		{"type":"c7a.xlarge","zone":"eu-west-1a","subnet":"subnet-a1"},{"type":"c7a.xlarge","zone":"eu-west-1b","subnet":"subnet-b1"}]`
	want := compact(t, `{"account":"123456789012","region":"eu-west-1","controller":"skynet","template":"lt-1","version":"9",
		"tags":{"team":"media","skynet:controller":"skynet","skynet:fleet":"render","skynet:intent":"`+order(1).Token+`"},
		"calls":[{"token":"`+order(1).Token+`","count":2,"strategy":"prioritized","offers":`+offers+`},
		{"token":"`+order(1).Token+`-spot","count":2,"spot":true,"strategy":"price-capacity-optimized","offers":`+offers+`}]}`)
	if got != want {
		t.Errorf("drafted\n%s\nwant\n%s", got, want)
	}
	if n := len(s.sent("CreateFleet")); n != 0 {
		t.Errorf("a draft sent %d calls", n)
	}
}

// A type is asked for where EC2 sells it, and nowhere else.
func TestDraftNamesNoTypeWhereItIsNotSold(t *testing.T) {
	s := newStub()
	f := s.fleet(t, func(o *ec2.Options) { o.Templates[0].Types = []string{"c7i.xlarge", "c7g.xlarge"} })
	if got := string(f.Draft(order(1), nil).Request); !strings.Contains(got, `"c7g.xlarge","zone":"eu-west-1b"`) || strings.Contains(got, `"c7g.xlarge","zone":"eu-west-1a"`) {
		t.Errorf("drafted %s", got)
	}
}

// The base is on demand in any case, the share is of what comes on top.
func TestDraftSplitsTheMarkets(t *testing.T) {
	living := func(demand, spot int) (ws []fleet.Worker) {
		for i := range demand + spot {
			ws = append(ws, fleet.Worker{ID: fleet.ID(fmt.Sprint(i)), State: fleet.Working, Spot: i >= demand})
		}
		return append(ws, fleet.Worker{ID: "gone", State: fleet.Leaving, Spot: true})
	}
	s := newStub()
	for _, c := range []struct {
		base         int
		share        float64
		demand, spot int // that live
		n            int
		want         string
	}{
		{2, 0.8, 0, 0, 1, "1+0"}, {2, 0.8, 0, 0, 2, "2+0"}, {2, 0.8, 0, 0, 12, "4+8"}, {2, 0.8, 4, 8, 5, "1+4"},
		{0, 1, 0, 0, 3, "0+3"}, {0, 0, 0, 0, 3, "3+0"}, {1, 1, 0, 5, 1, "1+0"}, {1, 1, 1, 5, 2, "0+2"}, {0, 0.5, 9, 0, 4, "0+4"},
	} {
		f := s.fleet(t, func(o *ec2.Options) { o.Templates[0].Spot = &ec2.Spot{BaseOnDemand: c.base, Share: c.share} })
		var r struct {
			Calls []struct {
				Count int
				Spot  bool
			}
		}
		_ = json.Unmarshal(f.Draft(order(c.n), living(c.demand, c.spot)).Request, &r)
		got := [2]int{}
		for _, call := range r.Calls {
			if call.Spot {
				got[1] += call.Count
			} else {
				got[0] += call.Count
			}
		}
		if text := fmt.Sprintf("%d+%d", got[0], got[1]); text != c.want {
			t.Errorf("%+v: %s", c, text)
		}
	}
}

// What was just launched as Spot counts as that before EC2 lists it.
func TestUnlistedSpotCounts(t *testing.T) {
	s := newStub()
	f := s.fleet(t, halfSpot)
	ids, err := f.Launch(ctx, f.Draft(order(2), nil))
	if err != nil {
		t.Fatal(err)
	}
	ws := []fleet.Worker{{ID: ids[0], State: fleet.Starting}, {ID: ids[1], State: fleet.Starting}}
	next := f.Draft(fleet.Order{Fleet: "render", Count: 1, Token: "sky-2"}, ws)
	if strings.Contains(string(next.Request), `"spot":true`) {
		t.Errorf("one of two is Spot already, drafted %s", next.Request)
	}
}

func TestLaunchSendsWhatWasDrafted(t *testing.T) {
	s := newStub()
	f := s.fleet(t, halfSpot)
	ids, err := f.Launch(ctx, f.Draft(order(4), nil))
	if err != nil || len(ids) != 4 {
		t.Fatalf("launched %v, %v", ids, err)
	}
	calls := s.sent("CreateFleet")
	if len(calls) != 2 {
		t.Fatalf("%d calls were sent", len(calls))
	}
	want := func(form url.Values, pairs ...string) {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			if got := form.Get(pairs[i]); got != pairs[i+1] {
				t.Errorf("%s is %q, want %q", pairs[i], got, pairs[i+1])
			}
		}
	}
	both := []string{
		"Type", "instant", "LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId", "lt-1",
		"LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version", "7", "LaunchTemplateConfigs.2.LaunchTemplateSpecification.Version", "",
		"TargetCapacitySpecification.TotalTargetCapacity", "2", "LaunchTemplateConfigs.1.Overrides.4.SubnetId", "subnet-b1",
		"TagSpecification.1.ResourceType", "fleet", "TagSpecification.2.ResourceType", "instance", "TagSpecification.3.ResourceType", "volume",
		"TagSpecification.2.Tag.1.Key", fleet.TagController, "TagSpecification.2.Tag.1.Value", "skynet",
	}
	want(calls[0], append(both, "ClientToken", order(1).Token, "OnDemandOptions.AllocationStrategy", "prioritized",
		"LaunchTemplateConfigs.1.Overrides.1.Priority", "0", "LaunchTemplateConfigs.1.Overrides.2.Priority", "0", "LaunchTemplateConfigs.1.Overrides.3.Priority", "1",
		"TargetCapacitySpecification.OnDemandTargetCapacity", "2", "TargetCapacitySpecification.DefaultTargetCapacityType", "on-demand")...)
	want(calls[1], append(both, "ClientToken", order(1).Token+"-spot", "SpotOptions.AllocationStrategy", "price-capacity-optimized",
		"SpotOptions.InstanceInterruptionBehavior", "terminate", "LaunchTemplateConfigs.1.Overrides.1.Priority", "",
		"TargetCapacitySpecification.SpotTargetCapacity", "2", "TargetCapacitySpecification.DefaultTargetCapacityType", "spot")...)
}

// An answer that is lost leaves it open what was done, and is asked for once. The same
// order again buys nothing twice: not where the first call is listed by then, nor where
// it is not and the token answers.
func TestALostAnswerBuysNothingTwice(t *testing.T) {
	for name, lag := range map[string]time.Duration{"listed": 0, "not listed yet": time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newStub()
			s.cloud.Lag = lag
			s.faults = once("CreateFleet", &fault{after: true, hangup: true})
			f := s.fleet(t)
			o := f.Draft(order(3), nil)
			ids, err := f.Launch(ctx, o)
			if err == nil || fleet.Refused(err) || len(ids) != 0 || len(s.tries("CreateFleet")) != 1 {
				t.Fatalf("after a lost answer: %v, %v, %d calls", ids, err, len(s.tries("CreateFleet")))
			}
			ids, err = s.fleet(t).Launch(ctx, o)
			if err != nil || len(ids) != 3 || s.bought(o.Token) != 3 {
				t.Errorf("sent again: %v, %v, %d bought", ids, err, s.bought(o.Token))
			}
		})
	}
}

// once has the first call of an action fail.
func once(action string, f *fault) func(string, url.Values) *fault {
	done := false
	return func(a string, _ url.Values) *fault {
		if a != action || done {
			return nil
		}
		done = true
		return f
	}
}

func always(action string, f *fault) func(string, url.Values) *fault {
	return func(a string, _ url.Values) *fault {
		if a != action {
			return nil
		}
		return f
	}
}

// What EC2 says for the call as a whole, and what it leaves open. Words of the second
// column may be refusals only where nothing can have been sent before.
func TestErrorsOfALaunch(t *testing.T) {
	for _, c := range []struct {
		fault
		want error // nil: it is open what was done
	}{
		{fault{status: 503, code: "RequestLimitExceeded"}, fleet.ErrThrottled},
		{fault{status: 400, code: "Throttling"}, fleet.ErrThrottled},
		{fault{status: 403, code: "UnauthorizedOperation"}, fleet.ErrDenied},
		{fault{status: 400, code: "InvalidLaunchTemplateId.NotFound"}, fleet.ErrDenied},
		{fault{status: 400, code: "InstanceLimitExceeded"}, fleet.ErrLimit},
		{fault{status: 400, code: "VcpuLimitExceeded"}, fleet.ErrLimit},
		{fault{status: 400, code: "MaxSpotInstanceCountExceeded"}, fleet.ErrLimit},
		{fault{status: 500, code: "InsufficientInstanceCapacity"}, fleet.ErrNoCapacity},
		{fault{status: 400, code: "IdempotentParameterMismatch"}, nil},
		{fault{status: 500, code: "InternalError"}, nil},
		{fault{status: 503, code: "Unavailable"}, nil},
		{fault{status: 502}, nil},
		{fault{status: 400}, nil},
		{fault{hangup: true}, nil},
	} {
		s := newStub()
		f := s.fleet(t)
		s.faults = always("CreateFleet", &c.fault)
		o := f.Draft(order(2), nil)
		ids, err := f.Launch(ctx, o)
		if len(ids) != 0 || c.want != nil && !errors.Is(err, c.want) || fleet.Refused(err) != (c.want != nil) {
			t.Errorf("%+v: %v, %v", c.fault, ids, err)
		}
		if err != nil && c.code != "" && !strings.Contains(err.Error(), c.code) {
			t.Errorf("%v does not say %s", err, c.code)
		}
		attempts := 1
		if errors.Is(c.want, fleet.ErrThrottled) {
			attempts = 3
		}
		if n := len(s.tries("CreateFleet")); n != attempts {
			t.Errorf("%+v: tried %d times, want %d", c.fault, n, attempts)
		}
		// Another controller cannot know whether that was the first time.
		if _, err := s.fleet(t).Launch(ctx, o); err == nil || fleet.Refused(err) {
			t.Errorf("%+v, sent again: %v", c.fault, err)
		}
	}
}

func TestAThrottleThatPassesIsNoError(t *testing.T) {
	s := newStub()
	s.faults = once("CreateFleet", &fault{status: 503, code: "RequestLimitExceeded"})
	f := ec2.New(ec2.Client(s.config()), s.options())
	if err := f.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if ids, err := f.Launch(ctx, f.Draft(order(2), nil)); err != nil || len(ids) != 2 || len(s.tries("CreateFleet")) != 2 {
		t.Errorf("%v, %v", ids, err)
	}
}

// An answer with a part and the reasons for the rest is a plain no for the rest, even
// if it comes to a call that is sent again.
func TestPartOfALaunch(t *testing.T) {
	for _, c := range []struct {
		none   map[string]string
		got    int
		want   error
		says   string
		refuse string // not among the next offers; "" if all are
	}{
		{map[string]string{"c7i.xlarge eu-west-1a on-demand": "InsufficientInstanceCapacity"}, 4, nil, "", ""},
		{all("on-demand", "InsufficientInstanceCapacity"), 0, fleet.ErrNoCapacity, "c7a.xlarge eu-west-1b", ""},
		{most(all("on-demand", "InsufficientInstanceCapacity"), "c7a.xlarge eu-west-1b on-demand", 1), 1, fleet.ErrNoCapacity, "1 of 4 on demand", ""},
		{all("on-demand", "VcpuLimitExceeded"), 0, fleet.ErrLimit, "VcpuLimitExceeded: none here", ""},
		{all("on-demand", "UnfulfillableCapacity"), 0, fleet.ErrNoCapacity, "UnfulfillableCapacity", ""},
		{all("on-demand", "Unsupported"), 0, fleet.ErrNoCapacity, "Unsupported", ""},
		{all("on-demand", "InsufficientFreeAddressesInSubnet"), 0, fleet.ErrNoCapacity, "InsufficientFreeAddressesInSubnet", "subnet-a1"},
		{all("on-demand", "UnauthorizedOperation"), 0, fleet.ErrDenied, "UnauthorizedOperation", ""},
		{all("on-demand", "RequestLimitExceeded"), 0, fleet.ErrThrottled, "RequestLimitExceeded", ""},
		{all("on-demand", "SomethingNew"), 0, fleet.ErrDenied, "SomethingNew", ""},
	} {
		s := newStub()
		s.cloud.None = c.none
		f := s.fleet(t)
		o := f.Draft(order(4), nil)
		for _, by := range []*ec2.Fleet{f, s.fleet(t)} {
			ids, err := by.Launch(ctx, o)
			if len(ids) != c.got || (c.want == nil) != (err == nil) || err != nil && (!errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v: %v, %v", c.none, ids, err)
			}
		}
		if next := f.Draft(order(4), nil); c.refuse != "" && strings.Contains(string(next.Request), c.refuse) {
			t.Errorf("%v: the next draft has %s: %s", c.none, c.refuse, next.Request)
		}
	}
}

// all has none of anything on a market.
func all(market, code string) map[string]string {
	none := map[string]string{}
	for _, t := range []string{"c7i.xlarge", "c7a.xlarge"} {
		for _, z := range []string{"a", "b"} {
			none[t+" eu-west-1"+z+" "+market] = code
		}
	}
	return none
}

func most(none map[string]string, kind string, n int) map[string]string {
	none[kind] = fmt.Sprintf("%d %s", n, none[kind])
	return none
}

// What was refused is left out for minutes, in its market alone, until nothing else
// is left.
func TestRefusalsAreRemembered(t *testing.T) {
	s := newStub()
	f := s.fleet(t, halfSpot)
	launch := func() {
		_, _ = f.Launch(ctx, f.Draft(fleet.Order{Fleet: "render", Count: 8, Token: fleet.Token("render", s.now().Unix(), 0)}, nil))
	}
	offers := func(spot bool) string {
		var r struct {
			Calls []struct {
				Spot   bool
				Offers []struct{ Type, Zone string }
			}
		}
		_ = json.Unmarshal(f.Draft(order(8), nil).Request, &r)
		var list []string
		for _, c := range r.Calls {
			for _, o := range c.Offers {
				if c.Spot == spot {
					list = append(list, o.Type[:3]+o.Zone[9:])
				}
			}
		}
		return strings.Join(list, " ")
	}
	is := func(spot bool, want string) {
		t.Helper()
		if got := offers(spot); got != want {
			t.Errorf("offers %q, want %q", got, want)
		}
	}
	s.cloud.None = map[string]string{"c7i.xlarge eu-west-1a spot": "InsufficientInstanceCapacity", "c7a.xlarge eu-west-1b spot": "SpotMaxPriceTooLow",
		"c7i.xlarge eu-west-1b spot": "1 InsufficientInstanceCapacity", "c7a.xlarge eu-west-1a spot": "1 InsufficientInstanceCapacity"}
	is(true, "c7ia c7ib c7aa c7ab")
	launch()
	is(true, "") // all were refused: on demand meanwhile
	is(false, "c7ia c7ib c7aa c7ab")
	s.pass(5 * time.Minute)
	delete(s.cloud.None, "c7i.xlarge eu-west-1b spot")
	s.cloud.None = map[string]string{"c7i.xlarge eu-west-1a on-demand": "1 InsufficientInstanceCapacity", "c7i.xlarge eu-west-1b on-demand": "0 InsufficientInstanceCapacity",
		"c7a.xlarge eu-west-1a on-demand": "0 VcpuLimitExceeded", "c7a.xlarge eu-west-1b on-demand": "2 UnauthorizedOperation"}
	launch()
	is(false, "c7ab")
	is(true, "c7ia c7ib c7aa c7ab")
	s.pass(5*time.Minute - time.Second)
	is(false, "c7ab")
	s.pass(time.Second)
	is(false, "c7ia c7ib c7aa c7ab")
}

// Where Spot has refused everything a fleet that takes both goes on on demand for
// minutes; one that wants Spot alone waits, and so does one that gets nothing on
// demand either.
func TestADroughtOfSpot(t *testing.T) {
	for name, c := range map[string]struct {
		spot   ec2.Spot
		none   []map[string]string
		word   string // of the call as a whole
		demand int
		back   int // on demand, when minutes have passed
	}{
		"both":              {ec2.Spot{Share: 0.5}, []map[string]string{all("spot", "InsufficientInstanceCapacity")}, "", 4, 2},
		"a limit":           {ec2.Spot{Share: 0.5}, []map[string]string{all("spot", "MaxSpotInstanceCountExceeded")}, "", 4, 2},
		"the whole call":    {ec2.Spot{Share: 0.5}, nil, "MaxSpotInstanceCountExceeded", 4, 2},
		"a base":            {ec2.Spot{Share: 1, BaseOnDemand: 1}, []map[string]string{all("spot", "UnfulfillableCapacity")}, "", 4, 1},
		"Spot alone":        {ec2.Spot{Share: 1}, []map[string]string{all("spot", "InsufficientInstanceCapacity")}, "", 0, 0},
		"nothing at all":    {ec2.Spot{Share: 0.5}, []map[string]string{all("spot", "InsufficientInstanceCapacity"), all("on-demand", "InsufficientInstanceCapacity")}, "", 2, 2},
		"not its capacity":  {ec2.Spot{Share: 0.5}, []map[string]string{all("spot", "UnauthorizedOperation")}, "", 2, 2},
		"something is left": {ec2.Spot{Share: 0.5}, []map[string]string{{"c7i.xlarge eu-west-1a spot": "InsufficientInstanceCapacity"}}, "", 2, 2},
	} {
		s := newStub()
		c.spot.Strategy = "price-capacity-optimized"
		f := s.fleet(t, func(o *ec2.Options) { o.Templates[0].Spot = &c.spot })
		for _, none := range c.none {
			maps.Copy(s.cloud.None, none)
		}
		if c.word != "" {
			s.faults = func(action string, form url.Values) *fault {
				if strings.HasSuffix(form.Get("ClientToken"), "-spot") {
					return &fault{status: 400, code: c.word}
				}
				return nil
			}
		}
		_, _ = f.Launch(ctx, f.Draft(order(4), nil))
		if got := onDemand(t, f.Draft(fleet.Order{Fleet: "render", Count: 4, Token: "sky-2"}, nil)); got != c.demand {
			t.Errorf("%s: %d on demand, want %d", name, got, c.demand)
		}
		s.pass(5 * time.Minute)
		if got := onDemand(t, f.Draft(fleet.Order{Fleet: "render", Count: 4, Token: "sky-3"}, nil)); got != c.back {
			t.Errorf("%s: %d on demand later, want %d", name, got, c.back)
		}
	}
}

// onDemand is how many of four an order buys on demand, the others being Spot.
func onDemand(t *testing.T, o fleet.Order) (n int) {
	t.Helper()
	var r struct {
		Calls []struct {
			Spot  bool
			Count int
		}
	}
	if err := json.Unmarshal(o.Request, &r); err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, c := range r.Calls {
		if all += c.Count; !c.Spot {
			n += c.Count
		}
	}
	if all != o.Count {
		t.Errorf("drafted %d of %d", all, o.Count)
	}
	return n
}

// Where one market is refused and the other leaves it open, nothing is refused.
func TestADoubtIsNotHiddenByARefusal(t *testing.T) {
	s := newStub()
	s.cloud.None = all("on-demand", "InsufficientInstanceCapacity")
	f := s.fleet(t, halfSpot)
	s.faults = func(action string, form url.Values) *fault {
		if strings.HasSuffix(form.Get("ClientToken"), "-spot") {
			return &fault{after: true, hangup: true}
		}
		return nil
	}
	o := f.Draft(order(4), nil)
	if ids, err := f.Launch(ctx, o); len(ids) != 0 || err == nil || fleet.Refused(err) || !strings.Contains(err.Error(), "InsufficientInstanceCapacity") {
		t.Errorf("%v, %v", ids, err)
	}
	s.faults = nil
	if ids, err := f.Launch(ctx, o); len(ids) != 2 || !errors.Is(err, fleet.ErrNoCapacity) || s.bought(o.Token) != 2 {
		t.Errorf("again: %v, %v", ids, err)
	}
}

// An answer that names nothing settles nothing.
func TestAnEmptyAnswerIsDoubtful(t *testing.T) {
	s := newStub()
	f := s.fleet(t)
	o := f.Draft(order(2), nil)
	s.faults = func(action string, form url.Values) *fault {
		if action == "CreateFleet" {
			s.cloud.Answer(form.Get("ClientToken"), form.Encode(), ec2wire.Launched{})
		}
		return nil
	}
	if ids, err := f.Launch(ctx, o); len(ids) != 0 || err == nil || fleet.Refused(err) {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestOrdersThatAreNotSent(t *testing.T) {
	s := newStub()
	f := s.fleet(t)
	good := f.Draft(order(2), nil)
	for name, change := range map[string]func(*fleet.Order){
		"no choices":    func(o *fleet.Order) { o.Request = nil },
		"no JSON":       func(o *fleet.Order) { o.Request = json.RawMessage(`{`) },
		"another count": func(o *fleet.Order) { o.Count = 3 },
		"another token": func(o *fleet.Order) { o.Token = "sky-other" },
		"no token":      func(o *fleet.Order) { o.Token = "" },
		"another fleet": func(o *fleet.Order) { o.Fleet = "other" },
		"another account": func(o *fleet.Order) {
			o.Request = json.RawMessage(strings.Replace(string(o.Request), account, "999999999999", 1))
		},
		"another region": func(o *fleet.Order) {
			o.Request = json.RawMessage(strings.Replace(string(o.Request), `"region":"eu-west-1"`, `"region":"eu-west-2"`, 1))
		},
		"another controller": func(o *fleet.Order) {
			o.Request = json.RawMessage(strings.Replace(string(o.Request), `"controller":"skynet"`, `"controller":"other"`, 1))
		},
		"without our tag": func(o *fleet.Order) {
			o.Request = json.RawMessage(strings.Replace(string(o.Request), fleet.TagFleet, "skynet:flat", 1))
		},
		"no offers": func(o *fleet.Order) {
			o.Request = json.RawMessage(`{"account":"123456789012","region":"eu-west-1","controller":"skynet","calls":[{"token":"` + o.Token + `","count":2}]}`)
		},
	} {
		o := good
		change(&o)
		if ids, err := f.Launch(ctx, o); len(ids) != 0 || err == nil {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
	if n := len(s.sent("CreateFleet")); n != 0 {
		t.Errorf("%d calls were sent", n)
	}
}

// However often controllers die before, in or after a launch, and whatever EC2 answers:
// under one token no more is bought than was ordered. It holds where EC2 honours tokens
// and lists late, and where it forgets tokens and lists at once (as moto does).
func TestNoCrashBuysTwice(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newStub()
		s.cloud.Page = rapid.IntRange(1, 5).Draw(r, "page")
		if rapid.Bool().Draw(r, "forgetful") {
			s.cloud.Forgetful = true
		} else {
			s.cloud.Lag = time.Duration(rapid.IntRange(0, 3).Draw(r, "lag")) * time.Minute
			if rapid.Bool().Draw(r, "short") {
				s.cloud.None = most(all("on-demand", "InsufficientInstanceCapacity"), "c7a.xlarge eu-west-1b on-demand", rapid.IntRange(0, 3).Draw(r, "most"))
			}
		}
		count := rapid.IntRange(1, 6).Draw(r, "count")
		f := s.fleet(t, halfSpot)
		o := f.Draft(order(count), nil)
		var last []fleet.ID
		for range rapid.IntRange(1, 5).Draw(r, "tries") {
			s.faults = func(action string, _ url.Values) *fault {
				if action != "CreateFleet" && action != "DescribeInstances" {
					return nil
				}
				return rapid.SampledFrom([]*fault{nil, nil, {after: true, hangup: true}, {hangup: true}, {status: 500, code: "InternalError"},
					{after: true, status: 500, code: "InternalError"}, {status: 503, code: "RequestLimitExceeded"}, {status: 403, code: "UnauthorizedOperation"}}).Draw(r, "fault "+action)
			}
			ids, err := f.Launch(ctx, o)
			bought := s.bought(o.Token)
			if bought > count {
				r.Fatalf("%d were bought, %d ordered", bought, count)
			}
			if (err == nil || fleet.Refused(err)) && len(ids) != bought {
				r.Fatalf("said to be sure of %d (%v), %d were bought", len(ids), err, bought)
			}
			if s.faults = nil; rapid.Bool().Draw(r, "crash") {
				f = s.fleet(t, halfSpot)
			}
			s.pass(time.Duration(rapid.IntRange(0, 120).Draw(r, "seconds")) * time.Second)
			last = ids
		}
		slices.Sort(last)
		if len(slices.Compact(last)) != len(last) {
			r.Fatalf("named twice: %v", last)
		}
	})
}
