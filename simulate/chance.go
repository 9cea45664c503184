package simulate

import (
	"math/rand/v2"
)

// chance gives streams of random numbers: one for each purpose, thing and number,
// so that whatever one policy does otherwise than another, the n-th item takes as
// long and the n-th instance boots as slowly.
type chance struct {
	seed uint64
	pcg  rand.PCG
	r    *rand.Rand
}

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

func newChance(seed uint64) *chance {
	c := &chance{seed: seed}
	c.r = rand.New(&c.pcg)
	return c
}

// of is the stream of a thing's so-manieth. It is good until of is called again.
func (c *chance) of(purpose, thing, number uint64) *rand.Rand {
	a := mix(c.seed ^ mix(purpose<<32|thing))
	c.pcg.Seed(a, mix(a^number))
	return c.r
}

// mix is the finaliser of SplitMix64: neighbours become strangers.
// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
