package scenario

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"skynet/config/strict"
)

// Defaults of a scenario.
func (s *Scenario) Defaults() { s.Seed, s.Interval = 1, strict.Duration(time.Minute) }

// Defaults of a queue: SQS's visibility timeout,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
func (q *Queue) Defaults() {
	q.Visibility, q.Weight, q.Next = strict.Duration(30*time.Second), 1, -1
}

// Defaults of a series.
func (a *Arrivals) Defaults() { a.Scale = 1 }

// Defaults of a fleet, those that a policy file assumes of boot and wake.
func (f *Fleet) Defaults() {
	f.Slots, f.Boot, f.Wake = 1, Constant(2*time.Minute), Constant(time.Minute)
}

// Defaults are EC2's for Linux:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/concepts.html
func (b *Billing) Defaults() {
	b.Unit, b.Minimum = strict.Duration(time.Second), strict.Duration(time.Minute)
}

var nameOK = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

const (
	mostQueues = 1000
	mostFleets = 100
)

// Validate checks the scenario as a whole and finds out who serves what.
func (s *Scenario) Validate(r *strict.Report) {
	if s.Interval < strict.Duration(time.Second) || s.Interval > strict.Duration(time.Hour) {
		r.Bad("interval", s.Interval, "is out of range; write 1s to 1h")
	}
	if len(s.Queues) == 0 && r.Given("queues") && r.Sound("queues") {
		r.Bad("queues", nil, "is empty; add the queue that items arrive in")
	}
	if len(s.Queues) > mostQueues || len(s.Fleets) > mostFleets {
		r.Bad("", nil, "has too many queues or fleets; at most %d and %d will do", mostQueues, mostFleets)
	}
	queues, once := s.queueNames(r)
	s.feeds(r, queues)
	s.fleets(r)
	if once {
		s.service(r, queues)
	}
}

// queueNames also tells whether each of them is there once.
func (s *Scenario) queueNames(r *strict.Report) (names []string, once bool) {
	once = true
	for i, q := range s.Queues {
		name(r, fmt.Sprintf("queues[%d].name", i), q.Name, names)
		once = once && q.Name != "" && !slices.Contains(names, q.Name)
		names = append(names, q.Name)
	}
	return names, once
}

// name wants a name that is one, and is not taken.
func name(r *strict.Report, path, text string, taken []string) {
	switch {
	case text == "":
	case !nameOK.MatchString(text):
		r.Bad(path, text, "is not a name; write small letters, digits and _, like photos")
	case slices.Contains(taken, text):
		r.Bad(path, text, "is given twice; choose another name")
	}
}

// feeds finds the queues that others feed. One that is not in the file lies
// outside of this world: what goes there has left it.
func (s *Scenario) feeds(r *strict.Report, queues []string) {
	misspelt := false
	for i := range s.Queues {
		q, path := &s.Queues[i], fmt.Sprintf("queues[%d].feeds", i)
		if q.Feeds == "" {
			continue
		}
		q.Next = slices.Index(queues, q.Feeds)
		switch {
		case q.Next < 0 && strict.Nearest(q.Feeds, queues) != "":
			misspelt = true
			r.Unknown(path, q.Feeds, "a queue of this file", queues)
		case q.Next < 0:
			s.Notes = append(s.Notes, fmt.Sprintf("%s feeds %s, which is not in the scenario: what goes there is not simulated", q.Name, q.Feeds))
		case s.circle(i):
			r.Bad(path, q.Feeds, "leads back to %s, and items would go round for ever; feed another queue", q.Name)
		case s.Queues[q.Next].Seconds == nil:
			r.Bad(path, q.Feeds, "has no seconds, so that it is not known how long what %s feeds to it takes; add seconds to %s", q.Name, q.Feeds)
		}
	}
	for i, q := range s.Queues {
		fed := slices.ContainsFunc(s.Queues, func(o Queue) bool { return o.Feeds == q.Name })
		s.arrivals(r.At(fmt.Sprintf("queues[%d]", i)), q, fed || misspelt)
	}
}

// circle reports whether feeding leads back to where it began.
func (s *Scenario) circle(from int) bool {
	at := from
	for range s.Queues {
		if at = s.Queues[at].Next; at < 0 || at == from {
			return at == from
		}
	}
	return false
}

func (s *Scenario) arrivals(r *strict.Report, q Queue, fed bool) {
	switch {
	case !r.Sound("arrivals", "jobs", "seconds"):
	case q.Arrivals != nil && q.Jobs != nil:
		r.Bad("jobs", nil, "cannot stand beside arrivals; remove one")
	case q.Arrivals == nil && q.Jobs == nil && !fed:
		r.Bad("", nil, "gets no items; add arrivals: {csv: …} or jobs: {csv: …}, or have another queue feed it")
	case q.Arrivals != nil && q.Seconds == nil:
		r.Bad("", nil, "does not say how long an item takes; add seconds: {median: 4s, p95: 12s} or {mean: 4s}")
	}
	if q.Visibility < strict.Duration(time.Second) && r.Sound("visibility") {
		r.Bad("visibility", q.Visibility, "is too short; write at least 1s")
	}
}

