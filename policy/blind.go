package policy

import "skynet/signals"

// Blind lets nobody go while a signal that a policy needs is unknown. Buying
// goes on.
//
// It prevents what befell kubernetes/autoscaler (#446, #7419), where a cache
// that was not filled yet made every node look idle and the fleet was deleted,
// and KEDA (#1850), which scaled to zero when the metrics API was down.
type Blind struct{}

// Name is "blind".
func (Blind) Name() string { return "blind" }

// Soften takes away every drain, sleep and termination of a blind tick.
func (Blind) Soften(_ signals.Snapshot, d Decision) Decision {
	if !d.Blind {
		return d
	}
	return d.letNobodyGo("blind", "a signal that a policy needs is unknown")
}

// letNobodyGo empties the lists of those who would be drained, put to sleep or
// terminated.
func (d Decision) letNobodyGo(by, why string) Decision {
	n := len(d.Drain) + len(d.Sleep) + len(d.Terminate)
	d.Drain, d.Sleep, d.Terminate = nil, nil, nil
	if n == 0 {
		return d
	}
	return d.Because(by, "let nobody go instead of %d: %s", n, why)
}
