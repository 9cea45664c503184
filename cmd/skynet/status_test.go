package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/dashboard"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// standAfter is how a fleet is whose last tick was this, at a time after it.
func standAfter(t *testing.T, past time.Duration, orders signals.Standing, list ...journal.Record) stand {
	t.Helper()
	return standIn(t, journalled(t, list...), promising, list[len(list)-1].Snapshot.Now.Add(past), orders)
}

const promising = "objective: {wait: 1m, quantile: 0.95}\nbounds: {min: 1, max: 9}\nguards: {breaker: {dead_launches: 2}, budget: {daily: 50}}\n"

// standIn is how a fleet is by its state folder and this policy file.
func standIn(t *testing.T, folder, policy string, now time.Time, orders signals.Standing) stand {
	t.Helper()
	write(t, filepath.Join(folder, "skynet.yaml"), fmt.Sprintf("interval: 1m\nstate_dir: %q\nqueues: [{name: photos, url: \"nats://embedded/photos\"}]\n"+
		"fleets: [{name: render, queues: [photos], policy: p.yaml, prices: [{type: local, hourly: 0.1}], local: {}}]\n", folder))
	write(t, filepath.Join(folder, "p.yaml"), policy)
	if err := writeOrders(ordersFile(folder), map[string]signals.Standing{"render": orders}); err != nil {
		t.Fatal(err)
	}
	c := statusCommand()
	if err := c.Flags().Set("config", filepath.Join(folder, "skynet.yaml")); err != nil {
		t.Fatal(err)
	}
	c.SetContext(t.Context())
	l, err := lookerOf(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.look(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func screenOf(s stand) string {
	var b strings.Builder
	for _, f := range s.Fleets {
		f.print(&b, s.Now, false)
	}
	return b.String()
}

func well(r *journal.Record) {
	s, now := &r.Snapshot, r.Snapshot.Now
	for name, v := range map[string]float64{
		"queues.photos.visible": 12, "queues.photos.in_flight": 3, "queues.photos.oldest_age": 4, "queues.photos.dead": 2,
		"queues.photos.wait_p50": 1, "queues.photos.wait_p95": 5, "queues.photos.wait_p99": 20, "cost.per_hour": 0.3, "cost.today": 2.5,
	} {
		s.Signals = append(s.Signals, signals.Known(name, v, now, time.Minute))
	}
	s.Signals = signals.Sort(s.Signals)
	s.Workers = []fleet.Worker{
		{ID: "i-1", State: fleet.Working, Jobs: 3, Slots: 4, Heard: now.Add(-5 * time.Second)},
		{ID: "i-2", State: fleet.Starting}, {ID: "i-3", State: fleet.Leaving},
	}
}

func TestStatusOnOneScreen(t *testing.T) {
	later := teatime.Add(time.Hour)
	s := standAfter(t, 8*time.Second, signals.Standing{
		Pause: &signals.Pause{Until: later, By: "ann", Why: "new disks"}, Floor: &signals.Floor{Want: 2, Until: later, By: "bob"},
		Drain: []signals.Named{{ID: "i-1", Until: later, By: "cem", Why: "slow"}},
	}, decided(0, well))
	got := screenOf(s)
	for _, want := range []string{
		"fleet render: have 3, want 3: hold", ", 8 s ago)",
		"photos: 95% start within 1m: kept, 99.", "12 waiting, 3 in hand, the oldest for", "4s, 2 in the dead-letter queue",
		"1 starting, 1 working; 3 of 4 slots busy; 1 to 9 may be",
		"0.30 an hour, 2.50 today; at most 50.00 a day",
		"paused until ", ", by ann: new disks", "at least 2 until ", "drain i-1 until ", ", by cem: slow",
		"wrong      nothing", "i-1                  working   3 of 4 busy  heard 13 s ago", "i-2                  starting",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !s.Healthy || strings.Contains(got, "i-3") || strings.Count(got, "\n") > 24 {
		t.Errorf("healthy %v:\n%s", s.Healthy, got)
	}
	out, err := json.Marshal(s)
	var back struct {
		Healthy bool
		Fleets  []struct {
			Name  string
			Pause struct{ Why string }
			Drain []struct{ ID string }
			Wrong []string
		}
	}
	if e := json.Unmarshal(out, &back); err != nil || e != nil || !back.Healthy || back.Fleets[0].Pause.Why != "new disks" || back.Fleets[0].Drain[0].ID != "i-1" || back.Fleets[0].Wrong == nil {
		t.Errorf("%s: %v, %v", out, err, e)
	}
}

// How many there may be is told of a fleet without workers, too.
func TestStatusTellsTheBoundsOfNone(t *testing.T) {
	if got := screenOf(standAfter(t, 0, signals.Standing{}, decided(0, nil))); !strings.Contains(got, "workers    none; 1 to 9 may be\n") {
		t.Errorf("says\n%s", got)
	}
}

// What others wrote, an order's reason for one, cannot steer the terminal.
func TestStatusWritesPlainText(t *testing.T) {
	var out strings.Builder
	fmt.Fprintf(steady{&out}, "paused:\t%s\n", "new \x1b[2Jdisks\u009b31m\u202e\rx\xff, 木 é ✓")
	if got := out.String(); got != "paused:\tnew ?[2Jdisks?31m??x?, 木 é ✓\n" {
		t.Errorf("%q", got)
	}
}

func TestStatusSaysWhatIsWrong(t *testing.T) {
	and := func(list ...func(*journal.Record)) func(*journal.Record) {
		return func(r *journal.Record) {
			for _, f := range list {
				f(r)
			}
		}
	}
	argues := func(by, said string) func(*journal.Record) {
		return func(r *journal.Record) {
			r.Decision.Reasons = append(r.Decision.Reasons, policy.Reason{By: by, Said: said})
		}
	}
	died := func(r *journal.Record) { r.Snapshot.Died = []fleet.ID{"i-8", "i-9"} }
	diedOf := func(r *journal.Record) {
		died(r)
		r.Snapshot.Causes = []string{"Client.InternalError: Client error on launch", "Client.InternalError: Client error on launch"}
	}
	for _, c := range []struct {
		name string
		past time.Duration
		list []journal.Record
		want []string
	}{
		{"nothing", time.Minute, []journal.Record{decided(0, well)}, nil},
		{"no tick for long", 4 * time.Minute, []journal.Record{decided(0, well)}, []string{"the last tick was 4 min ago: skynet does not run, or hangs"}},
		{"no decision", 0, []journal.Record{decided(0, well), decided(1, func(r *journal.Record) {
			r.Decision = policy.Decision{ID: r.Decision.ID, Fleet: "render", Failed: "no decision: the roster\ncannot be listed"}
		})}, []string{"the last tick decided nothing: no decision: the roster …"}},
		{"blind", 0, []journal.Record{decided(0, and(well, func(r *journal.Record) {
			r.Decision.Blind, r.Decision.Wants[0].Blind = true, true
		}))}, []string{"blind, nobody is let go: slo: 12 items × 90 s"}},
		{"missed", 0, []journal.Record{decided(0, and(well, func(r *journal.Record) {
			for i := range r.Snapshot.Signals {
				if strings.Contains(r.Snapshot.Signals[i].Name, ".wait_") {
					r.Snapshot.Signals[i].Value = 300
				}
			}
		}))}, []string{"% of the items of photos started within 1m"}},
		{"the budget holds", 0, []journal.Record{decided(0, and(well, argues("budget", "want 3 instead of 9: 49 are spent today")))}, []string{"budget: want 3 instead of 9"}},
		{"deaf", 0, []journal.Record{decided(0, and(well, argues("quorum", "2 of 3 are silent")))}, []string{"quorum: 2 of 3 are silent"}},
		{"launches die", 0, []journal.Record{decided(0, and(well, died)), decided(1, well)}, []string{"the breaker is open: the last 2 launches never became workers"}},
		{"launches die, and the cloud says why", 0, []journal.Record{decided(0, and(well, diedOf)), decided(1, well)},
			[]string{"the breaker is open: the last 2 launches never became workers (2 × Client.InternalError: Client error on launch)"}},
		{"none can be had", 0, []journal.Record{decided(0, and(well, argues("plan", "4 fewer than wanted"), func(r *journal.Record) { r.Decision.Want = 7 }))},
			[]string{"more are wanted and none can be had: plan: 4 fewer than wanted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := standAfter(t, c.past, signals.Standing{}, c.list...)
			got := s.Fleets[0].Wrong
			if s.Healthy != (len(c.want) == 0) || len(got) != len(c.want) || !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("says %q, want %q", got, c.want)
			}
		})
	}
}

// The exit status is for scripts: 0 well, 1 something is wrong, 2 it cannot be told.
func TestStatusForScripts(t *testing.T) {
	folder := journalled(t, decided(0, nil)) // long ago
	out, err := said(t, "status", "--state-dir", folder)
	if !errors.As(err, new(finding)) || !strings.Contains(out, "skynet does not run") && !strings.Contains(out, "have 3, want 3") {
		t.Errorf("%s, %v", out, err)
	}
	for args, want := range map[string]string{
		"--state-dir " + t.TempDir():               "no journal at",
		"--state-dir " + folder + " --fleet other": "has no such fleet, only render",
		"--state-dir " + folder + " --output xml":  "write text or json",
		"--config /nowhere.yaml":                   "no such file",
	} {
		if out, err := said(t, append([]string{"status"}, strings.Fields(args)...)...); err == nil || status(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", args, out, err)
		}
	}
}

// The state folder is closed to others: they are told so, not that it is empty.
func TestWhoMayNotLookIsTold(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	folder := journalled(t, decided(0, nil))
	write(t, filepath.Join(folder, "skynet.yaml"), fmt.Sprintf("state_dir: %q\nqueues: [{name: photos, url: \"nats://embedded/photos\"}]\nfleets: [{name: render, queues: [photos], policy: p.yaml, local: {}}]\n", folder))
	write(t, filepath.Join(folder, "p.yaml"), "bounds: {max: 3}\n")
	if err := os.Chmod(filepath.Join(folder, journalFile), 0); err != nil {
		t.Fatal(err)
	}
	config, state := " --config "+filepath.Join(folder, "skynet.yaml"), " --state-dir "+folder
	for _, args := range []string{
		"status" + config, "status" + state, "explain" + state, "signals" + state, "forecast" + config,
		"simulate --policy " + filepath.Join(folder, "p.yaml") + " --recording " + folder,
	} {
		if out, err := said(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), "permission denied: use sudo") || status(err) != exitUsage {
			t.Errorf("%s: %s, %v", args, out, err)
		}
	}
}

// Before the first tick a fleet of the settings is told of as one that has none.
func TestStatusBeforeTheFirstTick(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "skynet.yaml"), fmt.Sprintf("state_dir: %q\nqueues: [{name: photos, url: \"nats://embedded/photos\"}]\nfleets: [{name: render, queues: [photos], policy: p.yaml, local: {}}]\n", folder))
	write(t, filepath.Join(folder, "p.yaml"), "bounds: {max: 3}\n")
	out, err := said(t, "status", "--config", filepath.Join(folder, "skynet.yaml"))
	if !errors.As(err, new(finding)) || !strings.Contains(out, "there was no tick yet") {
		t.Errorf("%s, %v", out, err)
	}
}

