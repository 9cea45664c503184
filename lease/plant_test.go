package lease_test

import (
	"encoding/json"
	"time"

	"skynet/lease"
)

// shorten is how a successor with a fault reads the lease.
func (l line) shorten(body []byte) []byte {
	var s lease.State
	if json.Unmarshal(body, &s) != nil {
		return body
	}
	if l.w.plant.impatient {
		s.Lasts = time.Second
	}
	s.Grace = time.Millisecond
	body, _ = json.Marshal(s)
	return body
}

// hurried is what such a successor waits at least by itself.
func (m *machine) hurried(o lease.Options) lease.Options {
	if m.w.plant.hasty || m.w.plant.impatient {
		o.Grace = time.Millisecond
	}
	if m.w.plant.impatient && m.name == "m1" {
		o.Lasts = grace + 5*time.Second
	}
	return o
}
