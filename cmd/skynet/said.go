package main

import (
	"fmt"
	"strings"

	"skynet/policy"
	"skynet/signals"
)

// reasons is a decision's argument in one line.
func reasons(d policy.Decision) string {
	said := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		said[i] = r.By + ": " + r.Said
	}
	return strings.Join(said, "; ")
}

// summed is what a tick did, in a few words.
func summed(d signals.Deeds) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", what, n))
		}
	}
	add(len(d.Recalled), "recalled")
	add(len(d.Woken), "woke")
	add(len(d.Launched), "launched")
	add(len(d.Drained), "draining")
	add(len(d.Slept), "put to sleep")
	add(len(d.Terminated), "let go")
	add(len(d.Failures), "failures")
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
