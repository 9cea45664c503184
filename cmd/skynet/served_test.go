package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/config/strict"
	"skynet/controller"
	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/journaltest"
	"skynet/journal/sqlite"
	"skynet/lease"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

// shown is a front that answers.
type shown struct {
	*front
	t   *testing.T
	dir string
	url string
}

// showing serves a fleet without a daemon, from a journal of these ticks.
func showing(t *testing.T, list ...journal.Record) shown {
	t.Helper()
	dir := journalled(t, list...)
	write(t, filepath.Join(dir, "p.yaml"), "objective: {wait: 2m, quantile: 0.95}\nbounds: {min: 1, max: 9}\nguards: {budget: {daily: 80}}\n")
	cfg := config.Config{
		Listen: "127.0.0.1:0", StateDir: dir, Interval: strict.Duration(time.Minute),
		Journal: config.Journal{Details: strict.Duration(14 * 24 * time.Hour), Minutes: strict.Duration(4000 * 24 * time.Hour), Hours: strict.Duration(4000 * 24 * time.Hour)},
		Queues:  []config.Queue{{Name: "photos", URL: "nats://embedded/photos"}},
		Fleets:  []config.Fleet{{Name: "render", Queues: []string{"photos"}, Policy: filepath.Join(dir, "p.yaml"), Prices: []config.Price{{Type: "a", Hourly: 1}}, Local: &config.Local{Slots: 1}}},
	}
	f, server, err := openFront(cfg, zap.NewNop(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := sqlite.Open(filepath.Join(dir, journalFile), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{cfg: cfg, log: zap.NewNop(), front: f}
	d.onClose(j.Close)
	if err := f.opened(d, j); err != nil {
		t.Fatal(err)
	}
	p, err := (&loop{daemon: d, fleet: cfg.Fleets[0]}).load()
	if err != nil {
		t.Fatal(err)
	}
	f.decidesBy("render", p)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, d.close()); err != nil {
			t.Error(err)
		}
	})
	return shown{f, t, dir, server.URL()}
}

// get asks, and wants a status.
func (s shown) get(path string, status int) (body string) {
	s.t.Helper()
	r, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		s.t.Errorf("%s: %d %s %v, want %d", path, r.StatusCode, b, err, status)
	}
	return string(b)
}

