package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"skynet/cmd/internal/wire"
	"skynet/queue"
)

// demo is what the flags of `skynet demo` say.
type demo struct {
	folder    string
	media     string
	interval  time.Duration
	most      int
	perWorker int
	photos    int
	clips     int
	timeout   time.Duration
	asJSON    bool
	worker    string
}

func demoCommand() *cobra.Command {
	var d demo
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it at work on this machine, with real media",
		Long: `Run everything in one process tree: an embedded queue, folders of media, the
controller, and worker processes as the fleet. A trickle of photographs and
clips comes in, then a burst; the fleet grows, works the queue off, drains and
goes home. It ends by itself with a summary, or at once with Ctrl-C; nothing is
left running. Without --media, photographs and clips are made by ffmpeg.

The status is 0 if every item was done, 1 if it was stopped, items failed or were
left when the time was up, 2 if it could not start.`,
		Example: "  skynet demo\n  skynet demo --media ~/Pictures --max 2\n  skynet demo --output json | tail -1",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if d.asJSON, err = wantsJSON(c); err != nil {
				return err
			}
			return d.run(c)
		},
	}
	f := c.Flags()
	f.StringVar(&d.folder, "dir", "", "folder for media, results and state (default a new one in ./skynet-demo)")
	f.StringVar(&d.media, "media", "", "folder with photographs and clips of your own; it is only read")
	f.DurationVar(&d.interval, "interval", 2*time.Second, "time between ticks, 1s or more")
	f.IntVar(&d.most, "max", 4, "the most workers")
	f.IntVar(&d.perWorker, "per-worker", 8, "waiting items that call for a worker")
	f.IntVar(&d.photos, "photos", 160, "photographs in the burst")
	f.IntVar(&d.clips, "clips", 6, "clips in the burst")
	f.DurationVar(&d.timeout, "timeout", 15*time.Minute, "give up after this long")
	f.StringVar(&d.worker, "worker", "", "path of skynet-worker (default beside skynet, or in PATH)")
	addOutputFlag(c)
	return c
}

// validate finds what cannot work before anything is made.
func (d *demo) validate() error {
	switch {
	case d.interval < time.Second || d.interval > time.Minute:
		return fmt.Errorf("--interval %s: write 1s to 1m", d.interval)
	case d.most < 1 || d.most > 64:
		return fmt.Errorf("--max %d: write 1 to 64", d.most)
	case d.perWorker < 1:
		return fmt.Errorf("--per-worker %d: write 1 or more", d.perWorker)
	case d.photos < 0 || d.clips < 0 || d.photos+d.clips < 1 || d.photos+d.clips > 100_000:
		return fmt.Errorf("--photos %d --clips %d: write 1 to 100000 together", d.photos, d.clips)
	case d.timeout < time.Second:
		return fmt.Errorf("--timeout %s: write 1s or more", d.timeout)
	}
	return d.validateMedia()
}

// validateMedia sees to it that the user's media are a folder that the demo only
// reads: what it writes goes elsewhere.
func (d *demo) validateMedia() (err error) {
	if d.media == "" {
		return nil
	}
	if d.media, err = filepath.Abs(d.media); err != nil {
		return fmt.Errorf("--media: %w", err)
	}
	at, err := os.Stat(d.media)
	switch {
	case err != nil:
		return fmt.Errorf("--media %s: no such folder; give one with photographs or clips", d.media)
	case !at.IsDir():
		return fmt.Errorf("--media %s is a file; give the folder that it is in", d.media)
	case d.folder == "":
		return nil
	}
	folder, err := filepath.Abs(d.folder)
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if inside, err := filepath.Rel(d.media, folder); err == nil && !strings.HasPrefix(inside, "..") {
		return fmt.Errorf("--dir %s lies in --media %s, which is only read; choose another folder", d.folder, d.media)
	}
	return nil
}

func (d *demo) run(c *cobra.Command) error {
	if err := d.validate(); err != nil {
		return err
	}
	if err := d.makeFolder(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), d.timeout)
	defer cancel()
	v := newView(c.OutOrStdout(), !d.asJSON && term.IsTerminal(int(os.Stdout.Fd())))
	sources, err := d.gather(ctx, v.say)
	switch {
	case ctx.Err() != nil:
		return finding{ending(ctx)} // rather than what was under way: "ffmpeg: signal: killed"
	case err != nil:
		return err
	}
	s, err := d.play(ctx, v, sources)
	if err != nil {
		return err
	}
	s.print(c.OutOrStdout(), d.asJSON)
	return s.verdict()
}

