package roster

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skynet/fleet"
)

// ear is how well we have been listening.
type ear struct {
	since, until time.Time     // heard without a break
	silence      time.Duration // unheard for longer: silent
}

// join makes a Worker of what the cloud says (in) and what the agent says
// (beat, received at heard, the first since a start or a long silence at booted;
// zero if never).
func (e ear) join(in fleet.Instance, beat fleet.Heartbeat, heard, booted time.Time) fleet.Worker {
	w := fleet.Worker{
		ID: in.ID, Type: in.Type, Zone: in.Zone, Spot: in.Spot, Hourly: in.Hourly,
		Order: in.Tags[fleet.TagIntent], Drain: in.Tags[fleet.TagDrain],
		Launched: in.Launched, Woken: in.Woken, AsleepSince: in.Stopped,
		Impaired: in.Impaired, Slots: beat.Slots, Reason: plain(in.Reason),
	}
	if begun := latest(in.Launched, in.Woken); !heard.Before(begun) && !heard.IsZero() {
		w.Heard, w.Jobs, w.Interrupted = heard, beat.Jobs, beat.Interruption != nil
		w.CPU, w.Memory, w.Booted, w.AtRisk = beat.CPU, beat.Memory, booted, beat.AtRisk
		if booted.Before(begun) {
			w.Booted = heard // not known: this is the latest that it can have been
		}
	}
	if heard.IsZero() {
		w.Interrupted = beat.Interruption != nil // not its own word: the cloud told others
	}
	w.DrainingSince, _ = fleet.DecisionTime(w.Drain)
	w.State = state(in, beat, w)
	if w.State.Billed() {
		w.Unheard = max(0, e.until.Sub(latest(w.Launched, w.Woken, w.Heard, e.since)))
		w.Silent = !w.Heard.IsZero() && w.Unheard > e.silence
	}
	return w
}

// state weighs the cloud's word against the agent's. The cloud knows best
// whether a machine exists, the agent whether it is empty; and "drained" counts
// only for the drain that is asked now.
func state(in fleet.Instance, beat fleet.Heartbeat, w fleet.Worker) fleet.State {
	switch in.Phase {
	case fleet.PhaseStopping:
		return fleet.Stopping
	case fleet.PhaseStopped:
		return fleet.Asleep
	case fleet.PhaseShuttingDown, fleet.PhaseTerminated:
		return fleet.Leaving
	}
	heard := !w.Heard.IsZero()
	switch {
	case w.Drain != "" && heard && beat.State == fleet.Drained && beat.Drain == w.Drain && beat.Jobs == 0:
		return fleet.Drained
	case w.Drain != "":
		return fleet.Draining
	case w.Interrupted || heard && goesByItself(beat):
		return fleet.Draining // the cloud or an operator asked it: it takes no more items
	case heard:
		return fleet.Working
	case !w.Woken.IsZero():
		return fleet.Waking
	}
	return fleet.Starting
}

// goesByItself reports an agent that stops receiving without our asking (it
// was told to stop on the machine itself).
func goesByItself(b fleet.Heartbeat) bool {
	return b.Drain == "" && (b.State == fleet.Draining || b.State == fleet.Drained || b.State == fleet.Leaving)
}

func latest(ts ...time.Time) (last time.Time) {
	for _, t := range ts {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// mostReason is how much of a reason is kept, bytes: it stands in every record of the
// journal that the worker stands in, and in one line of what operators read.
const mostReason = 240

// plain is what a cloud or a program said, as it can be kept as JSON and shown on one
// line. Most need no change, and are not copied.
func plain(said string) string {
	said = strings.ToValidUTF8(strings.TrimSpace(said), "?")
	if len(said) > mostReason {
		end := mostReason
		for !utf8.RuneStart(said[end]) {
			end--
		}
		said = said[:end] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, said)
}
