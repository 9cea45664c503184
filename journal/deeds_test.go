package journal_test

import (
	"slices"
	"testing"

	"skynet/fleet"
	"skynet/journal"
)

// Who was woken in vain is remembered by name, so that another can be launched in its
// place. A dry run wakes nobody, in vain or not.
func TestWhoWasWokenInVainIsRemembered(t *testing.T) {
	r := journal.Record{Intents: []journal.Intent{{ID: "1", Kind: journal.Wake, IDs: []fleet.ID{"a", "b", "c"}}}}
	for _, c := range []struct {
		o    journal.Outcome
		vain []fleet.ID
	}{
		{journal.Outcome{Done: []fleet.ID{"b"}, Failed: "no capacity"}, []fleet.ID{"a", "c"}},
		{journal.Outcome{Done: []fleet.ID{"a", "b", "c"}}, nil},
		{journal.Outcome{Failed: "read only", Unsent: true}, nil},
	} {
		c.o.Intent = "1"
		r.Outcomes = []journal.Outcome{c.o}
		if d := r.Deeds(); !slices.Equal(d.Unwoken, c.vain) || !slices.Equal(d.Woken, c.o.Done) {
			t.Errorf("%+v gives %+v, want %v in vain", c.o, d, c.vain)
		}
	}
}
