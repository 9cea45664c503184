package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sent says which items of a batch were sent, and which once more.
type Sent struct {
	first spans
	since time.Time // of the first that was sent, by the sender's clock
	again []again   // in order
}

// again is one time that items which had failed were sent once more.
type again struct {
	at    time.Time
	items spans
	known time.Time // when the newest of their failures was written, by the store's clock
}

// spans are sorted numbers of items, as first and last of each run of them.
type spans [][2]int

// holds reports whether an item is among them.
func (s spans) holds(i int) bool {
	at, found := slices.BinarySearchFunc(s, i, func(x [2]int, i int) int { return x[0] - i })
	return found || at > 0 && s[at-1][1] >= i
}

func (s spans) count() (n int) {
	for _, x := range s {
		n += x[1] - x[0] + 1
	}
	return n
}

// with returns the spans and these items.
func (s spans) with(items []int) spans {
	all := slices.Clone(s)
	for _, i := range items {
		all = append(all, [2]int{i, i})
	}
	slices.SortFunc(all, func(a, b [2]int) int { return a[0] - b[0] })
	var joined spans
	for _, x := range all {
		if n := len(joined); n > 0 && x[0] <= joined[n-1][1]+1 {
			joined[n-1][1] = max(joined[n-1][1], x[1])
			continue
		}
		joined = append(joined, x)
	}
	return joined
}

// check refuses what cannot be items of a batch of n.
func (s spans) check(n int) error {
	last := -1
	for _, x := range s {
		if x[0] <= last || x[1] < x[0] || x[1] >= n {
			return fmt.Errorf("items %d to %d are not of this batch", x[0], x[1])
		}
		last = x[1]
	}
	return nil
}

// Count is how many items were sent, each counted once.
func (s Sent) Count() int { return s.first.count() }

// Has reports whether an item was sent.
func (s Sent) Has(i int) bool { return s.first.holds(i) }

// Unsent are the items, of n, that were not sent, in order.
func (s Sent) Unsent(n int) (list []int) {
	for i := range n {
		if !s.first.holds(i) {
			list = append(list, i)
		}
	}
	return list
}

// Since is when the first item was sent, by the sender's clock; zero if none was.
func (s Sent) Since() time.Time { return s.since }

// Tried is when an item that had failed was last sent again: failures that were
// written by then are of earlier tries. Zero if it was not.
func (s Sent) Tried(i int) time.Time {
	for _, a := range slices.Backward(s.again) {
		if a.items.holds(i) {
			return a.known
		}
	}
	return time.Time{}
}

// mark adds items that were sent at that time.
func (s *Sent) mark(items []int, now time.Time) {
	if len(items) == 0 {
		return
	}
	if s.since.IsZero() {
		s.since = now
	}
	s.first = s.first.with(items)
}

// sentLine is a line of sent.jsonl: the first sending, then each further one.
type sentLine struct {
	At    time.Time  `json:"at"`
	Items spans      `json:"items"`
	Known *time.Time `json:"known,omitempty"` // of a further one
}

func (s Sent) text() ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	err := to.Encode(sentLine{At: s.since, Items: s.first})
	for _, a := range s.again {
		err = errors.Join(err, to.Encode(sentLine{a.at, a.items, &a.known}))
	}
	return b.Bytes(), err
}

func readSent(text []byte, items int) (s Sent, err error) {
	from := json.NewDecoder(bytes.NewReader(text))
	for n := 0; from.More(); n++ {
		var l sentLine
		if err := from.Decode(&l); err != nil {
			return Sent{}, fmt.Errorf("%s: line %d: %w", sentFile, n+1, err)
		}
		if err := l.Items.check(items); err != nil {
			return Sent{}, fmt.Errorf("%s: line %d: %w", sentFile, n+1, err)
		}
		switch {
		case n == 0:
			s.since, s.first = l.At, l.Items
		case l.Known == nil:
			return Sent{}, fmt.Errorf("%s: line %d: known is missing", sentFile, n+1)
		default:
			s.again = append(s.again, again{l.At, l.Items, *l.Known})
		}
	}
	return s, nil
}

// Sender is the queue that a batch goes to.
type Sender interface {
	// SendAll stores items and returns their IDs in order; those that could not be
	// sent have "", and the error says why.
	SendAll(ctx context.Context, bodies [][]byte) (ids []string, err error)
}

const (
	// Chunk is how many items are sent before it is written down. It is what may be
	// sent twice after a crash.
	Chunk = 500
	// markWithin bounds writing that down when the sending was stopped.
	markWithin = 15 * time.Second
)

// ErrStopped says that the sending was stopped between two chunks.
var ErrStopped = errors.New("stopped")

// Mailing sends items of a batch and keeps its record.
type Mailing struct {
	Shelf  Shelf
	Record *Record
	To     Sender
	Stop   <-chan struct{}  // closed: no further chunk is begun
	Now    func() time.Time // the clock
	Told   func(sent int)   // hears how many more were sent, after each chunk; may be nil
}

// Rest sends what was not sent yet.
func (m Mailing) Rest(ctx context.Context) error {
	return m.send(ctx, m.Record.Sent.Unsent(len(m.Record.Items)), func(items []int) { m.Record.Sent.mark(items, m.Now()) })
}

// Again sends items once more whose failures are known, the newest of which was
// written at that time by the store's clock.
func (m Mailing) Again(ctx context.Context, items []int, known time.Time) error {
	sent := &m.Record.Sent
	sent.again = append(sent.again, again{at: m.Now(), known: known})
	this := &sent.again[len(sent.again)-1]
	return m.send(ctx, items, func(items []int) { this.items = this.items.with(items) })
}

func (m Mailing) send(ctx context.Context, items []int, mark func([]int)) error {
	for chunk := range slices.Chunk(items, Chunk) {
		select {
		case <-m.Stop:
			return ErrStopped
		default:
		}
		bodies := make([][]byte, len(chunk))
		for k, i := range chunk {
			bodies[k] = m.Record.Items[i].Body
		}
		ids, err := m.To.SendAll(ctx, bodies)
		var sent []int
		for k, id := range ids {
			if id != "" {
				sent = append(sent, chunk[k])
			}
		}
		mark(sent)
		if err := errors.Join(err, m.write(ctx)); err != nil {
			return err
		}
		if m.Told != nil {
			m.Told(len(sent))
		}
	}
	return nil
}

// write keeps the record even if the sending was cancelled.
func (m Mailing) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markWithin)
	defer cancel()
	return m.Shelf.Mark(ctx, m.Record)
}
