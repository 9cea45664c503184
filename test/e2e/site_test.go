package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/queue"
	"skynet/queue/nats"
)

// patient is how long is waited for what takes a moment on a quiet machine.
const patient = 60 * time.Second

// visibility of the items of a site.
const visibility = 5 * time.Second

// plan is what tests choose of a site's settings.
type plan struct {
	interval      string // 1s
	min, max, per int
}

// site is one machine's installation: settings, state and results in a folder.
type site struct {
	t     *testing.T
	dir   string
	runs  int // of the daemon
	sent  int
	lines *nats.Conn
	media *nats.Queue
}

// newSite writes settings. What runs in the folder at the end is killed; a test
// that failed shows what its programs said.
func newSite(t *testing.T, p plan) *site {
	s := &site{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		s.disconnect()
		endAll(s.dir)
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(s.dir, "state", "logs", "*.log"))
			for _, l := range logs {
				t.Log(tail(l))
			}
		}
	})
	if err := os.Mkdir(s.results(), 0o755); err != nil {
		t.Fatal(err)
	}
	s.configure(p)
	return s
}

// configure writes the settings and the policy.
func (s *site) configure(p plan) {
	s.t.Helper()
	if p.interval == "" {
		p.interval = "1s"
	}
	s.write("skynet.yaml", fmt.Sprintf(`interval: %s
listen: 127.0.0.1:0
state_dir: %q
queues:
  - {name: media, url: "nats://embedded/media", visibility: %s, tries: 3}
fleets:
  - name: render
    queues: [media]
    policy: render.policy.yaml
    local:
      slots: 1
      heartbeat: 500ms
      stores: [%q, %q]
`, p.interval, s.state(), visibility, fileURL(filepath.Dir(media.good)), fileURL(s.results())))
	s.write("render.policy.yaml", fmt.Sprintf(`bounds: {min: %d, max: %d}
policies: [{type: backlog, per_worker: %d}]
guards: {release: {after: 2s}}
deadlines: {boot: 40s, silent: 15s, replace: 30s}
`, p.min, p.max, max(1, p.per)))
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) state() string   { return filepath.Join(s.dir, "state") }
func (s *site) results() string { return filepath.Join(s.dir, "results") }
func (s *site) config() string  { return filepath.Join(s.dir, "skynet.yaml") }

// daemon starts `skynet run` and returns when its loop runs.
func (s *site) daemon(flags ...string) *process {
	s.t.Helper()
	p := s.attempt(flags...)
	await(s.t, "the daemon to run", patient, func() error {
		if strings.Contains(p.Said(), "\truns\t") {
			return nil
		}
		if !p.Runs() {
			s.t.Fatalf("the daemon ended: %s", p.Said())
		}
		return fmt.Errorf("it has said %q", p.Said())
	})
	return p
}

// attempt starts `skynet run`.
func (s *site) attempt(flags ...string) *process {
	s.t.Helper()
	s.runs++
	return start(s.t, s.dir, fmt.Sprintf("run-%d", s.runs), skynet, append([]string{"run", "--config", s.config()}, flags...)...)
}

// stop ends a daemon as an operator does.
func (s *site) stop(p *process) {
	s.t.Helper()
	p.signal(syscall.SIGTERM)
	if status := p.wait(20 * time.Second); status != 0 {
		s.t.Fatalf("SIGTERM ended %s with status %d", p.Name, status)
	}
}

// queue is the embedded queue, as another program on the machine reaches it.
func (s *site) queue() *nats.Queue {
	s.t.Helper()
	if s.media != nil {
		return s.media
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patient)
	defer cancel()
	folder := filepath.Join(s.state(), "nats")
	var err error
	s.lines, err = nats.Dial(ctx, nats.DialOptions{
		URL: "nats://127.0.0.1:" + strings.TrimSpace(read(filepath.Join(folder, "port"))), TokenFile: filepath.Join(folder, "token")})
	if err != nil {
		s.t.Fatal(err)
	}
	if s.media, err = s.lines.Queue(ctx, nats.Config{Name: "media"}); err != nil {
		s.t.Fatal(err)
	}
	return s.media
}

func (s *site) disconnect() {
	if s.lines != nil {
		s.lines.Close()
	}
	s.lines, s.media = nil, nil
}

// send puts items into the queue, each with a folder of its own for its results.
func (s *site) send(inputs ...string) {
	s.t.Helper()
	for _, input := range inputs {
		s.sent++
		body, _ := json.Marshal(map[string]string{"input": fileURL(input), "output": fileURL(s.result(s.sent))})
		ctx, cancel := context.WithTimeout(s.t.Context(), patient)
		_, err := s.queue().Send(ctx, body)
		cancel()
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// result is the folder of the number-th item's results.
func (s *site) result(number int) string {
	return filepath.Join(s.results(), fmt.Sprintf("%03d", number))
}

// depth is what the queue holds, as far as it answers.
func (s *site) depth() (queue.Depth, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Second)
	defer cancel()
	return s.queue().Depth(ctx)
}

// dead are the items that were given up.
func (s *site) dead() []queue.Dead {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patient)
	defer cancel()
	list, err := s.queue().DeadLetters(ctx, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// awaitEmpty waits until nothing is left in the queue.
func (s *site) awaitEmpty() {
	s.t.Helper()
	await(s.t, "an empty queue", 2*patient, func() error {
		d, err := s.depth()
		if err == nil && d.Visible+d.InFlight+d.Delayed > 0 {
			err = fmt.Errorf("it holds %+v", d)
		}
		return err
	})
}

// awaitHome waits until nothing is left in the queue and no worker runs.
func (s *site) awaitHome() {
	s.t.Helper()
	s.awaitEmpty()
	await(s.t, "the fleet to be back at 0", patient, func() error {
		if w := workers(s.dir); len(w) > 0 {
			return fmt.Errorf("workers %v", w)
		}
		return nil
	})
}

// awaitWorkers waits until so many workers run.
func (s *site) awaitWorkers(n int) map[string]int {
	s.t.Helper()
	var w map[string]int
	await(s.t, fmt.Sprintf("%d workers", n), patient, func() error {
		if w = workers(s.dir); len(w) != n {
			return fmt.Errorf("there are %v", w)
		}
		return nil
	})
	return w
}

// allDone checks that each item sent has whole results and nothing else has.
func (s *site) allDone() {
	s.t.Helper()
	for i := 1; i <= s.sent; i++ {
		if err := whole(s.result(i)); err != nil {
			s.t.Errorf("item %d: %v", i, err)
		}
	}
	if entries, _ := os.ReadDir(s.results()); len(entries) != s.sent {
		s.t.Errorf("%d folders of results for %d items", len(entries), s.sent)
	}
	if dead := s.dead(); len(dead) > 0 {
		s.t.Errorf("given up: %+v", dead)
	}
}

func fileURL(path string) string { return "file://" + path }
