package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"skynet/controller"
	"skynet/policy"
	"skynet/signals"
)

// manager is what systemd is to the daemon: a socket.
type manager struct {
	t  *testing.T
	at *net.UnixConn
}

// watched has this process supervised; no patience is no watchdog.
func watched(t *testing.T, patience time.Duration) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	at, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = at.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	if patience > 0 {
		t.Setenv("WATCHDOG_USEC", fmt.Sprint(patience.Microseconds()))
		t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	}
	return &manager{t, at}
}

// hears is the next message; "" if there is none.
func (m *manager) hears() string {
	m.t.Helper()
	buf := make([]byte, 4096)
	_ = m.at.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // what was sent is there already
	n, err := m.at.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

func ended(name string, have, want int, err error) controller.Report {
	return controller.Report{
		Snapshot: signals.Snapshot{Fleet: name, Now: teatime}, Err: err,
		Decision: policy.Decision{Fleet: name, Have: have, Want: want},
	}
}

// The watchdog is fed by ticks that ended, when all fleets have: one that hangs is not
// covered up by the others.
func TestTheWatchdogIsFedWhenAllFleetsHaveTicked(t *testing.T) {
	m := watched(t, time.Hour)
	u := superviseBy(zap.NewNop(), time.Minute)
	u.acts([]string{"gallery", "render"}, "runs 2 fleets")
	at := teatime.Local().Format("15:04:05")
	if got := m.hears(); got != "READY=1\nWATCHDOG=1\nSTATUS=runs 2 fleets" {
		t.Errorf("ready: %q", got)
	}
	for i, c := range []struct {
		r    controller.Report
		want string
	}{
		{ended("render", 1, 2, nil), "STATUS=render: have 1, want 2, hold (" + at + ")"},
		{ended("render", 2, 2, nil), "STATUS=render: have 2, want 2, hold (" + at + ")"},
		{ended("gallery", 0, 0, nil), "WATCHDOG=1\nSTATUS=gallery: have 0, want 0, hold; render: have 2, want 2, hold (" + at + ")"},
		{ended("gallery", 0, 0, nil), "STATUS=gallery: have 0, want 0, hold; render: have 2, want 2, hold (" + at + ")"},
		{ended("render", 0, 0, errors.New("the roster\ndoes not answer")), "WATCHDOG=1\nSTATUS=gallery: have 0, want 0, hold; render: nothing is done: the roster does not answer (" + at + ")"},
	} {
		u.ended(c.r)
		if got := m.hears(); got != c.want {
			t.Errorf("tick %d: %q, want %q", i, got, c.want)
		}
	}
	u.waits("stands by; ann acts")
	if got := m.hears(); got != "READY=1\nWATCHDOG=1\nSTATUS=stands by; ann acts" {
		t.Errorf("standing by: %q", got)
	}
	u.reloads(func() {
		if got := m.hears(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
			t.Errorf("reloading: %q", got)
		}
	})
	if got := m.hears(); got != "READY=1" {
		t.Errorf("reloaded: %q", got)
	}
	u.stops()
	if got := m.hears(); !strings.HasPrefix(got, "STOPPING=1\nSTATUS=ends the tick under way") {
		t.Errorf("stopping: %q", got)
	}
	u.ended(ended("render", 1, 1, nil))
	u.waits("stands by")
	u.stops()
	if got := m.hears(); got != "" {
		t.Errorf("after the end: %q", got)
	}
}

// A watchdog that would bite a daemon that is in time is refused.
func TestAWatchdogThatIsTooQuick(t *testing.T) {
	for _, c := range []struct {
		patience, interval time.Duration
		want               string
	}{
		{0, time.Minute, ""},
		{3 * time.Minute, time.Minute, ""},
		{3*time.Minute - 1000, time.Minute, "WATCHDOG_USEC=180000000"},
		{time.Minute, time.Hour, "WATCHDOG_USEC=10800000000"},
	} {
		m := watched(t, c.patience)
		core, logs := observer.New(zap.WarnLevel)
		u := superviseBy(zap.New(core), c.interval)
		if got := m.hears(); got != c.want || (logs.Len() > 0) != (c.want != "") || u.watches != (c.patience > 0) {
			t.Errorf("%s at %s: told %q, logged %d, %+v", c.patience, c.interval, got, logs.Len(), u)
		}
	}
}

func TestNobodyWatches(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	core, logs := observer.New(zap.DebugLevel)
	for _, u := range []*supervisor{superviseBy(zap.New(core), time.Minute), nil} {
		did := false
		u.acts([]string{"render"}, "runs")
		u.ended(ended("render", 1, 1, nil))
		u.waits("stands by")
		u.reloads(func() { did = true })
		u.stops()
		if !did || logs.Len() > 0 {
			t.Errorf("reloaded: %v, logged %v", did, logs.All())
		}
	}
}

// A manager that has gone is told of once.
func TestAManagerThatIsGone(t *testing.T) {
	m := watched(t, 0)
	core, logs := observer.New(zap.DebugLevel)
	u := superviseBy(zap.New(core), time.Minute)
	_ = m.at.Close()
	u.acts([]string{"render"}, "runs")
	u.ended(ended("render", 1, 1, nil))
	if logs.Len() != 1 || logs.All()[0].Message != "systemd cannot be told how we are" {
		t.Errorf("logged %v", logs.All())
	}
}

// Settings that came with a package run no fleet: the service stays up and says what
// is to be done, and its watchdog is called off.
func TestExampleSettingsRunNothing(t *testing.T) {
	m := watched(t, time.Hour)
	folder := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	c := root()
	c.SetArgs([]string{"run", "--config", "../../deploy/packages/skynet.yaml", "--state-dir", folder, "--log-level", "error"})
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	_ = m.at.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 4096)
	n, err := m.at.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(buf[:n]); !strings.HasPrefix(got, "READY=1\nWATCHDOG_USEC=0\nSTATUS=does nothing: ../../deploy/packages/skynet.yaml is an example; make it yours") {
		t.Errorf("told %q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if made, _ := os.ReadDir(folder); len(made) > 0 {
		t.Errorf("it has made %v", made)
	}
}
