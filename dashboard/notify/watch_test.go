package notify

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/dashboard/health"
	"skynet/signals"
)

var start = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)

// story is a fleet minute by minute, and what was told in which.
type story struct {
	w    Watch
	now  time.Time
	told []string
}

func newStory() *story {
	s := &story{now: start, w: Watch{Interval: time.Minute, Controller: "host", More: func(fleet, occasion string) string { return "skynet explain --fleet " + fleet }}}
	s.w.Act(start, "render")
	return s
}

// minutes has so many ticks in which the fleet fares like this.
func (s *story) minutes(n int, f health.Fleet) {
	for range n {
		f.Name, f.At = "render", s.now
		s.note(s.w.See(f))
		s.note(s.w.Pass(s.now.Add(30 * time.Second)))
		s.now = s.now.Add(time.Minute)
	}
}

// silence is time without a tick.
func (s *story) silence(n int) {
	for range n {
		s.note(s.w.Pass(s.now))
		s.now = s.now.Add(time.Minute)
	}
}

func (s *story) note(list []Message) {
	for _, m := range list {
		s.told = append(s.told, fmt.Sprintf("%d %s%s %s since %d", int(m.At.Sub(start).Minutes()), m.Occasion, m.About, m.State, int(m.Since.Sub(start).Minutes())))
	}
}

var (
	fine      = health.Fleet{Decided: true}
	open      = health.Fleet{Decided: true, Open: true, Dead: 3, Deaths: "the last 3 launches never became workers (3 × Client.InternalError: Client error on launch)"}
	capped    = health.Fleet{Decided: true, Capped: "want 3 instead of 5"}
	mixed     = health.Fleet{Decided: true, Versions: map[string]int{"1": 2, "2": 1}}
	blinded   = health.Fleet{Decided: true, Blind: "slo: no depth"}
	noTick    = health.Fleet{Failed: "no decision: the roster"}
	late      = health.Fleet{Decided: true, Promises: []health.Promise{{Queue: "photos", Missed: "90%"}, {Queue: "videos"}}}
	bothLate  = health.Fleet{Decided: true, Promises: []health.Promise{{Queue: "photos", Missed: "90%"}, {Queue: "videos", Missed: "80%"}}}
	halted    = health.Fleet{Decided: true, Pause: &signals.Pause{Until: start.Add(10 * time.Minute), By: "ann", Why: "by hand"}}
	lengthier = health.Fleet{Decided: true, Pause: &signals.Pause{Until: start.Add(20 * time.Minute)}}
)

func TestOnceWhenItBeginsAndOnceWhenItIsOver(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(s *story)
		want string
	}{
		{"all is well", func(s *story) { s.minutes(100, fine) }, ""},
		{"the breaker opens and closes", func(s *story) { s.minutes(2, fine); s.minutes(30, open); s.minutes(9, fine) }, "2 breaker begins since 2, 32 breaker over since 2"},
		{"it opens twice", func(s *story) { s.minutes(1, open); s.minutes(1, fine); s.minutes(1, open) }, "0 breaker begins since 0, 1 breaker over since 0, 2 breaker begins since 2"},
		{"a moment of the budget", func(s *story) { s.minutes(5, capped); s.minutes(60, fine) }, ""},
		{"the budget, on and off", func(s *story) {
			for range 4 {
				s.minutes(4, capped)
				s.minutes(4, fine)
			}
			s.minutes(20, fine)
		}, "8 budget begins since 0, 42 budget over since 0"},
		{"late for a while", func(s *story) { s.minutes(15, late); s.minutes(60, fine) }, ""},
		{"late for long", func(s *story) { s.minutes(60, late); s.minutes(60, fine) }, "15 objectivephotos begins since 0, 69 objectivephotos over since 0"},
		{"another queue as well", func(s *story) { s.minutes(10, late); s.minutes(20, bothLate); s.minutes(30, late) },
			"15 objectivephotos begins since 0, 25 objectivevideos begins since 10, 39 objectivevideos over since 10"},
		{"an upgrade", func(s *story) { s.minutes(59, mixed); s.minutes(60, fine) }, ""},
		{"an upgrade that is stuck", func(s *story) { s.minutes(70, mixed) }, "60 versions begins since 0"},
		{"blind at the start", func(s *story) { s.minutes(3, blinded); s.minutes(60, fine) }, ""},
		{"blind for long", func(s *story) { s.minutes(20, blinded); s.minutes(60, fine) }, "10 blind begins since 0, 21 blind over since 0"},
		{"a tick fails", func(s *story) { s.minutes(2, noTick); s.minutes(9, fine) }, ""},
		{"ticks fail", func(s *story) { s.minutes(5, noTick); s.minutes(9, fine) }, "3 failed begins since 0, 5 failed over since 0"},
		{"what is not known is neither worse nor over", func(s *story) { s.minutes(5, open); s.minutes(2, noTick); s.minutes(5, open); s.minutes(1, fine) }, "0 breaker begins since 0, 12 breaker over since 0"},
		{"ticks stop", func(s *story) { s.minutes(2, fine); s.silence(10); s.minutes(2, fine) }, "6 failed begins since 1, 12 failed over since 1"},
		{"there never was a tick", func(s *story) { s.silence(10) }, "5 failed begins since 0"},
		{"a pause expires", func(s *story) { s.minutes(10, halted); s.minutes(9, fine) }, "10 pause over since 0"},
		{"a pause is ended by hand", func(s *story) { s.minutes(5, halted); s.minutes(20, fine) }, ""},
		{"a pause is made longer", func(s *story) { s.minutes(5, halted); s.minutes(15, lengthier); s.minutes(9, fine) }, "20 pause over since 0"},
		{"a pause expires while ticks fail", func(s *story) { s.minutes(9, halted); s.minutes(2, noTick); s.minutes(9, fine) }, "11 pause over since 0"},
		{"another takes the turn", func(s *story) { s.minutes(5, open); s.w.Act(s.now); s.silence(60) }, "0 breaker begins since 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			c.does(s)
			if got := strings.Join(s.told, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whatever happens: what begins is over before it begins again, and of nothing is told
// that it is over which has not begun. A pause tells its end alone.
func TestBeginningsAndEndsAlternate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStory()
		kinds := []health.Fleet{fine, open, capped, mixed, blinded, noTick, late, bothLate, halted, lengthier}
		for range rapid.IntRange(1, 30).Draw(t, "stretches") {
			if rapid.IntRange(0, 5).Draw(t, "silent") == 0 {
				s.silence(rapid.IntRange(1, 30).Draw(t, "silence"))
			} else {
				s.minutes(rapid.IntRange(1, 40).Draw(t, "minutes"), rapid.SampledFrom(kinds).Draw(t, "kind"))
			}
		}
		begun := map[string]bool{}
		for _, one := range s.told {
			words := strings.Fields(one)
			what, state := words[1], words[2]
			if what == "pause" {
				continue
			}
			if (state == Begins) == begun[what] {
				t.Fatalf("%s: %v", one, s.told)
			}
			begun[what] = state == Begins
		}
	})
}

