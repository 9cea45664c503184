package faults

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestAWiredSeedGoesTheSameWayTwice is what the others of its kind rest on: no real
// clock, file name or order of goroutines is in a story.
func TestAWiredSeedGoesTheSameWayTwice(t *testing.T) {
	for seed := range uint64(2) {
		o := Options{Wire: true, Weather: storm(seed)}
		a, err := Run(seed, o)
		b, err2 := Run(seed, o)
		if err != nil || err2 != nil || a.Sum != b.Sum {
			t.Errorf("seed %d: %x and %x, %v %v", seed, a.Sum, b.Sum, err, err2)
		}
	}
}

// storm has all that can befall a wire and a disk at once, in a seed's own strengths.
func storm(seed uint64) func(Weather) Weather {
	return func(w Weather) Weather {
		c := newChance(seed)
		for _, k := range []Kind{
			Unreached, AnswersLost, CallsLate, Throttled, ListsLag, ListsFail, NoRoom, Spot, HandKills,
			DiskLate, DiskFull, Crashes, EC2Errors, EC2Cut, EC2Protected,
		} {
			w.strength[k] = pick(c.of(k, 2, 0), 0, .1, .3, 1)
			w.spells[k] = []spell{{0, 70 * time.Minute}}
		}
		return w
	}
}

// TestStorms is the slice of wired seeds that everybody runs; more of them with
// -args -seeds 100 -from 1.
func TestStorms(t *testing.T) {
	first, n := uint64(100), 3
	if *seeds > 0 {
		first, n = *from, *seeds
	}
	for seed := first; seed < first+uint64(n); seed++ {
		o := Options{Wire: true, Weather: storm(seed)}
		r, err := Run(seed, o)
		switch {
		case err != nil:
			t.Error(err)
		case r.Breach != nil:
			tell(t, r, o)
		case r.Ticks < 20 || r.Items == 0:
			t.Errorf("seed %d: %d ticks, %d items: nothing happens", seed, r.Ticks, r.Items)
		}
	}
}

// What a process leaves behind that dies in the middle of a commit is the log before
// it with a part of what it was about to write.
func TestTornLogs(t *testing.T) {
	for _, c := range []struct {
		before, after string
		share         float64
		want          string
	}{
		{"", "abcd", .5, "ab"}, {"ab", "abcdef", .5, "abcd"}, {"abxx", "abcdef", .25, "abcx"}, {"abxxxxxx", "abcdef", .5, "abcdxxxx"},
		{"ab", "abcd", 0, "ab"}, {"ab", "ab", .5, "ab"}, {"abc", "", .5, "abc"},
	} {
		if got := torn([]byte(c.before), []byte(c.after), c.share); string(got) != c.want {
			t.Errorf("%q to %q, %g of it: %q, want %q", c.before, c.after, c.share, got, c.want)
		}
	}
}

// A file that was damaged is found out.
func TestADamagedJournalIsFoundOut(t *testing.T) {
	w, err := newWorld(1, Options{Length: 2 * time.Hour, Wire: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	f, _ := w.hosts[0].disk.(*folder)
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.path())
	if err != nil {
		t.Fatal(err)
	}
	half := len(text) / 2 / 4096 * 4096
	copy(text[half:], bytes.Repeat([]byte{0xa5}, len(text)-half))
	if err := os.WriteFile(f.path(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(); err == nil {
		t.Error("nothing is said of a journal of which half is something else")
	}
}
