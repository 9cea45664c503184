//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"skynet/queue/nats"
	"skynet/test/processes"
)

// Of every round.
const (
	visibility = 4 * time.Second
	tries      = 1000 // a worker that is killed with an item in hand costs it a try
	mostEach   = 3    // workers of each fleet
	perTick    = 2    // launches
	perHour    = 900
	stateDisk  = 160 << 20
	dataDisk   = 768 << 20

	fleetsPerRound = 2
)

// fleets are those of a site, each with a queue, and a queue of results, of its name:
// near has them inside the controller, far in a server of its own.
var fleets = []string{"near", "far"}

// site is one machine's installation in a folder of its own.
type site struct {
	cage
	dir        string
	said       saying
	controller *service
	server     *service // of far's queues
	wire       *wire    // on the way to it
	port       int      // the server's own
	lines      map[string]*nats.Conn
	queues     map[string]*nats.Queue
	results    map[string]*nats.Queue
}

func (s *site) state() string  { return filepath.Join(s.dir, "state") }
func (s *site) data() string   { return filepath.Join(s.dir, "data") }
func (s *site) in() string     { return filepath.Join(s.data(), "in") }
func (s *site) out() string    { return filepath.Join(s.data(), "out") }
func (s *site) rows() string   { return filepath.Join(s.data(), "rows.db") }
func (s *site) config() string { return filepath.Join(s.dir, "skynet.yaml") }
func (s *site) policy() string { return filepath.Join(s.dir, "policy.yaml") }
func (s *site) logs() string   { return filepath.Join(s.dir, "controller.log") }

// openSite makes disks, settings, a queue server and a controller, and waits until
// both queues answer.
func openSite(ctx context.Context, c cage, dir string, set options, said saying) (s *site, err error) {
	s = &site{cage: c, dir: dir, said: said, lines: map[string]*nats.Conn{}, queues: map[string]*nats.Queue{}, results: map[string]*nats.Queue{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, step := range []func() error{
		s.disks,
		func() error { return s.openServer() },
		func() error { return s.configure(set.programs, set.interval) },
	} {
		if err := step(); err != nil {
			return s, err
		}
	}
	// What it is told of is in the folder, so the folder marks it.
	s.controller = newService("the controller", s.logs(), said, 500*time.Millisecond, []string{"TMPDIR=" + s.data()},
		filepath.Join(set.programs, "skynet"), "run", "--config", s.config())
	s.controller.up()
	return s, s.connect(ctx)
}

func (s *site) disks() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := errors.Join(s.disk(s.state(), stateDisk), s.disk(s.data(), dataDisk)); err != nil {
		return err
	}
	for _, dir := range []string{s.in(), s.out(), filepath.Join(s.data(), "scratch"), filepath.Join(s.state(), "nats"), s.far()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) far() string { return filepath.Join(s.dir, "far") }

// openServer starts far's server at a port of its own, behind a wire. Both servers
// have one token: a worker knows one.
func (s *site) openServer() error {
	const token = "of both servers of this round"
	for _, dir := range []string{s.far(), filepath.Join(s.state(), "nats")} {
		if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(nats.Loopback, "0"))
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	own, err := os.Executable()
	if err != nil {
		return err
	}
	s.server = newService("the queue server", filepath.Join(s.dir, "server.log"), s.said, 200*time.Millisecond, nil, own, roleQueue, s.far(), strconv.Itoa(s.port))
	s.server.up()
	s.wire, err = tap(net.JoinHostPort(nats.Loopback, strconv.Itoa(s.port)))
	return err
}

func (s *site) configure(programs string, interval time.Duration) error {
	var queues, list strings.Builder
	for _, f := range fleets {
		fmt.Fprintf(&queues, "  - {name: %s, url: %q, visibility: %s, tries: %d}\n", f, s.url(f, f), visibility, tries)
		fmt.Fprintf(&list, `  - name: %s
    queues: [%s]
    policy: policy.yaml
    local:
      worker: %q
      slots: 2
      heartbeat: 500ms
      stores: ["file://%s", "file://%s"]
      recipes: soak.recipes.yaml
      results: %q
      database: {url: "sqlite://%s"}
      env: [{name: SKYNET_WORKER_SCRATCH, value: %q}]
`, f, f, filepath.Join(programs, "skynet-worker"), s.in(), s.out(), s.url(f, f+"_results"), s.rows(), filepath.Join(s.data(), "scratch"))
	}
	return errors.Join(
		s.write("skynet.yaml", fmt.Sprintf("interval: %s\nlisten: 127.0.0.1:0\nstate_dir: %q\nnats: {token_file: %q}\nqueues:\n%sfleets:\n%s",
			interval, s.state(), filepath.Join(s.far(), "token"), &queues, &list)),
		s.write("soak.recipes.yaml", recipes),
		s.write("policy.yaml", policyOf(2, 2*time.Second)),
	)
}

// url is where a queue is: those of far behind the wire.
func (s *site) url(fleet, queue string) string {
	if fleet == "far" {
		return fmt.Sprintf("nats://%s/%s", s.wire.Addr(), queue)
	}
	return "nats://embedded/" + queue
}

func policyOf(perWorker int, after time.Duration) string {
	return fmt.Sprintf(`bounds: {min: 0, max: %d}
policies: [{type: backlog, per_worker: %d}]
guards:
  launch: {per_tick: %d, per_hour: %d}
  release: {after: %s}
deadlines: {boot: 20s, silent: 10s, replace: 15s}
`, mostEach, perWorker, perTick, perHour, after)
}

func (s *site) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600)
}

// connect opens the queues, as another program on the machine does. It returns when
// the controller has made them.
func (s *site) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	embedded := filepath.Join(s.state(), "nats")
	port, err := kept(ctx, filepath.Join(embedded, "port"))
	if err != nil {
		return fmt.Errorf("the controller's queue server: %w", err)
	}
	for f, port := range map[string]string{"near": port, "far": strconv.Itoa(s.port)} {
		c, err := nats.Dial(ctx, nats.DialOptions{URL: "nats://" + net.JoinHostPort(nats.Loopback, port), TokenFile: filepath.Join(embedded, "token")})
		if err != nil {
			return err
		}
		s.lines[f] = c
		if s.queues[f], err = c.Queue(ctx, nats.Config{Name: f, Visibility: visibility, Tries: tries}); err != nil {
			return err
		}
		if s.results[f], err = c.Queue(ctx, nats.Config{Name: f + "_results"}); err != nil {
			return err
		}
	}
	return nil
}

// kept waits for a file that a program writes when it runs.
func kept(ctx context.Context, file string) (string, error) {
	for {
		if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
			return strings.TrimSpace(string(text)), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not there: %w", file, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// workers are those of both fleets by instance.
func (s *site) workers() map[string]processes.Process { return processes.Workers(s.dir) }

// hangUp ends our own connections.
func (s *site) hangUp() {
	for _, c := range s.lines {
		c.Close()
	}
}

// close ends all that runs in the folder, and takes the disks away.
func (s *site) close() {
	s.hangUp()
	for _, p := range []*service{s.controller, s.server} {
		if p != nil {
			p.close()
		}
	}
	if s.wire != nil {
		_ = s.wire.Close()
		s.wire.cut()
	}
	processes.EndAll(s.dir)
	s.unmount(s.state())
	s.unmount(s.data())
}