// Why a demo ends before all is done.
var (
	errStopped = errors.New("stopped before the end")
	errTimeUp  = errors.New("the time was up")
)

// ending is why a context of the demo has ended.
func ending(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return errTimeUp
	}
	return errStopped // by a signal, or by a key
}

// makeFolder makes the demo's folder. One of its own is new each time, so that
// results of an earlier run are never overwritten.
func (d *demo) makeFolder() (err error) {
	if d.folder == "" {
		d.folder = filepath.Join("skynet-demo", time.Now().Format("20060102-150405"))
	}
	if d.folder, err = filepath.Abs(d.folder); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(d.folder, "results"), 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	return nil
}

// play opens the daemon's parts on settings written for it, runs them until all
// is done and the fleet has gone home, or until it is stopped, and sums up.
func (d *demo) play(ctx context.Context, v *view, sources []source) (s summary, err error) {
	dm, err := d.daemon()
	if err != nil {
		return s, err
	}
	if err := dm.open(ctx); err != nil {
		if ctx.Err() != nil {
			err = finding{ending(ctx)}
		}
		return s, err
	}
	defer func() {
		if e := d.end(dm); e != nil {
			err = finding{errors.Join(err, e)}
		}
	}()
	c := &count{started: time.Now()}
	dm.fleets[0].Watch(c.watch)
	dm.fleets[0].Watch(v.tick)
	load := d.load(sources)
	err = d.through(ctx, v, dm, c, load)
	if err != nil && !errors.Is(err, errStopped) && !errors.Is(err, errTimeUp) {
		return s, finding{err}
	}
	return c.summary(context.WithoutCancel(ctx), d, dm, load, err), nil
}

// through runs the loops and sends the load, and returns when both have ended:
// nil if everything came to its end, else why not.
func (d *demo) through(ctx context.Context, v *view, dm *daemon, c *count, l *load) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	v.begin(d, dm.queues["media"], l, func() { stop(errStopped) })
	defer v.end()
	sent := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { dm.run(ctx) })
	wg.Go(func() { sent <- l.send(ctx, dm.queues["media"]) })
	err := d.wait(ctx, dm.queues["media"], c, sent)
	stop(nil) // the loops first: they must not replace the workers that are stopped next
	wg.Wait()
	return err
}

// end stops every worker and closes the parts, within a time of its own: the
// context that ended the demo is over.
func (d *demo) end(dm *daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := dm.local.StopAll(ctx)
	return errors.Join(err, dm.close())
}

// daemon writes the demo's settings and policy, as an operator would, and reads
// them back as the daemon does.
func (d *demo) daemon() (*daemon, error) {
	log, err := os.OpenFile(filepath.Join(d.folder, "skynet.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the demo's log: %w", err)
	}
	logger, err := wire.Log(log, "info", "text")
	if err != nil {
		return nil, err
	}
	cfg, err := d.settings()
	if err != nil {
		return nil, err
	}
	dm := &daemon{cfg: cfg, log: logger, whileParent: true}
	dm.onClose(log.Close)
	return dm, nil
}

// wait returns when every item is done or given up and the fleet is back at
// its minimum, or else why it cannot be waited for.
func (d *demo) wait(ctx context.Context, q queue.Gauge, c *count, sent <-chan error) error {
	for all := false; ; {
		select {
		case <-ctx.Done():
			return ending(ctx)
		case err := <-sent:
			if err != nil && ctx.Err() == nil {
				return err
			}
			all, sent = err == nil, nil // a channel that is nil is never ready
			continue
		case <-time.After(d.interval / 2):
		}
		if !all {
			continue
		}
		// No answer is no empty queue: the next look tells.
		if depth, err := q.Depth(ctx); err == nil && left(depth) == 0 && c.home() {
			return nil
		}
	}
}

// print writes the summary: for people, or as one line of JSON.
func (s summary) print(out interface{ Write([]byte) (int, error) }, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(out).Encode(s)
		return
	}
	fmt.Fprint(out, s.text())
}
