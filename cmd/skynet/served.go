package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/controller"
	"skynet/dashboard"
	"skynet/dashboard/timeline"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/lease"
	"skynet/policy/file"
)

var (
	_ dashboard.Views  = (*front)(nil)
	_ dashboard.Orders = (*front)(nil)
)

// front is what others see of a daemon, through all its turns: it is there before the
// first is opened, and until after the last is closed. A daemon without one (nil) is
// told of nowhere.
type front struct {
	cfg     config.Config
	log     *zap.Logger
	dry     bool
	started time.Time
	host    string
	events  dashboard.Events
	ahead   foreseenOf
	lines   map[string]*timeline.Timeline // by fleet

	mu      sync.Mutex
	daemon  *daemon            // whose turn it is; nil while none acts
	standby *dashboard.Standby // another daemon acts
	noted   uint64             // the last that it has handed over
	ticks   map[string]controller.Report
	rules   map[string]file.Policy
	past    pastTicks // nil while the journal is closed
}

// openFront serves what the settings say, or nothing.
func openFront(cfg config.Config, log *zap.Logger, dry bool, metrics http.Handler) (*front, *dashboard.Server, error) {
	if !cfg.Served() {
		return nil, nil, nil
	}
	host, _ := os.Hostname()
	f := &front{
		cfg: cfg, log: log, dry: dry, started: time.Now(), host: host,
		ticks: map[string]controller.Report{}, rules: map[string]file.Policy{}, lines: timelines(cfg),
	}
	s, err := dashboard.Open(dashboard.Options{
		Listen: cfg.Listen, Hosts: cfg.Access.Hosts, TokenFile: tokenFile(cfg), Certificate: cfg.Access.Certificate, Key: cfg.Access.Key,
		Views: f, Orders: f, Metrics: metrics, Events: &f.events, Log: slogTo(log),
	})
	return f, s, err
}

// tokenFile holds the token that changing something takes.
func tokenFile(cfg config.Config) string {
	if cfg.Access.TokenFile != "" {
		return cfg.Access.TokenFile
	}
	return filepath.Join(cfg.StateDir, "token")
}

// served runs do while others are told of the daemon: from before its first to after
// its last moment, through all its turns.
func (d *daemon) served(ctx context.Context, do func() error) error {
	log := d.log
	if err := folderFree(d.cfg.StateDir); err != nil {
		return err
	}
	f, s, err := openFront(d.cfg, log, d.dry, d.metrics())
	if err != nil {
		return err
	}
	d.front = f
	if f == nil {
		return do()
	}
	log.Info("serves the dashboard, the API and metrics", zap.String("at", s.URL()))
	serving, end := context.WithCancel(context.WithoutCancel(ctx)) // ctx ends before the last tick does
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(serving) }()
	watching := make(chan struct{})
	go func() { defer close(watching); f.watchOrders(serving) }()
	err = do()
	end()
	<-watching
	if e := <-ended; e != nil {
		log.Warn("the dashboard could not end in good order", zap.Error(e))
	}
	return err
}

// watch has the front told of a fleet's ticks.
func (f *front) watch(fleetName string, watch func(func(controller.Report))) {
	if f == nil {
		return
	}
	watch(func(r controller.Report) {
		f.mu.Lock()
		f.ticks[fleetName] = r
		f.mu.Unlock()
		f.events.Send("tick", tickEvent{Fleet: fleetName, ID: r.Decision.ID, At: r.Snapshot.Now.UTC()})
	})
}

// decidesBy tells the front of the policy that a fleet is decided by.
func (f *front) decidesBy(fleetName string, p file.Policy) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules[fleetName] = p
}

// opened gives the front a journal to look into, until the daemon closes: with
// connections of its own, so that whoever looks takes none from a tick.
func (f *front) opened(d *daemon, j journal.Journal) error {
	if f == nil {
		return nil
	}
	past, end, err := pastOf(j, filepath.Join(d.cfg.StateDir, journalFile))
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.past = past
	f.mu.Unlock()
	warming, stop := context.WithCancel(context.Background())
	warm := make(chan struct{})
	go func() { defer close(warm); f.warm(warming, past) }()
	d.onClose(func() error {
		stop()
		<-warm
		f.mu.Lock()
		f.past, f.daemon = nil, nil
		clear(f.ticks)
		f.mu.Unlock()
		return end()
	})
	return nil
}

// pastOf reads what is written to a journal.
func pastOf(j journal.Journal, path string) (p pastTicks, end func() error, err error) {
	if m, ok := j.(*journal.Memory); ok {
		return remembered{m}, func() error { return nil }, nil
	}
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		return nil, nil, err
	}
	return r, r.Close, nil
}

// standsBy tells the front who acts instead, and listeners of the ticks that were
// handed over since.
func (f *front) standsBy(s lease.State) {
	if f == nil || s.Holder == "" {
		return
	}
	f.mu.Lock()
	f.standby = &dashboard.Standby{Holder: s.Holder, Since: s.Since.UTC()}
	news := s.Note != f.noted
	f.noted = s.Note
	f.mu.Unlock()
	if !news {
		return
	}
	for _, fl := range f.cfg.Fleets {
		f.events.Send("tick", tickEvent{Fleet: fl.Name, At: time.Now().UTC()})
	}
}

// tickEvent tells that there is a tick. One that another daemon has handed over has no
// ID here: whoever wants it asks for the last.
type tickEvent struct {
	Fleet string    `json:"fleet"`
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
}

// acts tells the front whose turn it is.
func (f *front) acts(d *daemon) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.standby, f.daemon = nil, d
}

// Ready implements dashboard.Views.
func (f *front) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.standby != nil {
		return nil
	}
	most := 3 * f.cfg.Interval.Std()
	for _, fl := range f.cfg.Fleets {
		r, ticked := f.ticks[fl.Name]
		switch past := time.Since(r.Snapshot.Now); {
		case !ticked:
			return errors.New("fleet " + fl.Name + " has not ticked yet")
		case past > most:
			return errors.New("fleet " + fl.Name + " has not ticked for " + past.Round(time.Second).String())
		}
	}
	return nil
}

// watchOrders tells listeners of orders that were given, also by a command, and of
// those that have expired.
func (f *front) watchOrders(ctx context.Context) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	last := map[string]string{}
	for first := true; ; first = false {
		for name, said := range f.ordersSaid(time.Now()) {
			if said != last[name] && !first {
				f.events.Send("orders", map[string]string{"fleet": name})
			}
			last[name] = said
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// version is what the page shows as ours.
func (f *front) version() string { return wire.Version() }
