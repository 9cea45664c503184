package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/journaltest"
	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/signals"
)

var teatime = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)

// decided is a tick of fleet render so many minutes after teatime.
func decided(minute int, change func(*journal.Record)) journal.Record {
	now := teatime.Add(time.Duration(minute) * time.Minute)
	r := journal.Record{
		Snapshot: signals.Snapshot{Fleet: "render", Now: now, Signals: []signals.Signal{
			signals.Missing("fleet.boot_seconds", now, "the source is away"),
			signals.Known("queue.visible", 12, now, time.Minute),
		}},
		Decision: policy.Decision{
			ID: fleet.DecisionID("render", now), Fleet: "render", Have: 3, Raw: 3, Want: 3,
			Wants:   []policy.Want{{Policy: "slo", Want: 3, Because: "12 items × 90 s"}},
			Reasons: []policy.Reason{{By: "slo", Said: "12 items × 90 s"}},
		},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func bought(r *journal.Record) {
	d := &r.Decision
	d.Raw, d.Want, d.Launch = 5, 5, 2
	d.Reasons = append(d.Reasons, policy.Reason{By: "plan", Said: "launch 2"})
	i := journal.Intent{
		ID: d.ID + "/launch", Fleet: "render", Decision: d.ID, At: r.Snapshot.Now, Kind: journal.Launch,
		Order: &fleet.Order{Fleet: "render", Count: 2, Token: "sky-1"},
	}
	r.Intents = []journal.Intent{i}
	r.Outcomes = []journal.Outcome{{Intent: i.ID, At: i.At, Done: []fleet.ID{"i-1"}, Failed: "no capacity"}}
}

// journalled writes ticks into a state folder.
func journalled(t *testing.T, list ...journal.Record) (folder string) {
	t.Helper()
	folder = t.TempDir()
	j, err := sqlite.Open(filepath.Join(folder, "journal.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Write(t, j, list...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// said is what a command prints, and how it ends.
func said(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestExplain(t *testing.T) {
	folder := journalled(t,
		decided(0, bought),
		decided(1, func(r *journal.Record) { r.Snapshot.Born = []fleet.ID{"i-1"} }),
		decided(2, func(r *journal.Record) {
			r.Decision = policy.Decision{ID: r.Decision.ID, Fleet: "render", Failed: "no decision: list the instances: 503"}
		}),
		decided(3, func(r *journal.Record) {
			r.Decision.Want, r.Decision.Raw, r.Decision.Have = 3, 3, 5
			r.Decision.Reasons = append(r.Decision.Reasons, policy.Reason{By: "release", Said: "drain nobody instead of 2"})
		}),
	)
	for _, c := range []struct {
		name         string
		args         []string
		want, absent []string
	}{
		{"the last that did something", nil,
			[]string{"have 3, want 5: launch", "wants 3: 12 items × 90 s", "plan       launch 2",
				"launch 1 of 2: i-1; the rest was refused: no capacity", "heard for the first time within 1m0s: i-1", "queue.visible 12"},
			[]string{"fleet.boot_seconds", "17:01:00"}},
		{"one tick, whole", []string{"--at", "2026-03-01T17:01:30Z"},
			[]string{"did        nothing: there are as many as are wanted", "fleet.boot_seconds", "unknown: the source is away"}, []string{"launch"}},
		{"by its decision", []string{"--decision", "render-20260301T170000.000Z"}, []string{"heard for the first time", "fleet.boot_seconds"}, nil},
		{"one that failed", []string{"--at", "2026-03-01T17:02:00Z"}, []string{"no decision", "list the instances: 503"}, []string{"have 0"}},
		{"one that a guard held", []string{"--at", "2026-03-01T17:03:00Z"}, []string{"did        nothing: fewer would do, but a guard holds them"}, nil},
		{"before the first: the first", []string{"--at", "2026-03-01T16:58:00Z"}, []string{"launch 1 of 2"}, nil},
		{"for programs, with what came of it", []string{"--decision", "render-20260301T170000.000Z", "--output", "json"},
			[]string{`"then":["heard for the first time within 1m0s: i-1"`}, nil},
		{"all", []string{"--all"}, []string{"launch 1 of 2", "list the instances: 503", "a guard holds them"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := said(t, append([]string{"explain", "--state-dir", folder}, c.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("does not say %q:\n%s", w, got)
				}
			}
			for _, w := range c.absent {
				if strings.Contains(got, w) {
					t.Errorf("says %q:\n%s", w, got)
				}
			}
		})
	}
}

func TestExplainOfWhatIsNotThere(t *testing.T) {
	folder := journalled(t, decided(0, nil))
	for args, want := range map[string]string{
		"--at 2026-03-05T00:00:00Z": "has no tick of fleet",
		"--at noon":                 `--at "noon" is not a time`,
		"--decision what":           `is not a decision's ID`,
		"--last 0":                  "write 1 or more",
		"--at 10m --decision render-20260301T170000.000Z": "give one of them",
	} {
		if _, err := said(t, append([]string{"explain", "--state-dir", folder}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// A tick comes a little after the full minute that it is asked for by.
func TestExplainTheMinutesTick(t *testing.T) {
	late := func(minute int, want int) journal.Record {
		return decided(minute, func(r *journal.Record) {
			r.Snapshot.Now = r.Snapshot.Now.Add(1234567 * time.Nanosecond)
			r.Decision.ID = fleet.DecisionID("render", r.Snapshot.Now)
			r.Decision.Want = want
		})
	}
	folder := journalled(t, late(0, 40), late(1, 41), late(2, 42))
	at := teatime.Add(time.Minute).Local()
	for text, want := range map[string]string{
		at.Format("2006-01-02 15:04"):                        "want 41",
		at.Format(time.DateTime):                             "want 41",
		at.UTC().Format(time.RFC3339):                        "want 41",
		at.Add(30 * time.Second).Format(time.DateTime):       "want 41",
		at.Add(-30 * time.Second).Format(time.DateTime):      "want 40",
		at.Add(time.Millisecond).Format(time.RFC3339Nano):    "want 41",
		at.Add(-time.Millisecond).Format(time.RFC3339Nano):   "want 40",
		at.Add(-90 * time.Second).Format("2006-01-02T15:04"): "want 40",
		at.Add(-70 * time.Second).UTC().Format(time.RFC3339): "want 40", // before the first
		at.Add(20 * time.Minute).UTC().Format(time.RFC3339):  "want 42",
		at.Add(-20 * time.Minute).UTC().Format(time.RFC3339): "want 40",
	} {
		if out, err := said(t, "explain", "--state-dir", folder, "--at", text); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, want %s:\n%s", text, err, want, out)
		}
	}
	if out, err := said(t, "explain", "--state-dir", folder, "--decision", fleet.DecisionID("render", at.Add(1234567*time.Nanosecond))); err != nil || !strings.Contains(out, "want 41") {
		t.Errorf("by its decision: %v:\n%s", err, out)
	}
}

// What was done long ago is found behind the ticks that held since.
func TestExplainLooksFurtherBack(t *testing.T) {
	list := []journal.Record{decided(0, bought), decided(1, bought)}
	for i := range 200 {
		list = append(list, decided(2+i, nil))
	}
	folder := journalled(t, list...)
	for n, want := range map[string]int{"1": 1, "2": 2, "5": 2, "1000000000000000000": 2} {
		out, err := said(t, "explain", "--state-dir", folder, "--last", n)
		if got := strings.Count(out, "plan       launch 2"); err != nil || got != want {
			t.Errorf("--last %s tells of %d, want %d: %v", n, got, want, err)
		}
	}
}

// What a cloud or a program says cannot steer the terminal.
func TestExplainWritesPlainText(t *testing.T) {
	folder := journalled(t, decided(0, func(r *journal.Record) {
		r.Decision.Reasons = append(r.Decision.Reasons, policy.Reason{By: "plan", Said: "drain i-\x1b[2J\x07\u009b31m\nrm\xff"})
		r.Snapshot.Signals = append(r.Snapshot.Signals, signals.Missing("user.a", r.Snapshot.Now, "\x1b]0;title\x07"))
	}))
	for _, args := range [][]string{nil, {"--signals"}} {
		out, err := said(t, append([]string{"explain", "--state-dir", folder}, args...)...)
		if err != nil || strings.ContainsAny(out, "\x1b\x07\u009b") || !strings.Contains(out, "drain i-") {
			t.Errorf("%v: %v: %q", args, err, out)
		}
	}
}

func TestMomentOf(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	at := func(h, m int) time.Time { return time.Date(2026, 3, 1, h, m, 0, 0, time.Local) }
	for text, want := range map[string]time.Time{
		"17:05": at(17, 5), "10m": at(11, 50), "2026-03-01 17:05": at(17, 5), "2026-03-01 17:05:00": at(17, 5),
		"2026-03-01T17:05:00Z": time.Date(2026, 3, 1, 17, 5, 0, 0, time.UTC),
	} {
		if got, _, err := momentOf(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
}

// Of launches that never became workers it is told what they died of, those of one
// cause together.
func TestExplainSaysWhatLaunchesDiedOf(t *testing.T) {
	later := decided(1, func(r *journal.Record) {
		r.Snapshot.Died, r.Snapshot.Causes = []fleet.ID{"i-1", "i-2", "i-3", "i-4"}, []string{"no room", "", "no room"}
	})
	got := told{Record: decided(0, func(r *journal.Record) {
		bought(r)
		r.Outcomes[0].Done = []fleet.ID{"i-1", "i-2", "i-3", "i-4", "i-5"}
	}), later: []journal.Record{later}}.became()
	want := []string{"never heard of, given up within 1m0s: i-2, i-4", "never heard of, given up within 1m0s: i-1, i-3: no room"}
	if !slices.Equal(got, want) {
		t.Errorf("says %q, want %q", got, want)
	}
}
