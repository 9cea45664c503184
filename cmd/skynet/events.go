package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"skynet/fleet/ec2"
)

const (
	// eventsAtOnce is how many events are read in one call.
	eventsAtOnce = 100
	// eventsWait is how long one call waits for an event: EC2 gives two minutes'
	// notice of an interruption.
	eventsWait = 20 * time.Second
	// eventsPause is the pause after a call that failed.
	eventsPause = 5 * time.Second
)

// openEvents opens the queue into which EventBridge puts what EC2 tells. Reading
// consumes, so a dry run leaves them to a controller that acts.
func (d *daemon) openEvents(ctx context.Context) (err error) {
	if d.cfg.AWS == nil || d.cfg.AWS.Events == "" || d.ec2 == nil || d.dry {
		return nil
	}
	d.events, err = d.lines.Mail(ctx, "aws.events", d.cfg.AWS.Events)
	return err
}

// hearEvents takes in what EC2 tells of our instances until ctx ends. It tells the
// same to the worker, who tells us: this is the second way, for the case that the
// first is slow. If it fails we say so once.
func (d *daemon) hearEvents(ctx context.Context) {
	broken := false
	for d.events != nil && ctx.Err() == nil {
		letters, err := d.events.Collect(ctx, eventsAtOnce, eventsWait)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !broken {
			d.log.Warn("cannot hear EC2's events; interruptions are heard from the workers alone", zap.Error(err))
		}
		if broken = err != nil; broken {
			rest(ctx, eventsPause)
			continue
		}
		for _, l := range letters {
			d.hearEvent(time.Now(), l.Body)
		}
		d.told.rest(d.log, time.Now())
	}
	d.told.rest(d.log, time.Now().Add(time.Minute))
}

// hearEvent takes in one event. What is not about an instance of ours is no news:
// a rule of EventBridge's sends those of the whole account.
func (d *daemon) hearEvent(now time.Time, body []byte) {
	e, err := d.ec2.Event(body)
	switch {
	case err != nil:
		d.log.Debug("an event that says nothing to us", zap.Error(err))
	case !e.Ours:
	case e.Kind == ec2.Interrupted:
		d.ears.Notice(now, e.ID, *e.Interruption)
		d.told.one(d.log, now, "EC2 takes an instance back", zap.String("instance", string(e.ID)), zap.String("action", e.Interruption.Action), zap.Time("at", e.Interruption.At))
	case e.Kind == ec2.Rebalance:
		d.ears.AtRisk(now, e.ID)
		d.told.one(d.log, now, "EC2 expects to take an instance back", zap.String("instance", string(e.ID)))
	}
}

// mostTold is how many events of a minute are told one by one. Those of a wave, which
// may take thousands of instances, are told as a number.
const mostTold = 20

// wave is what was told of a minute's events.
type wave struct {
	begun time.Time
	told  int
	more  int // were not told
}

// one tells of one event, if few were told in this minute.
func (w *wave) one(log *zap.Logger, now time.Time, said string, about ...zap.Field) {
	w.rest(log, now)
	if w.told == 0 {
		w.begun = now
	}
	if w.told == mostTold {
		w.more++
		return
	}
	w.told++
	log.Info(said, about...)
}

// rest tells, once the minute is over, how many more there were.
func (w *wave) rest(log *zap.Logger, now time.Time) {
	if now.Sub(w.begun) < time.Minute {
		return
	}
	if w.more > 0 {
		log.Info("EC2 takes more instances back, or expects to", zap.Int("besides", w.told), zap.Int("more", w.more))
	}
	*w = wave{}
}

// rest waits, unless ctx ends before.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
