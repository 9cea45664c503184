package policy

import (
	"time"

	"skynet/signals"
)

// Freeze leaves the fleet alone while the operator has paused it: nothing is
// bought, asked to drain or let go. A pause has an expiry.
//
// It prevents what befalls operators who work on a fleet by hand while a
// controller undoes each step, and the pause that somebody forgot: an Auto
// Scaling group whose processes stay suspended for weeks.
type Freeze struct{}

// Name is "freeze".
func (Freeze) Name() string { return "freeze" }

// Soften takes every deed away until the pause expires.
func (Freeze) Soften(s signals.Snapshot, d Decision) Decision {
	p := s.Orders.Pause
	if p == nil || !s.Now.Before(p.Until) {
		return d
	}
	idle := d.Idle()
	d = d.buyAtMost(0)
	d.Recall, d.Drain, d.Sleep, d.Terminate = nil, nil, nil, nil
	if idle {
		return d.Because("freeze", "paused until %s%s", p.Until.UTC().Format(time.RFC3339), orderedBy(p.By, p.Why))
	}
	return d.Because("freeze", "do nothing: paused until %s%s", p.Until.UTC().Format(time.RFC3339), orderedBy(p.By, p.Why))
}
