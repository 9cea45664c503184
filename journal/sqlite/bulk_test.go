package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/journal"
	"skynet/journal/journaltest"
)

// What is written in one go is read as if it had been written tick by tick, also
// what is written after it.
func TestWriteAll(t *testing.T) {
	one, all := open(t, newPath(t), Options{}), open(t, newPath(t), Options{})
	var list []journal.Record
	for n := range 200 {
		list = append(list, busy(n, 5, 10))
		journaltest.Write(t, one, busy(n, 5, 10))
	}
	for _, part := range [][]journal.Record{list[:150], nil, list[150:199]} {
		if err := all.WriteAll(t.Context(), part); err != nil {
			t.Fatal(err)
		}
	}
	journaltest.Write(t, all, list[199])
	want, err := one.Records(t.Context(), "render", time.Time{}, 0)
	got, err2 := all.Records(t.Context(), "render", time.Time{}, 0)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || err2 != nil || len(got) != 200 {
		t.Errorf("%d ticks, %v, %v: %s", len(got), err, err2, diff)
	}
	first, last := list[0].Snapshot.Now, list[199].Snapshot.Now
	times, err := all.Times(t.Context(), "render", first.Add(1), last)
	if err != nil || len(times) != 198 || !times[0].Equal(list[1].Snapshot.Now) {
		t.Errorf("%d times, %v", len(times), err)
	}
}

// Of a batch in which one tick is refused nothing is there.
func TestWriteAllOrNone(t *testing.T) {
	j := open(t, newPath(t), Options{})
	journaltest.Write(t, j, busy(3, 5, 10))
	list := []journal.Record{busy(1, 5, 10), busy(2, 6, 10), busy(3, 5, 10)}
	if err := j.WriteAll(t.Context(), list); !errors.Is(err, journal.ErrDuplicate) {
		t.Fatal(err)
	}
	list[2] = busy(4, 7, 12)
	if err := j.WriteAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	got, err := j.Records(t.Context(), "render", time.Time{}, 0)
	if err != nil || len(got) != 4 || j.Degraded() != "" || len(got[3].Snapshot.Workers) != 7 {
		t.Errorf("%d ticks, %v, %s", len(got), err, j.Degraded())
	}
}
