package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/fleet"
	"skynet/journal/sqlite"
)

// What `make soak` says to TestMotoSoak.
const (
	soakFor  = "SKYNET_SOAK_FOR"  // how long harm is done, such as 5m
	soakSeed = "SKYNET_SOAK_SEED" // what it is drawn from
)

// soak is a site that is done harm.
type soak struct {
	*site
	dice   *rand.Rand
	now    *process // the controller, nil while it is down
	mu     sync.Mutex
	stay   bool // down, until it is asked for
	starts int
	faults map[string]int
	most   int // billed at once
}

// mostSoaked is the maximum of its policy.
const mostSoaked = 3

// TestMotoSoak does harm to the real programs against moto for a while: kills,
// freezes, errors, lost answers and silence on every way to AWS. Then everything must
// come right: each photograph has its renditions, byte for byte, none is given up, and
// each instance was bought under an intent.
func TestMotoSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv(soakFor))
	if err != nil {
		t.Skipf("takes long: run make soak, or set %s to a time such as 5m", soakFor)
	}
	seed, err := strconv.ParseUint(os.Getenv(soakSeed), 10, 64)
	if err != nil {
		seed = rand.Uint64N(1_000_000)
	}
	t.Logf("seed %d", seed)
	s := &soak{site: newSite(t, plan{interval: "1s", policy: between(0, mostSoaked, "")}), dice: rand.New(rand.NewPCG(seed, 0)), faults: map[string]int{}}
	s.patientQueue()
	s.wire.tokens = map[string][]byte{}
	ctx, cancel := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	t.Cleanup(func() { cancel(); beside.Wait() })
	beside.Go(func() { s.keep(ctx) })
	beside.Go(func() { s.watch(ctx) })

	s.send(1)
	s.awaitDone(patient)
	torture, enough := context.WithTimeout(ctx, length)
	defer enough()
	beside.Go(func() { s.torture(torture, rand.New(rand.NewPCG(seed, 1))) })
	for torture.Err() == nil {
		s.send(s.dice.IntN(4))
		if s.dice.IntN(6) == 0 {
			s.send(12)
		}
		pause(torture, time.Duration(500+s.dice.IntN(2000))*time.Millisecond)
	}
	s.heal()
	s.awaitDone(4 * time.Minute)
	s.awaitHome()
	s.down()
	cancel()
	beside.Wait()
	s.judge()
	t.Logf("%d photographs, %d starts of the controller, at most %d instances at once; faults: %v", s.sent, s.starts, s.most, s.faults)
}

// patientQueue lets items be tried as often as their workers die.
func (s *soak) patientQueue() {
	s.t.Helper()
	redrive, _ := json.Marshal(map[string]any{"deadLetterTargetArn": queueARN("photos-dead"), "maxReceiveCount": 1000})
	if _, err := s.sqs.SetQueueAttributes(s.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: aws.String(queueURL("photos")),
		Attributes: map[string]string{"RedrivePolicy": string(redrive)}}); err != nil {
		s.t.Fatal(err)
	}
}

// send puts photographs into the bucket that look alike and are not the same.
func (s *soak) send(n int) {
	s.t.Helper()
	for range n {
		s.sent++
		s.put(fmt.Sprintf("in/%d.jpg", s.sent), fmt.Appendf(slices.Clone(photo), "behind its end: %d", s.sent))
	}
}

// keep runs the controller, as systemd would: one that ends is started again.
func (s *soak) keep(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		p, err := s.begin(n)
		if err != nil {
			s.t.Errorf("start: %v", err)
			return
		}
		if p != nil {
			select {
			case <-ctx.Done():
				p.Kill()
			case <-p.Ended():
			}
		}
		pause(ctx, 500*time.Millisecond)
	}
}

func (s *soak) begin(n int) (p *process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = nil
	if s.stay {
		return nil, nil
	}
	s.starts++
	s.now, err = start(s.dir, fmt.Sprintf("run-%d", n), s.by(s.wire), program(s.t, "skynet"), "run", "--config", filepath.Join(s.dir, "skynet.yaml"))
	return s.now, err
}

