package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"skynet/config"
	"skynet/config/strict"
	"skynet/queue"
	"skynet/signals"
	"skynet/test/metrics"
)

// The settings' own signals are asked where they say, with the secrets that they
// name.
func TestUsersSources(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/query" && r.FormValue("query") == "sum(up)" && r.Header.Get("Authorization") == "Bearer hush":
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[1772366400,"7"]}}`)
		case r.URL.Path == "/status" && r.Header.Get("X-Key") == "k":
			fmt.Fprint(w, `{"orders":{"open":"12"}}`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer s.Close()
	folder := filepath.Dir(wrote(t, "token", "hush"))
	text := fmt.Sprintf(`queues: [{name: photos, url: "nats://embedded/photos"}]
fleets: [{name: render, queues: [photos], policy: p.yaml, local: {}}]
signals:
  - {name: up.all, prometheus: {url: %q, query: sum(up), token_file: token}}
  - {name: shop.orders, http_json: {url: %q, field: orders.open, headers: [{name: X-Key, value: k}], every: 5m}}
`, s.URL, s.URL+"/status")
	for name, text := range map[string]string{"skynet.yaml": text, "p.yaml": tenEach, "token": "hush"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(folder, "skynet.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1772366400, 0).UTC()
	want := map[string]signals.Signal{
		"up.all":      signals.Known("up.all", 7, now, 2*time.Minute),
		"shop.orders": signals.Known("shop.orders", 12, now, 10*time.Minute),
	}
	got := signals.NewCollector(usersSources(cfg)...).Collect(t.Context(), now)
	for _, sig := range got {
		if sig != want[sig.Name] {
			t.Errorf("got %+v", sig)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d signals", len(got))
	}
}

// What is asked of CloudWatch, for the user and for queues, is one request.
func TestWatchedSources(t *testing.T) {
	s := metrics.Start(t)
	now := time.Date(2026, 3, 1, 12, 3, 0, 0, time.UTC)
	s.Put("AWS/EC2", "CPUUtilization", now.Add(-3*time.Minute), 71, "AutoScalingGroupName=upload")
	s.Put("AWS/SQS", "ApproximateAgeOfOldestMessage", now.Add(-3*time.Minute), 42, "QueueName=photos-queue")
	cfg := config.Config{
		Interval: strict.Duration(time.Minute),
		Queues: []config.Queue{
			{Name: "photos", URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/photos-queue"},
			{Name: "videos", URL: "nats://embedded/videos"},
		},
		Signals: []config.Signal{{Name: "upload.cpu", CloudWatch: &config.CloudWatch{
			Namespace: "AWS/EC2", Metric: "CPUUtilization", Statistic: "Average", Period: strict.Duration(time.Minute),
			Dimensions: []config.Pair{{Name: "AutoScalingGroupName", Value: "upload"}},
		}}},
	}
	d := &daemon{cfg: cfg, aws: s.Config(), queues: map[string]queue.Queue{"photos": threeItems{name: "photos"}, "videos": threeItems{name: "videos"}}}
	list := append(append(d.queueSources("photos"), d.queueSources("videos")...), d.shared().own...)
	got := signals.Sort(signals.NewCollector(list...).Collect(t.Context(), now))
	for name, want := range map[string]float64{"upload.cpu": 71, "queues.photos.oldest_age": 42, "queues.photos.visible": 3} {
		if sig, _ := signals.Find(got, name); sig.Value != want || sig.Unknown != "" {
			t.Errorf("%s: %+v", name, sig)
		}
	}
	if sig, ok := signals.Find(got, "queues.videos.oldest_age"); !ok || sig.Unknown != "this queue cannot tell the age of its oldest item" {
		t.Errorf("%+v", sig)
	}
	if asked := s.Asked(); len(asked) != 1 || asked[0].Metrics != 2 {
		t.Errorf("asked %+v", asked)
	}
}

// threeItems is a queue of three items whose ages it does not tell.
type threeItems struct {
	queue.Queue
	name string
}

func (s threeItems) Name() string                               { return s.name }
func (s threeItems) Depth(context.Context) (queue.Depth, error) { return queue.Depth{Visible: 3}, nil }
