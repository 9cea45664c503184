package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"skynet/fleet"
	"skynet/signals"
)

// Said is how many launches of the last hour in a row never became workers, and
// what they died of: "the last 4 launches never became workers (3 ×
// Client.InternalError: Client error on launch; 1 × …)". Whoever is called at night
// mends that, rather than the breaker.
func (b Breaker) Said(s signals.Snapshot) string {
	said := fmt.Sprintf("the last %d launches never became workers", b.DeadInARow(s))
	if why := autopsy(s); why != "" {
		said += " (" + why + ")"
	}
	return said
}

// autopsy sums up why launches failed since the last one that became a worker, over
// the last hour; "" where nobody says.
func autopsy(s signals.Snapshot) string {
	var died deaths
	var turned refusals
	died.add(s.Died, s.Causes)
	ticks := s.Since(s.Now.Add(-hour))
	for i := len(ticks) - 1; i >= 0 && len(ticks[i].Born) == 0; i-- { // the newest first: of like causes its words are told
		died.add(ticks[i].Died, ticks[i].Causes)
		turned.add(ticks[i].Deeds)
	}
	return strings.Join(append(died.said(), turned.said()...), "; ")
}

// deaths counts causes of death.
type deaths []cause

// cause is one, as the newest that died of it had it.
type cause struct {
	said, kind string
	n          int
}

// unsaid is the cause where nobody names one.
const unsaid = "for no known cause"

func (t *deaths) add(died []fleet.ID, causes []string) {
	for i := range died {
		said := unsaid
		if i < len(causes) && causes[i] != "" {
			said = brief(causes[i])
		}
		t.count(said)
	}
}

func (t *deaths) count(said string) {
	kind := kindOf(said)
	for i := range *t {
		if (*t)[i].kind == kind {
			(*t)[i].n++
			return
		}
	}
	*t = append(*t, cause{said, kind, 1})
}

// mostCauses are told one by one.
const mostCauses = 2

// said tells the most frequent causes, and how many died of others.
func (t deaths) said() (parts []string) {
	if len(t) == 0 || len(t) == 1 && t[0].said == unsaid {
		return nil
	}
	slices.SortStableFunc(t, func(a, b cause) int { return cmp.Compare(b.n, a.n) })
	others := 0
	for i, c := range t {
		if i < mostCauses {
			parts = append(parts, fmt.Sprintf("%d × %s", c.n, c.said))
		} else {
			others += c.n
		}
	}
	if others > 0 {
		parts = append(parts, fmt.Sprintf("%d × other causes", others))
	}
	return parts
}

// refusals are launches and wakes that the cloud refused.
type refusals struct {
	n    int
	last string // the newest one's words
}

func (r *refusals) add(d signals.Deeds) {
	r.n += d.Refused
	for _, f := range d.Failures {
		if r.last == "" && (strings.HasPrefix(f, "launch: ") || strings.HasPrefix(f, "wake: ")) {
			r.last = brief(f)
		}
	}
}

func (r refusals) said() []string {
	switch {
	case r.n == 0:
		return nil
	case r.last == "":
		return []string{fmt.Sprintf("%d more were refused", r.n)}
	}
	return []string{fmt.Sprintf("%d more were refused, the last: %s", r.n, r.last)}
}

// mostWords is how much of a cause stands in a reason, in characters.
const mostWords = 200

// brief is the first line of what a cloud or a program said, if need be its beginning.
func brief(said string) string {
	first, _, more := strings.Cut(strings.TrimSpace(said), "\n")
	letters := []rune(first)
	if len(letters) > mostWords {
		letters, more = letters[:mostWords], true
	}
	if more {
		return string(letters) + " …"
	}
	return string(letters)
}

// kindOf is what causes have in common that differ in times and IDs only: their
// words without those that hold several digits.
func kindOf(said string) string {
	words := strings.Fields(said)
	for i, w := range words {
		digits := 0
		for _, r := range w {
			if unicode.IsDigit(r) {
				digits++
			}
		}
		if digits >= 4 {
			words[i] = "#"
		}
	}
	return strings.Join(words, " ")
}
