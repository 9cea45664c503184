package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/signals"
)

func TestPauseAndResume(t *testing.T) {
	folder := t.TempDir()
	flags := []string{"--state-dir", folder, "--fleet", "render"}
	if out, err := said(t, append([]string{"pause", "--for", "30m", "--why", "by hand"}, flags...)...); err != nil || !strings.Contains(out, "fleet render is paused until") {
		t.Fatalf("%q, %v", out, err)
	}
	o, err := openOrders(folder, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if p := o.Standing("render", now).Pause; p == nil || p.Why != "by hand" || p.Until.Sub(now) > 30*time.Minute || p.Until.Sub(now) < 29*time.Minute {
		t.Errorf("the pause is %+v", p)
	}
	if s := o.Standing("other", now); !s.IsZero() {
		t.Errorf("another fleet has %+v", s)
	}
	if s := o.Standing("render", now.Add(time.Hour)); s.Pause != nil {
		t.Errorf("it does not expire: %+v", s.Pause)
	}
	if out, err := said(t, append([]string{"resume"}, flags...)...); err != nil || !strings.Contains(out, "goes on") {
		t.Fatalf("%q, %v", out, err)
	}
	if p := o.Standing("render", now).Pause; p != nil {
		t.Errorf("still paused: %+v", p)
	}
	if out, _ := said(t, append([]string{"resume"}, flags...)...); !strings.Contains(out, "was not paused") {
		t.Errorf("resumed twice: %q", out)
	}
}

// TestOrdersThatCannotBeRead keep those read last: a pause must not end because
// somebody broke the file.
func TestOrdersThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	until := time.Now().Add(time.Hour)
	if err := writeOrders(ordersFile(folder), map[string]signals.Standing{"render": {Pause: &signals.Pause{Until: until}}}); err != nil {
		t.Fatal(err)
	}
	o, err := openOrders(folder, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ordersFile(folder), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.Standing("render", time.Now()).Pause == nil {
		t.Error("the pause is forgotten")
	}
	if _, err := openOrders(folder, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "orders.json") {
		t.Errorf("a start on a broken file: %v", err)
	}
}

func TestPauseWantsAnEnd(t *testing.T) {
	for args, want := range map[string]string{
		"":          "--for is missing",
		"--for x":   "is not a duration",
		"--for 0s":  "more than 0s",
		"--for 90d": "at most 30d",
	} {
		_, err := said(t, append([]string{"pause", "--state-dir", t.TempDir(), "--fleet", "render"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestPauseOfAFleetThatIsNotThere is refused: the one that was meant is not paused.
func TestPauseOfAFleetThatIsNotThere(t *testing.T) {
	folder := journalled(t, decided(0, nil))
	if _, err := said(t, "pause", "--state-dir", folder, "--fleet", "rendre", "--for", "1h"); err == nil || !strings.Contains(err.Error(), "has no such fleet, only render") {
		t.Errorf("%v", err)
	}
	if _, err := said(t, "pause", "--state-dir", folder, "--fleet", "render", "--for", "1h"); err != nil {
		t.Error(err)
	}
}
