package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// firstMonday is when the recordings of these tests begin.
var firstMonday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// onSundays is what an hour brings: most on Sunday evenings.
func onSundays(t time.Time) int {
	if t.Weekday() == time.Sunday && t.Hour() >= 18 && t.Hour() < 22 {
		return 6000
	}
	return 600
}

// recordedUntil is a recording of photos, and of videos if there are to be two queues,
// that ends at a time; its file.
func recordedUntil(t *testing.T, until time.Time, queues ...string) string {
	t.Helper()
	folder := t.TempDir()
	args := []string{"--fleet", "render", "--interval", "5m", "--to", filepath.Join(folder, "journal.db")}
	for i, q := range queues {
		var b strings.Builder
		for at := firstMonday; at.Before(until); at = at.Add(time.Hour) {
			fmt.Fprintf(&b, "%s,%d\n", at.Format(time.RFC3339), (i+1)*onSundays(at))
		}
		path := filepath.Join(folder, q+".csv")
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--arrivals", path)
	}
	if _, said, err := called(t, importCSVCommand(), args...); err != nil {
		t.Fatal(said, err)
	}
	return filepath.Join(folder, "journal.db")
}

func forecastOf(t *testing.T, args ...string) foreseen {
	t.Helper()
	out, said, err := called(t, forecastCommand(), append(args, "--output", "json")...)
	if err != nil {
		t.Fatal(said, err)
	}
	var f foreseen
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForecastForeseesSundayEvening(t *testing.T) {
	path := recordedUntil(t, firstMonday.AddDate(0, 0, 20).Add(17*time.Hour), "photos")
	f := forecastOf(t, "--recording", path, "--hours", "8")
	if f.Fleet != "render" || f.StepMinutes != 30 || len(f.Queues) != 1 || *f.Queues[0].Queue != "photos" {
		t.Fatalf("%+v", f)
	}
	q := f.Queues[0]
	if len(q.Coming) != 16 || q.Shape != "week" || q.Unknown != "" || q.History.Days < 20 || q.History.UnknownDays != 0 {
		t.Fatalf("%+v", q)
	}
	for _, b := range q.Coming {
		if want := float64(onSundays(b.From)) / 2; b.P50 < .9*want || b.P50 > 1.1*want || b.P90 < b.P50 || b.P99 < b.P90 {
			t.Errorf("%+v, want about %.0f", b, want)
		}
	}
	if len(q.Within) != 3 || q.Within[2].Minutes != 60 || len(q.Within[1].Models) != 11 || q.Within[1].OverLastValue == nil || len(q.Recent) != 192 {
		t.Errorf("%+v", q.Within)
	}
	if a, b := q.Within[2].P50, q.Coming[0].P50+q.Coming[1].P50; a < b-.2 || a > b+.2 {
		t.Errorf("%.1f are expected within an hour, %.1f are drawn for it", a, b)
	}
}

// What came later changes nothing about what would have been forecast then.
func TestForecastAtDoesNotLookAhead(t *testing.T) {
	whole := recordedUntil(t, firstMonday.AddDate(0, 0, 16), "photos")
	for _, at := range []time.Time{firstMonday.Add(7 * time.Hour), firstMonday.AddDate(0, 0, 6).Add(18*time.Hour + 2*time.Minute), firstMonday.AddDate(0, 0, 13).Add(20 * time.Hour)} {
		part := recordedUntil(t, at.Truncate(time.Hour), "photos")
		args := []string{"--at", at.Format(time.RFC3339), "--output", "json", "--recording"}
		now, _, err := called(t, forecastCommand(), append(args, whole)...)
		then, _, err2 := called(t, forecastCommand(), append(args, part)...)
		if err != nil || err2 != nil || now != then {
			t.Errorf("at %s: %v, %v\n%s\n%s", at, err, err2, now, then)
		}
	}
}

func TestForecastOfSeveralQueues(t *testing.T) {
	path := recordedUntil(t, firstMonday.AddDate(0, 0, 8), "photos", "videos")
	f := forecastOf(t, "--recording", path)
	if len(f.Queues) != 3 || f.Queues[2].Queue != nil {
		t.Fatalf("%+v", f)
	}
	a, b, all := f.Queues[0].Within[2], f.Queues[1].Within[2], f.Queues[2].Within[2]
	if all.P50 < .95*(a.P50+b.P50) || all.P50 > 1.05*(a.P50+b.P50) {
		t.Errorf("%.0f and %.0f, together %.0f", a.P50, b.P50, all.P50)
	}
	if one := forecastOf(t, "--recording", path, "--queue", "videos"); len(one.Queues) != 1 || one.Queues[0].Within[2].P50 != b.P50 {
		t.Errorf("%+v", one)
	}
	_, _, err := called(t, forecastCommand(), "--recording", path, "--queue", "foto")
	if err == nil || !strings.Contains(err.Error(), "photos, videos") || status(err) != exitUsage {
		t.Error(err)
	}
}

// A page for people fits on a narrow terminal, and says plainly what is not known.
func TestForecastPage(t *testing.T) {
	path := recordedUntil(t, firstMonday.AddDate(0, 0, 20).Add(17*time.Hour), "photos")
	print := func(args ...string) string {
		out, said, err := called(t, forecastCommand(), append(args, "--recording", path)...)
		if err != nil {
			t.Fatal(said, err)
		}
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 || strings.Contains(line, "NaN") || strings.HasSuffix(line, " \n") {
				t.Errorf("%d characters: %q", n, line)
			}
		}
		return strings.Join(strings.Fields(out), " ")
	}
	for _, c := range []struct {
		name, at string
		want     []string
	}{
		{"three weeks", "", []string{"queue photos of fleet render, Sunday 2026-03-22 17:00 UTC It rests on 20 days of history.", "per hour", "Sun 18:00 ██", "Mon 16:00", "usual shape of the week", "60 minutes", "models that weigh most", "came to their end lately: 192."}},
		{"the first day", "2026-03-02T00:40:00Z", []string{"It rests on 40 minutes of history. Days are known after one day", "the last hour, which goes on", "15 minutes"}},
		{"the third day", "2026-03-04T12:00:00Z", []string{"It rests on 60 hours of history. Weeks are known after one week.", "usual shape of the day"}},
		{"hours after the end", "2026-03-22T20:00:00Z", []string{"of which 3 hours are unknown (last from Sun 03-22 17:00 to Sun 03-22 20:00)", "Arrivals have been unknown for 3 hours: the recording ends.", "Sun 21:00 ██"}},
		{"days after the end", "2026-03-25T20:00:00Z", []string{"There is no forecast: arrivals have been unknown for 3 days"}},
		{"months after the end", "2026-06-25T20:00:00Z", []string{"There is no forecast: the journal knows of no arrivals in the 35 days until then."}},
	} {
		args := []string{}
		if c.at != "" {
			args = append(args, "--at", c.at)
		}
		out := print(args...)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, out)
			}
		}
	}
	print("--hours", "168")
	print("--hours", "2", "--step", "1m")
}

