package faults

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"skynet/lease"
)

// Breach is a law that was broken.
type Breach struct {
	Law  string // in a sentence
	Said string // by whom and how, with the numbers
	At   time.Duration
	Line int // of the story
}

func (b *Breach) Error() string { return fmt.Sprintf("%s: %s: %s", clock(b.At), b.Law, b.Said) }

// entry is one line of a story.
type entry struct {
	at   time.Duration
	who  string
	said string
	args []any
}

func (e entry) String() string {
	return fmt.Sprintf("%s  %-10s %s", clock(e.at), e.who, fmt.Sprintf(e.said, e.args...))
}

// log is what has happened. Lines are put into words only when somebody reads them:
// what they are given must not change later.
type log struct {
	lines  []entry
	breach *Breach
}

func (g *log) tell(at time.Duration, who, said string, args []any) {
	g.lines = append(g.lines, entry{at, who, said, args})
}

// print writes those lines that are around the breach, or all.
func (g *log) print(to io.Writer, all bool) {
	const around = 60
	from := 0
	if g.breach != nil && !all {
		from = max(0, g.breach.Line-around)
	}
	if from > 0 {
		fmt.Fprintf(to, "… %d lines before, all of them with -v\n", from)
	}
	for _, l := range g.lines[from:] {
		fmt.Fprintln(to, l)
	}
}

// sum is the same for two runs that went the same.
func (g *log) sum() uint64 {
	h := fnv.New64a()
	for _, l := range g.lines {
		_, _ = io.WriteString(h, l.String())
	}
	return h.Sum64()
}

// clock is a time of the world, as a story tells it.
func clock(d time.Duration) string {
	return began.Add(d).Format("15:04:05.000")
}

func listed[T ~string](ids []T) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(id))
	}
	return b.String()
}

// short is an error without what differs between two runs of a seed: names that the
// lease draws, and times by the real clock.
func short(err error) string {
	if errors.Is(err, lease.ErrNotHeld) {
		return "the lease is not held"
	}
	return err.Error()
}
