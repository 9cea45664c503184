// Package decide decides without a cloud: what `skynet decide` is told line by
// line becomes the snapshots that the daemon would have had, and the daemon's own
// engine decides on them. History builds up from line to line as it does there.
//
//	line ─► snapshot ─► derived signals ─► engine ─► line
//	  ▲                     ▲                │
//	  └ workers, if not     └─── history ◄───┘ deeds are assumed done as decided
//	    listed: made up
package decide

import (
	"context"
	"fmt"
	"slices"
	"time"

	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/derived"
	"skynet/signals/forecast"
	"skynet/signals/line"
)

// Adviser asks programs of the user's, as the daemon does.
type Adviser interface {
	Ask(ctx context.Context, s signals.Snapshot) []signals.Advice
}

// Session is one run of lines. Its settings must not change once the first line
// is decided.
type Session struct {
	Names    signals.Names    // which signals the lines may speak of; Open if no settings say it
	Settings derived.Settings // from the policy file, and from the daemon's settings where there are some
	Advisers Adviser          // nil: programs are not asked

	engine policy.Engine // decides where workers are listed
	fewer  policy.Engine // decides where they are made up
	fleet  string

	ahead    *forecast.Forecaster
	snapshot signals.Snapshot
	decision policy.Decision
	recent   []signals.Tick
	have     int         // when it was last known, -1: never
	launched []time.Time // when those that are pending were, about, the oldest first
}

// New returns a Session that decides by a policy file for a fleet.
func New(p file.Policy, fleetName string) *Session {
	set := p.Signals
	set.Final = true
	return &Session{
		Names: signals.Names{Open: true}, Settings: set,
		engine: p.Engine, fewer: withoutWorkers(p.Engine), fleet: fleetName, have: -1,
	}
}

// withoutWorkers drops the guards that judge single workers: those that are made
// up cannot be silent, young, or near the end of a paid hour.
func withoutWorkers(e policy.Engine) policy.Engine {
	e.Guards = slices.DeleteFunc(slices.Clone(e.Guards), func(g policy.Guard) bool {
		switch g.(type) {
		case policy.Quorum, policy.Billing:
			return true
		}
		return false
	})
	return e
}

// Snapshot is all that was known at the last line.
func (s *Session) Snapshot() signals.Snapshot { return s.snapshot }

// Decision is what was decided at the last line.
func (s *Session) Decision() policy.Decision { return s.decision }

// Decide decides about one line. After an error the session is as it was.
func (s *Session) Decide(ctx context.Context, in line.In) (line.Out, policy.Decision, error) {
	now := in.Time.Round(0).UTC()
	if err := s.check(in, now); err != nil {
		return line.Out{}, policy.Decision{}, err
	}
	set := s.settle(in)
	asked := signals.Snapshot{Fleet: s.fleet, Now: now, Workers: in.Workers, Signals: in.Given(now)}
	in = standIn(in, set.Queues)
	snap := signals.Snapshot{Fleet: s.fleet, Now: now, Orders: in.Orders, Workers: in.Workers, Signals: in.Given(now)}
	snap.Advice = s.advice(ctx, in, asked)
	snap.Recent = slices.Clip(s.recent)
	snap = s.forecast(in, derived.Complete(snap, set))
	if why := uncounted(in); why != "" {
		return s.hold(in, snap, why)
	}
	engine := s.engine
	if in.Workers == nil {
		engine = s.fewer
		snap.Workers = s.madeUp(in, snap) // after Complete: what they would tell is not known
	}
	d := engine.Decide(snap)
	s.remember(snap, d, in.Workers != nil)
	return answer(in, snap, d), d, nil
}

// forecast adds the forecasts that the line does not give.
func (s *Session) forecast(in line.In, snap signals.Snapshot) signals.Snapshot {
	if s.ahead == nil {
		s.ahead = forecast.New(forecast.Settings{Zone: s.Settings.Zone, Holidays: s.Settings.Holidays})
	}
	list := slices.DeleteFunc(s.ahead.Observe(snap), func(own signals.Signal) bool {
		_, given := in.Signals[own.Name]
		return given
	})
	return snap.With(list)
}

func (s *Session) check(in line.In, now time.Time) error {
	if last := s.snapshot.Now; !last.IsZero() && !now.After(last) {
		return fmt.Errorf("time: %s does not come after %s, the time of the line before; time must advance",
			now.Format(time.RFC3339Nano), last.Format(time.RFC3339Nano))
	}
	return in.Check(s.Names)
}

// settle adds the queues that this line speaks of to those of earlier ones.
func (s *Session) settle(in line.In) derived.Settings {
	queues := slices.Concat(s.Settings.Queues, in.Queues())
	slices.Sort(queues)
	s.Settings.Queues = slices.Compact(queues)
	return s.Settings
}

// advice is what the line says that programs answered, and what the others answer
// when they are asked about the line as it was given.
func (s *Session) advice(ctx context.Context, in line.In, asked signals.Snapshot) []signals.Advice {
	list := slices.Clone(in.Advice)
	if s.Advisers == nil {
		return list
	}
	for _, a := range s.Advisers.Ask(ctx, asked) {
		if !slices.ContainsFunc(in.Advice, func(given signals.Advice) bool { return given.Policy == a.Policy }) {
			list = append(list, a)
		}
	}
	return list
}

// hold is the answer where it is unknown how many workers there are: nothing can
// be reckoned from that, and the tick is blind.
func (s *Session) hold(in line.In, snap signals.Snapshot, why string) (line.Out, policy.Decision, error) {
	d := policy.Decision{ID: decisionID(snap), Fleet: snap.Fleet, Blind: true}.
		Because("blind", "hold: %s, so it cannot be told how many workers there are", why)
	s.remember(snap, d, in.Workers != nil)
	return line.Out{Time: in.Time, Action: "hold", Reasons: reasons(d)}, d, nil
}

// answer says what is wanted after guards: what there is, and what the decision
// adds to it or takes away.
func answer(in line.In, snap signals.Snapshot, d policy.Decision) line.Out {
	want := d.Have + d.Launch + len(d.Wake) + len(d.Recall) - len(d.Drain) - leaving(snap, d)
	out := line.Out{Time: in.Time, Have: &d.Have, Want: &want, Action: d.Action(), Reasons: reasons(d)}
	if in.Workers == nil {
		out.Action = sign(want - d.Have)
	}
	return out
}

func sign(more int) string {
	switch {
	case more > 0:
		return "launch"
	case more < 0:
		return "drain"
	}
	return "hold"
}

// leaving counts the exits among what counts as capacity.
func leaving(snap signals.Snapshot, d policy.Decision) (n int) {
	for _, x := range d.Terminate {
		for i := range snap.Workers {
			if w := &snap.Workers[i]; w.ID == x.ID && w.State.Serves() {
				n++
			}
		}
	}
	return n
}

func reasons(d policy.Decision) []line.Reason {
	list := make([]line.Reason, len(d.Reasons))
	for i, r := range d.Reasons {
		list[i] = line.Reason{By: r.By, Said: r.Said}
	}
	return list
}
