// Package notify tells people what they should know of a fleet, by a webhook or a
// program of theirs: once when it begins, and once when it is over.
//
// A tick leaves how its fleet fares and goes on. One goroutine judges that (Watch,
// which is pure); one for each target delivers, with a bounded queue, a timeout and a
// bounded number of tries, so that a target that hangs holds up nobody.
//
//	tick ─► See ─► Watch ─► queue ─► webhook
//	                    └─► queue ─► command
package notify

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"skynet/dashboard/health"
)

// Message is what a target is given, as JSON.
type Message struct {
	Text       string             `json:"text"`              // all of it, for people: what Slack and its kin show
	Fleet      string             `json:"fleet"`             //
	Occasion   string             `json:"occasion"`          // breaker, budget, objective, versions, blind, failed or pause; test
	About      string             `json:"about,omitempty"`   // the queue, where it is about one
	State      string             `json:"state"`             // begins or over
	Since      time.Time          `json:"since"`             // when it began
	At         time.Time          `json:"at"`                // when this was said
	Said       string             `json:"said"`              // what is wrong, with the numbers
	Numbers    map[string]float64 `json:"numbers,omitempty"` // the numbers for programs; seconds, shares 0–1, money
	More       string             `json:"more"`              // the command that shows more
	Controller string             `json:"controller"`        // the machine that says so
}

// The states of a message.
const (
	Begins = "begins"
	Over   = "over"
)

// Target is where messages go.
type Target struct {
	Name string
	On   []string // occasions, none: all
	To   Sender
}

// Sender delivers one message. An error that is Final is not tried again.
type Sender interface {
	Send(ctx context.Context, body []byte) error
}

// Options are what a Notifier is told besides its targets.
type Options struct {
	Watch Watch
	File  string // remembers what was told over a restart; "": nothing does
	// Told is called with what became of each message: sent, failed or dropped.
	Told func(target, outcome string, m Message, err error)
}

// waiting bounds what waits to be judged, and what waits for each target.
const waiting = 128

// Notifier tells.
type Notifier struct {
	options Options
	seen    chan seen
	stop    chan struct{}
	lines   []*line
	ctx     context.Context
	cancel  context.CancelFunc
	judging sync.WaitGroup
	sending sync.WaitGroup
}

// seen is something that Watch is to judge.
type seen struct {
	fleet *health.Fleet // nil: another begins or ends its turn
	act   []string      // fleets on which this process acts from now on
}

// Start returns a Notifier that runs until it is closed; nil where there is nobody to
// tell. On nil its methods do nothing.
func Start(targets []Target, o Options) *Notifier {
	if len(targets) == 0 {
		return nil
	}
	n := &Notifier{options: o, seen: make(chan seen, waiting), stop: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, t := range targets {
		l := &line{Target: t, told: o.Told, queue: make(chan Message, waiting)}
		n.lines = append(n.lines, l)
		n.sending.Go(func() { l.deliver(n.ctx) })
	}
	n.judging.Go(n.judge)
	return n
}

// See takes how a fleet fares after a tick. It never waits: what cannot be taken is
// left to the next tick.
func (n *Notifier) See(f health.Fleet) {
	if n == nil {
		return
	}
	select {
	case n.seen <- seen{fleet: &f}:
	default:
	}
}

// Act says on which fleets this process acts from now on: none while it stands by.
func (n *Notifier) Act(fleets ...string) {
	if n == nil {
		return
	}
	select {
	case n.seen <- seen{act: fleets}:
	case <-n.ctx.Done():
	}
}

// lookEvery is how often it is looked whether ticks still end.
const lookEvery = 15 * time.Second

// judge turns what is seen into messages.
func (n *Notifier) judge() {
	w := &n.options.Watch
	w.restore(n.options.File, time.Now())
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		select {
		case s := <-n.seen:
			n.weigh(s)
		case now := <-every.C:
			n.tell(w.Pass(now))
		case <-n.stop:
			for len(n.seen) > 0 {
				n.weigh(<-n.seen)
			}
			w.keep(n.options.File)
			return
		}
		w.keep(n.options.File)
	}
}

func (n *Notifier) weigh(s seen) {
	if s.fleet != nil {
		n.tell(n.options.Watch.See(*s.fleet))
	} else {
		n.options.Watch.Act(time.Now(), s.act...)
	}
}

func (n *Notifier) tell(list []Message) {
	for _, m := range list {
		for _, l := range n.lines {
			l.put(m)
		}
	}
}

// closing is how long messages that wait may take when the daemon ends.
const closing = 5 * time.Second

// Close delivers what waits, for some seconds at most.
func (n *Notifier) Close() {
	if n == nil {
		return
	}
	close(n.stop)
	n.judging.Wait()
	for _, l := range n.lines {
		close(l.queue)
	}
	end := time.AfterFunc(closing, n.cancel)
	defer end.Stop()
	n.sending.Wait()
	n.cancel()
}

// line is a target with what waits for it.
type line struct {
	Target
	queue chan Message
	told  func(target, outcome string, m Message, err error)
}

func (l *line) put(m Message) {
	if len(l.On) > 0 && !slices.Contains(l.On, m.Occasion) {
		return
	}
	select {
	case l.queue <- m:
	default:
		l.tell("dropped", m, errFull)
	}
}

func (l *line) tell(outcome string, m Message, err error) {
	if l.told != nil {
		l.told(l.Name, outcome, m, err)
	}
}

func (l *line) deliver(ctx context.Context) {
	for m := range l.queue {
		body, err := json.Marshal(m)
		if err == nil {
			err = Deliver(ctx, l.To, body)
		}
		if err != nil {
			l.tell("failed", m, err)
			continue
		}
		l.tell("sent", m, nil)
	}
}
