package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"skynet/fleet"
	"skynet/worker/gate"
)

const (
	postLimit  = 10 * time.Second // for one try to send a heartbeat
	lastWords  = 5 * time.Second  // for the last heartbeat, retries included
	beatMargin = 100 * time.Millisecond
)

// beat says how the agent is doing. It is used by one goroutine at a time.
//
// The counters of a heartbeat travel under its Seq until it was sent: after a
// failure the same counters go out again under the same Seq, since the failed
// one may have arrived after all, and the reader counts each Seq once.
type beat struct {
	agent   *Agent
	voice   Voice
	boot    string
	machine machine
	nudged  chan struct{}
	posting trouble

	seq     uint64
	unsent  []fleet.Work // counters of Seq, while it is not known to be sent
	pending bool         // Seq was tried and failed
}

func newBeat(a *Agent, v Voice, boot string) *beat {
	return &beat{agent: a, voice: v, boot: boot, machine: machine{root: "/proc"},
		nudged: make(chan struct{}, 1), posting: trouble{what: "send heartbeats"}}
}

// nudge has the next heartbeat sent at once.
func (b *beat) nudge() {
	select {
	case b.nudged <- struct{}{}:
	default:
	}
}

// run sends heartbeats until life ends.
func (b *beat) run(life context.Context) {
	for life.Err() == nil {
		fails := b.send(life)
		wait := b.agent.set.beat
		if fails > 0 {
			wait = min(wait, backoff(fails))
		}
		b.rest(life, wait, fails)
	}
}

// rest waits for the next beat; news cuts it short, but not into hammering a
// mailbox that does not answer. News of that time is kept: it is said again
// under the next Seq, since the reader may know this one by its first words.
func (b *beat) rest(life context.Context, wait time.Duration, fails int) {
	if fails > 0 {
		pause(life, wait)
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.nudged:
		pause(life, beatMargin) // changes come in twos: draining, and drained when nothing is in hand
	case <-life.Done():
	}
}

// send tries to send one heartbeat and returns how many tries have failed in a row.
func (b *beat) send(ctx context.Context) int {
	if !b.pending {
		b.seq++
		b.unsent = b.agent.tally.take()
	}
	err := b.post(ctx, b.agent.gate.Now())
	if err != nil && ctx.Err() != nil {
		b.pending = true
		return 1 // our own end, no trouble of the mailbox
	}
	fails := b.posting.saw(b.agent.log, err)
	b.pending = err != nil
	return fails
}

func (b *beat) post(ctx context.Context, s gate.Stance) error {
	body, err := json.Marshal(b.compose(s))
	if err != nil {
		return fmt.Errorf("write heartbeat %d: %w", b.seq, err)
	}
	ctx, cancel := context.WithTimeout(ctx, postLimit)
	defer cancel()
	if err := b.voice.Post(ctx, body); err != nil {
		return fmt.Errorf("post heartbeat %d: %w", b.seq, err)
	}
	return nil
}

func (b *beat) compose(s gate.Stance) fleet.Heartbeat {
	self := b.agent.self
	cpu, memory := b.machine.read()
	return fleet.Heartbeat{
		Worker: self.ID, Fleet: self.Fleet, Boot: b.boot, Seq: b.seq, At: time.Now(),
		State: s.State, Drain: s.Drain, Jobs: s.Jobs, Slots: self.Slots,
		CPU: cpu, Memory: memory, Version: self.Version, Interruption: s.Interruption, AtRisk: b.agent.risk.Load(),
		Queues: b.unsent,
	}
}

// last says how it ended, twice if need be: what is left of a Seq that failed
// before, and then the last word. An agent that was aborted says that it leaves.
func (b *beat) last(ctx context.Context, aborted bool) {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	if aborted {
		b.agent.gate.Leave()
	}
	for fails := 1; fails > 0 && ctx.Err() == nil; {
		old := b.pending
		if fails = b.send(ctx); fails == 0 && old {
			fails = 1
			continue
		}
		if fails > 0 {
			pause(ctx, backoff(fails))
		}
	}
	if b.pending {
		b.agent.log.Warn("the last heartbeat was not sent", zap.Uint64("seq", b.seq))
	}
}
