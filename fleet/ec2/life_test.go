package ec2_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/test/ec2wire"
)

// watched is a fleet that has listed what is there.
func watched(t testing.TB, s *stub, change ...func(*ec2.Options)) *ec2.Fleet {
	t.Helper()
	f := s.fleet(t, change...)
	if _, err := f.Instances(ctx, "render"); err != nil {
		t.Fatal(err)
	}
	return f
}

func same(a, b []fleet.ID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func (s *stub) states() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.cloud.All() {
		list = append(list, m.State)
	}
	return list
}

func TestTerminateInBatches(t *testing.T) {
	s := newStub()
	ids := s.put(250)
	f := watched(t, s)
	done, err := f.Terminate(ctx, ids)
	if err != nil || !same(done, ids) || len(s.sent("TerminateInstances")) != 3 {
		t.Errorf("%d done, %v, %d calls", len(done), err, len(s.sent("TerminateInstances")))
	}
}

// What is not there is gone, and the others of its batch are not lost.
func TestTerminateWhatIsGone(t *testing.T) {
	s := newStub()
	ids := s.put(5)
	f := watched(t, s)
	s.lose(1, 3)
	if done, err := f.Terminate(ctx, ids); err != nil || !same(done, ids) {
		t.Errorf("%v, %v", done, err)
	}
	if got := s.states(); slices.Contains(got, "running") {
		t.Errorf("left are %v", got)
	}
	s.lose(0, len(s.cloud.All()))
	if done, err := f.Terminate(ctx, ids[:1]); err != nil || len(done) != 1 {
		t.Errorf("alone: %v, %v", done, err)
	}
}

// One that is protected holds up those of its zone in the call: they are tried one by
// one, and the error names it.
func TestTerminateBesideAProtectedOne(t *testing.T) {
	s := newStub()
	held := s.put(1, func(m *machine) { m.Protected = true })
	ids := append(s.put(3), held...)
	f := watched(t, s)
	done, err := f.Terminate(ctx, ids)
	if !same(done, ids[:3]) || !errors.Is(err, fleet.ErrDenied) || !strings.Contains(err.Error(), string(held[0])) || !strings.Contains(err.Error(), "OperationNotPermitted") {
		t.Errorf("%v, %v", done, err)
	}
}

// A batch that is throttled, or cut off, loses nobody but itself.
func TestABatchThatFailsIsAlone(t *testing.T) {
	for _, fail := range []fault{{status: 503, code: "RequestLimitExceeded"}, {status: 500, code: "InternalError"}, {hangup: true}} {
		s := newStub()
		ids := s.put(250)
		f := watched(t, s)
		s.faults = func(_ string, form url.Values) *fault {
			if form.Get("InstanceId.1") == string(ids[100]) {
				return &fail
			}
			return nil
		}
		done, err := f.Terminate(ctx, ids)
		if err == nil || !same(done, slices.Concat(ids[:100], ids[200:])) || errors.Is(err, fleet.ErrThrottled) != (fail.status == 503) {
			t.Errorf("%+v: %d done, %v", fail, len(done), err)
		}
	}
}

// EC2 lets a thousand go at once and twenty a second after that: thousands are let go
// over several ticks, none of which spends its time on being refused.
func TestThousandsAreLetGoOverSeveralTicks(t *testing.T) {
	s := newStub()
	ids := s.put(4000)
	f := watched(t, s)
	buckets := ec2wire.Buckets{Now: func() time.Time { return s.clock }} // held by who asks
	s.faults = func(action string, form url.Values) *fault {
		if buckets.Take(action, form) == nil {
			return nil
		}
		return &fault{status: 503, code: "RequestLimitExceeded"}
	}
	for tick := range 3 {
		n := len(s.sent("TerminateInstances"))
		done, err := f.Terminate(ctx, ids)
		if len(done) != 1000 || !errors.Is(err, fleet.ErrThrottled) || !strings.Contains(err.Error(), "left over") {
			t.Errorf("tick %d: %d done, want a thousand: %v", tick, len(done), err)
		}
		if n = len(s.sent("TerminateInstances")) - n; n > 13 {
			t.Errorf("tick %d: %d calls, want those that are answered and two that are refused", tick, n)
		}
		ids = ids[len(done):]
		s.pass(time.Minute)
	}
}

