package worker

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"skynet/queue"
)

// feed is one queue and what the agent remembers of it. Its changing fields
// are the share's, under its lock.
type feed struct {
	src    queue.Source
	name   string
	weight float64
	tries  int // deliveries after which the queue gives an item up; 0: not known

	used    float64 // slot seconds of finished items, and what it was credited for having been empty
	mean    float64 // seconds an item took, recent ones weighing more
	idle    bool    // was empty when last asked
	waiters int     // receives that wait on it
	stints  map[*stint]bool
	resume  time.Time // not asked before, after an error

	receiving trouble
	settling  trouble
}

// stint is one item's stay in a slot, or its stay in line for one.
type stint struct {
	start time.Time // zero while it is in line
	feed  *feed
}

// elapsed is how long it is in its slot, in seconds.
func (s *stint) elapsed(now time.Time) float64 {
	if s.start.IsZero() {
		return 0
	}
	return max(now.Sub(s.start).Seconds(), 0)
}

func newFeed(f Feed) *feed {
	name := f.Source.Name()
	return &feed{
		src: f.Source, name: name, weight: cmp.Or(f.Weight, 1), tries: f.Tries, idle: true, stints: map[*stint]bool{},
		receiving: trouble{what: "receive from " + name},
		settling:  trouble{what: "speak to " + name + " of items in hand"},
	}
}

// meanWeight is how much the newest item counts in a feed's mean.
const meanWeight = 0.2

// share divides slot time among the feeds by weight: next is the feed that has
// used the least per weight. Running items count by what they are expected to
// take, so that slots that become free together do not all turn to one feed.
//
// A feed that was empty does not save up: when it has items again it starts
// from where the others are, or it would have all slots to itself for as long
// as it was away. Source: Goyal, Vin, Cheng: Start-time Fair Queuing, 1996.
type share struct {
	mu    sync.Mutex
	feeds []*feed
	level float64 // use per weight of the feed served last
}

func newShare(feeds []*feed) *share { return &share{feeds: feeds} }

// order lists the feeds that may be asked now, the one most due first.
func (s *share) order(now time.Time) []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*feed
	for _, f := range s.feeds {
		if !now.Before(f.resume) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b *feed) int {
		return cmp.Or(cmp.Compare(a.spent(now), b.spent(now)), cmp.Compare(a.load(), b.load()))
	})
	return out
}

func (f *feed) load() float64 { return float64(len(f.stints)) / f.weight }

func (f *feed) spent(now time.Time) float64 {
	sum := f.used
	for s := range f.stints {
		sum += max(f.mean, s.elapsed(now))
	}
	return sum / f.weight
}

// relief is how long until a feed may be asked again.
func (s *share) relief(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.feeds[0].resume
	for _, f := range s.feeds {
		if f.resume.Before(first) {
			first = f.resume
		}
	}
	return max(first.Sub(now), time.Millisecond)
}

// wait picks, of feeds that were all empty, the one that the fewest slots wait
// on, and counts one more. leave takes it back.
func (s *share) wait(order []*feed) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := slices.MinFunc(order, func(a, b *feed) int { return cmp.Compare(a.waiters, b.waiters) })
	f.waiters++
	return f
}

func (s *share) leave(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.waiters--
}

func (s *share) empty(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.idle = len(f.stints) == 0
}

func (s *share) rest(f *feed, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.resume = until
}

// begin starts a stint on the feed, in line for a slot.
func (s *share) begin(f *feed, now time.Time) *stint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if behind := s.level - f.spent(now); f.idle && behind > 0 {
		f.used += behind * f.weight
	}
	f.idle = false
	s.level = max(s.level, f.spent(now))
	st := &stint{feed: f}
	f.stints[st] = true
	return st
}

// start notes that a stint has its slot.
func (s *share) start(st *stint, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.start.IsZero() {
		st.start = at
	}
}

// end books a stint. False: it was booked already. One that never had a slot costs
// nothing.
func (s *share) end(st *stint, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := st.feed
	if !f.stints[st] {
		return false
	}
	delete(f.stints, st)
	if st.start.IsZero() {
		return true
	}
	took := st.elapsed(now)
	f.used += took
	if f.mean == 0 {
		f.mean = took
	}
	f.mean += meanWeight * (took - f.mean)
	return true
}

// never is longer than anything that is waited for.
const never = 1000 * time.Hour

// soonest is how long it is likely to be until a slot becomes free for an item that
// has so many others of each slot before it in line. An item is expected to take as
// long as others of its queue; one that takes longer, as long again as it has
// taken; and one of a queue of which nothing is known, for ever.
func (s *share) soonest(now time.Time, before float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	least, longest := never.Seconds(), 0.0
	for _, f := range s.feeds {
		for st := range f.stints {
			longest = max(longest, f.mean)
			if f.mean == 0 || st.start.IsZero() {
				continue
			}
			left := f.mean - st.elapsed(now)
			if left < 0 {
				left = st.elapsed(now)
			}
			least = min(least, left)
		}
	}
	return time.Duration(min(least+before*longest, never.Seconds()) * float64(time.Second))
}
