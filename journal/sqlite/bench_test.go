package sqlite

import (
	"os"
	"slices"
	"testing"
	"time"

	"skynet/journal/journaltest"
)

// BenchmarkWrite is a tick of 60 signals and 50 busy workers, to the disk.
func BenchmarkWrite(b *testing.B) {
	j := open(b, newPath(b), Options{})
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		r := busy(n, 50, 60)
		begun := time.Now()
		if err := j.Write(b.Context(), r); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
}

// BenchmarkRecords reads an hour of such ticks.
func BenchmarkRecords(b *testing.B) {
	j := open(b, newPath(b), Options{})
	for n := range 200 {
		journaltest.Write(b, j, busy(n, 50, 60))
	}
	since := busy(140, 0, 0).Snapshot.Now
	for b.Loop() {
		if got, err := j.Records(b.Context(), "render", since, 0); err != nil || len(got) != 60 {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkDay is how much a file grows in a day of a tick a minute with 60
// signals and 10 busy workers, and how long the longest step of pruning takes.
func BenchmarkDay(b *testing.B) {
	for b.Loop() {
		path := newPath(b)
		j := open(b, path, Options{Details: 6 * time.Hour, Minutes: 12 * time.Hour})
		if _, err := j.db.Exec("PRAGMA synchronous = OFF"); err != nil { // it is the size that counts
			b.Fatal(err)
		}
		const ticks = 1440
		for n := range ticks {
			journaltest.Write(b, j, busy(n, 10, 60))
		}
		b.ReportMetric(float64(size(b, j, path))/1e6, "MB/day")
		b.ReportMetric(worstPause(b, j, busy(ticks, 0, 0).Snapshot.Now).Seconds()*1e3, "ms/pause")
	}
}

func size(b *testing.B, j *Journal, path string) int64 {
	b.Helper()
	if _, err := j.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
	at, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return at.Size()
}

// worstPause writes ticks while the journal is pruned, and returns the longest
// time that one of them took.
func worstPause(b *testing.B, j *Journal, now time.Time) (worst time.Duration) {
	b.Helper()
	done := make(chan error, 1)
	go func() { done <- j.Prune(b.Context(), now) }()
	for n := 5000; ; n++ {
		select {
		case err := <-done:
			if err != nil {
				b.Fatal(err)
			}
			return worst
		default:
			begun := time.Now()
			journaltest.Write(b, j, busy(n, 10, 60))
			worst = max(worst, time.Since(begun))
		}
	}
}