// fleets makes one list of the short and the long form.
func (s *Scenario) fleets(r *strict.Report) {
	switch {
	case s.Fleet != nil && r.Given("fleets"):
		r.Bad("fleets", nil, "cannot stand beside fleet; move the one into the other")
		return
	case s.Fleet == nil && len(s.Fleets) == 0 && r.Sound("fleet", "fleets"):
		r.Bad("", nil, "has no fleet; add fleet: {slots: 4}")
		return
	case s.Fleet != nil:
		if s.Fleet.Name == "" {
			s.Fleet.Name = "fleet"
		}
		name(r, "fleet.name", s.Fleet.Name, nil)
		s.Fleets = []Fleet{*s.Fleet}
		return
	}
	var names []string
	for i, f := range s.Fleets {
		path := fmt.Sprintf("fleets[%d].name", i)
		if f.Name == "" && r.Sound(path) {
			r.Bad(path, nil, "missing; add a name for the fleet")
		}
		name(r, path, f.Name, names)
		names = append(names, f.Name)
	}
}

// service finds out which fleet serves which queue: each is served by one.
func (s *Scenario) service(r *strict.Report, queues []string) {
	by, wrong := make([]string, len(queues)), len(s.Fleets) == 0
	for i := range s.Fleets {
		f, path := &s.Fleets[i], fmt.Sprintf("fleets[%d].queues", i)
		if s.Fleet != nil {
			path = "fleet.queues"
		}
		if len(f.Queues) == 0 && len(s.Fleets) == 1 {
			f.Queues = queues
		}
		wrong = wrong || f.Name == ""
		for j, q := range f.Queues {
			switch k := slices.Index(queues, q); {
			case k < 0:
				wrong = true
				r.Unknown(fmt.Sprintf("%s[%d]", path, j), q, "a queue of this file", queues)
			case by[k] != "":
				r.Bad(fmt.Sprintf("%s[%d]", path, j), q, "is served by %s already; a queue belongs to one fleet", by[k])
			default:
				by[k], f.Serves = f.Name, append(f.Serves, k)
			}
		}
	}
	for k, fleet := range by {
		if fleet == "" && !wrong && r.Sound("fleets", "fleet", "queues") {
			r.Bad(fmt.Sprintf("queues[%d]", k), nil, "is served by no fleet; add %s to the queues of one", queues[k])
		}
	}
}

// Validate checks one fleet.
func (f *Fleet) Validate(r *strict.Report) {
	spot := false
	var types, zones []string
	for i, t := range f.Types {
		spot = spot || t.Spot != nil
		if slices.Contains(types, t.Name) {
			r.Bad(fmt.Sprintf("types[%d].name", i), t.Name, "is given twice; remove one")
		}
		types = append(types, t.Name)
	}
	for i, z := range f.Zones {
		if slices.Contains(zones, z.Name) {
			r.Bad(fmt.Sprintf("zones[%d].name", i), z.Name, "is given twice; remove one")
		}
		zones = append(zones, z.Name)
	}
	f.priced(r)
	if f.Spot != nil && !spot && r.Sound("types", "spot") {
		r.Bad("spot", nil, "needs a type that is offered as Spot; add spot: 0.07 to one of types")
	}
}

// priced wants a price for all types or for none: a sum of some is no cost.
func (f *Fleet) priced(r *strict.Report) {
	with := 0
	for _, t := range f.Types {
		if t.Price != nil {
			with++
		}
	}
	if f.Price != nil || with == 0 {
		with = len(f.Types)
	}
	for i, t := range f.Types {
		if with < len(f.Types) && t.Price == nil && r.Sound(fmt.Sprintf("types[%d]", i)) {
			r.Bad(fmt.Sprintf("types[%d]", i), nil, "has no price though others have; add price")
		}
		if t.Spot != nil && t.Price == nil && f.Price == nil && r.Sound(fmt.Sprintf("types[%d]", i)) {
			r.Bad(fmt.Sprintf("types[%d].price", i), nil, "missing; add what an hour costs on demand")
			return
		}
	}
}

// Validate wants whole seconds.
func (b *Billing) Validate(r *strict.Report) {
	if b.Unit < strict.Duration(time.Second) || b.Unit%strict.Duration(time.Second) != 0 || b.Unit > strict.Duration(24*time.Hour) {
		r.Bad("unit", b.Unit, "is not what clouds bill by; write 1s, 60s or 1h")
	}
	if b.Minimum%strict.Duration(time.Second) != 0 || b.Minimum > strict.Duration(24*time.Hour) {
		r.Bad("minimum", b.Minimum, "is not a minimum in whole seconds; write 60s")
	}
}
