package simulate

import (
	"math/rand/v2"

	seeded "skynet/simulate/chance"
)

// chance gives streams of random numbers: one for each purpose, thing and number.
type chance struct{ *seeded.Chance }

// The purposes.
const (
	forArrivals uint64 = iota + 1
	forItems
	forBoots
	forWakes
	forDeaths
	forRefusals
	forInterruptions
	forLosses
	forCalls
	forLists
)

func newChance(seed uint64) chance { return chance{seeded.New(seed)} }

// of is the stream of a thing's so-manieth. It is good until of is called again.
func (c chance) of(purpose, thing, number uint64) *rand.Rand {
	return c.Of(purpose<<32|thing, number)
}
