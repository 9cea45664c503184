package batch

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSendingGoesOn: however often it ends, with a word (the queue does not answer)
// or without one (the process is killed, and what it did last was not written
// down), all items are sent in the end, and none of more than a chunk twice for
// each kill.
func TestSendingGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop()
		shelf := NewShelf(s, "s3://b/out")
		n := rapid.SampledFrom([]int{1, Chunk, Chunk + 1, 2*Chunk + 7}).Draw(t, "items")
		if _, err := shelf.Create(t.Context(), About{Name: "a", Items: n}, items(n)); err != nil {
			t.Fatal(err)
		}
		p := &post{got: map[string]int{}}
		kills := 0
		for end := false; !end; {
			r, err := shelf.Load(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			before := maps.Clone(s.objects)
			p.room = rapid.SampledFrom([]int{-1, 3, Chunk, Chunk + 1, 1000}).Draw(t, "room")
			err = Mailing{Shelf: shelf, Record: r, To: p, Now: func() time.Time { return noon }}.Rest(t.Context())
			if end = err == nil; !end && !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			if lastChunk := r.Sent.Count(); !end && lastChunk <= Chunk && rapid.Bool().Draw(t, "killed") {
				s.objects = before // the one chunk that was sent was not written down
				kills++
			}
		}
		twice := 0
		for _, times := range p.got {
			twice += times - 1
		}
		if len(p.got) != n || twice > kills*Chunk {
			t.Fatalf("%d of %d items were sent, %d more than once after %d kills", len(p.got), n, twice, kills)
		}
		if kills == 0 && twice > 0 {
			t.Fatalf("%d items were sent twice, though nothing was lost", twice)
		}
	})
}

func TestSendingStopsBetweenChunks(t *testing.T) {
	s := newShop()
	shelf, r := filed(t, s, 3*Chunk)
	stop, p, told := make(chan struct{}), &post{map[string]int{}, -1}, 0
	m := Mailing{Shelf: shelf, Record: r, To: p, Stop: stop, Now: func() time.Time { return noon }, Told: func(n int) {
		if told += n; told == 2*Chunk {
			close(stop)
		}
	}}
	if err := m.Rest(t.Context()); !errors.Is(err, ErrStopped) || len(p.got) != 2*Chunk {
		t.Errorf("%d were sent, %v", len(p.got), err)
	}
	r, err := shelf.Load(t.Context(), "a")
	if err != nil || r.Sent.Count() != 2*Chunk || !r.Sent.Since().Equal(noon) {
		t.Errorf("%+v, %v", r.Sent, err)
	}
	want := make([]int, Chunk)
	for i := range want {
		want[i] = 2*Chunk + i
	}
	if got := r.Sent.Unsent(3 * Chunk); !slices.Equal(got, want) {
		t.Errorf("unsent %v", got)
	}
}

func TestARecordThatCannotBeWrittenEndsTheSending(t *testing.T) {
	s := newShop()
	shelf, r := filed(t, s, 3*Chunk)
	p := &post{map[string]int{}, -1}
	s.broken = errors.New("the disk is full")
	err := Mailing{Shelf: shelf, Record: r, To: p, Now: time.Now}.Rest(t.Context())
	if !errors.Is(err, s.broken) || len(p.got) != Chunk {
		t.Errorf("%d were sent, %v", len(p.got), err)
	}
}
