package decide_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/decide"
	"skynet/fleet"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/line"
)

var five = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)

const backlog = "bounds: {max: 50}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {release: {after: 0s}}\n"

func parse(t *testing.T, text string) file.Policy {
	t.Helper()
	p, err := file.Parse("test.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func session(t *testing.T, text string) *decide.Session { return decide.New(parse(t, text), "render") }

// given is a line of a minute after five, with signals in pairs; null is nil.
func given(minute int, pairs ...any) line.In {
	in := line.In{Time: five.Add(time.Duration(minute) * time.Minute), Signals: map[string]*float64{}}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		if pairs[i+1] == nil {
			in.Signals[name] = nil
		} else {
			in.Signals[name] = new(float64(pairs[i+1].(int)))
		}
	}
	return in
}

// tell decides about a line and writes the answer as an operator would see it.
func tell(t *testing.T, s *decide.Session, in line.In) line.Out {
	t.Helper()
	out, _, err := s.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func short(o line.Out) string {
	n := func(p *int) string {
		if p == nil {
			return "null"
		}
		return fmt.Sprint(*p)
	}
	return n(o.Have) + " " + n(o.Want) + " " + o.Action
}

func said(o line.Out) (all string) {
	for _, r := range o.Reasons {
		all += r.By + ": " + r.Said + "\n"
	}
	return all
}

func TestDecide(t *testing.T) {
	fresh := func(pairs ...any) []any {
		return append([]any{"queue.in_flight", 0, "fleet.slots", 4}, pairs...)
	}
	for _, c := range []struct {
		name, policy string
		line         []any
		want, says   string
	}{
		{"more", backlog, fresh("queue.visible", 120, "fleet.running", 6, "fleet.pending", 1), "7 12 launch", "backlog: 120 waiting at 10 a worker want 12"},
		{"enough", backlog, fresh("queue.visible", 70, "fleet.running", 6, "fleet.pending", 1), "7 7 hold", ""},
		{"fewer", backlog, fresh("queue.visible", 20, "fleet.running", 6, "fleet.pending", 1), "7 2 drain", "plan: drain 5 of 7"},
		{"fewer than are pending", backlog, fresh("queue.visible", 0, "fleet.running", 1, "fleet.pending", 6), "7 6 drain", ""},
		{"none at all", backlog, fresh("queue.visible", 25, "fleet.running", 0, "fleet.pending", 0), "0 3 launch", ""},
		{"the maximum", backlog, fresh("queue.visible", 9000, "fleet.running", 6, "fleet.pending", 0), "6 50 launch", "bounds: want 50 instead of 900: the maximum"},
		{"a guard of the tick", strings.Replace(backlog, "after: 0s}", "after: 0s}, launch: {per_tick: 2}", 1), fresh("queue.visible", 120, "fleet.running", 6, "fleet.pending", 1), "7 9 launch", "launch: launch or wake 2 instead of 5"},
		{"draining ones are recalled", backlog, fresh("queue.visible", 90, "fleet.running", 6, "fleet.pending", 0, "fleet.draining", 2), "6 9 launch", "plan: recall 2 draining before buying any"},
		{"draining ones count against the maximum", backlog, fresh("queue.visible", 9000, "fleet.running", 6, "fleet.pending", 0, "fleet.draining", 2), "6 50 launch", ""},
		{"sleeping ones are woken", backlog, fresh("queue.visible", 90, "fleet.running", 6, "fleet.pending", 0, "fleet.asleep", 2), "6 9 launch", "plan: wake 2 sleeping"},
		{"many are silent: no quorum is asked for", backlog, fresh("queue.visible", 20, "fleet.running", 6, "fleet.pending", 0, "fleet.silent", 3), "6 3 drain", ""},
		{"a blind policy lets nobody go", backlog, []any{"queue.visible", nil, "queue.in_flight", 0, "fleet.running", 6, "fleet.pending", 0}, "6 6 hold", "backlog: cannot tell: queue.visible is unknown: given as null"},
		{"running is null", backlog, fresh("queue.visible", 20, "fleet.running", nil, "fleet.pending", 0), "null null hold", "blind: hold: fleet.running is unknown: given as null"},
		{"pending is absent", backlog, fresh("queue.visible", 20, "fleet.running", 3), "null null hold", "blind: hold: fleet.pending is unknown: not in the line"},
		{"nothing is given", backlog, nil, "null null hold", "blind: hold: fleet.running is unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := tell(t, session(t, c.policy), given(0, c.line...))
			if got := short(out); got != c.want || !strings.Contains(said(out), c.says) {
				t.Errorf("got %s, want %s\n%s", got, c.want, said(out))
			}
		})
	}
}

// What guards remember builds up from line to line.
func TestHistoryBuildsUp(t *testing.T) {
	s := session(t, "bounds: {max: 50}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {release: {after: 3m}, launch: {per_hour: 10}}\n")
	for minute, c := range []struct {
		visible, running any
		want             string
	}{
		{100, 4, "4 10 launch"},
		{200, 10, "10 14 launch"}, // six of ten are spent
		{300, 14, "14 14 hold"},   // ten of ten
		{50, 14, "14 14 hold"},    // 30 were wanted just now
		{50, 14, "14 14 hold"},
		{50, 14, "14 14 hold"},
		{50, 14, "14 5 drain"}, // low for three minutes
	} {
		out := tell(t, s, given(minute, "queue.visible", c.visible, "queue.in_flight", 0, "fleet.running", c.running, "fleet.pending", 0))
		if got := short(out); got != c.want {
			t.Errorf("minute %d: got %s, want %s\n%s", minute, got, c.want, said(out))
		}
	}
	out := tell(t, s, given(70, "queue.visible", 300, "queue.in_flight", 0, "fleet.running", 14, "fleet.pending", 0))
	if got := short(out); got != "14 24 launch" {
		t.Errorf("an hour later: got %s\n%s", got, said(out))
	}
}

// A minute in which it is unknown how many there are wants what there was.
func TestABlindMinuteIsNoLowOne(t *testing.T) {
	s := session(t, "bounds: {max: 50}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {release: {after: 2m}}\n")
	low := func(minute int) line.In {
		return given(minute, "queue.visible", 0, "queue.in_flight", 0, "fleet.running", 9, "fleet.pending", 0)
	}
	var got []string
	for minute := range 8 {
		in := low(minute)
		if minute == 2 {
			in.Signals["fleet.running"] = nil
		}
		got = append(got, short(tell(t, s, in)))
	}
	want := []string{"9 9 hold", "9 9 hold", "null null hold", "9 9 hold", "9 9 hold", "9 0 drain", "9 0 drain", "9 0 drain"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s = session(t, "bounds: {max: 50}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {release: {after: 1m}}\n")
	for minute := range 3 { // blind from the first: what there was is not known either
		tell(t, s, given(minute, "queue.visible", 0, "queue.in_flight", 0))
	}
	if got := short(tell(t, s, low(3))); got != "9 9 hold" {
		t.Errorf("after blind minutes: %s", got)
	}
}

// Workers that are made up do not look like dead ones when they begin to serve.
func TestPendingOnesThatServeHaveNotDied(t *testing.T) {
	s := session(t, backlog)
	var last line.Out
	for minute := range 10 { // pending, running, pending, …
		last = tell(t, s, given(minute, "queue.visible", 100, "queue.in_flight", 0, "fleet.running", 5*(minute%2), "fleet.pending", 5-5*(minute%2)))
	}
	if strings.Contains(said(last), "breaker") || last.Action != "launch" {
		t.Errorf("%s\n%s", short(last), said(last))
	}
}

func TestTimeMustAdvance(t *testing.T) {
	s := session(t, backlog)
	tell(t, s, given(1))
	for _, minute := range []int{1, 0} {
		_, _, err := s.Decide(t.Context(), given(minute))
		if err == nil || !strings.Contains(err.Error(), "does not come after 2026-03-01T17:01:00Z, the time of the line before; time must advance") {
			t.Errorf("minute %d: %v", minute, err)
		}
	}
	tell(t, s, given(2))
}

func TestSignalsAreChecked(t *testing.T) {
	s := session(t, backlog)
	if _, _, err := s.Decide(t.Context(), given(0, "queue.visble", 1)); err == nil || !strings.Contains(err.Error(), `did you mean "queue.visible"?`) {
		t.Errorf("got %v", err)
	}
	s.Names = signals.Names{Queues: []string{"photos"}}
	if _, _, err := s.Decide(t.Context(), given(0, "queues.videos.visible", 1)); err == nil || !strings.Contains(err.Error(), "is not a signal of this fleet") {
		t.Errorf("got %v", err)
	}
}

// A queue.* signal stands for the one queue in play, and the sum for several.
func TestQueues(t *testing.T) {
	s := session(t, backlog)
	s.Settings.Queues = []string{"photos"}
	in := given(0, "queue.visible", 30, "queue.in_flight", 0, "fleet.running", 0, "fleet.pending", 0)
	tell(t, s, in)
	if v, err := s.Snapshot().Value("queues.photos.visible"); v != 30 || err != nil {
		t.Errorf("one queue has %g, %v", v, err)
	}
	if _, added := in.Signals["queues.photos.visible"]; added {
		t.Error("the caller's line was changed")
	}
	tell(t, s, given(1, "queues.videos.visible", 5, "queues.photos.visible", 20, "fleet.running", 0, "fleet.pending", 0))
	if v, err := s.Snapshot().Value("queue.visible"); v != 25 || err != nil || !slices.Equal(s.Snapshot().Queues, []string{"photos", "videos"}) {
		t.Errorf("%v have %g, %v", s.Snapshot().Queues, v, err)
	}
	tell(t, s, given(2, "queues.photos.visible", 20, "fleet.running", 0, "fleet.pending", 0))
	if _, err := s.Snapshot().Value("queue.visible"); err == nil {
		t.Error("of two queues one is not told of, and the sum is known all the same")
	}
}

// Given signals are final, null ones too; what workers made up would tell is
// unknown.
func TestWhatIsKnown(t *testing.T) {
	s := session(t, backlog)
	tell(t, s, given(0, "fleet.running", 3, "fleet.pending", 1, "fleet.slots", 4, "queue.in_flight", 9, "fleet.utilisation", nil, "work.seconds_mean", 4))
	for name, want := range map[string]string{
		"fleet.running": "3", "fleet.pending": "1", "fleet.slots": "4", "work.seconds_mean": "4",
		"fleet.utilisation": "fleet.utilisation is unknown: given as null",
		"fleet.draining":    "fleet.draining is unknown: not given",
		"fleet.idle":        "fleet.idle is unknown: not given",
		"queue.visible":     "queue.visible is unknown",
	} {
		v, err := s.Snapshot().Value(name)
		got := fmt.Sprint(v)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// What the workers have in hand is as the line says, or what is in flight.
func TestInHand(t *testing.T) {
	for _, c := range []struct {
		line []any
		want string // jobs of three that run
	}{
		{[]any{"fleet.busy_slots", 4}, "[1 1 2]"},
		{[]any{"fleet.busy_slots", 4, "queue.in_flight", 9}, "[1 1 2]"},
		{[]any{"queue.in_flight", 100}, "[4 4 4]"},
		{[]any{"queue.in_flight", nil}, "[0 0 0]"},
		{[]any{"fleet.busy_slots", 7, "fleet.idle", 1}, "[0 3 4]"},
		{[]any{"fleet.idle", 2}, "[0 0 1]"},
		{[]any{"fleet.idle", 9}, "[0 0 0]"},
	} {
		s := session(t, backlog)
		tell(t, s, given(0, append(c.line, "fleet.running", 3, "fleet.pending", 0, "fleet.slots", 4)...))
		var jobs []int
		for _, w := range s.Snapshot().Workers {
			jobs = append(jobs, w.Jobs)
		}
		slices.Sort(jobs)
		if fmt.Sprint(jobs) != c.want {
			t.Errorf("%v: %v, want %s", c.line, jobs, c.want)
		}
	}
}

// Those on their way keep the time at which they were first seen; the oldest
// arrive first.
func TestPendingOnesAge(t *testing.T) {
	s := session(t, backlog)
	for minute, c := range []struct {
		pending int
		want    string // ages in seconds, the oldest first
	}{
		{2, "[100 100]"}, // half way there
		{2, "[160 160]"},
		{3, "[220 220 60]"}, // launched since the line before
		{2, "[280 120]"},
		{0, "[]"},
		{1, "[60]"},
	} {
		tell(t, s, given(minute, "queue.visible", 400, "queue.in_flight", 0, "fleet.running", 3, "fleet.pending", c.pending, "fleet.boot_seconds", 200))
		ages := []float64{}
		for _, w := range s.Snapshot().Workers {
			if w.State == fleet.Starting {
				ages = append(ages, s.Snapshot().Now.Sub(w.Launched).Seconds())
			}
		}
		if fmt.Sprint(ages) != c.want {
			t.Errorf("minute %d: %v, want %s", minute, ages, c.want)
		}
	}
}

// The last decision is a signal, as in the daemon.
func TestTheLastDecision(t *testing.T) {
	s := session(t, backlog)
	tell(t, s, given(0, "queue.visible", 90, "queue.in_flight", 0, "fleet.running", 3, "fleet.pending", 0, "fleet.asleep", 2))
	tell(t, s, given(1, "queue.visible", 20, "queue.in_flight", 0, "fleet.running", 9, "fleet.pending", 0))
	if v, err := s.Snapshot().Value("decision.launched"); v != 6 || err != nil {
		t.Errorf("launched and woke %g, %v", v, err)
	}
	tell(t, s, given(2, "queue.visible", 20, "queue.in_flight", 0, "fleet.running", 2, "fleet.pending", 0))
	if v, err := s.Snapshot().Value("decision.drained"); v != 7 || err != nil {
		t.Errorf("drained %g, %v", v, err)
	}
}

func workers(n int, change func(i int, w *fleet.Worker)) []fleet.Worker {
	ws := make([]fleet.Worker, n)
	for i := range ws {
		ws[i] = fleet.Worker{ID: fleet.ID(fmt.Sprintf("i-%d", i)), State: fleet.Working, Slots: 4, Launched: five.Add(-time.Hour), Heard: five}
		if change != nil {
			change(i, &ws[i])
		}
	}
	return ws
}

// Where workers are listed the guards about them apply, and the action is the
// decision's own.
func TestWithWorkers(t *testing.T) {
	low := func(minute int, ws []fleet.Worker) line.In {
		in := given(minute, "queue.visible", 20, "queue.in_flight", 0)
		in.Workers = ws
		return in
	}
	for _, c := range []struct {
		name, policy string
		ws           []fleet.Worker
		want, says   string
	}{
		{"none", backlog, []fleet.Worker{}, "0 2 launch", ""},
		{"too many", backlog, workers(6, nil), "6 2 drain", "drain 4 of 6, idle ones first: i-0, i-1, i-2, i-3"},
		{"many are silent", backlog, workers(6, func(i int, w *fleet.Worker) { w.Silent = i < 3 }), "6 6 hold", "quorum: let nobody go instead of 3: 3 of 6 workers are silent"},
		{"all are young", strings.Replace(backlog, "after: 0s", "after: 0s, min_age: 2h", 1), workers(6, nil), "6 6 hold", ""},
		{"one has drained", backlog, workers(3, func(i int, w *fleet.Worker) {
			if i == 2 {
				w.State = fleet.Drained
			}
		}), "2 2 terminate", "i-2 is let go: it says it has drained"},
		{"one is dead on arrival", backlog, workers(3, func(i int, w *fleet.Worker) {
			if i == 2 {
				w.State, w.Heard, w.Unheard = fleet.Starting, time.Time{}, time.Hour
			}
		}), "3 2 terminate", "i-2 is dead on arrival"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := tell(t, session(t, c.policy), low(0, c.ws))
			if got := short(out); got != c.want || !strings.Contains(said(out), c.says) {
				t.Errorf("got %s, want %s\n%s", got, c.want, said(out))
			}
		})
	}
	s := session(t, backlog) // one that is listed has a fate
	starting := workers(3, func(_ int, w *fleet.Worker) { w.State, w.Heard = fleet.Starting, time.Time{} })
	in := low(0, starting)
	in.Signals["queue.visible"] = new(400.0)
	tell(t, s, in)
	in = low(1, []fleet.Worker{})
	in.Signals["queue.visible"] = new(400.0)
	if out := tell(t, s, in); !strings.Contains(said(out), "breaker: launch one probe instead of 40") {
		t.Errorf("three have died: %s\n%s", short(out), said(out))
	}
}

func TestOrders(t *testing.T) {
	in := given(0, "queue.visible", 200, "queue.in_flight", 0, "fleet.running", 6, "fleet.pending", 0)
	in.Orders.Pause = &signals.Pause{Until: five.Add(time.Hour), By: "ann"}
	if out := tell(t, session(t, backlog), in); short(out) != "6 6 hold" || !strings.Contains(said(out), "paused until") {
		t.Errorf("%s\n%s", short(out), said(out))
	}
}

// asked answers 9 and keeps what it was asked about.
type asked struct{ about []signals.Snapshot }

func (a *asked) Ask(_ context.Context, s signals.Snapshot) []signals.Advice {
	a.about = append(a.about, s)
	return []signals.Advice{{Policy: "mine", Want: 9}, {Policy: "other", Want: 1}}
}

// Programs are asked about the line as it was given, unless it says what they
// answered.
func TestAdvice(t *testing.T) {
	a := &asked{}
	s := session(t, backlog)
	s.Advisers = a
	in := given(0, "queue.visible", 20, "fleet.running", 6, "fleet.pending", 0)
	in.Advice = []signals.Advice{{Policy: "other", Want: 4}}
	tell(t, s, in)
	want := []signals.Advice{{Policy: "other", Want: 4}, {Policy: "mine", Want: 9}}
	if diff := cmp.Diff(want, s.Snapshot().Advice); diff != "" {
		t.Error(diff)
	}
	if len(a.about) != 1 || a.about[0].Workers != nil || len(a.about[0].Signals) != 3 {
		t.Errorf("asked about %+v", a.about)
	}
}

// Whatever the lines say: no panic, have is what they say, and where the engine is
// blind nobody is let go.
func TestLaws(t *testing.T) {
	names := []string{"queue.visible", "queue.in_flight", "queues.photos.visible", "queues.videos.in_flight", "fleet.running", "fleet.pending",
		"fleet.draining", "fleet.asleep", "fleet.silent", "fleet.idle", "fleet.busy_slots", "fleet.slots", "work.seconds_mean", "upload.cpu"}
	rapid.Check(t, func(r *rapid.T) {
		p, err := file.Parse("p", []byte("bounds: {min: 1, max: 40}\npolicies: [{type: backlog, per_worker: 3}]\nguards: {release: {after: 0s}}\nsleep: {keep: 3}\n"), signals.Names{Open: true})
		if err != nil {
			r.Fatal(err)
		}
		s, at := decide.New(p, "render"), five
		for range rapid.IntRange(1, 8).Draw(r, "lines") {
			at = at.Add(time.Duration(rapid.IntRange(1, 400).Draw(r, "seconds")) * time.Second)
			in := line.In{Time: at, Signals: map[string]*float64{}}
			for _, n := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(r, "names") {
				in.Signals[n] = rapid.Ptr(rapid.Map(rapid.IntRange(0, 60), func(n int) float64 { return float64(n) }), true).Draw(r, n)
			}
			out, d, err := s.Decide(context.Background(), in)
			if err != nil {
				r.Fatal(err)
			}
			law(r, in, out, d)
		}
	})
}

func law(r *rapid.T, in line.In, out line.Out, d policy.Decision) {
	running, pending := in.Signals["fleet.running"], in.Signals["fleet.pending"]
	if running == nil || pending == nil {
		if out.Have != nil || out.Want != nil || out.Action != "hold" || len(out.Reasons) == 0 || !d.Idle() {
			r.Fatalf("decides without knowing how many there are: %s", short(out))
		}
		return
	}
	if out.Have == nil || *out.Have != int(*running+*pending) {
		r.Fatalf("have %s of %g and %g", short(out), *running, *pending)
	}
	if d.Blind && *out.Want < *out.Have {
		r.Fatalf("lets go while blind: %s", short(out))
	}
	if more := *out.Want - *out.Have; (more > 0) != (out.Action == "launch") || (more < 0) != (out.Action == "drain") {
		r.Fatalf("%s", short(out))
	}
	if billed := d.Launch + len(d.Wake) + *out.Have; billed > max(40, *out.Have) {
		r.Fatalf("more than the maximum: %s", short(out))
	}
}

// The promised example: a policy file of bounds alone, and its first line.
func TestTheExample(t *testing.T) {
	in, err := line.Parse([]byte(`{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":120,"queue.in_flight":8,"queue.arrived":40,"queue.completed":38,"queue.oldest_age":12.5,"work.seconds_mean":4,"fleet.running":6,"fleet.pending":1,"fleet.slots":4,"fleet.boot_seconds":90}}`))
	if err != nil {
		t.Fatal(err)
	}
	out := tell(t, session(t, "bounds: {max: 20}\n"), in)
	if short(out) != "7 7 hold" || out.Reasons[0].By != "slo" {
		t.Errorf("%s\n%s", short(out), said(out))
	}
}
