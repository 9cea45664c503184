package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/config"
	"skynet/config/strict"
)

// settingsFile is a file with that content, named as settings are.
func settingsFile(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fuzz.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func addExamples(f *testing.F, patterns ...string) {
	for _, pattern := range patterns {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil {
				f.Add(data)
			}
		}
	}
}

// wantPlaces wants each problem of settings to name the file and say something.
func wantPlaces(t *testing.T, err error, lines int) {
	t.Helper()
	if !strings.Contains(err.Error(), "fuzz.yaml") {
		t.Errorf("an error without the file's name: %v", err)
	}
	e, ok := err.(*strict.Error) //nolint:errorlint // as it is returned
	if !ok {
		t.Fatalf("not an *Error: %v", err)
	}
	for _, p := range e.Problems {
		if p.Said == "" || p.Line > lines {
			t.Errorf("%+v of %d lines", p, lines)
		}
	}
}

// FuzzLoad: the daemon's settings are refused with a place, or hold what the daemon
// can work with: queues with an address, limits above zero.
func FuzzLoad(f *testing.F) {
	addExamples(f, "examples/*skynet.yaml", "testdata/bad/*.yaml", "testdata/*.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Load(settingsFile(t, data), nil)
		if err != nil {
			wantPlaces(t, err, strings.Count(string(data), "\n")+1)
			return
		}
		if c.Interval.Std() <= 0 || !(c.Limits.Hourly >= 0) || c.Limits.Instances < 0 {
			t.Errorf("every %s, %g an hour, %d instances", c.Interval, c.Limits.Hourly, c.Limits.Instances)
		}
		for _, q := range c.Queues {
			if a, err := config.ParseAddress(q.URL); err != nil || a.Name == "" {
				t.Errorf("queue %s at %q: %v", q.Name, q.URL, err)
			}
		}
	})
}

// FuzzLoadWorker: as FuzzLoad, for the worker's settings.
func FuzzLoadWorker(f *testing.F) {
	addExamples(f, "testdata/worker*.yaml", "testdata/bad/worker*.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := config.LoadWorker(settingsFile(t, data), nil)
		if err != nil {
			wantPlaces(t, err, strings.Count(string(data), "\n")+1)
			return
		}
		for _, q := range w.Queues {
			if _, err := config.ParseAddress(q.URL); err != nil {
				t.Errorf("queue %s at %q: %v", q.Name, q.URL, err)
			}
		}
	})
}

// FuzzParseAddress: an address that is accepted holds no secret, and names one queue
// of a host.
func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{
		"nats://embedded/photos", "nats://127.0.0.1:4222/photos", "https://sqs.eu-west-1.amazonaws.com/123456789012/photos.fifo",
		"nats://user:secret@host:4222/x", "https://sqs.eu-west-1.amazonaws.com@evil.example/123456789012/x", "nats://[::1]:4222/a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := config.ParseAddress(s)
		if err != nil {
			return
		}
		if a.Name == "" || strings.ContainsAny(a.Name, "/ @?#") || strings.Contains(a.Host, "@") || a.System == config.SQSQueue && (len(a.Account) != 12 || a.Region == "" || !strings.Contains(a.Host, ".amazonaws.com")) {
			t.Errorf("%q is %+v", s, a)
		}
	})
}
