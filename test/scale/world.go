package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"skynet/fleet"
	"skynet/test/ec2wire"
	"skynet/test/sqswire"
)

// How workers and their load are.
const (
	slots     = 4
	itemTakes = 4 * time.Second
	busy      = 0.9              // of the slots of as many workers as the load calls for
	swing     = 0.08             // of the load, up and down
	swings    = time.Minute      // how often
	beatEvery = 15 * time.Second // what the agent does by default
	bootTakes = 10 * time.Second
	stopTakes = 3 * time.Second
	each      = 3 // queues that a worker served since its last heartbeat
)

// world is the machines of one account, their agents, and the load.
type world struct {
	*account
	queues     []string
	heartbeats *sqswire.Queue
	events     *sqswire.Queue
	started    time.Time
	chance     *rand.Rand
	target     int // workers that the load calls for

	loaded        time.Time // when the load was looked at
	waiting, held float64   // items

	agents map[string]*agent
	lists  map[string]time.Time // when an instance began to end
	sent   int                  // heartbeats
	told   atomic.Int64         // notices of interruptions of ours
}

// agent is the one on a machine.
type agent struct {
	seq   uint64
	next  time.Time
	drain string // that it obeys
	empty bool   // it has nothing left to do
}

// newWorld opens an account with so many workers at work on so many queues.
func newWorld(workers, queues int, l latency) (*world, error) {
	a, err := openAccount(l)
	if err != nil {
		return nil, err
	}
	w := &world{account: a, started: time.Now(), chance: rand.New(rand.NewPCG(1, 2)), target: workers, agents: map[string]*agent{}, lists: map[string]time.Time{}}
	w.heartbeats, w.events = a.sqs.Open("heartbeats"), a.sqs.Open("events")
	for i := range queues {
		name := fmt.Sprintf("q%03d", i)
		w.queues = append(w.queues, name)
		a.sqs.Open(name).Redrive("arn:aws:sqs:"+region+":"+accountID+":"+name+"_dead", 3)
		a.sqs.Open(name+"_dead").Say(0, 0)
		for m := -15; m < 60; m++ { // minutes
			a.watch.Put("AWS/SQS", "ApproximateAgeOfOldestMessage", w.started.Add(time.Duration(m)*time.Minute), 2, "QueueName="+name)
		}
	}
	for i := range workers {
		in := a.cloud.Add("c7i.xlarge", []string{"subnet-a", "subnet-b"}[i%2], i%5 > 0)
		in.State, in.Born, in.Started = "running", w.started.Add(-time.Hour), w.started.Add(-time.Hour)
		in.Tags = map[string]string{fleet.TagController: "skynet", fleet.TagFleet: "render", fleet.TagIntent: "by-hand"}
		w.agents[in.ID] = &agent{next: w.started.Add(time.Duration(w.chance.Int64N(int64(beatEvery))))}
	}
	w.loaded = w.started
	w.load(w.started)
	return w, nil
}

// demand is how many slots the load would keep busy now, of all workers together.
func (w *world) demand(now time.Time) float64 {
	return float64(w.target*slots) * busy * (1 + swing*math.Sin(2*math.Pi*now.Sub(w.started).Seconds()/swings.Seconds()))
}

// load has items come, and go as fast as there are slots for them.
func (w *world) load(now time.Time) {
	past, there := now.Sub(w.loaded).Seconds(), float64(len(w.agents)*slots)
	w.loaded = now
	w.waiting = max(0, w.waiting+(w.demand(now)-there)*past/itemTakes.Seconds())
	w.held = min(there, w.demand(now)+w.waiting)
	for i, name := range w.queues {
		share := func(n int) int { return (n*(i+1))/len(w.queues) - n*i/len(w.queues) }
		w.sqs.Open(name).Say(share(int(w.waiting)+w.target/4), share(int(w.held)))
	}
}

// run lets time pass until ctx ends.
func (w *world) run(ctx context.Context) {
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case now := <-every.C:
			w.mu.Lock()
			if n%10 == 0 {
				w.machines(now)
				w.load(now)
			}
			due := w.due(now)
			w.mu.Unlock()
			for _, beat := range due {
				w.heartbeats.Post(beat)
			}
		}
	}
}

