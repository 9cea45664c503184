package faults

import (
	"fmt"
	"strings"

	"skynet/controller"
	"skynet/fleet"
	"skynet/policy"
)

// tellTick tells of a tick that did something, or could not.
func (h *Host) tellTick(r controller.Report) {
	d := r.Decision
	if r.Err != nil {
		h.Tell(h.name, "its tick comes to nothing: %s", short(r.Err))
		return
	}
	h.Tell(h.name, "%s", decided(d))
}

// decided is a decision in a line: what is done, and why if it is not what there is.
type decided policy.Decision

func (d decided) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "has %d, wants %d", d.Have, d.Want)
	if d.Launch > 0 {
		fmt.Fprintf(&b, ", launch %d", d.Launch)
	}
	for _, l := range []struct {
		kind string
		ids  []fleet.ID
	}{{"wake", d.Wake}, {"recall", d.Recall}, {"drain", d.Drain}, {"sleep", d.Sleep}} {
		if len(l.ids) > 0 {
			fmt.Fprintf(&b, ", %s %s", l.kind, listed(l.ids))
		}
	}
	for _, x := range d.Terminate {
		fmt.Fprintf(&b, ", terminate %s (%s)", x.ID, x.Cause)
	}
	if d.Have != d.Want || d.Launch > 0 || len(d.Terminate) > 0 {
		for _, r := range d.Reasons {
			fmt.Fprintf(&b, "; %s: %s", r.By, r.Said)
		}
	}
	return b.String()
}
