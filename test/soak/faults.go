//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// torturer does harm at random moments. Two are at work at the same time, each with
// dice of its own: one among processes, one among what they stand on.
type torturer struct {
	*site
	dice   *rand.Rand
	tell   *story
	faults []fault
	// long says that there is time for harm that takes a minute to get over.
	long bool
	// cured ends a fault that lasts when the torture does.
	cured context.Context
}

// fault is one kind of harm. do says what it is about to do, does it, and returns
// when it is over.
type fault struct {
	name   string
	weight int
	do     func(t *torturer, say func(format string, args ...any))
	cage   bool // it needs one
	long   bool
}

// amongProcesses are kills and stops.
var amongProcesses = []fault{
	{name: "kill -9 the controller", weight: 6, do: func(t *torturer, say saying) {
		say("")
		t.controller.signal(syscall.SIGKILL)
	}},
	{name: "kill -9 a worker", weight: 9, do: func(t *torturer, say saying) { t.strike(say, 1, syscall.SIGKILL) }},
	{name: "kill -9 the controller and all workers", weight: 2, do: func(t *torturer, say saying) {
		t.controller.signal(syscall.SIGKILL)
		t.strike(say, 2*mostEach, syscall.SIGKILL)
	}},
	{name: "kill -9 the queue server", weight: 3, do: func(t *torturer, say saying) {
		say("")
		t.server.signal(syscall.SIGKILL)
	}},
	{name: "stop the controller, start it again", weight: 3, do: func(t *torturer, say saying) { t.restart(say, t.controller) }},
	{name: "stop the queue server, start it again", weight: 2, do: func(t *torturer, say saying) { t.restart(say, t.server) }},
	{name: "SIGTERM a worker", weight: 3, do: func(t *torturer, say saying) { t.strike(say, 1, syscall.SIGTERM) }},
	{name: "freeze the controller", weight: 3, do: func(t *torturer, say saying) { t.freeze(say, t.controller) }},
	{name: "freeze the queue server", weight: 2, do: func(t *torturer, say saying) { t.freeze(say, t.server) }},
	{name: "freeze workers", weight: 4, do: func(t *torturer, say saying) {
		held, d := t.some(1+t.dice.IntN(3)), t.lasting(1500*time.Millisecond, 14*time.Second)
		say("%v for %s", slices.Sorted(maps.Keys(held)), d)
		for _, pid := range held {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		rest(t.cured, d)
		for _, pid := range held {
			_ = syscall.Kill(pid, syscall.SIGCONT) // it may be gone: then nobody has its number yet
		}
	}},
	{name: "SIGHUP", weight: 2, do: func(t *torturer, say saying) {
		say("")
		t.controller.signal(syscall.SIGHUP)
	}},
	{name: "another policy", weight: 3, do: func(t *torturer, say saying) {
		n, after := 1+t.dice.IntN(6), time.Duration(1+t.dice.IntN(4))*time.Second
		say("%d items a worker, release after %s", n, after)
		t.decree(policyOf(n, after))
	}},
	{name: "a policy with mistakes", weight: 2, do: func(t *torturer, say saying) {
		bad := []string{"", "bounds: {min: 2, max: 1}\n", "bounds: {max: 3\n", "\x00\xff", "bounds: {max: 99}\nobjektive: {wait: 1s}\n"}
		i, d := t.dice.IntN(len(bad)), t.lasting(time.Second, 4*time.Second)
		say("%q for %s", bad[i], d)
		before, err := os.ReadFile(t.policy())
		if err != nil {
			return
		}
		t.decree(bad[i])
		rest(t.cured, d)
		t.decree(string(before))
	}},
}

// amongGround are what processes stand on: disks and networks.
var amongGround = []fault{
	{name: "fill the controller's disk", weight: 3, cage: true, do: func(t *torturer, say saying) { t.fill(say, t.state()) }},
	{name: "fill the workers' disk", weight: 1, cage: true, long: true, do: func(t *torturer, say saying) { t.fill(say, t.data()) }},
	{name: "no network at all", weight: 3, cage: true, do: func(t *torturer, say saying) {
		d := t.lasting(300*time.Millisecond, 8*time.Second)
		say("for %s", d)
		if err := loopback(false); err != nil {
			t.tell.accuse("%v", err)
			return
		}
		rest(t.cured, d)
		if err := loopback(true); err != nil {
			t.tell.accuse("%v", err)
		}
	}},
	{name: "cut the line to the queue server", weight: 3, do: func(t *torturer, say saying) { t.tamper(say, t.wire.cut) }},
	{name: "half-close the line to the queue server", weight: 2, do: func(t *torturer, say saying) { t.tamper(say, t.wire.half) }},
	{name: "swallow what is said to the queue server", weight: 2, do: func(t *torturer, say saying) { t.tamper(say, t.wire.swallow) }},
	{name: "slow down the line to the queue server", weight: 3, do: func(t *torturer, say saying) {
		t.tamper(say, func() { t.wire.slow(time.Duration(50+t.dice.IntN(700)) * time.Millisecond) })
	}},
}

type saying = func(format string, args ...any)

// run does harm until ctx ends, and undoes what lasts.
func (t *torturer) run(ctx context.Context) {
	t.cured = ctx
	for rest(ctx, t.pause()) {
		f := t.draw()
		f.do(t, func(format string, args ...any) { t.tell.tell("%s  %s", f.name, fmt.Sprintf(format, args...)) })
		t.tell.count(f.name)
	}
}

func (t *torturer) pause() time.Duration {
	return time.Duration(200+t.dice.IntN(2800)) * time.Millisecond
}

// able are the faults that can be done here.
func (t *torturer) able() []fault {
	return slices.DeleteFunc(slices.Clone(t.faults), func(f fault) bool { return f.cage && !t.whole || f.long && !t.long })
}

// draw picks a fault by weight.
func (t *torturer) draw() fault {
	able, all := t.able(), 0
	for _, f := range able {
		all += f.weight
	}
	at := t.dice.IntN(all)
	for _, f := range able {
		if at -= f.weight; at < 0 {
			return f
		}
	}
	return able[0]
}

// lasting draws a time; short ones are more frequent.
func (t *torturer) lasting(least, most time.Duration) time.Duration {
	x := t.dice.Float64()
	return (least + time.Duration(x*x*float64(most-least))).Round(10 * time.Millisecond)
}

// some draws so many workers, or as many as there are, by instance.
func (t *torturer) some(n int) map[string]int {
	all := t.workers()
	ids := slices.Sorted(maps.Keys(all))
	t.dice.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	picked := map[string]int{}
	for _, id := range ids[:min(n, len(ids))] {
		picked[id] = all[id].PID
	}
	return picked
}

func (t *torturer) strike(say saying, n int, sig syscall.Signal) {
	hit := t.some(n)
	say("%v", slices.Sorted(maps.Keys(hit)))
	for _, pid := range hit {
		_ = syscall.Kill(pid, sig)
	}
}

func (t *torturer) restart(say saying, s *service) {
	d := t.lasting(0, 5*time.Second)
	say("after %s", d)
	if err := s.down(); err != nil {
		t.tell.accuse("%v", err)
	}
	rest(t.cured, d)
	s.up()
}

func (t *torturer) freeze(say saying, s *service) {
	d := t.lasting(500*time.Millisecond, 15*time.Second)
	say("for %s", d)
	s.signal(syscall.SIGSTOP)
	rest(t.cured, d)
	s.signal(syscall.SIGCONT)
}

// decree replaces the policy, whole, as an editor does.
func (t *torturer) decree(text string) {
	fresh := t.policy() + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err == nil {
		_ = os.Rename(fresh, t.policy())
	}
}

func (t *torturer) fill(say saying, dir string) {
	d := t.lasting(500*time.Millisecond, 8*time.Second)
	say("for %s", d)
	ctx, cancel := context.WithTimeout(t.cured, d)
	defer cancel()
	if err := fill(ctx, filepath.Join(dir, "filler")); err != nil {
		t.tell.tell("the disk cannot be filled: %v", err)
	}
}

func (t *torturer) tamper(say saying, harm func()) {
	d := t.lasting(200*time.Millisecond, 10*time.Second)
	say("for %s", d)
	harm()
	rest(t.cured, d)
	t.wire.heal()
}

// cure undoes whatever the torture may have left.
func (s *site) cure() error {
	s.wire.heal()
	for _, p := range []*service{s.controller, s.server} {
		p.signal(syscall.SIGCONT)
		p.up()
	}
	for _, p := range s.workers() {
		_ = syscall.Kill(p.PID, syscall.SIGCONT)
	}
	if s.whole {
		if err := loopback(true); err != nil {
			return err
		}
	}
	return s.write("policy.yaml", policyOf(2, 2*time.Second))
}