// machines boot, and end.
func (w *world) machines(now time.Time) {
	var gone []string
	for _, i := range w.cloud.All() {
		switch a := w.agents[i.ID]; {
		case i.State == "pending" && now.Sub(i.Started) > bootTakes:
			i.State = "running"
			w.agents[i.ID] = &agent{next: now}
		case i.State == "shutting-down":
			delete(w.agents, i.ID)
			if began := w.lists[i.ID]; began.IsZero() {
				w.lists[i.ID] = now
			} else if now.Sub(began) > stopTakes {
				gone = append(gone, i.ID)
				delete(w.lists, i.ID)
			}
		case a != nil && i.Tags[fleet.TagDrain] != a.drain:
			a.drain, a.empty, a.next = i.Tags[fleet.TagDrain], false, now
		}
	}
	if len(gone) > 0 {
		w.cloud.Remove(gone...)
	}
}

// due are the heartbeats that agents send now.
func (w *world) due(now time.Time) (beats []string) {
	for _, i := range w.cloud.All() {
		a := w.agents[i.ID]
		if a == nil || now.Before(a.next) {
			continue
		}
		beats = append(beats, w.beat(i, a, now))
		w.sent++
		a.next = now.Add(beatEvery)
		if a.drain != "" && !a.empty { // the items in its hands take a moment
			a.empty, a.next = true, now.Add(itemTakes/2)
		}
	}
	return beats
}

// beat is what an agent says.
func (w *world) beat(i *ec2wire.Instance, a *agent, now time.Time) string {
	a.seq++
	b := fleet.Heartbeat{
		Worker: fleet.ID(i.ID), Fleet: "render", Boot: "b", Seq: a.seq, At: now, State: fleet.Working, Jobs: slots, Slots: slots,
		CPU: 60 + 40*w.chance.Float64(), Memory: 30 + 10*w.chance.Float64(), Version: "v1.0.0", Drain: a.drain,
	}
	switch {
	case a.drain != "" && a.empty:
		b.State, b.Jobs = fleet.Drained, 0
	case a.drain != "":
		b.State, b.Jobs = fleet.Draining, 1
	}
	for range each {
		items := w.items()
		if b.Jobs == 0 || items == 0 {
			continue
		}
		done := fleet.Work{Queue: w.queues[w.chance.IntN(len(w.queues))], Completed: items, BytesIn: 9 << 20, BytesOut: 1 << 20}
		for range items {
			done.Seconds.Add(itemTakes.Seconds() * (0.7 + 0.6*w.chance.Float64()))
			done.Wait.Add(w.chance.ExpFloat64())
		}
		b.Queues = append(b.Queues, done)
	}
	body, err := json.Marshal(b)
	if err != nil {
		panic(err) // of numbers that are made up above
	}
	return string(body)
}

// items are how many a worker has made of one queue since its last heartbeat: its
// share of the load.
func (w *world) items() int {
	share := w.held / float64(len(w.agents)) * beatEvery.Seconds() / itemTakes.Seconds() / each
	return int(share + w.chance.Float64())
}

// interrupt has EventBridge tell, within a while, of so many Spot instances that EC2
// takes back: all of ours, and strangers' for the rest. The agents do not hear of it, so
// that what the controller knows it has from there.
func (w *world) interrupt(ctx context.Context, n int, within time.Duration) {
	var ids []string
	w.mu.Lock()
	for _, i := range w.cloud.All() {
		if i.Spot && i.State == "running" && len(ids) < n {
			ids = append(ids, i.ID)
		}
	}
	w.mu.Unlock()
	ours := len(ids)
	for k := len(ids); k < n; k++ {
		ids = append(ids, fmt.Sprintf("i-f%016x", k))
	}
	rand.New(rand.NewPCG(3, 4)).Shuffle(n, func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	steps := max(1, int(within/(100*time.Millisecond)))
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for k := range steps {
		select {
		case <-ctx.Done():
			return
		case now := <-every.C:
			for _, id := range ids[n*k/steps : n*(k+1)/steps] {
				w.events.Post(fmt.Sprintf(`{"version":"0","id":"%s","detail-type":"EC2 Spot Instance Interruption Warning","source":"aws.ec2","account":%q,"time":%q,"region":%q,"resources":["arn:aws:ec2:%s:instance/%s"],"detail":{"instance-id":%q,"instance-action":"terminate"}}`,
					id, accountID, now.UTC().Format(time.RFC3339), region, region+"a", id, id))
			}
		}
	}
	w.told.Store(int64(ours))
}
