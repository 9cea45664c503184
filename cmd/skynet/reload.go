package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"skynet/policy/file"
)

// lookEvery is how often a policy file is looked at. It is read rather than
// watched: that is cheap, and works the same for an editor that writes in place,
// for a rename, and for the symbolic links of a ConfigMap.
const lookEvery = 2 * time.Second

// version tells one content of a file from another.
type version [sha256.Size]byte

func versionOf(data []byte) version { return sha256.Sum256(data) }

func (v version) String() string { return hex.EncodeToString(v[:4]) }

// load reads the fleet's policy file.
func (l *loop) load() (file.Policy, error) {
	p, _, err := l.loadText()
	return p, err
}

// loadText is load, with the file's bytes.
func (l *loop) loadText() (p file.Policy, data []byte, err error) {
	if data, err = os.ReadFile(l.fleet.Policy); err != nil {
		return p, nil, err
	}
	l.read = versionOf(data)
	p, err = l.parse(data)
	return p, data, err
}

func (l *loop) parse(data []byte) (file.Policy, error) {
	p, err := file.Parse(l.fleet.Policy, data, namesOf(l.daemon.cfg, l.fleet))
	if err != nil {
		return p, err
	}
	return p, priced(p, l.fleet)
}

// reload takes the policy file up whenever it has changed, and looks at it at
// once when told to, until ctx ends. A file that is refused leaves the policy that
// runs in place.
func (l *loop) reload(ctx context.Context) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	var seen glance
	for {
		select {
		case <-ctx.Done():
			return
		case done := <-l.looks:
			l.consider(&seen, true)
			close(done)
		case <-every.C:
			l.consider(&seen, false)
		}
	}
}

// lookNow has the policy file looked at, and returns when that is done.
func (l *loop) lookNow(ctx context.Context) {
	done := make(chan struct{})
	select {
	case l.looks <- done:
		<-done
	case <-ctx.Done():
	}
}

// glance is what the last look at a file brought.
type glance struct {
	version version
	judged  version   // the content that was taken up or refused last
	told    time.Time // when that was
	failed  string
}

// remindEvery is how often a file that is refused is told of again: it would stop
// the next start.
const remindEvery = time.Hour

// consider takes up a new content: at once when told to, otherwise when two looks
// find the same, so that a file half written is not taken for a whole one.
func (l *loop) consider(seen *glance, told bool) {
	data, err := os.ReadFile(l.fleet.Policy)
	if err != nil {
		if told || err.Error() != seen.failed {
			l.log.Error("the policy file cannot be read; the policy that runs stays in place", zap.String("file", l.fleet.Policy), zap.Error(err))
		}
		seen.failed = err.Error()
		return
	}
	now := versionOf(data)
	settled := told || now == seen.version
	missed := seen.failed != ""
	seen.version, seen.failed = now, ""
	switch {
	case now == l.read:
		l.unchanged(seen, missed, told)
	case settled && (told || now != seen.judged || time.Since(seen.told) > remindEvery):
		seen.judged, seen.told = now, time.Now()
		l.takeUp(data, now)
	}
}

// unchanged takes note that the file is as the policy that runs. Whoever read that it
// was refused, or could not be read, reads that this is over.
func (l *loop) unchanged(seen *glance, missed, told bool) {
	which := []zap.Field{zap.String("file", l.fleet.Policy), zap.Stringer("version", l.read)}
	switch refused := seen.judged != (version{}) && seen.judged != l.read; {
	case refused:
		l.log.Info("the policy file is again as the policy that runs, which has been in place all along", append(which, zap.Stringer("refused", seen.judged))...)
	case missed:
		l.log.Info("the policy file can be read again, and is as the policy that runs", which...)
	case told:
		l.log.Info("the policy file has not changed", which...)
	}
	seen.judged = l.read
}

func (l *loop) takeUp(data []byte, v version) {
	p, err := l.parse(data)
	if err != nil {
		l.log.Error("the changed policy file is refused; the policy that runs stays in place",
			zap.String("file", l.fleet.Policy), zap.Stringer("version", v), zap.Stringer("runs", l.read), zap.Strings("mistakes", strings.Split(err.Error(), "\n")))
		return
	}
	if l.fleet.EC2 != nil && p.Hibernate != l.deep {
		l.log.Warn("sleep.hibernate has changed, which holds from the next start on", zap.String("file", l.fleet.Policy))
	}
	before := l.asked
	l.asked = nil
	l.Adopt(l.world(p), l.rules(p, v))
	l.daemon.front.decidesBy(l.fleet.Name, p)
	l.keep(data)
	if before != nil { // a tick that is under way may still ask them
		l.former = append(l.former, before)
		time.AfterFunc(2*l.daemon.cfg.Interval.Std(), func() { _ = before.Close() })
	}
	l.log.Info("the policy has changed; it holds from the next tick on",
		zap.String("file", l.fleet.Policy), zap.Stringer("version", v), zap.Stringer("before", l.read))
	l.read = v
}
