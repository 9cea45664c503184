package batch

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Window is over how long the rate is measured.
const Window = 5 * time.Minute

// Tally is a batch in numbers.
type Tally struct {
	Items   int // all there are
	Unsent  int // not in the queue yet
	Waiting int // sent, and nothing came of them yet
	Failing int // failed, and will be tried again
	Failed  int // failed for the last time
	Lost    int // nothing came of them, and nothing is left in the queue
	Done    int
	Before  int   // of Done: were made before the batch
	Earlier int   // of those that are open: have outputs from before the batch
	Bytes   int64 // of the outputs of what is done

	// Rate is how many items a second were done or given up lately; 0 while that is
	// not known: it takes two.
	Rate float64
	// Left is how long the rest will take at that rate, 0 where that is not known.
	Left time.Duration
	// First and Last are when an item was done or given up, by the store's clock.
	First, Last time.Time
}

// Settled are the items to which nothing more happens by itself.
func (t Tally) Settled() int { return t.Done + t.Failed + t.Lost }

// Over reports whether nothing more happens to any item by itself.
func (t Tally) Over() bool { return t.Settled() == t.Items }

// Count puts a batch into numbers at that time.
func Count(results []Result, now time.Time) Tally {
	t := Tally{Items: len(results)}
	var settled []time.Time
	for _, r := range results {
		switch r.State {
		case Unsent:
			t.Unsent++
		case Waiting:
			t.Waiting++
		case Failing:
			t.Failing++
		case Failed:
			t.Failed++
			settled = append(settled, r.At)
		case Lost:
			t.Lost++
		case Done:
			t.Done++
			t.Bytes += r.Bytes
			if r.Earlier {
				t.Before++
			} else {
				settled = append(settled, r.At)
			}
		}
		if r.Earlier && (r.State == Waiting || r.State == Failing) {
			t.Earlier++
		}
	}
	if len(settled) > 0 {
		t.First, t.Last = slices.MinFunc(settled, time.Time.Compare), slices.MaxFunc(settled, time.Time.Compare)
	}
	if open := t.Waiting + t.Failing; open > 0 {
		t.Rate = rate(settled, now)
		t.Left = left(open, t.Rate)
	}
	return t
}

// rate is how many items a second were settled within the window: those after the
// first of them, by the time since that one. So a fleet that needed minutes to
// boot is not held against the items, and one that has stopped shows.
func rate(settled []time.Time, now time.Time) float64 {
	n, oldest := 0, now
	for _, at := range settled {
		if now.Sub(at) > Window {
			continue
		}
		n++
		if at.Before(oldest) {
			oldest = at
		}
	}
	span := now.Sub(oldest)
	if span <= 0 {
		return 0
	}
	return float64(n-1) / span.Seconds()
}

// left is how long so many items take at a rate, 0 where nobody could say.
func left(open int, rate float64) time.Duration {
	seconds := float64(open) / rate
	if rate <= 0 || seconds > (100*365*24*time.Hour).Seconds() {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// Cause is a reason for which items failed.
type Cause struct {
	Reason string // as of one of them, without its own names
	Items  []int
}

// lost is why nothing came of an item, as far as can be known.
const lost = "nothing came of it, and nothing is left in the queue: its worker died in the last try, or it was taken out"

// Causes groups the items that failed, or whose last try did, by reason: those
// that differ only in the item's names and in numbers are one. The most frequent
// come first.
func Causes(r *Record, results []Result) []Cause {
	at := map[string]int{}
	var all []Cause
	for i, x := range results {
		reason := ""
		switch {
		case x.State == Lost:
			reason = lost
		case x.Failure != nil && (x.State == Failed || x.State == Failing):
			reason = impersonal(x.Failure.Reason, r.Items[i])
		default:
			continue
		}
		key := digits.ReplaceAllString(reason, "0")
		k, known := at[key]
		if !known {
			k = len(all)
			at[key] = k
			all = append(all, Cause{Reason: reason})
		}
		all[k].Items = append(all[k].Items, i)
	}
	slices.SortStableFunc(all, func(a, b Cause) int { return cmp.Compare(len(b.Items), len(a.Items)) })
	return all
}

var digits = regexp.MustCompile(`[0-9]+`)

// impersonal is a reason without the names of its item.
func impersonal(reason string, it Item) string {
	if reason == "" {
		return "no reason was given"
	}
	for _, name := range []string{it.Output, it.Input, strings.TrimPrefix(it.Input, "file://")} {
		if len(name) > 1 {
			reason = strings.ReplaceAll(reason, name, "…")
		}
	}
	return reason
}
