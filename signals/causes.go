package signals

import (
	"time"

	"skynet/fleet"
)

// Overdue is the cause of those that the plan itself gave up: the cloud knows of
// them only that somebody ended them.
const Overdue = "started, and was not heard of before the deadline: ended by skynet"

// Causes says why each of those that died did: the plan gave it up, or else what
// the cloud says of it. It is nil where nothing is known of any.
func Causes(s Snapshot) []string {
	if len(s.Died) == 0 {
		return nil
	}
	at := make(map[fleet.ID]int, len(s.Died))
	for i, id := range s.Died {
		at[id] = i
	}
	causes, known := make([]string, len(s.Died)), false
	note := func(id fleet.ID, cause string) {
		if i, died := at[id]; died && cause != "" {
			causes[i], known = cause, true
		}
	}
	for i := range s.Workers {
		note(s.Workers[i].ID, s.Workers[i].Reason)
	}
	for _, t := range s.Since(s.Now.Add(-time.Hour)) {
		for _, x := range t.Deeds.Terminated {
			if x.Cause == fleet.CauseDead {
				note(x.ID, Overdue)
			}
		}
	}
	if !known {
		return nil
	}
	return causes
}
