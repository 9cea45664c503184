package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/config/strict"
	"skynet/controller"
	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
	"skynet/test/metrics"
)

func TestPublishesTicks(t *testing.T) {
	s := metrics.Start(t)
	d := &daemon{log: zap.NewNop(), aws: s.Config(), cfg: config.Config{
		Interval: strict.Duration(time.Minute),
		AWS:      &config.AWS{Name: "blue", Metrics: &config.Metrics{Namespace: "SkyNet", Signals: []string{"queue.visible", "work.wait_p95"}}},
	}}
	var watchers []func(controller.Report)
	watch := func(f func(controller.Report)) { watchers = append(watchers, f) }
	d.publish("render", watch)
	d.publish("assembly", watch)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	known := signals.Snapshot{Now: now, Signals: []signals.Signal{
		signals.Known("queue.visible", 120, now, time.Minute), signals.Missing("work.wait_p95", now, "nobody was heard"),
	}}
	watchers[0](controller.Report{Snapshot: known, Decision: policy.Decision{Have: 3, Want: 5}, Deeds: signals.Deeds{Launched: []fleet.ID{"i-1", "i-2"}}})
	watchers[1](controller.Report{Snapshot: signals.Snapshot{Now: now}, Decision: policy.Decision{Have: 3, Want: 5}, Err: errors.New("no roster")})
	watchers[1](controller.Report{Err: errors.New("nothing at all")})
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"want": 5, "have": 3, "launched": 2, "drained": 0, "queue.visible": 120} {
		if n, sum := s.Count("SkyNet", name, "Controller=blue", "Fleet=render"); n != 1 || sum != want {
			t.Errorf("%s: %g, %g times", name, sum, n)
		}
	}
	// What is not known is not there: no want of a tick that failed, no wait that nobody told.
	want := []string{
		"SkyNet|drained|Controller=blue|Fleet=assembly", "SkyNet|drained|Controller=blue|Fleet=render",
		"SkyNet|have|Controller=blue|Fleet=render", "SkyNet|launched|Controller=blue|Fleet=assembly",
		"SkyNet|launched|Controller=blue|Fleet=render", "SkyNet|queue.visible|Controller=blue|Fleet=render",
		"SkyNet|want|Controller=blue|Fleet=render",
	}
	if got := s.Keys(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestPublishesNothingUnasked(t *testing.T) {
	for name, d := range map[string]*daemon{
		"a dry run":  {dry: true, cfg: config.Config{AWS: &config.AWS{Metrics: &config.Metrics{}}}},
		"no metrics": {cfg: config.Config{AWS: &config.AWS{}}},
		"no account": {},
	} {
		d.publish("render", func(func(controller.Report)) { t.Errorf("%s publishes", name) })
	}
}

func TestUnits(t *testing.T) {
	for name, want := range map[string]string{
		"queue.visible": "Count", "queues.photos.oldest_age": "Seconds", "fleet.cpu_mean": "Percent", "work.bytes_in": "Bytes/Second",
		"queue.arrival_rate": "Count/Second", "upload.cpu": "None", "fleet.utilisation": "None",
	} {
		if got := unitOf(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What CloudWatch costs is told before it is spent.
func TestCloudWatchIsCounted(t *testing.T) {
	cfg := config.Config{
		Interval: strict.Duration(30 * time.Second),
		AWS:      &config.AWS{Metrics: &config.Metrics{Signals: []string{"queue.visible"}}},
		Fleets:   []config.Fleet{{Name: "a"}, {Name: "b"}},
		Queues:   []config.Queue{{Name: "photos", URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/photos"}},
		Signals: []config.Signal{
			{Name: "fine", CloudWatch: &config.CloudWatch{Period: strict.Duration(10 * time.Second)}},
			{Name: "coarse", CloudWatch: &config.CloudWatch{Period: strict.Duration(time.Hour)}},
		},
	}
	want := map[string][2]float64{
		"fine": {87_600, 0.876}, "coarse": {730, 0.0073}, "oldest age of photos": {43_800, 0.438}, "own figures": {87_600, 10*0.30 + 0.876},
	}
	for _, c := range callsOf(cfg) {
		w, ok := want[c.What]
		if ok && (c.Month != w[0] || c.Cost < w[1]-1e-9 || c.Cost > w[1]+1e-9) {
			t.Errorf("%+v", c)
		}
		delete(want, c.What)
	}
	if len(want) > 0 {
		t.Errorf("%v are not counted", want)
	}
}
