package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"go.uber.org/zap"

	"skynet/config"
	"skynet/config/strict"
	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/fleet"
	"skynet/journal"
	"skynet/lease"
	"skynet/signals"
	"skynet/signals/web"
	"skynet/test/metrics"
)

// scraped is what a scrape of a daemon says: the lines that begin with a word.
func scraped(d *daemon, word string) string {
	w := httptest.NewRecorder()
	d.metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, word) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func lookedAt(t *testing.T, cfg config.Config) *lookout {
	t.Helper()
	cfg.StateDir = t.TempDir()
	o, err := openLookout(t.Context(), cfg, "/etc/skynet.yaml", zap.NewNop(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

func wantLines(t *testing.T, d *daemon, lines ...string) {
	t.Helper()
	got := scraped(d, "skynet_")
	for _, line := range lines {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%s is not told: %s", line, scraped(d, line[:strings.IndexAny(line+"{", "{ ")]))
		}
	}
}

// A call counts once however often it is tried; each attempt that was turned away
// counts as a throttle.
func TestCallsToAWSAreCounted(t *testing.T) {
	s := metrics.Start(t)
	d := &daemon{lookout: lookedAt(t, config.Config{})}
	c := s.Config()
	c.RetryMaxAttempts = 3
	c.APIOptions = append(c.APIOptions, d.lookout.aws()...)
	put := func(ctx context.Context) (*cloudwatch.PutMetricDataOutput, error) {
		return cloudwatch.NewFromConfig(c).PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
			Namespace: new("SkyNet"), MetricData: []types.MetricDatum{{MetricName: new("want"), Value: new(1.0)}},
		})
	}
	s.Fail(metrics.Fault{Status: http.StatusBadRequest, Code: "ThrottlingException", Said: "slower"})
	if _, err := put(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Fail(metrics.Fault{Status: http.StatusForbidden, Code: "AccessDenied", Said: "no"})
	if _, err := put(t.Context()); err == nil {
		t.Fatal("was allowed")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = put(over) // by nobody's fault: not counted
	wantLines(t, d,
		`skynet_calls_total{operation="PutMetricData",result="ok",system="cloudwatch"} 1`,
		`skynet_calls_total{operation="PutMetricData",result="error",system="cloudwatch"} 1`,
		`skynet_call_throttles_total{operation="PutMetricData",system="cloudwatch"} 1`,
		`skynet_call_duration_seconds_count{operation="PutMetricData",system="cloudwatch"} 2`,
	)
}

// plainCloud does what it is told; draftingCloud also drafts.
type plainCloud struct{ controller.Cloud }

func (plainCloud) Launch(context.Context, fleet.Order) ([]fleet.ID, error) {
	return []fleet.ID{"i-1"}, fleet.ErrNoCapacity
}
func (plainCloud) Terminate(context.Context, []fleet.ID) ([]fleet.ID, error) {
	return nil, context.DeadlineExceeded
}

type draftingCloud struct{ plainCloud }

func (draftingCloud) Draft(o fleet.Order, _ []fleet.Worker) fleet.Order {
	o.Request = []byte("drafted")
	return o
}

// What is watched answers as it did, and drafts where it did.
func TestWhatIsWatchedIsUnchanged(t *testing.T) {
	d := &daemon{lookout: lookedAt(t, config.Config{})}
	s := d.lookout.sight("render")
	w := s.world(controller.World{Cloud: draftingCloud{}})
	drafter, ok := w.Cloud.(controller.Drafter)
	if !ok || string(drafter.Draft(fleet.Order{}, nil).Request) != "drafted" {
		t.Error("drafts no more")
	}
	if _, ok := s.world(controller.World{Cloud: plainCloud{}}).Cloud.(controller.Drafter); ok {
		t.Error("drafts, which it did not before")
	}
	if w.Advisers != nil {
		t.Error("there are advisers where there were none")
	}
	if ids, err := w.Cloud.Launch(t.Context(), fleet.Order{Count: 3}); len(ids) != 1 || !errors.Is(err, fleet.ErrNoCapacity) {
		t.Errorf("got %v, %v", ids, err)
	}
	_, _ = w.Cloud.Terminate(t.Context(), nil)
	wantLines(t, d,
		`skynet_calls_total{operation="launch",result="error",system="fleet"} 1`,
		`skynet_calls_total{operation="terminate",result="timeout",system="fleet"} 1`,
	)
}

// A dry run wakes nobody.
func TestADryRunTellsNobody(t *testing.T) {
	cfg := config.Config{StateDir: t.TempDir(), Notify: []config.Notify{{Name: "chat", Command: []string{"/bin/true"}}}}
	for _, dry := range []bool{true, false} {
		o, err := openLookout(t.Context(), cfg, "/etc/skynet.yaml", zap.NewNop(), dry)
		if err != nil {
			t.Fatal(err)
		}
		if (o.people == nil) != dry {
			t.Errorf("dry %v: %v", dry, o.people)
		}
		o.close()
	}
}

func TestNobodyLooksOut(t *testing.T) {
	d := &daemon{}
	j := journal.NewMemory(time.Hour)
	s := d.lookout.sight("render")
	if s.journal(j) != controller.Journal(j) || d.lookout.aws() != nil || d.lookout.mail(nil) != nil || len(s.sources(nil)) != 0 {
		t.Error("something is watched")
	}
	s.watch(nil)
	d.act()()
	d.lookout.close()
	if got := scraped(d, ""); !strings.Contains(got, "404") {
		t.Error(got)
	}
}

// Who stops goes on at its next start from what it has told; who has lost its turn
// leaves it to the other.
func TestWhatWasToldIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		why  error
		kept bool
	}{"stopped": {nil, true}, "turn lost": {lease.ErrNotHeld, false}} {
		t.Run(name, func(t *testing.T) {
			s := newSpool(t)
			cfg := config.Config{
				StateDir: t.TempDir(), Fleets: []config.Fleet{{Name: "render"}}, Interval: strict.Duration(time.Minute),
				Notify: []config.Notify{{Name: "chat", Webhook: s.URL + "/hook"}},
			}
			o, err := openLookout(t.Context(), cfg, "/etc/skynet.yaml", zap.NewNop(), false)
			if err != nil {
				t.Fatal(err)
			}
			held, end := context.WithCancelCause(t.Context())
			d := &daemon{cfg: cfg, lookout: o, turn: &turn{held: held}}
			over := d.act()
			o.people.See(health.Fleet{Name: "render", At: time.Now(), Decided: true, Open: true, Dead: 3})
			end(c.why)
			over()
			o.close()
			data, _ := os.ReadFile(filepath.Join(cfg.StateDir, "notified.json"))
			if !s.has("/hook", "the breaker is open") || strings.Contains(string(data), "breaker") != c.kept {
				t.Errorf("kept: %s", data)
			}
		})
	}
}

type someSource struct {
	names []string
	list  []signals.Signal
}

func (s someSource) Names() []string                                  { return s.names }
func (s someSource) Read(context.Context, time.Time) []signals.Signal { return s.list }

// As many queues as there may be are one kind of source.
func TestSourcesAreCountedByKind(t *testing.T) {
	d := &daemon{lookout: lookedAt(t, config.Config{})}
	now := time.Now()
	known, missing := signals.Known("a", 1, now, time.Minute), signals.Missing("b", now, "?")
	list := d.lookout.sight("render").sources([]signals.Source{
		someSource{[]string{"queues.photos.visible"}, []signals.Signal{known, missing}},
		someSource{[]string{"queues.videos.visible"}, []signals.Signal{missing}},
		someSource{[]string{"work.seconds_p50", "work.wait_p95"}, []signals.Signal{known}},
		someSource{[]string{"queues.photos.oldest_age"}, nil},
		web.NewSource("upload.cpu", nil, web.Rhythm{}),
	})
	for _, s := range list[:4] {
		s.Read(t.Context(), now)
	}
	if kind, about := kindOf(list[4].(watchedSource).Source); kind != "http" || about != "upload.cpu" {
		t.Errorf("a web source: %s %s", kind, about)
	}
	wantLines(t, d,
		`skynet_calls_total{operation="queue",result="ok",system="source"} 1`,
		`skynet_calls_total{operation="queue",result="error",system="source"} 1`,
		`skynet_calls_total{operation="heartbeats",result="ok",system="source"} 1`,
		`skynet_calls_total{operation="cloudwatch",result="ok",system="source"} 1`,
	)
}

// spool collects what a collector or a webhook is sent, by path.
type spool struct {
	*httptest.Server
	mu   sync.Mutex
	sent map[string]string
}

func newSpool(t *testing.T) *spool {
	s := &spool{sent: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		_ = r.Write(&b)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sent[r.URL.Path] += b.String()
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *spool) has(path, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.sent[path], text)
}

// A daemon is run for real: its ticks are told of at /metrics, and traced. Before and
// after its turn it says that it does not act.
func TestADaemonIsLookedAt(t *testing.T) {
	s := newSpool(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), "bounds: {max: 3}\n")
	write(t, filepath.Join(dir, "skynet.yaml"), `interval: 1s
state_dir: "`+dir+`"
queues: [{name: media, url: "nats://embedded/media"}]
fleets:
  - {name: render, queues: [media], policy: p.yaml, local: {worker: /bin/true, slots: 1, stores: ["file:///tmp"]}}
notify: [{name: chat, webhook: "`+s.URL+`/hook"}]
telemetry: {endpoint: "`+s.URL+`"}
`)
	cfg, err := config.Load(filepath.Join(dir, "skynet.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{cfg: cfg, log: zap.NewNop()}
	if d.lookout, err = openLookout(t.Context(), cfg, "/etc/skynet.yaml", zap.NewNop(), false); err != nil {
		t.Fatal(err)
	}
	wantLines(t, d, "skynet_acting 0")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.serve(ctx, func(d *daemon) { d.run(d.during(ctx)) }) }()
	ticked := regexp.MustCompile(`(?m)^skynet_ticks_total\{fleet="render",outcome="[a-z]+"\} [1-9]`)
	for end := time.Now().Add(30 * time.Second); !ticked.MatchString(scraped(d, "skynet_ticks_total")); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no tick: %s", scraped(d, "skynet_"))
		}
	}
	wantLines(t, d, "skynet_acting 1", `skynet_queues_visible_items{fleet="render",queue="media"} 0`,
		`skynet_bounds_max_instances{fleet="render"} 3`, `skynet_calls_total{operation="depth",result="error",system="queue"} 0`)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	d.lookout.close()
	wantLines(t, d, "skynet_acting 0")
	for _, span := range []string{"tick", "decide", "fleet list", "source queue", "queue depth", "journal write"} {
		if !s.has("/v1/traces", span) {
			t.Errorf("no %s in the traces", span)
		}
	}
}

