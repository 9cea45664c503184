package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/test/processes"
)

// TestMotoLife is the life of a fleet: photographs are put into a bucket, which is
// all that anybody does. Workers are bought, make the renditions, and go home.
func TestMotoLife(t *testing.T) {
	s := newSite(t, plan{})
	s.send(4)
	d := s.daemon()
	s.awaitResults()
	s.awaitHome()
	s.stop(d)
	if n := s.bought(); n != 1 {
		t.Errorf("bought %d times", n)
	}
	t.Logf("asked for: %v", s.wire.asked())
}

// TestMotoTwoGrounds: one daemon has a fleet on EC2 and one of processes beside it.
func TestMotoTwoGrounds(t *testing.T) {
	s := newSite(t, plan{})
	t.Cleanup(func() { processes.EndAll(s.dir) })
	s.makeQueue("others", nil)
	near := ""
	for _, v := range s.by(s.agents) {
		name, value, _ := strings.Cut(v, "=")
		near += fmt.Sprintf("{name: %s, value: %q}, ", name, value)
	}
	s.configure(plan{
		queues: fmt.Sprintf(", {name: others, url: %q}", queueURL("others")),
		fleets: fmt.Sprintf("  - {name: near, queues: [others], policy: render.policy.yaml, local: {worker: %q, heartbeat: 500ms, stores: [\"s3://%s\"], env: [%s]}}\n",
			program(t, "skynet-worker"), media, near),
	})
	s.send(1)
	s.put("beside.jpg", photo)
	s.post("others", fmt.Sprintf(`{"input": "s3://%s/beside.jpg", "output": "s3://%[1]s/near"}`, media))
	d := s.daemon()
	await(t, "the results of both", func() error {
		keys, err := s.made()
		if err == nil && len(keys) < 5 { // the photograph itself is among them
			err = fmt.Errorf("%v", keys)
		}
		return err
	})
	s.awaitHome()
	await(t, "the process to go home", func() error { return s.signalOf("near", "fleet.running", 0) })
	s.stop(d)
}

// TestMotoSleepAndWake: who has drained goes to sleep, and is woken before anybody
// is bought; its agent begins anew.
func TestMotoSleepAndWake(t *testing.T) {
	s := newSite(t, plan{policy: between(0, 1, "sleep: {keep: 1, at_most: 1h}")})
	d := s.daemon()
	s.send(1)
	s.awaitResults()
	s.awaitAgents(0)
	s.awaitHome()
	asleep := slices.Collect(maps.Keys(s.alive()))
	if len(asleep) != 1 || s.wire.count("ec2:StopInstances") == 0 {
		t.Fatalf("asleep: %v, asked for %v", asleep, s.wire.asked())
	}
	bought := s.bought()
	s.send(1)
	s.awaitResults()
	s.awaitAgents(0)
	s.awaitHome()
	s.stop(d)
	if n := s.bought(); n != bought {
		t.Errorf("bought %d times, %d of them while one slept", n, n-bought)
	}
	if n := s.hv.boots(asleep[0]); n != 2 {
		t.Errorf("%s began %d times", asleep[0], n)
	}
}

// impatient lets a worker go that has an item in hand, as soon as none waits.
const impatient = `bounds: {max: 1}
policies: [{type: rule, name: waits, when: "queue.visible > 0", want: "1"}]
guards: {release: {after: 4s}}
`

// TestMotoRecall: a worker that drains, with an item in hand, is taken back when
// there is more to do. Nobody is bought in its place.
func TestMotoRecall(t *testing.T) {
	s := newSite(t, plan{policy: impatient})
	arrives, answer := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(goOn)
	s.agents.before("s3:GET", func() { close(arrives); <-answer })
	s.daemon()
	s.send(1)
	wait(t, "an agent to fetch a photograph", arrives)
	await(t, "a drain", func() error { return s.asked("ec2:CreateTags") })
	id := s.awaitAgents(1)[0]
	s.hv.awaitSaid(id, "draining")
	s.send(2)
	await(t, "a recall", func() error { return s.asked("ec2:DeleteTags") })
	s.hv.awaitSaid(id, "working")
	goOn()
	s.awaitResults()
	s.awaitHome()
	if s.bought() != 1 {
		t.Errorf("bought %d times", s.bought())
	}
}

// wait waits for something that is said once.
func wait(t *testing.T, what string, said <-chan struct{}) {
	t.Helper()
	select {
	case <-said:
	case <-time.After(patient):
		t.Fatalf("waited %s for %s", patient, what)
	}
}