// post gives an order with the token.
func (s shown) post(path, body string, status int) (answer string) {
	s.t.Helper()
	token, err := os.ReadFile(filepath.Join(s.dir, "token"))
	if err != nil {
		s.t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	r.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	b, _ := io.ReadAll(a.Body)
	if a.StatusCode != status {
		s.t.Errorf("%s %s: %d %s, want %d", path, body, a.StatusCode, b, status)
	}
	return string(b)
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// at finds a value in decoded JSON: fleets.0.name.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i := 0
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// TestTheAPISaysWhatTheCommandsSay, key by key.
func TestTheAPISaysWhatTheCommandsSay(t *testing.T) {
	s := showing(t, decided(0, bought), decided(1, func(r *journal.Record) {
		r.Snapshot.Now = r.Snapshot.Now.Add(400 * time.Microsecond) // as ticks come; an ID has milliseconds
	}), decided(2, nil))
	id, later := fleet.DecisionID("render", teatime), fleet.DecisionID("render", teatime.Add(time.Minute))
	for path, command := range map[string][]string{
		"api/v1/tick?fleet=render&id=" + id: {"explain", "--decision", id, "--all", "--output", "json"},
		"api/v1/tick?id=" + id:              {"explain", "--decision", id, "--all", "--output", "json"},
		"api/v1/tick?id=" + later:           {"explain", "--decision", later, "--all", "--output", "json"},
		"api/v1/signals?fleet=render":       {"signals", "--fleet", "render", "--output", "json"},
	} {
		text, err := said(t, append(command, "--state-dir", s.dir)...)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := decoded(t, s.get(path, 200)), decoded(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s says\n%v\n%v says\n%v", path, got, command, want)
		}
	}
	write(t, filepath.Join(s.dir, "skynet.yaml"), fmt.Sprintf(`state_dir: %q
queues: [{name: photos, url: "nats://embedded/photos"}]
fleets: [{name: render, queues: [photos], policy: p.yaml, prices: [{type: a, hourly: 1}], local: {}}]
`, s.dir))
	text, err := said(t, "forecast", "--config", filepath.Join(s.dir, "skynet.yaml"), "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	got, want := decoded(t, s.get("api/v1/forecast", 200)).(map[string]any), decoded(t, text).(map[string]any)
	delete(got, "at") // a moment later
	delete(want, "at")
	if !reflect.DeepEqual(got, want) || at(got, "queues.0.queue") != "photos" {
		t.Errorf("forecast is\n%v, the command says\n%v", got, want)
	}
}

// TestStatusFromTheJournal is what one who stands by shows, and the first moments.
func TestStatusFromTheJournal(t *testing.T) {
	s := showing(t, decided(0, bought), decided(1, func(r *journal.Record) {
		now := r.Snapshot.Now
		r.Snapshot.Signals = []signals.Signal{
			signals.Known("cost.per_hour", 1.5, now, time.Minute), signals.Missing("cost.today", now, "no price of c7i"),
			signals.Known("queues.photos.arrival_rate", 0.5, now, time.Minute), signals.Known("queues.photos.visible", 12, now, time.Minute),
			signals.Known("queues.photos.wait_p50", 1, now, time.Minute), signals.Known("queues.photos.wait_p95", 60, now, time.Minute),
			signals.Known("queues.photos.wait_p99", 240, now, time.Minute),
		}
		r.Snapshot.Workers = []fleet.Worker{
			{ID: "i-1", State: fleet.Working, Jobs: 2, Slots: 4, Type: "a", Launched: now.Add(-time.Hour), Heard: now},
			{ID: "i-2", State: fleet.Draining, Jobs: 1, Slots: 4, Drain: "render-x"}, {ID: "i-3", State: fleet.Asleep, Slots: 4},
		}
		r.Decision.Blind = true
		r.Decision.Wants = []policy.Want{{Policy: "slo", Want: 3, Because: "no age", Blind: true}}
	}))
	got := decoded(t, s.get("api/v1/status", 200))
	for path, want := range map[string]any{
		"interval": 60.0, "dry_run": false, "standby": nil, "changeable": true, "fleets.0.name": "render",
		"fleets.0.have": 3.0, "fleets.0.want": 3.0, "fleets.0.headline": "hold (blind)", "fleets.0.blind": true, "fleets.0.why_blind": "slo: no age",
		"fleets.0.reasons.0.by": "slo", "fleets.0.states.working": 1.0, "fleets.0.states.asleep": 1.0, "fleets.0.jobs": 3.0, "fleets.0.slots": 8.0,
		"fleets.0.bounds.max": 9.0, "fleets.0.budget.daily": 80.0, "fleets.0.budget.hourly": nil, "fleets.0.cost_hourly": 1.5,
		"fleets.0.spent_today": nil, "fleets.0.unknown.spent_today": "unknown: no price of c7i", "fleets.0.breaker": nil, "fleets.0.pause": nil,
		"fleets.0.last_tick.id": fleet.DecisionID("render", teatime.Add(time.Minute)), "fleets.0.last_tick.took": nil, "fleets.0.last_tick.error": nil,
		"fleets.0.queues.0.name": "photos", "fleets.0.queues.0.visible": 12.0, "fleets.0.queues.0.arrived_per_minute": 30.0,
		"fleets.0.queues.0.oldest_age": nil, "fleets.0.queues.0.unknown.oldest_age": "unknown: no source gives it", "fleets.0.queues.0.wait_p95": 60.0,
		"fleets.0.queues.0.objective.wait": 120.0, "fleets.0.queues.0.objective.quantile": 0.95, "fleets.0.queues.0.within": 0.963, "fleets.0.queues.0.missed": "",
		"fleets.0.workers.0.id": "i-1", "fleets.0.workers.0.heard": "2026-03-01T17:01:00Z", "fleets.0.workers.1.heard": nil, "fleets.0.workers.1.drain": "render-x",
		"fleets.0.workers.0.drain": nil, "fleets.0.workers.2.state": "asleep", "fleets.0.workers.0.version": nil,
	} {
		if value := at(got, path); !reflect.DeepEqual(value, want) {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
}

func TestAFleetThatHasNotTicked(t *testing.T) {
	s := showing(t)
	got := decoded(t, s.get("api/v1/status", 200))
	for path, want := range map[string]any{
		"fleets.0.last_tick": nil, "fleets.0.have": nil, "fleets.0.jobs": nil, "fleets.0.headline": "", "fleets.0.queues.0.visible": nil,
		"fleets.0.queues.0.unknown.visible": "there was no tick yet", "fleets.0.bounds.max": 9.0,
	} {
		if value := at(got, path); !reflect.DeepEqual(value, want) {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	s.get("readyz", 503)
	s.get("healthz", 200)
	if body := s.get("api/v1/signals", 404); !strings.Contains(body, "no tick yet") {
		t.Error(body)
	}
	if body := s.get("api/v1/ticks", 200); strings.TrimSpace(body) != "[]" {
		t.Error(body)
	}
	if body := s.get("api/v1/signals?fleet=upload", 404); !strings.Contains(body, "the fleets are render") {
		t.Error(body)
	}
	s.get("api/v1/tick?id=render-20260301T170000.000Z", 404)
	s.get("api/v1/tick?id=nonsense", 400)
}

func TestTicksAndHistoryFromTheJournal(t *testing.T) {
	s := showing(t, decided(0, bought), decided(1, nil), decided(2, func(r *journal.Record) {
		r.Decision = policy.Decision{ID: r.Decision.ID, Fleet: "render", Failed: "no decision: list the instances: 503"}
	}))
	got := decoded(t, s.get("api/v1/ticks?from=2026-03-01T16:00:00Z&to=2026-03-01T18:00:00Z&limit=2", 200))
	for path, want := range map[string]any{
		"0.headline": "no decision", "0.failed": "no decision: list the instances: 503", "0.have": nil, "0.did": "nothing: no decision: list the instances: 503",
		"1.headline": "hold", "1.have": 3.0, "1.failed": nil, "1.did": "nothing: there are as many as are wanted", "2": nil,
	} {
		if value := at(got, path); !reflect.DeepEqual(value, want) {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	if did := at(decoded(t, s.get("api/v1/ticks?from=2026-03-01T16:00:00Z&to=2026-03-01T17:00:30Z", 200)), "0.did"); did != "launch 1 of 2: i-1; the rest was refused: no capacity" {
		t.Errorf("did %v", did)
	}
	h := decoded(t, s.get("api/v1/history?from=2026-03-01T17:00:00Z&to=2026-03-01T17:05:00Z", 200))
	for path, want := range map[string]any{
		"step": 60.0, "time.0": float64(teatime.Unix()), "series.want.0": 5.0, "series.have.0": 3.0, "series.queue.visible": nil,
		"objective.wait": 120.0, "marks.0.kind": "failed", "marks.0.at": "2026-03-01T17:02:00Z", "marks.1": nil,
	} {
		if value := at(h, path); !reflect.DeepEqual(value, want) {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	if v := h.(map[string]any)["series"].(map[string]any)["queue.visible"].([]any); v[0] != 12.0 || v[4] != nil {
		t.Errorf("queue.visible is %v", v)
	}
}

// TestOrdersGivenOverTheAPI are those of the commands, with who gave them.
func TestOrdersGivenOverTheAPI(t *testing.T) {
	s := showing(t)
	answer := decoded(t, s.post("api/v1/pause", `{"fleet":"render","for":"30m","why":"by hand"}`, 200))
	if at(answer, "pause.why") != "by hand" || at(answer, "pause.by") != "api from 127.0.0.1" || at(answer, "floor") != nil {
		t.Errorf("%v", answer)
	}
	answer = decoded(t, s.post("api/v1/want", `{"fleet":"render","workers":3,"for":"2h"}`, 200))
	if at(answer, "floor.workers") != 3.0 || at(answer, "pause.why") != "by hand" {
		t.Errorf("%v", answer)
	}
	orders, err := readOrders(ordersFile(s.dir))
	if err != nil || orders["render"].Pause.By != "api from 127.0.0.1" || orders["render"].Floor.Want != 3 || len(orders["render"].Changes) != 2 {
		t.Errorf("%+v %v", orders, err)
	}
	got := decoded(t, s.get("api/v1/status", 200))
	if at(got, "fleets.0.pause.by") != "api from 127.0.0.1" || at(got, "fleets.0.floor.workers") != 3.0 {
		t.Errorf("%v", got)
	}
	answer = decoded(t, s.post("api/v1/resume", `{"fleet":"render"}`, 200))
	if at(answer, "pause") != nil {
		t.Errorf("%v", answer)
	}
	s.post("api/v1/pause", `{"fleet":"upload","for":"30m"}`, 404)
	s.post("api/v1/pause", `{"for":"30m"}`, 404)
	s.standsBy(lease.State{Holder: "other"})
	if body := s.post("api/v1/pause", `{"fleet":"render","for":"30m"}`, 409); !strings.Contains(body, "other") {
		t.Error(body)
	}
	s.get("readyz", 200)
	if holder := at(decoded(t, s.get("api/v1/status", 200)), "standby.holder"); holder != "other" {
		t.Errorf("%v", holder)
	}
}

// TestReady: every fleet ticked lately.
func TestReady(t *testing.T) {
	for _, c := range []struct {
		past  time.Duration
		ready bool
	}{{0, true}, {2 * time.Minute, true}, {170 * time.Second, true}, {190 * time.Second, false}, {time.Hour, false}} {
		f := &front{cfg: config.Config{Interval: strict.Duration(time.Minute), Fleets: []config.Fleet{{Name: "render"}}}, ticks: map[string]controller.Report{}}
		f.ticks["render"] = controller.Report{Snapshot: signals.Snapshot{Now: time.Now().Add(-c.past)}}
		if err := f.Ready(); (err == nil) != c.ready {
			t.Errorf("%s ago: %v", c.past, err)
		}
		f.cfg.Fleets = append(f.cfg.Fleets, config.Fleet{Name: "upload"})
		if f.Ready() == nil {
			t.Error("a fleet that has not ticked is ready")
		}
	}
}

// fronted is a standby whose daemon others are told of.
func (s *state) fronted() (*standby, shown) {
	s.t.Helper()
	b := &standby{t: s.t, dir: s.t.TempDir(), turn: make(chan *daemon, 9), end: make(chan error, 1)}
	b.prepare()
	b.run(func(ctx context.Context, d *daemon, turn func(*daemon)) error {
		return d.served(ctx, func() error { return d.serve(ctx, turn) })
	})
	b.says("serves the dashboard, the API and metrics")
	at := b.logs.FilterMessage("serves the dashboard, the API and metrics").All()[0].ContextMap()["at"]
	return b, shown{t: s.t, dir: b.dir, url: fmt.Sprint(at)}
}

// until asks again and again until an answer holds a text.
func (s shown) until(path string, status int, text string) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(s.url + path)
		if err != nil {
			s.t.Fatal(err) // it is there all the time
		}
		b, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode == status && strings.Contains(string(b), text) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s: %d %s, want %d %q", path, r.StatusCode, b, status, text)
		}
	}
}

// hears reads the stream of events until it holds a text.
func (s shown) hears(text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"api/v1/events", nil)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer a.Body.Close()
	for lines := bufio.NewScanner(a.Body); ; {
		if !lines.Scan() {
			s.t.Fatalf("ended before %q", text)
		}
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
}

// TestServedThroughAllTurns: whoever looks gets an answer while the daemon acts, while
// it stands by, while it cannot even do that, and when it acts again; an order that is
// given is in the journal of the next tick, with who gave it.
func TestServedThroughAllTurns(t *testing.T) {
	s := newState(t)
	a, seen := s.fronted()
	d := a.acts()
	seen.until("readyz", 200, "ready")
	seen.hears("event: tick")
	seen.post("api/v1/pause", `{"fleet":"render","for":"30m","why":"by hand"}`, 200)
	seen.until("api/v1/status", 200, `"said": "paused until`)
	seen.until("api/v1/ticks?limit=3", 200, "the fleet is paused")
	list, err := d.journal.Records(t.Context(), "render", time.Time{}, 0)
	if last := list[len(list)-1].Snapshot.Orders.Pause; err != nil || last == nil || last.By != "api from 127.0.0.1" || last.Why != "by hand" {
		t.Errorf("journalled: %+v %v", last, err)
	}

	b, other := s.fronted()
	b.says("stands by")
	other.until("api/v1/status", 200, `"holder"`)
	other.get("readyz", 200)
	other.hears("event: tick")
	other.post("api/v1/resume", `{"fleet":"render"}`, 409)
	b.ended()

	s.away.Store(true)
	d.turn.end(fmt.Errorf("it could not be renewed: %w", lease.ErrNotHeld))
	a.says("does nothing and cannot stand by yet; tries again")
	seen.get("healthz", 200)
	seen.get("readyz", 503)
	seen.get("api/v1/signals", 503)
	seen.get("api/v1/status", 200)
	s.away.Store(false)
	a.acts()
	seen.until("readyz", 200, "ready")
	seen.until("api/v1/ticks?limit=3", 200, "the fleet is paused")
	a.ended()
	if r, err := http.Get(seen.url + "healthz"); err == nil {
		_ = r.Body.Close()
		t.Error("answers after its end")
	}
}

// TestServedOff: nothing is listened at, and nobody is told.
func TestServedOff(t *testing.T) {
	for _, listen := range []string{"", config.Off} {
		d := &daemon{cfg: config.Config{Listen: listen, StateDir: t.TempDir()}, log: zap.NewNop()}
		if err := d.served(t.Context(), func() error { return nil }); err != nil || d.front != nil {
			t.Errorf("%q: %v", listen, err)
		}
		d.front.standsBy(lease.State{Holder: "x"})
		d.front.acts(d)
		d.front.decidesBy("x", file.Policy{})
		d.front.watch("x", nil)
		if err := d.front.opened(d, nil); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(d.cfg.StateDir, "token")); err == nil {
			t.Error("a token for nothing")
		}
	}
}

// TestADryRunIsShownFromMemory as a file's is.
func TestADryRunIsShownFromMemory(t *testing.T) {
	m := journal.NewMemory(2 * time.Hour)
	journaltest.Write(t, m, decided(0, bought), decided(1, nil), decided(2, nil))
	p := remembered{m}
	list, err := p.Heads(t.Context(), "render", teatime, teatime.Add(time.Minute), 1)
	if err != nil || len(list) != 1 || !list[0].Snapshot.Now.Equal(teatime.Add(time.Minute)) {
		t.Errorf("%v %v", list, err)
	}
	series, err := p.SeriesOf(t.Context(), "render", []string{"queue.visible", "fleet.boot_seconds"}, teatime, teatime.Add(3*time.Minute), 2*time.Minute)
	if got := series["queue.visible"]; err != nil || len(series) != 1 || len(got) != 2 || got[0].Count != 2 || got[0].Mean != 12 || got[1].Count != 1 {
		t.Errorf("%v %v", series, err)
	}
}
