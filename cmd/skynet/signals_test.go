package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"skynet/signals"
	"skynet/signals/derived"
)

// knew is a tick with some signals of each kind.
func knew() signals.Snapshot {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	return derived.Complete(signals.Snapshot{Fleet: "render", Now: now, Signals: []signals.Signal{
		signals.Known("queues.photos.visible", 120, now.Add(-5*time.Second), time.Minute),
		signals.Missing("queues.videos.visible", now, "the queue server answered 500: "+strings.Repeat("it is very busy ", 6)),
		signals.Known("upload.cpu", 71.23456, now, time.Minute),
		signals.Known("stale.one", 1, now.Add(-time.Hour), time.Minute),
	}}, derived.Settings{Queues: []string{"photos", "videos"}, Priors: derived.DefaultPriors()})
}

func TestSignalsInPrint(t *testing.T) {
	s := knew()
	var b bytes.Buffer
	if err := printSignals(&b, s, grouped(s), 3*time.Second); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	last := -1
	for _, part := range []string{
		"fleet render at 2026-03-01 12:00:00, 3s ago\n\nSIGNAL ",
		"\nqueue.visible ", "unknown: queues.videos.visible is unknown",
		"\nwork.seconds_mean ", "\nwork.drain_seconds ", "unknown: queues.videos.visible is unknown", "\nfleet.running ", " 0 instances ", "120 s", "assumed: no boot has been seen yet",
		"\nforecast.usual ", "there is no forecast yet", "\ncost.spot_price ",
		"\n\nSIGNAL ", "\nqueues.photos.visible ", "120 items", " 5s\n", "\nqueues.photos.backlog_seconds ", "1200 s", "assumed",
		"\n\nSIGNAL ", "\nqueues.videos.visible ", "–",
		"\n\nSIGNAL ", "\nstale.one ", "stale: measured 1h0m0s ago", "\nupload.cpu ", "71.235",
	} {
		i := strings.Index(text[last+1:], part)
		if i < 0 {
			t.Fatalf("%q is missing, or stands too early, in\n%s", part, text)
		}
		last += i
	}
	for _, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > pageWidth || strings.TrimRight(line, " ") != line {
			t.Errorf("too long, or with blanks at the end: %q", line)
		}
	}
}

func TestSignalsOfOneQueue(t *testing.T) {
	s := knew()
	groups, err := only(grouped(s), "photos", s.Queues)
	if err != nil || len(groups) != 1 || groups[0].list[0].Name != "queues.photos.visible" {
		t.Errorf("got %v, %v", groups, err)
	}
	if _, err := only(grouped(s), "phtos", s.Queues); err == nil || err.Error() != `--queue "phtos": the fleet's queues are photos, videos` {
		t.Error(err)
	}
}

func TestSignalsForPrograms(t *testing.T) {
	s := knew()
	var b bytes.Buffer
	if err := signalsAsJSON(&b, s, grouped(s)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Fleet   string
		Signals []struct {
			Name, Unit, Unknown, Note string
			Value                     float64
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Fleet != "render" || len(got.Signals) != len(s.Signals) {
		t.Fatalf("%d signals, %v\n%s", len(got.Signals), err, b.String())
	}
	found := 0
	for _, sig := range got.Signals {
		switch sig.Name {
		case "fleet.boot_seconds":
			found++
			if sig.Unit != "s" || sig.Value != 120 || !strings.HasPrefix(sig.Note, "assumed") {
				t.Errorf("%+v", sig)
			}
		case "upload.cpu":
			found++
			if sig.Unit != "" || sig.Value != 71.23456 {
				t.Errorf("%+v", sig)
			}
		}
	}
	if found != 2 {
		t.Errorf("found %d of 2", found)
	}
}

func TestDecimals(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 3: "3", 1e6: "1000000", 1.0 / 3: "0.333", 0.0001234: "0.000123", -2.5: "-2.5", 1e20: "1e+20"} {
		if got := decimal(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
}