// Where every single one is refused, it is not over one of them: the others wait.
func TestWhatFailsForAllIsNotTriedForAll(t *testing.T) {
	s := newStub()
	ids := s.put(100)
	f := watched(t, s)
	s.faults = always("TerminateInstances", &fault{status: 403, code: "UnauthorizedOperation"})
	if done, err := f.Terminate(ctx, ids); len(done) != 0 || !errors.Is(err, fleet.ErrDenied) || len(s.sent("TerminateInstances")) != 21 || !strings.Contains(err.Error(), "80 left over") {
		t.Errorf("%v, %v, %d calls", done, err, len(s.sent("TerminateInstances")))
	}
}

// Where some are done in between, it is over single ones: all get their turn.
func TestWhatFailsForManyIsTriedForAll(t *testing.T) {
	s := newStub()
	ids := s.put(60)
	f := watched(t, s)
	s.faults = func(_ string, form url.Values) *fault {
		for i, id := range ids {
			if i%2 == 0 && slices.Contains([]string{form.Get("InstanceId.1"), form.Get("InstanceId.2")}, string(id)) {
				return &fault{status: 400, code: "OperationNotPermitted"}
			}
		}
		return nil
	}
	if done, err := f.Terminate(ctx, ids); len(done) != 30 || err == nil {
		t.Errorf("%d done, %v", len(done), err)
	}
}

// One that cannot wake just now is no reason to mend anything.
func TestOneThatIsStillStopping(t *testing.T) {
	s := newStub()
	ids := s.put(1)
	f := watched(t, s)
	s.faults = always("StartInstances", &fault{status: 400, code: "IncorrectInstanceState", message: "is not in a state from which it can be started"})
	if done, err := f.Wake(ctx, ids); len(done) != 0 || err == nil || fleet.Refused(err) || !strings.Contains(err.Error(), "IncorrectInstanceState") {
		t.Errorf("%v, %v", done, err)
	}
}

// What an answer leaves out was not done, and is asked for by itself.
func TestAnswersAreReadPerID(t *testing.T) {
	s := newStub()
	ids := s.put(3)
	f := watched(t, s)
	s.faults = func(action string, form url.Values) *fault {
		if form.Has("InstanceId.2") && action == "StartInstances" {
			form.Del("InstanceId.2")
			form.Del("InstanceId.3")
		}
		return nil
	}
	if done, err := f.Wake(ctx, ids); err != nil || !same(done, ids) || len(s.sent("StartInstances")) != 3 {
		t.Errorf("%v, %v, %d calls", done, err, len(s.sent("StartInstances")))
	}
}

// Our own budget bounds what a mistake of ours can send.
func TestCallsHaveABudget(t *testing.T) {
	s := newStub()
	ids := s.put(500)
	f := watched(t, s, func(o *ec2.Options) { o.Calls = 3 })
	done, err := f.Terminate(ctx, ids)
	if len(done) != 300 || !errors.Is(err, fleet.ErrThrottled) {
		t.Errorf("%d done, %v", len(done), err)
	}
	o := f.Draft(order(1), nil)
	if ids, err := f.Launch(ctx, o); len(ids) != 0 || !errors.Is(err, fleet.ErrThrottled) {
		t.Errorf("launched %v, %v", ids, err)
	}
	s.pass(time.Minute)
	if done, err = f.Terminate(ctx, ids[300:]); len(done) != 200 || err != nil {
		t.Errorf("a minute later %d done, %v", len(done), err)
	}
}

