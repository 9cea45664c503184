package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/fleet"
	"skynet/signals"
)

func standingIn(t *testing.T, folder, fleetName string, at time.Time) signals.Standing {
	t.Helper()
	o, err := openOrders(folder, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return o.Standing(fleetName, at)
}

// Who wants more than may be is told, where the settings say which policy holds.
func TestWantMoreThanMayBe(t *testing.T) {
	folder := t.TempDir()
	settings := filepath.Join(folder, "skynet.yaml")
	write(t, settings, fmt.Sprintf("state_dir: %q\nqueues: [{name: photos, url: \"nats://embedded/photos\"}]\nfleets: [{name: render, queues: [photos], policy: p.yaml, local: {}}]\n", folder))
	write(t, filepath.Join(folder, "p.yaml"), "objective: {wait: 1m}\nbounds: {max: 3}\n")
	for n, noted := range map[string]bool{"4": true, "3": false} {
		out, err := said(t, "want", n, "--for", "1h", "--config", settings)
		if err != nil || strings.Contains(out, "its maximum of 3 goes on to hold") != noted {
			t.Errorf("want %s: %q, %v", n, out, err)
		}
	}
}

func TestWant(t *testing.T) {
	folder := t.TempDir()
	want := func(args ...string) (string, error) {
		return said(t, append([]string{"want", "--state-dir", folder, "--fleet", "render"}, args...)...)
	}
	if out, err := want("4", "--for", "2h", "--why", "a big customer"); err != nil || !strings.Contains(out, "fleet render keeps at least 4 until") {
		t.Fatalf("%q, %v", out, err)
	}
	now := time.Now()
	s := standingIn(t, folder, "render", now)
	if f := s.Floor; f == nil || f.Want != 4 || f.Why != "a big customer" || f.By == "" || f.Until.Sub(now) < 119*time.Minute || now.Sub(f.Since) > time.Minute {
		t.Errorf("the floor is %+v", f)
	}
	if c := s.Changes; len(c) != 1 || !strings.HasPrefix(c[0].Said, "the fleet keeps at least 4 until") || c[0].By == "" || c[0].Why != "a big customer" {
		t.Errorf("noted: %+v", c)
	}
	if s := standingIn(t, folder, "render", now.Add(3*time.Hour)); s.Floor != nil || len(s.Changes) != 2 || s.Changes[1].Said != "the floor of 4 has expired" {
		t.Errorf("expired: %+v", s)
	}
	if out, err := want("0"); err != nil || !strings.Contains(out, "has no floor any more") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := want("0"); err != nil || !strings.Contains(out, "had no floor") || len(standingIn(t, folder, "render", now).Changes) > 2 {
		t.Errorf("%q, %v", out, err)
	}
	for args, cure := range map[string]string{
		"":                    "how many workers",
		"four --for 1h":       "a whole number",
		"4":                   "--for is missing",
		"4 --for 90d":         "at most 30d",
		"-- -1":               "0 to 100000",
		"99999999 --for 1h":   "0 to 100000",
		"4 --for -1h":         "is negative",
		"4 5 --for 1h":        "how many workers",
		"4 --for 1h --huh 12": "unknown flag",
	} {
		if out, err := want(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), cure) || status(err) != exitUsage {
			t.Errorf("%q: %q, %v", args, out, err)
		}
	}
}

func TestDrainAndForget(t *testing.T) {
	r := decided(0, nil)
	r.Snapshot.Workers = []fleet.Worker{{ID: "i-1", State: fleet.Working}, {ID: "i-2", State: fleet.Working}}
	folder := journalled(t, r)
	give := func(args ...string) (string, error) {
		return said(t, append(args, "--state-dir", folder, "--fleet", "render")...)
	}
	for _, c := range []struct{ args, says, cure string }{
		{"drain i-1 --why slow", "fleet render drains i-1, and lets go", ""},
		{"drain i-1 i-2", "fleet render drains i-1, i-2", ""}, // once more
		{"drain i-3", "", "no worker i-3 is known; there are: i-1, i-2"},
		{"drain", "", "which?"},
		{"drain i-1 --for 0s", "", "more than 0s"},
		{"forget i-2 --for 300d --why mine", "fleet render forgets i-2", ""},
		{"forget i-2 --for 400d", "", "at most 365d"},
		{"drain i-1 --undo", "need not drain i-1 any more", ""},
		{"drain i-1 --undo", "was not draining i-1", ""},
	} {
		out, err := give(strings.Fields(c.args)...)
		if c.cure == "" && err != nil || c.cure != "" && (err == nil || !strings.Contains(err.Error(), c.cure) || status(err) != exitUsage) || !strings.Contains(out, c.says) {
			t.Errorf("%s: %q, %v", c.args, out, err)
		}
	}
	s := standingIn(t, folder, "render", time.Now())
	if len(s.Drain) != 1 || s.Drain[0].ID != "i-2" || len(s.Forget) != 1 || s.Forget[0].ID != "i-2" || s.Forget[0].Why != "mine" || len(s.Changes) != 4 {
		t.Errorf("%+v", s)
	}
}

// Without a journal an order about the one fleet that is named is taken.
func TestDrainBeforeTheFirstTick(t *testing.T) {
	folder := t.TempDir()
	if out, err := said(t, "drain", "i-1", "--state-dir", folder, "--fleet", "render"); err != nil || !strings.Contains(out, "drains i-1") {
		t.Errorf("%q, %v", out, err)
	}
}

// What an operator has ordered is explained beside what the fleet did.
func TestExplainTellsOfOrders(t *testing.T) {
	quiet, ordered := decided(0, nil), decided(1, nil)
	ordered.Snapshot.Orders.Changes = []signals.Change{{At: ordered.Snapshot.Now, Said: "the pause has expired", By: "ann"}}
	folder := journalled(t, quiet, ordered, decided(2, nil))
	out, err := said(t, "explain", "--state-dir", folder, "--output", "json")
	if err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"said":"the pause has expired"`) {
		t.Errorf("%s, %v", out, err)
	}
}