// tell sends the controller a signal.
func (s *soak) tell(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil {
		_ = s.now.Signal(sig)
	}
}

// down stops the controller for good.
func (s *soak) down() {
	s.mu.Lock()
	p := s.now
	s.stay = true
	s.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.Signal(syscall.SIGTERM)
	if status := p.wait(s.t); status != 0 {
		s.t.Errorf("SIGTERM ended it with status %d: %s", status, tail(p.Err))
	}
}

// watch counts instances that are billed, all the time, past both programs.
func (s *soak) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if list, err := instances(ctx, s.ec2); err == nil {
			billed := 0
			for _, i := range list {
				if n := i.State.Name; n == types.InstanceStateNamePending || n == types.InstanceStateNameRunning {
					billed++
				}
			}
			s.mu.Lock()
			s.most = max(s.most, billed)
			s.mu.Unlock()
		}
		pause(ctx, 500*time.Millisecond)
	}
}

// torture does harm at random moments until ctx ends.
func (s *soak) torture(ctx context.Context, dice *rand.Rand) {
	lasting := func(most time.Duration) { pause(ctx, time.Duration(dice.Float64()*float64(most))) }
	trouble := func(w *wire, kind string, most time.Duration) func() {
		return func() { w.upset(kind); lasting(most); w.upset("") }
	}
	for _, f := range s.endless(dice, []harm{
		{"kill -9 the controller", func() { s.tell(syscall.SIGKILL) }},
		{"SIGTERM the controller", func() { s.tell(syscall.SIGTERM) }},
		{"freeze the controller", func() { s.tell(syscall.SIGSTOP); lasting(10 * time.Second); s.tell(syscall.SIGCONT) }},
		{"kill -9 an agent, which does not come back", func() { s.agent(dice, syscall.SIGKILL) }},
		{"freeze an agent", func() {
			p := s.agent(dice, syscall.SIGSTOP)
			lasting(8 * time.Second)
			if p != nil {
				_ = p.Signal(syscall.SIGCONT)
			}
		}},
		{"end an instance behind our back", func() { s.end(dice) }},
		{"AWS answers 503 to the controller", trouble(s.wire, "503", 6*time.Second)},
		{"AWS answers 503 to the agents", trouble(s.agents, "503", 6*time.Second)},
		{"answers to the controller are lost", trouble(s.wire, "lost", 5*time.Second)},
		{"answers to the agents are lost", trouble(s.agents, "lost", 5*time.Second)},
		{"silence on the controller's way to AWS", trouble(s.wire, "silent", 8*time.Second)},
		{"silence on the agents' way to AWS", trouble(s.agents, "silent", 8*time.Second)},
	}) {
		if !pause(ctx, time.Duration(300+dice.IntN(3500))*time.Millisecond) {
			return
		}
		s.t.Logf("%s  %s", time.Now().Format("15:04:05.0"), f.name)
		f.do()
		s.mu.Lock()
		s.faults[f.name]++
		s.mu.Unlock()
	}
}

// harm is one kind of it.
type harm struct {
	name string
	do   func()
}

// endless draws one after the other.
func (s *soak) endless(dice *rand.Rand, list []harm) func(yield func(int, harm) bool) {
	return func(yield func(int, harm) bool) {
		for n := 0; yield(n, list[dice.IntN(len(list))]); n++ {
		}
	}
}

// agent signals one agent of those that run.
func (s *soak) agent(dice *rand.Rand, sig syscall.Signal) *process {
	s.hv.mu.Lock()
	defer s.hv.mu.Unlock()
	ids := slices.Sorted(maps.Keys(s.hv.machines))
	dice.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		if a := s.hv.machines[id].agent; a != nil && a.Runs() {
			_ = a.Signal(sig)
			return a
		}
	}
	return nil
}

// end terminates an instance as somebody in the console would.
func (s *soak) end(dice *rand.Rand) {
	list, err := instances(s.t.Context(), s.ec2)
	list = slices.DeleteFunc(list, func(i types.Instance) bool { return i.State.Name != types.InstanceStateNameRunning })
	if err == nil && len(list) > 0 {
		s.takeBack(*list[dice.IntN(len(list))].InstanceId)
	}
}