func TestWords(t *testing.T) {
	s := newStory()
	f := open
	f.Name, f.At = "render", start
	m := s.w.See(f)[0]
	want := Message{
		Text:  "SkyNet, fleet render: the breaker is open: the last 3 launches never became workers (3 × Client.InternalError: Client error on launch), one probe at a time is launched. Since 2026-03-01 17:00 UTC. More: skynet explain --fleet render",
		Fleet: "render", Occasion: "breaker", State: "begins", Since: start, At: start,
		Said:    "the breaker is open: the last 3 launches never became workers (3 × Client.InternalError: Client error on launch), one probe at a time is launched",
		Numbers: map[string]float64{"dead_launches": 3}, More: "skynet explain --fleet render", Controller: "host",
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
	f = fine
	f.Name, f.At = "render", start.Add(100*time.Minute)
	if m = s.w.See(f)[0]; !strings.HasPrefix(m.Text, "SkyNet, fleet render: over after 1h40m: the breaker is open: ") {
		t.Error(m.Text)
	}
	s = newStory()
	s.minutes(10, halted)
	f.At = s.now
	if m = s.w.See(f)[0]; m.Text != "SkyNet, fleet render: the pause until 2026-03-01 17:10 UTC by ann (by hand) has expired: it grows and shrinks again. More: skynet explain --fleet render" {
		t.Error(m.Text)
	}
	f = noTick
	f.Name, f.At, f.Failed = "render", start, "said <!channel>\x1b[31m\n"+strings.Repeat("é", 5000)
	s = newStory()
	s.w.See(f)
	f.At = start.Add(time.Hour)
	if m = s.w.See(f)[0]; strings.ContainsAny(m.Text, "<>\x1b\n") || len([]rune(m.Text)) > 800 {
		t.Errorf("%d letters: %q", len(m.Text), m.Text)
	}
}

// What was told before a restart is not told again, and is over when it is.
func TestARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notified.json")
	s := newStory()
	s.minutes(5, open)
	s.minutes(3, halted)
	s.w.keep(file)
	again := newStory()
	again.now = s.now.Add(5 * time.Minute)
	again.w.restore(file, again.now)
	again.w.Act(again.now, "render")
	again.minutes(3, fine)
	if got := strings.Join(append(s.told, again.told...), ", "); got != "0 breaker begins since 0, 5 breaker over since 0, 13 pause over since 5" {
		t.Error(got)
	}
	s = newStory()
	s.minutes(9, blinded) // a minute short of being told
	s.w.keep(file)
	s.w = Watch{Interval: time.Minute}
	s.w.restore(file, s.now)
	s.minutes(9, blinded)
	if len(s.told) > 0 {
		t.Errorf("what was not told begins anew: %v", s.told)
	}
	for _, text := range []string{"", "{", "null", `{"troubles":[{"fleet":"render","occasion":"breaker","told":true,"last":"2036-03-01T17:00:00Z"}]}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := newStory()
		s.w.restore(file, s.now)
		s.minutes(3, fine)
		s.minutes(1, open)
		if got := strings.Join(s.told, ", "); got != "3 breaker begins since 3" {
			t.Errorf("%q: %v", text, s.told)
		}
	}
	if err := replace(file, kept{}); err != nil {
		t.Error(err)
	}
	data, _ := os.ReadFile(file)
	if !json.Valid(data) {
		t.Errorf("%s", data)
	}
}
