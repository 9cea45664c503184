package main

import (
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"skynet/controller"
	"skynet/queue"
)

// view shows a demo: live on a terminal, a line for each tick elsewhere.
type view struct {
	out     io.Writer
	live    bool
	started time.Time

	program *tea.Program
	ended   chan struct{}
}

func newView(out io.Writer, live bool) *view {
	return &view{out: out, live: live, started: time.Now(), ended: make(chan struct{})}
}

// say tells of what happens before the first tick.
func (v *view) say(text string) { fmt.Fprintln(v.out, text) }

// begin starts the live screen, where there is a terminal. stop is called when
// the user asks the screen to stop: while it is there Ctrl-C is a key, no signal.
func (v *view) begin(d *demo, q queue.Gauge, l *load, stop func()) {
	v.started = time.Now()
	if !v.live {
		close(v.ended)
		fmt.Fprintf(v.out, "%d items to come, up to %d workers, a tick every %s; settings and log in %s\n",
			len(l.trickle)+len(l.burst), d.most, d.interval, d.folder)
		return
	}
	s := newScreen(d, q, func() int { return int(l.sent.Load()) })
	v.program = tea.NewProgram(s, tea.WithOutput(v.out), tea.WithoutSignalHandler())
	go func() {
		defer close(v.ended)
		_, _ = v.program.Run() // a terminal that fails costs the picture, not the demo
		if s.quit {
			fmt.Fprintln(v.out, "stops …")
			stop()
		}
	}()
}

// tick shows what a tick has brought.
func (v *view) tick(r controller.Report) {
	if v.live {
		v.program.Send(r)
		return
	}
	fmt.Fprintln(v.out, plain(r, time.Since(v.started)))
}

// end takes the screen away, leaving its last picture.
func (v *view) end() {
	if v.live {
		v.program.Quit()
	}
	<-v.ended
}

// plain is a tick in one line.
func plain(r controller.Report, since time.Duration) string {
	at := fmt.Sprintf("%4.0fs", since.Seconds())
	if r.Err != nil {
		return at + "  nothing is done: " + r.Err.Error()
	}
	s, d := r.Snapshot, r.Decision
	return fmt.Sprintf("%s  waiting %-4s in flight %-3s  workers: %s starting, %s working, %s draining  have %d want %d  %s: %s",
		at, number(s, "queue.visible"), number(s, "queue.in_flight"),
		number(s, "fleet.pending"), number(s, "fleet.running"), number(s, "fleet.draining"), d.Have, d.Want, d.Action(), lastWord(d))
}