func TestSleepHibernatesWhoCan(t *testing.T) {
	s := newStub()
	deep, plain := s.put(2, func(m *machine) { m.Hibernates = true }), s.put(2)
	spot := s.put(1, func(m *machine) { m.Spot, m.Hibernates = true, true })
	f := watched(t, s)
	done, err := f.Sleep(ctx, slices.Concat(deep, spot, plain))
	if !same(done, slices.Concat(deep, plain)) || !errors.Is(err, fleet.ErrDenied) || !strings.Contains(err.Error(), string(spot[0])) {
		t.Errorf("%v, %v", done, err)
	}
	calls := s.sent("StopInstances")
	if len(calls) != 2 || calls[0].Get("Hibernate") != "true" || calls[0].Get("InstanceId.3") != "" || calls[1].Has("Hibernate") {
		t.Errorf("sent %v", calls)
	}
}

// An instance that turns out not to be able to hibernate is stopped.
func TestSleepWithoutHibernation(t *testing.T) {
	for _, code := range []string{"UnsupportedHibernationConfiguration", "UnsupportedOperation"} {
		s := newStub()
		ids := s.put(2, func(m *machine) { m.Hibernates = true })
		f := watched(t, s)
		s.faults = func(_ string, form url.Values) *fault {
			if form.Get("Hibernate") == "true" {
				return &fault{status: 400, code: code}
			}
			return nil
		}
		if done, err := f.Sleep(ctx, ids); err != nil || !same(done, ids) {
			t.Errorf("%s: %v, %v", code, done, err)
		}
	}
}

func TestPlainStopIsPlain(t *testing.T) {
	s := newStub()
	ids := s.put(1, func(m *machine) { m.Hibernates = true })
	f := watched(t, s, func(o *ec2.Options) { o.Templates[0].PlainStop = true })
	if done, err := f.Sleep(ctx, ids); err != nil || len(done) != 1 || s.sent("StopInstances")[0].Has("Hibernate") {
		t.Errorf("%v, %v", done, err)
	}
}

// Where there is no room for some, those sleep on and the others wake.
func TestWakeWithoutCapacity(t *testing.T) {
	s := newStub()
	ids := s.put(3, func(m *machine) { m.State = "stopped" })
	f := ec2.New(ec2.Client(s.config()), s.options())
	if err := f.Check(ctx); err != nil {
		t.Fatal(err)
	}
	s.faults = func(_ string, form url.Values) *fault {
		if slices.Contains([]string{form.Get("InstanceId.1"), form.Get("InstanceId.2")}, string(ids[1])) {
			return &fault{status: 500, code: "InsufficientInstanceCapacity", message: "We currently do not have sufficient capacity"}
		}
		return nil
	}
	done, err := f.Wake(ctx, ids)
	if !same(done, []fleet.ID{ids[0], ids[2]}) || !errors.Is(err, fleet.ErrNoCapacity) || !strings.Contains(err.Error(), string(ids[1])) {
		t.Errorf("%v, %v", done, err)
	}
	if n := len(s.tries("StartInstances")); n != 4 {
		t.Errorf("%d calls: what there is no room for is not asked for again at once", n)
	}
}

func TestTagsInBatches(t *testing.T) {
	s := newStub()
	ids := s.put(120)
	f := watched(t, s)
	done, err := f.Tag(ctx, ids, fleet.TagDrain, "render-1")
	if err != nil || !same(done, ids) || len(s.sent("CreateTags")) != 3 {
		t.Errorf("%d tagged, %v", len(done), err)
	}
	s.lose(0, 1)
	done, err = f.Untag(ctx, ids, fleet.TagDrain)
	if err == nil || fleet.Refused(err) || !same(done, ids[1:]) {
		t.Errorf("%d untagged, %v", len(done), err)
	}
	for _, m := range s.cloud.All() {
		if _, tagged := m.Tags[fleet.TagDrain]; tagged || len(m.Tags) != 3 {
			t.Errorf("%s has %v", m.ID, m.Tags)
		}
	}
	for _, key := range []string{"", ".", "..", "_index", "a b", "a/b", "aws:x", "ä", strings.Repeat("x", 129)} {
		if done, err := f.Tag(ctx, ids, key, "x"); len(done) != 0 || !errors.Is(err, fleet.ErrDenied) {
			t.Errorf("tag %q: %v, %v", key, done, err)
		}
	}
	if _, err := f.Tag(ctx, ids, "k", strings.Repeat("x", 257)); err == nil {
		t.Error("a value of 257 characters passed")
	}
}