// A running daemon's forecasts are by its policy file's time zone.
func TestForecastOfADaemon(t *testing.T) {
	folder := filepath.Dir(recordedUntil(t, firstMonday.AddDate(0, 0, 2), "photos"))
	for name, text := range map[string]string{
		"a.policy.yaml": "objective: {wait: 1m}\nbounds: {max: 10}\ntimezone: Europe/Berlin\n",
		"skynet.yaml":   "state_dir: " + folder + "\nqueues: [{name: photos, url: \"nats://embedded/photos\"}]\nfleets: [{name: render, queues: [photos], policy: a.policy.yaml, local: {stores: [\"file:///tmp\"]}}]\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, said, err := called(t, forecastCommand(), "--config", folder+"/skynet.yaml", "--at", "2026-03-03T12:00:00Z")
	if err != nil || !strings.Contains(out, "Tuesday 2026-03-03 13:00 Europe/Berlin") || !strings.Contains(out, "Tue 14:00") {
		t.Error(out, said, err)
	}
	if out, _, err := called(t, forecastCommand(), "--config", folder+"/skynet.yaml"); err != nil || !strings.Contains(out, "There is no forecast") {
		t.Error(out, err)
	}
	if _, _, err := called(t, forecastCommand(), "--config", folder+"/skynet.yaml", "--fleet", "redner"); err == nil || !strings.Contains(err.Error(), "the fleets are render") {
		t.Error(err)
	}
}

func TestForecastRefuses(t *testing.T) {
	path := recordedUntil(t, firstMonday.AddDate(0, 0, 1), "photos")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "either --config"},
		{[]string{"--config", "a", "--recording", "b"}, "either --config"},
		{[]string{"--config", "a", "--policy", "b"}, "--policy is about a recording"},
		{[]string{"--recording", path, "--hours", "0"}, "1 to 168"},
		{[]string{"--recording", path, "--hours", "1", "--step", "2h"}, "not a step of 1 hours"},
		{[]string{"--recording", path, "--step", "90s"}, "whole minutes"},
		{[]string{"--recording", path, "--at", "2926-03-01T00:00:00Z"}, "future"},
		{[]string{"--recording", path, "--at", "2026-03-01T00:00:00Z"}, "begins later"},
		{[]string{"--recording", path, "--at", "yesterday"}, "is not a time"},
		{[]string{"--recording", path, "--fleet", "redner"}, "it has render"},
		{[]string{"--recording", path + "x"}, "no such file"},
		{[]string{"--recording", path, "--output", "xml"}, "text or json"},
	} {
		if _, _, err := called(t, forecastCommand(), c.args...); err == nil || !strings.Contains(err.Error(), c.want) || status(err) != exitUsage {
			t.Errorf("%v: %v", c.args, err)
		}
	}
}

// A bar is as wide as its room, and never longer for less.
func TestBars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(5, 100).Draw(t, "room")
		p50 := rapid.Float64Range(0, 1000).Draw(t, "p50")
		p90 := p50 + rapid.Float64Range(0, 1000).Draw(t, "to p90")
		p99 := p90 + rapid.Float64Range(0, 1e6).Draw(t, "to p99")
		b := band{P50: p50, P90: p90, P99: p99}
		text := bar(b, scaleOf([]band{b}), room)
		if n := utf8.RuneCountInString(text); n != room {
			t.Fatalf("%d characters, want %d: %q", n, room, text)
		}
		lower := bar(band{P50: p50 / 2, P90: p90, P99: p99}, scaleOf([]band{b}), room)
		if strings.Count(lower, string(barFull)) > strings.Count(text, string(barFull)) {
			t.Fatalf("%q for less than %q", lower, text)
		}
	})
}
