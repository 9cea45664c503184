package faults

import (
	"cmp"
	"slices"
	"time"

	"skynet/queue"
)

// expires is how long the heartbeat queue keeps what nobody reads.
const expires = 5 * time.Minute

// mail carries heartbeats, as a standard queue of SQS would: now and then not, twice,
// late or out of order.
type mail struct {
	*World
	letters []letter
}

type letter struct {
	of      *machine
	life    int
	ready   time.Duration // when it can be read
	posted  time.Duration
	arrived time.Duration // when the server had it
	body    []byte
}

// post takes a heartbeat in.
func (m *mail) post(of *machine, body []byte) {
	if m.Strikes(BeatsLost, .7) || m.cutOff(of) {
		return
	}
	l := letter{of: of, life: of.life, ready: m.now, posted: m.now, arrived: m.now, body: body}
	if m.Strikes(BeatsLate, .3) {
		r := m.Draw(BeatsLate)
		l.ready += between(r, time.Second, 4*time.Minute)
		if r.IntN(2) == 0 {
			l.arrived = l.ready // it was late on its way there
		}
	}
	m.letters = append(m.letters, l)
	if m.Strikes(BeatsDoubled, .5) {
		l.ready += between(m.Draw(BeatsDoubled), 0, time.Minute)
		m.letters = append(m.letters, l)
	}
}

// cutOff reports whether nothing of a machine gets through for a while, though it works.
func (m *mail) cutOff(of *machine) bool {
	const window = 15 * time.Minute
	s := m.Blows(BeatsLost)
	return s > 0 && m.chance.of(BeatsLost, of.number+1, uint64(m.now/window)).Float64() < .3*s
}

// collect gives what can be read, and forgets it.
func (m *mail) collect(most int) (list []queue.Letter) {
	slices.SortStableFunc(m.letters, func(a, b letter) int { return cmp.Compare(a.ready, b.ready) })
	n := 0
	for n < len(m.letters) && m.letters[n].ready <= m.now && len(list) < most {
		l := m.letters[n]
		n++
		if m.now-l.arrived > expires {
			continue
		}
		list = append(list, queue.Letter{Body: l.body, At: began.Add(l.arrived)})
		l.of.word = max(l.of.word, l.arrived)
		if l.of.life == l.life && l.posted > l.of.said { // one that was overtaken says nothing of now
			l.of.hears(l, m.now)
		}
	}
	m.letters = slices.Delete(m.letters, 0, n)
	return list
}