// TestToldToStopBeforeItRuns: it waits for a queue server that is not there, say. That
// it is stopped meanwhile is as good an end as any other.
func TestToldToStopBeforeItRuns(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), "bounds: {max: 3}\n")
	write(t, filepath.Join(dir, "skynet.yaml"), `interval: 1s
state_dir: "`+dir+`"
queues: [{name: media, url: "nats://127.0.0.1:1/media"}]
fleets:
  - {name: render, queues: [media], policy: p.yaml, local: {worker: /bin/true, slots: 1, stores: ["file:///tmp"]}}
`)
	cfg, err := config.Load(filepath.Join(dir, "skynet.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{cfg: cfg, log: zap.NewNop()}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	if err := d.serve(ctx, func(*daemon) { t.Error("it ran") }); err != nil {
		t.Error(err)
	}
}

func TestNotifyCommand(t *testing.T) {
	s := newSpool(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), "bounds: {max: 3}\n")
	file := filepath.Join(dir, "skynet.yaml")
	base := `
queues: [{name: media, url: "nats://embedded/media"}]
fleets: [{name: render, queues: [media], policy: p.yaml, local: {slots: 1}}]
`
	write(t, file, base+`notify: [{name: chat, webhook: "`+s.URL+`/hook"}, {name: desk, command: [/bin/false]}]`)
	for _, c := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"chat"}, 0, "delivered within"},
		{[]string{"chat", "--output", "json"}, 0, `[{"name":"chat"`},
		{nil, exitFinding, "desk         not delivered: /bin/false: exit status 1\n"},
		{[]string{"nobody"}, exitUsage, ""},
	} {
		r := root()
		var out strings.Builder
		r.SetOut(&out)
		r.SetArgs(append([]string{"notify", "--config", file}, c.args...))
		err := r.ExecuteContext(t.Context())
		got := 0
		if err != nil {
			got = status(err)
		}
		if got != c.want || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: status %d (%v), says %s", c.args, got, err, out.String())
		}
	}
	if !s.has("/hook", `"more":"skynet status --config `+file+`"`) {
		t.Errorf("the webhook got %v", s.sent)
	}
	write(t, file, base)
	r := root()
	r.SetArgs([]string{"notify", "--config", file})
	if err := r.ExecuteContext(t.Context()); err == nil || status(err) != exitUsage {
		t.Errorf("nobody to tell: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notified.json")); err == nil {
		t.Error("a try is remembered")
	}
}
