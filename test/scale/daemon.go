package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"skynet/test/processes"
)

// daemon is `skynet run`, in a process of its own.
type daemon struct {
	*processes.Running
	dir    string
	listen string
}

// settings of an installation in the folder.
func settings(w *world, dir, listen string, interval time.Duration, least int) error {
	var queues strings.Builder
	for _, q := range w.queues {
		fmt.Fprintf(&queues, "  - {name: %s, url: %q, visibility: 30s}\n", q, sqsURL+q)
	}
	text := fmt.Sprintf(`interval: %s
listen: %s
state_dir: %q
aws: {account: %q, region: %s, events: %q}
heartbeats: %q
telemetry: {endpoint: %q}
queues:
%sfleets:
  - name: render
    queues: [%s]
    policy: render.policy.yaml
    prices: [{type: c7i.xlarge, hourly: 0.1785}, {type: c7a.xlarge, hourly: 0.2053}]
    ec2: {launch_template: {name: %s, version: "1"}, subnets: [subnet-a, subnet-b], types: [c7i.xlarge, c7a.xlarge], slots: %d,
          spot: {base_on_demand: 2, share: 80%%, strategy: price-capacity-optimized}}
`, interval, listen, filepath.Join(dir, "state"), accountID, region, sqsURL+"events", sqsURL+"heartbeats", w.spans.url,
		queues.String(), strings.Join(w.queues, ", "), template, slots)
	if err := os.WriteFile(filepath.Join(dir, "skynet.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "render.policy.yaml"), fmt.Appendf(nil, "bounds: {min: %d, max: %d}\n", least, 2*least+10), 0o600)
}

// run starts the program on a world.
func run(program string, w *world, dir string, interval time.Duration, least int) (*daemon, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := l.Addr().String()
	_ = l.Close()
	if err := settings(w, dir, listen, interval, least); err != nil {
		return nil, err
	}
	c := exec.Command(program, "run", "--config", filepath.Join(dir, "skynet.yaml"))
	c.Env = processes.Bare(dir, w.env...)
	r, err := processes.Start(dir, "daemon", c)
	if err != nil {
		return nil, err
	}
	return &daemon{r, dir, listen}, nil
}

// runs is an error where it does not run any more, with what it said.
func (d *daemon) runs() error {
	if d.Runs() {
		return nil
	}
	return errors.New("skynet run has ended: " + d.Said())
}

// stop ends it as an operator does.
func (d *daemon) stop() { d.End(time.Minute) }

// usage is what a process has used.
type usage struct {
	resident, peak int64 // bytes
	cpu            time.Duration
}

// used reads what the daemon has used, of proc(5).
func (d *daemon) used() (u usage) {
	proc := fmt.Sprintf("/proc/%d/", d.PID())
	status, _ := os.ReadFile(proc + "status")
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		kB, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			u.resident = kB << 10
		case "VmHWM:":
			u.peak = kB << 10
		}
	}
	stat, _ := os.ReadFile(proc + "stat")
	_, after, _ := strings.Cut(string(stat), ") ")
	if f := strings.Fields(after); len(f) > 12 {
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		u.cpu = time.Duration(user+system) * (time.Second / 100) // ticks of USER_HZ
	}
	return u
}

// journal is how large the record is, in bytes.
func (d *daemon) journal() (n int64) {
	for _, name := range []string{"journal.db", "journal.db-wal"} {
		if f, err := os.Stat(filepath.Join(d.dir, "state", name)); err == nil {
			n += f.Size()
		}
	}
	return n
}

// scrape reads the metrics as Prometheus does, and returns how long that took.
func (d *daemon) scrape(ctx context.Context) (body string, took time.Duration, err error) {
	begun := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.listen+"/metrics", http.NoBody)
	if err != nil {
		return "", 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	var b strings.Builder
	_, err = readAll(&b, answer)
	return b.String(), time.Since(begun), err
}