// deeds is everything that changes instances.
func deeds(f *ec2.Fleet) map[string]func([]fleet.ID) ([]fleet.ID, error) {
	return map[string]func([]fleet.ID) ([]fleet.ID, error){
		"terminate": func(ids []fleet.ID) ([]fleet.ID, error) { return f.Terminate(ctx, ids) },
		"sleep":     func(ids []fleet.ID) ([]fleet.ID, error) { return f.Sleep(ctx, ids) },
		"wake":      func(ids []fleet.ID) ([]fleet.ID, error) { return f.Wake(ctx, ids) },
		"tag":       func(ids []fleet.ID) ([]fleet.ID, error) { return f.Tag(ctx, ids, fleet.TagDrain, "d") },
		"untag":     func(ids []fleet.ID) ([]fleet.ID, error) { return f.Untag(ctx, ids, fleet.TagDrain) },
		"launch": func([]fleet.ID) ([]fleet.ID, error) {
			return f.Launch(ctx, f.Draft(order(2), nil))
		},
	}
}

// changes are the actions that change anything.
func (s *stub) changes() (actions []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if a := c.Get("Action"); !strings.HasPrefix(a, "Describe") {
			actions = append(actions, a)
		}
	}
	return actions
}

// Of a dry run no call leaves the process but those that read, though its draft is
// whole.
func TestADryRunChangesNothing(t *testing.T) {
	s := newStub()
	ids := s.put(3)
	f := ec2.NewReadOnly(s.client(), s.options())
	if err := f.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err := f.Instances(ctx, "render"); err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := f.Orphans(ctx); err != nil {
		t.Error(err)
	}
	if o := f.Draft(order(2), nil); !strings.Contains(string(o.Request), "c7i.xlarge") {
		t.Errorf("drafted %s", o.Request)
	}
	for what, do := range deeds(f) {
		if done, err := do(ids); len(done) != 0 || !errors.Is(err, fleet.ErrReadOnly) {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
	if c := s.changes(); len(c) != 0 {
		t.Errorf("sent %v", c)
	}
}

// Before account and region are known to be right, and where they are wrong, nothing
// is changed.
func TestNothingIsChangedInAWrongAccount(t *testing.T) {
	for name, change := range map[string]func(*ec2.Options){
		"unchecked": nil,
		"account":   func(o *ec2.Options) { o.Account = "999999999999" },
		"region":    func(o *ec2.Options) { o.Region = "us-east-1" },
		"no answer": func(o *ec2.Options) { o.Identity = who("") },
		"nobody":    func(o *ec2.Options) { o.Identity = nil },
	} {
		s := newStub()
		ids := s.put(2)
		o := s.options()
		if change != nil {
			change(&o)
		}
		f := ec2.New(s.client(), o)
		if change != nil {
			if err := f.Check(ctx); err == nil {
				t.Errorf("%s: passes the checks", name)
			}
		}
		_, _ = f.Instances(ctx, "render")
		for what, do := range deeds(f) {
			if done, err := do(ids); len(done) != 0 || !errors.Is(err, fleet.ErrDenied) {
				t.Errorf("%s: %s: %v, %v", name, what, done, err)
			}
		}
		if c := s.changes(); len(c) != 0 {
			t.Errorf("%s: sent %v", name, c)
		}
	}
}

// An instance without our tag is not touched, be it that it never had it, that it is
// another controller's, or that somebody took the tag off.
func TestOnlyOurOwnAreTouched(t *testing.T) {
	s := newStub()
	ids := s.put(3)
	f := watched(t, s)
	s.machine(ids[0]).Tags = map[string]string{}
	s.machine(ids[1]).Tags[fleet.TagController] = "another"
	if _, err := f.Instances(ctx, "render"); err != nil {
		t.Fatal(err)
	}
	for what, do := range deeds(f) {
		if what == "launch" {
			continue
		}
		if done, err := do(append(ids[:2:2], "i-0")); len(done) != 0 || !errors.Is(err, fleet.ErrDenied) {
			t.Errorf("%s: %v, %v", what, done, err)
		}
	}
	if c := s.changes(); len(c) != 0 {
		t.Errorf("sent %v", c)
	}
}

// After a restart, one that was not listed yet is looked for by its ID and our tag.
func TestWhoIsNotKnownIsLookedFor(t *testing.T) {
	s := newStub()
	ids := s.put(3)
	s.put(1, func(m *machine) { m.Tags[fleet.TagController] = "another" })
	f := s.fleet(t)
	done, err := f.Terminate(ctx, append(ids, "i-00000000000000004", "i-0ff"))
	if !same(done, ids) || !errors.Is(err, fleet.ErrDenied) {
		t.Errorf("%v, %v", done, err)
	}
	s.faults = always("DescribeInstances", &fault{status: 503, code: "RequestLimitExceeded"})
	if done, err := s.fleet(t).Terminate(ctx, ids); len(done) != 0 || !errors.Is(err, fleet.ErrThrottled) {
		t.Errorf("%v, %v", done, err)
	}
}

// What was just launched is pending before it is listed, for a bounded time, and can
// be acted on.
func TestUnlistedLaunchesAreOurs(t *testing.T) {
	s := newStub()
	s.cloud.Lag = 20 * time.Minute
	f := s.fleet(t)
	o := f.Draft(order(2), nil)
	ids, err := f.Launch(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 14 * time.Minute} {
		s.pass(after)
		list, err := f.Instances(ctx, "render")
		if err != nil || len(list) != 2 {
			t.Fatalf("after %s: %v, %v", after, list, err)
		}
		for _, i := range list {
			if i.Phase != fleet.PhasePending || i.Tags[fleet.TagIntent] != o.Token || i.Type != "c7i.xlarge" || !i.Launched.Equal(noon) || !slices.Contains(ids, i.ID) {
				t.Errorf("%+v", i)
			}
		}
	}
	if list, err := f.Instances(ctx, "films"); err != nil || len(list) != 0 {
		t.Errorf("another fleet: %v, %v", list, err)
	}
	if done, err := f.Terminate(ctx, ids[:1]); err != nil || !same(done, ids[:1]) {
		t.Errorf("%v, %v", done, err)
	}
	if list, err := f.Instances(ctx, "render"); err != nil || len(list) != 1 || list[0].ID != ids[1] {
		t.Errorf("after one was let go: %v, %v", list, err)
	}
	s.pass(2 * time.Minute)
	if list, err := f.Instances(ctx, "render"); err != nil || len(list) != 0 {
		t.Errorf("for ever: %v, %v", list, err)
	}
}

// What is listed is not there twice.
func TestListedLaunchesAreThereOnce(t *testing.T) {
	s := newStub()
	f := s.fleet(t)
	if _, err := f.Launch(ctx, f.Draft(order(2), nil)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if list, err := f.Instances(ctx, "render"); err != nil || len(list) != 2 {
			t.Errorf("%v, %v", list, err)
		}
	}
}

// A call whose time is up is an error that says so, and no more are sent.
func TestTimeIsUp(t *testing.T) {
	s := newStub()
	ids := s.put(250)
	f := watched(t, s)
	late, cancel := context.WithCancel(ctx)
	cancel()
	if done, err := f.Terminate(late, ids); len(done) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", done, err)
	}
	if _, err := f.Instances(late, "render"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if ids, err := f.Launch(late, f.Draft(order(1), nil)); len(ids) != 0 || err == nil || fleet.Refused(err) {
		t.Errorf("%v, %v", ids, err)
	}
}

func ExampleReap() {
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	list := []fleet.Instance{{ID: "i-1", Phase: fleet.PhaseRunning, Launched: at(-5), Tags: map[string]string{
		fleet.TagController: "skynet", fleet.TagFleet: "old", fleet.TagIntent: "sky-1"}}}
	exits, spared := ec2.Reap(list, ec2.Evidence{Fleets: []string{"render"}, Journal: []string{"old", "render"}, Since: at(-3), Until: noon}, noon, 2)
	fmt.Println(exits, spared)
	// Output: [{i-1 orphan}] []
}
