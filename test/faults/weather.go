package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is one kind of weather: one way in which the world lies or fails.
type Kind uint8

// The kinds. Those before firstFault are no faults: they are what each seed is made of.
const (
	forScene Kind = iota
	forLoad
	forItems
	forBoots
	forLatency
	forAgents
	forPlaces

	Unreached     // calls never arrive
	AnswersLost   // calls take effect and the answer is lost
	CallsLate     // calls take longer than the caller waits
	Throttled     // few calls are let through
	ListsLag      // lists do not show launches yet, and states as they were
	ListsFail     // lists end in the middle
	DeadOnArrival // agents never start
	SlowBoots     // agents take minutes to start
	StuckStopping // instances are stopping or shutting down for minutes
	HandTags      // somebody sets and clears drain tags by hand
	HandKills     // somebody terminates instances
	NoRoom        // zones have no capacity
	Spot          // interruptions in waves, with two minutes' notice
	BeatsLost     // heartbeats are lost
	BeatsDoubled  // heartbeats arrive twice
	BeatsLate     // heartbeats arrive late and out of order
	MailDown      // the heartbeat queue cannot be read
	SignalsLost   // the queue's depth cannot be had
	SignalsStale  // the queue's depth is as it was minutes ago
	SignalsAbsurd // the queue's depth is NaN, negative or 1e12
	ClockSteps    // the controller's clock is set forward and back
	DiskFull      // the journal cannot be written
	DiskLate      // the journal reports an error after it took effect
	DiskSlow      // the journal takes seconds
	Crashes       // the controller dies, at any call
	AgentCrashes  // agents die, at any step
	Impaired      // status checks fail
	QueueDoubles  // items are delivered twice
	QueueFails    // the queue refuses to extend and to delete
	TagsUnread    // instance metadata do not answer
	Stops         // the controller's process is stopped and woken
	StoreLossy    // the lease's store loses requests and answers
	EC2Errors     // EC2 answers with errors of its own, before or after it does a thing (on the wire only)
	EC2Cut        // EC2's answers end in the middle (on the wire only)
	EC2Protected  // somebody protects instances from termination (on the wire only)
	HandStarts    // somebody starts instances with the fleet's tag
	Orders        // an operator pauses the fleet, sets floors, has named workers drained or forgotten, and takes it back
	Reloads       // somebody changes the policy file, to another one or to one that is refused
	kinds
)

const firstFault = Unreached

var kindNames = [kinds]string{
	Unreached: "unreached", AnswersLost: "answers-lost", CallsLate: "calls-late", Throttled: "throttled",
	ListsLag: "lists-lag", ListsFail: "lists-fail", DeadOnArrival: "dead-on-arrival", SlowBoots: "slow-boots",
	StuckStopping: "stuck-stopping", HandTags: "hand-tags", HandKills: "hand-kills", NoRoom: "no-room", Spot: "spot",
	BeatsLost: "beats-lost", BeatsDoubled: "beats-doubled", BeatsLate: "beats-late", MailDown: "mail-down",
	SignalsLost: "signals-lost", SignalsStale: "signals-stale", SignalsAbsurd: "signals-absurd", ClockSteps: "clock-steps",
	DiskFull: "disk-full", DiskLate: "disk-late", DiskSlow: "disk-slow", Crashes: "crashes", AgentCrashes: "agent-crashes",
	Impaired: "impaired", QueueDoubles: "queue-doubles", QueueFails: "queue-fails", TagsUnread: "tags-unread",
	Stops: "stops", StoreLossy: "store-lossy", HandStarts: "hand-starts", Orders: "orders", Reloads: "reloads", EC2Errors: "ec2-errors", EC2Cut: "ec2-cut", EC2Protected: "ec2-protected",
}

func (k Kind) String() string {
	if k < kinds && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// KindOf reads a kind's name; false if no fault is called so.
func KindOf(name string) (Kind, bool) {
	for k := firstFault; k < kinds; k++ {
		if kindNames[k] == name {
			return k, true
		}
	}
	return 0, false
}

// Weather is which faults there are, how strong, and when.
type Weather struct {
	strength [kinds]float64 // 0 to 1; 0: none of it
	spells   [kinds][]spell
}

// spell is a time in which a fault is about.
type spell struct{ from, to time.Duration }

// storms are faults that are worst together. Each seed has one of them, or none.
var storms = [][]Kind{
	nil,
	{Unreached, AnswersLost, CallsLate, ListsLag, ListsFail, Crashes, Orders, Reloads},
	{AnswersLost, Throttled, ListsLag, NoRoom, HandStarts, DeadOnArrival, SlowBoots, StuckStopping},
	{BeatsLost, BeatsDoubled, BeatsLate, MailDown, AgentCrashes, HandTags, TagsUnread, Impaired},
	{ListsLag, BeatsLost, BeatsLate, AnswersLost, CallsLate},
	{SignalsAbsurd, SignalsStale, BeatsLost, BeatsLate}, // drained, recalled and drained again unheard
	{DiskFull, DiskLate, DiskSlow, Crashes, AnswersLost, ClockSteps},
	{Stops, StoreLossy, Crashes, CallsLate, ClockSteps, Orders, Reloads},
	{SignalsLost, SignalsStale, SignalsAbsurd, MailDown, HandKills, Spot},
}

// drawWeather draws which faults a seed has. All of them have stopped at calm.
func drawWeather(c *chance, calm time.Duration) (w Weather) {
	r := c.of(forScene, 1, 0)
	share, storm := pick(r, .05, .15, .3), pick(r, storms...)
	for k := firstFault; k < kinds; k++ {
		r := c.of(k, 0, 0)
		stormy := slices.Contains(storm, k)
		if chance := r.Float64(); chance >= share && !(stormy && chance < .7) {
			continue
		}
		if w.strength[k] = pick(r, .1, .4, 1); stormy {
			w.strength[k] = pick(r, .4, 1)
		}
		for range 1 + r.IntN(3) {
			from := between(r, 0, calm*9/10)
			w.spells[k] = append(w.spells[k], spell{from, min(calm, from+between(r, time.Minute, calm))})
		}
	}
	return w
}

// Kinds are those there are.
func (w *Weather) Kinds() (list []Kind) {
	for k := firstFault; k < kinds; k++ {
		if w.strength[k] > 0 {
			list = append(list, k)
		}
	}
	return list
}

// Without is the weather but for some kinds; all others stay as they are.
func (w Weather) Without(drop ...Kind) Weather {
	for _, k := range drop {
		w.strength[k] = 0
	}
	return w
}

// Only is the weather with some of its kinds.
func (w Weather) Only(keep ...Kind) Weather {
	was := w.strength
	w.strength = [kinds]float64{}
	for _, k := range keep {
		w.strength[k] = was[k]
	}
	return w
}

// With is the weather with kinds that it may not have: of those all there can be, from
// the beginning until calm.
func (w Weather) With(calm time.Duration, kinds ...Kind) Weather {
	for _, k := range kinds {
		if w.strength[k] == 0 {
			w.strength[k], w.spells[k] = 1, []spell{{0, calm}}
		}
	}
	return w
}

func (w *Weather) String() string {
	var names []string
	for _, k := range w.Kinds() {
		names = append(names, k.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}

// at is how strong a fault is at a time.
func (w *Weather) at(k Kind, now time.Duration) float64 {
	if w.strength[k] == 0 {
		return 0
	}
	for _, s := range w.spells[k] {
		if now >= s.from && now < s.to {
			return w.strength[k]
		}
	}
	return 0
}
