package policy

import "strings"

// Arguments are the reasons of those who speak after the policies: bounds, caps, the
// plan, guards. The policies' own, one for each want, stand before them.
func (d Decision) Arguments() []Reason { return d.Reasons[min(len(d.Wants), len(d.Reasons)):] }

// Said is what one of those who speak after the policies has said, "" for nothing.
func (d Decision) Said(by string) string {
	var said []string
	for _, r := range d.Arguments() {
		if r.By == by {
			said = append(said, r.Said)
		}
	}
	return strings.Join(said, "; ")
}

// Blindness is what the policies say that cannot tell, "" where the decision is not
// blind.
func (d Decision) Blindness() string {
	if !d.Blind {
		return ""
	}
	var said []string
	for _, w := range d.Wants {
		if w.Blind {
			said = append(said, w.Policy+": "+w.Because)
		}
	}
	if len(said) == 0 {
		return "a policy cannot tell"
	}
	return strings.Join(said, "; ")
}