// Who has the package need not name its settings, and is not held to them.
func TestInstalledSettingsAreFound(t *testing.T) {
	there := filepath.Join(t.TempDir(), "skynet.yaml")
	write(t, there, "")
	for _, c := range []struct{ flag, value, path, want string }{
		{"", "", there, there},
		{"", "", there + ".not", ""},
		{"config", "mine.yaml", there, "mine.yaml"},
		{"state-dir", "/srv/skynet", there, ""},
	} {
		cmd := statusCommand()
		if c.flag != "" {
			_ = cmd.Flags().Set(c.flag, c.value)
		}
		orInstalled(cmd, c.path)
		if got, _ := cmd.Flags().GetString("config"); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A policy file that is refused changes nothing: bounds, promise and budget are those
// of the policy that runs. Once it is as before, nothing is wrong.
func TestWhileAPolicyFileIsRefusedStatusShowsTheOneThatRuns(t *testing.T) {
	runs := versionOf([]byte(promising)).String()
	folder := journalled(t, decided(0, func(r *journal.Record) { well(r); r.Decision.Version = runs }),
		decided(1, func(r *journal.Record) { well(r); r.Decision.Failed, r.Decision.Version = "", runs }))
	look := func(policy string) (stand, string) {
		s := standIn(t, folder, policy, teatime.Add(time.Minute), signals.Standing{})
		return s, screenOf(s)
	}
	const refused, bounds = "the policy file is refused:", "; 1 to 9 may be"
	if s, text := look("bounds: 9\n"); s.Healthy || !strings.Contains(text, refused) || strings.Contains(text, "may be") || s.Fleets[0].Bounds != nil {
		t.Errorf("says what nobody knows:\n%s", text)
	}
	write(t, runningFile(folder, "render"), promising)
	s, text := look("bounds: 9\n")
	for _, want := range []string{refused, "which decided last", runs, bounds, "95% start within 1m: kept", "at most 50.00 a day"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if s.Healthy || len(s.Fleets[0].Wrong) != 1 || *s.Fleets[0].Bounds != (dashboard.Bounds{Min: 1, Max: 9}) {
		t.Errorf("says %q, bounds %+v", s.Fleets[0].Wrong, s.Fleets[0].Bounds)
	}
	if s, text := look(promising); !s.Healthy || !strings.Contains(text, bounds) {
		t.Errorf("put back:\n%s", text)
	}
	write(t, runningFile(folder, "render"), "bounds: {min: 2, max: 3}\n") // decided nothing yet
	if s, text := look("bounds: 9\n"); s.Healthy || strings.Contains(text, "may be") {
		t.Errorf("what the copy says is not what decided:\n%s", text)
	}
}