// heal undoes whatever harm may have been left.
func (s *soak) heal() {
	s.wire.upset("")
	s.agents.upset("")
	s.tell(syscall.SIGCONT)
	s.hv.mu.Lock()
	defer s.hv.mu.Unlock()
	for _, m := range s.hv.machines {
		if m.agent != nil && m.agent.Runs() {
			_ = m.agent.Signal(syscall.SIGCONT)
		}
	}
}

// awaitDone waits until each photograph has all that is made of it.
func (s *soak) awaitDone(within time.Duration) {
	s.t.Helper()
	for deadline := time.Now().Add(within); ; pause(s.t.Context(), time.Second) {
		keys, err := s.made()
		if err == nil && len(keys) >= 3*s.sent {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %d photographs: %d objects, %v", within, s.sent, len(keys), err)
		}
	}
}

// judge looks at both ends: what was made, and who was bought.
func (s *soak) judge() {
	s.t.Helper()
	if dead := s.depthOf("photos-dead"); dead != "0" {
		s.t.Errorf("%s items were given up", dead)
	}
	if s.most > mostSoaked {
		s.t.Errorf("%d instances at once, the maximum is %d", s.most, mostSoaked)
	}
	keys, err := s.made()
	if err != nil || len(keys) != 3*s.sent {
		s.t.Errorf("%d objects of %d photographs, %v", len(keys), s.sent, err)
	}
	for _, name := range []string{"150.jpg", "1024.jpg"} {
		model := s.fetch(1, name)
		for n := 2; n <= s.sent; n++ {
			if made := s.fetch(n, name); !bytes.Equal(made, model) {
				s.t.Errorf("%s of photograph %d is not what it should be: %d bytes", name, n, len(made))
			}
		}
	}
	if err := s.intended(); err != nil {
		s.t.Error(err)
	}
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*.err"))
	for _, l := range logs {
		for _, cry := range []string{"panic: ", "fatal error: ", "a mistake of ours"} {
			if bytes.Contains([]byte(read(l)), []byte(cry)) {
				s.t.Errorf("%s: %s", cry, tail(l))
			}
		}
	}
}

func (s *soak) depthOf(queue string) string {
	s.t.Helper()
	const visible = "ApproximateNumberOfMessages"
	out, err := s.sqs.GetQueueAttributes(s.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(queueURL(queue)), AttributeNames: []sqstypes.QueueAttributeName{visible}})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Attributes[visible]
}

// fetch is one of the things made of a photograph.
func (s *soak) fetch(n int, name string) []byte {
	s.t.Helper()
	out, err := s.s3.GetObject(s.t.Context(), &s3.GetObjectInput{Bucket: aws.String(media), Key: aws.String(fmt.Sprintf("out/%s/in/%d.jpg/%s", media, n, name))})
	if err != nil {
		s.t.Error(err)
		return nil
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		s.t.Error(err)
	}
	return body
}

// intended checks that every instance there ever was carries an order of the journal,
// which asked for as many.
func (s *soak) intended() error {
	r, err := sqlite.OpenReadOnly(filepath.Join(s.dir, "state", "journal.db"))
	if err != nil {
		return err
	}
	defer r.Close()
	records, err := r.Records(s.t.Context(), "render", time.Unix(0, 0), 0)
	if err != nil {
		return err
	}
	asked := map[string]int{}
	for _, rec := range records {
		for _, i := range rec.Intents {
			if i.Order != nil {
				asked[i.Order.Token] = i.Order.Count
			}
		}
	}
	list, err := instances(s.t.Context(), s.ec2)
	errs := []error{err}
	for _, i := range list {
		token := tagsOf(i)[fleet.TagIntent]
		if asked[token]--; asked[token] < 0 {
			errs = append(errs, fmt.Errorf("%s was bought under no intent (order %q)", *i.InstanceId, token))
		}
	}
	return errors.Join(errs...)
}

// pause waits, and reports whether there was time for it.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
