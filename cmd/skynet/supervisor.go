package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"

	"skynet/controller"
)

// supervisor is who started this process and watches over it: systemd, or another
// that speaks its protocol. Where nobody does, as under a plain supervisor or as the
// first process of a container, it does nothing. What is told:
// https://www.freedesktop.org/software/systemd/man/sd_notify.html
type supervisor struct {
	log *zap.Logger

	mu      sync.Mutex
	fleets  []string          // whose turn of acting it is; none while standing by
	missing []string          // of these, who has not ended a tick since the watchdog was fed
	doing   map[string]string // what the last tick of each fleet did, in a few words
	watches bool              // there is a watchdog to be fed
	leaves  bool              // the end has begun
	deaf    bool              // it could not be told, which was logged
}

// superviseBy finds out who watches. A watchdog that would bite between two ticks that
// are in time is refused: it is told to wait for three intervals.
func superviseBy(log *zap.Logger, interval time.Duration) *supervisor {
	u := &supervisor{log: log, doing: map[string]string{}}
	patience, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog's time cannot be read; it is not fed", zap.Error(err))
	}
	if patience <= 0 {
		return u
	}
	u.watches = true
	if least := leastPatience * interval; patience < least {
		log.Warn("the watchdog is too quick: it would end us between two ticks; it is asked to wait for three intervals. Set WatchdogSec to that or more",
			zap.Duration("watchdog", patience), zap.Duration("interval", interval), zap.Duration("least", least))
		u.tell(fmt.Sprintf("WATCHDOG_USEC=%d", least.Microseconds()))
	}
	return u
}

// leastPatience is how many intervals the watchdog must wait at least: one tick may
// end late, and one may be lost.
const leastPatience = 3

// tell sends a message. No supervisor is no trouble; one that cannot be reached is
// logged once.
func (u *supervisor) tell(state string) {
	_, err := sd.SdNotify(false, state)
	if err != nil && !u.deaf {
		u.log.Warn("systemd cannot be told how we are", zap.Error(err))
	}
	u.deaf = err != nil
}

// acts says that ticks can run, for these fleets.
func (u *supervisor) acts(fleets []string, status string) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fleets, u.missing = fleets, slices.Clone(fleets)
	clear(u.doing)
	u.tell(sd.SdNotifyReady + "\n" + u.feed() + "STATUS=" + statusText(status))
}

// waits says that this one stands by, or tries to: it has just looked whether its turn
// has come.
func (u *supervisor) waits(status string) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.leaves {
		return
	}
	u.fleets, u.missing = nil, nil
	u.tell(sd.SdNotifyReady + "\n" + u.feed() + "STATUS=" + statusText(status))
}

// rests says that there is nothing to do, and so nothing to watch.
func (u *supervisor) rests(status string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	off := ""
	if u.watches {
		off = "WATCHDOG_USEC=0\n"
	}
	u.tell(sd.SdNotifyReady + "\n" + off + "STATUS=" + statusText(status))
}

// ended is told of each tick that ended, whatever came of it. The watchdog is fed when
// every fleet has ended one: a fleet that hangs is a daemon that hangs, and no timer
// can say otherwise.
func (u *supervisor) ended(r controller.Report) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.leaves {
		return
	}
	name := r.Snapshot.Fleet
	u.missing = slices.DeleteFunc(u.missing, func(f string) bool { return f == name })
	u.doing[name] = inAWord(r)
	fed := ""
	if len(u.missing) == 0 {
		u.missing, fed = slices.Clone(u.fleets), u.feed()
	}
	u.tell(fed + "STATUS=" + statusText(u.now(r.Snapshot.Now)))
}

// feed is what the watchdog eats.
func (u *supervisor) feed() string {
	if !u.watches {
		return ""
	}
	return sd.SdNotifyWatchdog + "\n"
}

// now is what all fleets do, in one line.
func (u *supervisor) now(at time.Time) string {
	var parts []string
	for _, f := range u.fleets {
		if did := u.doing[f]; did != "" {
			parts = append(parts, f+": "+did)
		}
	}
	return strings.Join(parts, "; ") + at.Local().Format(" (15:04:05)")
}

// inAWord is what a tick did.
func inAWord(r controller.Report) string {
	if r.Err != nil {
		return "nothing is done: " + r.Err.Error()
	}
	return fmt.Sprintf("have %d, want %d, %s", r.Decision.Have, r.Decision.Want, headline(r.Decision))
}

// statusText is a text as the protocol allows it: one line, and a short one, since it
// is read by people.
func statusText(text string) string { return cut(oneLine(text), 200) }

// reloads says that settings are read again, while do does it.
func (u *supervisor) reloads(do func()) {
	if u == nil {
		do()
		return
	}
	u.mu.Lock()
	u.tell(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec())
	u.mu.Unlock()
	do()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tell(sd.SdNotifyReady)
}

// stops says that the end has begun.
func (u *supervisor) stops() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.leaves {
		return
	}
	u.leaves = true
	u.tell(sd.SdNotifyStopping + "\nSTATUS=ends the tick under way; the fleet stays as it is")
}

// obeyHangups looks at all policy files at each SIGHUP, until ctx ends.
func (d *daemon) obeyHangups(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			d.supervisor.reloads(func() {
				for _, l := range d.fleets {
					l.lookNow(ctx)
				}
			})
		}
	}
}
