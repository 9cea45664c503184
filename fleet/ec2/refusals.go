package ec2

import (
	"errors"
	"sync"
	"time"

	"skynet/fleet"
)

// patience is how long a kind that was refused is left out of orders. EC2 advises to
// wait a few minutes and to try another type or zone meanwhile:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
const patience = 5 * time.Minute

// kind is what EC2 has or has not: a type in a zone, on demand or on the Spot market;
// or a subnet, whose addresses run out for all types alike.
type kind struct {
	Type, Zone, Subnet string
	Spot               bool
}

// refusals remembers what was refused.
type refusals struct {
	mu    sync.Mutex
	until map[kind]time.Time
}

func newRefusals() *refusals { return &refusals{until: map[kind]time.Time{}} }

// add remembers that an offer was refused, if it was the offer's fault.
func (r *refusals) add(o offer, spot bool, word string, now time.Time) {
	why := codes[word]
	if !errors.Is(why, fleet.ErrNoCapacity) && !errors.Is(why, fleet.ErrLimit) {
		return
	}
	k := kind{Type: o.Type, Zone: o.Zone, Spot: spot}
	if word == "InsufficientFreeAddressesInSubnet" {
		k = kind{Subnet: o.Subnet}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, until := range r.until {
		if !now.Before(until) {
			delete(r.until, k)
		}
	}
	r.until[k] = now.Add(patience)
}

func (r *refusals) refused(k kind, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until[k])
}
