package batch

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/worker/recipe"
)

func states(w *Watch) (all []State) {
	for _, r := range w.Results {
		all = append(all, r.State)
	}
	return all
}

func look(t *testing.T, w *Watch, want ...State) {
	t.Helper()
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(w); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

func TestWhatCameOfItems(t *testing.T) {
	s := newShop()
	m, r := mailed(t, s, 4)
	w := NewWatch(s, r)
	look(t, w, Waiting, Waiting, Waiting, Waiting)
	s.after(time.Minute)
	s.done(r.Items[0])
	s.failed(r.Items[1], "no such object", false)
	s.failed(r.Items[2], "no such object", true)
	look(t, w, Done, Failing, Failed, Waiting)
	if x := w.Results[0]; x.Bytes != 2 || !x.At.Equal(noon.Add(time.Minute)) {
		t.Errorf("done: %+v", x)
	}
	items, known := w.Failed()
	if !slices.Equal(items, []int{2}) || !known.Equal(noon.Add(time.Minute)) {
		t.Errorf("failed: %v, %v", items, known)
	}
	s.after(time.Minute)
	if err := m.Again(t.Context(), items, known); err != nil {
		t.Fatal(err)
	}
	if m.Record, _ = m.Shelf.Load(t.Context(), "a"); len(m.Record.Sent.again) != 1 {
		t.Fatalf("written down: %+v", m.Record.Sent)
	}
	s.done(r.Items[1])
	w = NewWatch(s, m.Record)
	look(t, w, Done, Done, Waiting, Waiting)
	s.after(time.Minute)
	s.failed(r.Items[2], "again", true)
	look(t, w, Done, Done, Failed, Waiting)
	s.after(time.Minute)
	s.done(r.Items[2])
	look(t, w, Done, Done, Done, Waiting)
}

// TestOutputsOfEarlierAreNotOurs: the same folder was worked on before.
func TestOutputsOfEarlierAreNotOurs(t *testing.T) {
	s := newShop()
	all := items(4)
	s.done(all[0])
	s.failed(all[1], "earlier", true)
	s.after(time.Hour)
	_, r := mailed(t, s, 4)
	w := NewWatch(s, r)
	look(t, w, Waiting, Waiting, Waiting, Waiting)
	if got := Count(w.Results, s.now); got.Earlier != 1 || got.Bytes != 0 {
		t.Errorf("%+v", got)
	}
	s.after(time.Second)
	s.done(all[0])
	s.done(all[1])
	s.done(all[2])
	s.after(time.Second)
	s.failed(all[2], "sent by hand later", true) // newer than the manifest: it is what holds
	look(t, w, Done, Done, Failed, Waiting)
}

// TestWhatIsLeftWhenTheQueueIsEmpty: outputs of earlier are those that were asked
// for; of the rest nothing will come. What was sent again and lost can be sent
// again.
func TestWhatIsLeftWhenTheQueueIsEmpty(t *testing.T) {
	s := newShop()
	all := items(6)
	s.done(all[0])
	s.after(time.Hour)
	m, r := mailed(t, s, 6)
	r.Sent.first = spans{{0, 4}}
	w := NewWatch(s, r)
	s.after(time.Second)
	s.done(all[1])
	s.failed(all[2], "bad", false)
	s.failed(all[3], "bad", true)
	look(t, w, Waiting, Done, Failing, Failed, Waiting, Unsent)
	if !w.Open() {
		t.Error("nothing is open")
	}
	w.Over()
	if got := states(w); !slices.Equal(got, []State{Done, Done, Lost, Failed, Lost, Unsent}) || w.Open() {
		t.Errorf("%v", got)
	}
	got := Count(w.Results, s.now)
	if got.Done != 2 || got.Before != 1 || got.Lost != 2 || got.Failed != 1 || got.Settled() != 5 || got.Over() {
		t.Errorf("%+v", got)
	}
	causes := Causes(r, w.Results)
	if len(causes) != 2 || causes[0].Reason != lost || !slices.Equal(causes[0].Items, []int{2, 4}) {
		t.Errorf("%+v", causes)
	}
	failed, known := w.Failed()
	if !slices.Equal(failed, []int{2, 3, 4}) {
		t.Errorf("failed %v", failed)
	}
	if err := m.Again(t.Context(), failed, known); err != nil {
		t.Fatal(err)
	}
	look(t, NewWatch(s, r), Waiting, Done, Waiting, Waiting, Waiting, Unsent)
}

func TestUnsentItems(t *testing.T) {
	s := newShop()
	shelf, r := filed(t, s, 3)
	_ = Mailing{Shelf: shelf, Record: r, To: &post{map[string]int{}, 2}, Now: time.Now}.Rest(t.Context())
	r, err := shelf.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	look(t, NewWatch(s, r), Waiting, Waiting, Unsent)
}

// TestFailuresAreReadOnce, not at each look, and one that cannot be read is one.
func TestFailuresAreReadOnce(t *testing.T) {
	s := newShop()
	_, r := mailed(t, s, 3)
	s.failed(r.Items[0], "bad", true)
	_ = s.Write(t.Context(), r.Items[1].Output+"/failed.json", []byte("{"))
	w := NewWatch(s, r)
	before := s.reads
	look(t, w, Failed, Failing, Waiting)
	look(t, w, Failed, Failing, Waiting)
	if s.reads != before+2 {
		t.Errorf("%d reads", s.reads-before)
	}
	if why := w.Results[1].Failure.Reason; !strings.HasPrefix(why, "why is not known: ") {
		t.Errorf("reason %q", why)
	}
	s.after(time.Second)
	s.failed(r.Items[0], "worse", true)
	look(t, w, Failed, Failing, Waiting)
	if s.reads != before+3 || w.Results[0].Failure.Reason != "worse" {
		t.Errorf("%d reads, %+v", s.reads-before, w.Results[0].Failure)
	}
}

// TestFoldersAreListedAtOnceWhereThatIsLess: many items by what they have in
// common; few, or some among much else, by their own folders. Either finds the
// same.
func TestFoldersAreListedAtOnceWhereThatIsLess(t *testing.T) {
	s := newShop()
	_, r := mailed(t, s, 300)
	for _, it := range r.Items[:250] {
		s.done(it)
		s.put(it.Output + "/hls/0.ts")
	}
	w := NewWatch(s, r)
	lists := s.lists
	check := func(asked, done int) {
		t.Helper()
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := Count(w.Results, s.now); c.Done != done || c.Bytes != int64(3*done) || s.lists-lists != asked {
			t.Errorf("%d lists, want %d; %+v", s.lists-lists, asked, c)
		}
		lists = s.lists
	}
	check(1, 250)
	check(50, 250)
	if w.common() != "s3://b/out" {
		t.Errorf("common is %s", w.common())
	}
	for i := range atLeast + 1 {
		s.put("s3://b/out/else/" + string(rune('a'+i%26)) + strings.Repeat("x", i/26))
	}
	w = NewWatch(s, r)
	check(301, 250)
}

func TestAStoreThatDoesNotAnswerChangesNothing(t *testing.T) {
	s := newShop()
	_, r := mailed(t, s, 2)
	w := NewWatch(s, r)
	s.done(r.Items[0])
	look(t, w, Done, Waiting)
	s.broken = errors.New("no answer")
	if err := w.Look(t.Context()); !errors.Is(err, s.broken) || !slices.Equal(states(w), []State{Done, Waiting}) {
		t.Errorf("%v, %v", err, states(w))
	}
}

func settledAt(offsets ...time.Duration) (all []Result) {
	for _, d := range offsets {
		all = append(all, Result{State: Done, At: noon.Add(d), Bytes: 10})
	}
	return all
}

func waiting(n int) []Result { return slices.Repeat([]Result{{State: Waiting}}, n) }

func TestCount(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, c := range []struct {
		name    string
		results []Result
		now     time.Duration
		rate    float64
		left    time.Duration
	}{
		{"nothing yet", waiting(5), m, 0, 0},
		{"one is no rate", slices.Concat(settledAt(0), waiting(5)), m, 0, 0},
		{"two a second apart, seen at once", slices.Concat(settledAt(0, s), waiting(5)), s, 1, 5 * s},
		{"a boot of 4 minutes is not counted", slices.Concat(settledAt(4*m, 4*m+s, 4*m+2*s), waiting(10)), 4*m + 2*s, 1, 10 * s},
		{"it slows down when nothing comes", slices.Concat(settledAt(0, s, 2*s), waiting(10)), 20 * s, 0.1, 100 * s},
		{"and is not known after the window", slices.Concat(settledAt(0, s, 2*s), waiting(10)), 6 * m, 0, 0},
		{"all at the same moment", slices.Concat(settledAt(0, 0, 0), waiting(1)), 0, 0, 0},
		{"the store's clock is ahead", slices.Concat(settledAt(m, m), waiting(1)), 0, 0, 0},
		{"over: neither is asked for", settledAt(0, s), 2 * s, 0, 0},
	} {
		got := Count(c.results, noon.Add(c.now))
		if got.Rate != c.rate || got.Left.Round(time.Millisecond) != c.left {
			t.Errorf("%s: %v a second, %v left, want %v and %v", c.name, got.Rate, got.Left, c.rate, c.left)
		}
	}
	mixed := slices.Concat(settledAt(0, m), waiting(2), []Result{
		{State: Failed, At: noon.Add(-m)}, {State: Failing, Earlier: true}, {State: Unsent},
	})
	got := Count(mixed, noon.Add(m))
	want := Tally{Items: 7, Unsent: 1, Waiting: 2, Failing: 1, Failed: 1, Done: 2, Earlier: 1, Bytes: 20,
		Rate: got.Rate, Left: got.Left, First: noon.Add(-m), Last: noon.Add(m)}
	if got != want || got.Settled() != 3 || got.Over() || !Count(settledAt(0), noon).Over() {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCountsAddUp, and neither rate nor time left is ever negative or absurd.
func TestCountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		results := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Result {
			return Result{
				State: State(rapid.IntRange(0, int(Done)).Draw(t, "state")), Bytes: rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
				At: noon.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "at"))), Earlier: rapid.Bool().Draw(t, "earlier"),
			}
		})).Draw(t, "results")
		c := Count(results, noon)
		if c.Items != len(results) || c.Unsent+c.Waiting+c.Failing+c.Failed+c.Lost+c.Done != c.Items || c.Earlier > c.Waiting+c.Failing || c.Before > c.Done {
			t.Fatalf("%+v", c)
		}
		if c.Rate < 0 || c.Rate != c.Rate || c.Left < 0 || c.Rate == 0 && c.Left != 0 {
			t.Fatalf("%+v", c)
		}
	})
}

func TestCauses(t *testing.T) {
	r := &Record{Items: items(6)}
	fail := func(state State, reason string) Result {
		return Result{State: state, Failure: &recipe.Failure{Reason: reason}}
	}
	got := Causes(r, []Result{
		fail(Failed, "input: s3://b/in/0.jpg: no such object"), fail(Failed, "12 of 90 bytes"),
		fail(Failing, "input: s3://b/in/2.jpg: no such object"), {State: Done}, fail(Failed, ""),
		fail(Failed, "input: s3://b/in/5.jpg: no such object"),
	})
	want := []Cause{{"input: …: no such object", []int{0, 2, 5}}, {"12 of 90 bytes", []int{1}}, {"no reason was given", []int{4}}}
	if !slices.EqualFunc(got, want, func(a, b Cause) bool { return a.Reason == b.Reason && slices.Equal(a.Items, b.Items) }) {
		t.Errorf("%+v", got)
	}
}
