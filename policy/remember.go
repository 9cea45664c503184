package policy

import "skynet/signals"

// Remember turns a decided tick into what later ticks know of it. The
// controller keeps it in memory; after a restart it is made anew from the
// journal by this same function.
func Remember(s signals.Snapshot, d Decision, did signals.Deeds) signals.Tick {
	return signals.Tick{
		At: s.Now, Have: d.Have, Want: d.Raw, Blind: d.Blind,
		Starting: signals.Unheard(s.Workers), Born: s.Born, Died: s.Died,
		Deeds: did, Signals: s.Signals,
	}
}
