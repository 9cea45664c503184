package ec2_test

import (
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

func TestInstancesReadsAllPages(t *testing.T) {
	s := newStub()
	s.cloud.Page = 7
	s.put(20)
	s.put(2, func(m *machine) { m.Tags[fleet.TagFleet] = "other" })
	s.put(2, func(m *machine) { delete(m.Tags, fleet.TagController) })
	f := s.fleet(t)
	list, err := f.Instances(ctx, "render")
	if err != nil || len(list) != 20 || len(s.sent("DescribeInstances")) != 3 {
		t.Errorf("%d listed, %v, in %v", len(list), err, s.sent("DescribeInstances"))
	}
	if list, err := f.Instances(ctx, ""); err != nil || len(list) != 22 {
		t.Errorf("%d of all fleets, %v", len(list), err)
	}
}

// A list that holds more than was asked for makes nobody ours.
func TestWhatWasNotAskedForIsNotOurs(t *testing.T) {
	s := newStub()
	ours, theirs := s.put(1), s.put(2, func(m *machine) { m.Tags[fleet.TagController] = "another" })
	f := s.fleet(t)
	s.faults = func(_ string, form url.Values) *fault { form.Del("Filter.1.Name"); return nil }
	list, err := f.Instances(ctx, "render")
	if err != nil || len(list) != 1 || list[0].ID != ours[0] {
		t.Errorf("%v, %v", list, err)
	}
	if done, err := f.Terminate(ctx, theirs); len(done) != 0 || !fleet.Refused(err) {
		t.Errorf("%v, %v", done, err)
	}
}

// Half a list is none: who is not on it would be thought gone.
func TestAPageThatFailsFailsTheList(t *testing.T) {
	s := newStub()
	s.cloud.Page = 7
	s.put(20)
	f := s.fleet(t)
	s.faults = func(_ string, form url.Values) *fault {
		if fmt.Sprint(form["NextToken"]) == "[7]" {
			return &fault{status: 400, code: "InvalidNextToken"}
		}
		return nil
	}
	if list, err := f.Instances(ctx, "render"); err == nil || len(list) != 0 {
		t.Errorf("%d listed, %v", len(list), err)
	}
}

func TestWhatIsSaidOfAnInstance(t *testing.T) {
	s := newStub()
	for _, c := range []struct {
		change func(*machine)
		want   func(*fleet.Instance)
	}{
		{func(*machine) {}, func(*fleet.Instance) {}},
		{func(m *machine) { m.State = "pending" }, func(i *fleet.Instance) { i.Phase = fleet.PhasePending }},
		{func(m *machine) { m.State = "shutting-down" }, func(i *fleet.Instance) { i.Phase = fleet.PhaseShuttingDown }},
		{func(m *machine) { m.State = "terminated" }, func(i *fleet.Instance) { i.Phase = fleet.PhaseTerminated }},
		{func(m *machine) { m.State = "a new word" }, func(*fleet.Instance) {}}, // paid for until we know better
		{func(m *machine) { m.Spot = true }, func(i *fleet.Instance) { i.Spot = true }},
		{func(m *machine) { m.Impaired = true }, func(i *fleet.Instance) { i.Impaired = true }},
		{func(m *machine) { m.State, m.Reason = "stopped", "User initiated (2026-03-01 11:00:05 GMT)" },
			func(i *fleet.Instance) {
				i.Phase, i.Stopped, i.Reason = fleet.PhaseStopped, noon.Add(5*time.Second-time.Hour), "User initiated"
			}},
		{func(m *machine) { m.State, m.Reason = "stopping", "User initiated (2026-03-01 11:00:05 UTC)" },
			func(i *fleet.Instance) {
				i.Phase, i.Stopped, i.Reason = fleet.PhaseStopping, noon.Add(5*time.Second-time.Hour), "User initiated"
			}},
		{func(m *machine) { m.State, m.Reason = "stopped", "Server.SpotInstanceShutdown" },
			func(i *fleet.Instance) { i.Phase, i.Reason = fleet.PhaseStopped, "Server.SpotInstanceShutdown" }},
		{func(m *machine) { m.State, m.Reason = "stopped", "(2026-13-01 11:00:05 GMT)" }, func(i *fleet.Instance) { i.Phase = fleet.PhaseStopped }},
		{func(m *machine) {
			m.State, m.Reason, m.Code, m.Message = "terminated", "Server.InternalError", "Client.InternalError", "Client.InternalError: Client error on launch"
		}, func(i *fleet.Instance) {
			i.Phase, i.Reason = fleet.PhaseTerminated, "Client.InternalError: Client error on launch"
		}},
		{func(m *machine) {
			m.State, m.Code, m.Message = "shutting-down", "Client.VolumeLimitExceeded", "no more"
		},
			func(i *fleet.Instance) {
				i.Phase, i.Reason = fleet.PhaseShuttingDown, "Client.VolumeLimitExceeded: no more"
			}},
		{func(m *machine) { m.State, m.Code = "terminated", "Server.InternalError" },
			func(i *fleet.Instance) { i.Phase, i.Reason = fleet.PhaseTerminated, "Server.InternalError" }},
		{func(m *machine) { m.State, m.Message = "terminated", "gone" }, func(i *fleet.Instance) { i.Phase, i.Reason = fleet.PhaseTerminated, "gone" }},
		{func(m *machine) { m.State, m.Code, m.Message = "pending", "pending", "pending" }, func(i *fleet.Instance) { i.Phase = fleet.PhasePending }}, // it has not ended
		{func(m *machine) { m.Reason = "User initiated (2026-03-01 11:00:05 GMT)" }, func(*fleet.Instance) {}},
		{func(m *machine) { m.Started = m.Born.Add(time.Hour) }, func(i *fleet.Instance) { i.Woken = noon.Add(time.Hour) }},
		{func(m *machine) { m.Started = m.Born.Add(time.Minute) }, func(i *fleet.Instance) { i.Launched = noon.Add(time.Minute) }},
	} {
		s.lose(0, len(s.cloud.All()))
		id := s.put(1, c.change)[0]
		want := fleet.Instance{ID: id, Phase: fleet.PhaseRunning, Type: "c7i.xlarge", Zone: "eu-west-1a", Launched: noon,
			Tags: map[string]string{fleet.TagController: "skynet", fleet.TagFleet: "render", fleet.TagIntent: "by-hand"}}
		c.want(&want)
		list, err := s.fleet(t).Instances(ctx, "render")
		if err != nil || len(list) != 1 || fmt.Sprintf("%+v", list[0]) != fmt.Sprintf("%+v", want) {
			t.Errorf("listed\n%+v, %v, want\n%+v", list, err, want)
		}
	}
}

// A wake counts at once, though EC2's launch time may lag, and is forgotten by neither
// a later list nor a restart; so does a stop.
func TestSleepAndWakeHaveTheirTimes(t *testing.T) {
	s := newStub()
	id := s.put(1)[0]
	f := watched(t, s)
	is := func(f *ec2.Fleet, woken, stopped time.Time) {
		t.Helper()
		list, err := f.Instances(ctx, "render")
		if err != nil || !list[0].Woken.Equal(woken) || !list[0].Stopped.Equal(stopped) || !list[0].Launched.Equal(noon) {
			t.Errorf("%+v, %v, want woken %s, stopped %s", list, err, woken, stopped)
		}
	}
	s.pass(time.Hour)
	if _, err := f.Sleep(ctx, []fleet.ID{id}); err != nil {
		t.Fatal(err)
	}
	is(f, time.Time{}, noon.Add(time.Hour))
	s.machine(id).Reason = ""
	is(f, time.Time{}, noon.Add(time.Hour))
	s.pass(time.Hour)
	if _, err := f.Wake(ctx, []fleet.ID{id}); err != nil {
		t.Fatal(err)
	}
	is(f, noon.Add(2*time.Hour), time.Time{})
	is(s.fleet(t), noon.Add(2*time.Hour), time.Time{}) // EC2 says it too
	s.machine(id).Started = noon                       // its list lags
	is(f, noon.Add(2*time.Hour), time.Time{})
}

// Status checks that cannot be read make nobody suspect, and are told.
func TestStatusChecksThatFail(t *testing.T) {
	for _, n := range []int{90, 250} {
		t.Run(strconv.Itoa(n), func(t *testing.T) { statusChecksFail(t, n) })
	}
}

func statusChecksFail(t *testing.T, n int) {
	s := newStub()
	s.put(n, func(m *machine) { m.Impaired = true })
	var log strings.Builder
	f := s.fleet(t, func(o *ec2.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	s.faults = always("DescribeInstanceStatus", &fault{status: 403, code: "UnauthorizedOperation"})
	list, err := f.Instances(ctx, "render")
	if err != nil || len(list) != n || list[0].Impaired || !strings.Contains(log.String(), "UnauthorizedOperation") {
		t.Errorf("%d listed, %v, %s", len(list), err, log.String())
	}
	_, _ = f.Instances(ctx, "render")
	if n := strings.Count(log.String(), "UnauthorizedOperation"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
	s.faults = func(action string, form url.Values) *fault { // one ends between the two calls
		if action == "DescribeInstanceStatus" {
			s.lose(n-1, len(s.cloud.All()))
		}
		return nil
	}
	list, err = f.Instances(ctx, "render")
	if err != nil || len(list) != n || !list[n-2].Impaired || list[n-1].Impaired {
		t.Errorf("%d listed, %v, impaired: %v, %v; %s", len(list), err, list[n-2].Impaired, list[n-1].Impaired, log.String())
	}
}

// EC2 throttles who asks for the status checks of thousands by their IDs.
func TestStatusChecksOfManyTakeAsFewCallsAsThoseOfFew(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 100: 1, 101: 2, 2500: 2} {
		s := newStub()
		ids := s.put(n)
		if n > 0 {
			s.machine(ids[n/2]).Impaired = true
		}
		list, err := s.fleet(t).Instances(ctx, "render")
		if err != nil || len(list) != n || n > 0 && !list[n/2].Impaired {
			t.Errorf("of %d: %d, %v", n, len(list), err)
		}
		if k := slices.IndexFunc(list, func(i fleet.Instance) bool { return i.Impaired && i.ID != ids[n/2] }); k >= 0 {
			t.Errorf("of %d: %s is impaired", n, list[k].ID)
		}
		calls := s.sent("DescribeInstanceStatus")
		if len(calls) != want {
			t.Errorf("of %d: %d calls, want %d", n, len(calls), want)
		}
		for _, c := range calls {
			if n > 100 && !c.Has("MaxResults") {
				t.Errorf("of %d: asked without pages: %v", n, c)
			}
		}
	}
}

func TestSleepersCost(t *testing.T) {
	s := newStub()
	s.put(3, func(m *machine) { m.State = "stopped" })
	s.put(1, func(m *machine) { m.State = "stopping" })
	s.put(5)
	f := watched(t, s, func(o *ec2.Options) { o.VolumePrice = 0.08 })
	for range 3 {
		got, err := f.Sleepers(ctx, "render")
		want := ec2.Sleeping{Instances: 4, GiB: 120, Hourly: 9.6 / 720}
		if math.Abs(got.Hourly-want.Hourly) < 1e-12 {
			got.Hourly = want.Hourly
		}
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if n, m := len(s.sent("DescribeVolumes")), len(s.sent("DescribeInstances")); n != 1 || m != 1 {
		t.Errorf("asked for volumes %d times, for instances %d times", n, m)
	}
	s.pass(2 * time.Minute)
	s.lose(1, len(s.cloud.All()))
	s.faults = always("DescribeVolumes", &fault{status: 403, code: "UnauthorizedOperation"})
	if got, err := f.Sleepers(ctx, "render"); err != nil || got.Instances != 1 || got.GiB != 30 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.fleet(t).Sleepers(ctx, "render"); err == nil || got.Hourly != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSpotPrices(t *testing.T) {
	price := func(typ, zone, price string, at time.Time) string {
		return fmt.Sprintf("<item><instanceType>%s</instanceType><availabilityZone>%s</availabilityZone><spotPrice>%s</spotPrice><timestamp>%s</timestamp></item>", typ, zone, price, at.Format(time.RFC3339))
	}
	s := newStub()
	s.prices = price("c7i.xlarge", "eu-west-1a", "0.071000", noon) + price("c7i.xlarge", "eu-west-1a", "0.09", noon.Add(-time.Hour)) +
		price("c7i.xlarge", "eu-west-1b", "0.08", noon) + price("c7a.xlarge", "eu-west-1a", "NaN", noon) + price("c7a.xlarge", "eu-west-1b", "-1", noon)
	f := s.fleet(t)
	if hourly, ok := f.Price("render", "c7i.xlarge", "eu-west-1a", true); ok {
		t.Errorf("a price of %g before any was asked for", hourly)
	}
	for range 2 {
		got, err := f.SpotPrices(ctx, "render")
		if err != nil || len(got) != 2 || got[ec2.Market{Type: "c7i.xlarge", Zone: "eu-west-1a"}] != 0.071 || got[ec2.Market{Type: "c7i.xlarge", Zone: "eu-west-1b"}] != 0.08 {
			t.Errorf("%v, %v", got, err)
		}
	}
	if n := len(s.sent("DescribeSpotPriceHistory")); n != 1 {
		t.Errorf("asked %d times in five minutes", n)
	}
	for _, c := range []struct {
		typ, zone string
		spot      bool
		want      float64
	}{{"c7i.xlarge", "eu-west-1b", true, 0.08}, {"c7i.xlarge", "eu-west-1b", false, 0.1785}, {"c7a.xlarge", "eu-west-1b", true, 0}, {"c7a.xlarge", "", false, 0}} {
		if got, ok := f.Price("render", c.typ, c.zone, c.spot); got != c.want || ok != (c.want > 0) {
			t.Errorf("%+v costs %g, %t", c, got, ok)
		}
	}
	s.pass(5 * time.Minute)
	s.faults = always("DescribeSpotPriceHistory", &fault{status: 403, code: "UnauthorizedOperation"})
	if got, err := f.SpotPrices(ctx, "render"); err == nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := f.SpotPrices(ctx, "other"); err == nil {
		t.Error("there are prices of a fleet that is not there")
	}
}
