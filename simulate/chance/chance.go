// Package chance gives streams of random numbers by key and number. Nothing depends
// on the order in which they are asked for: whatever one policy does otherwise than
// another, the n-th item takes as long, and weather that is left out leaves all other
// weather as it was.
package chance

import "math/rand/v2"

// Chance is the streams of one seed. It is not for several goroutines.
type Chance struct {
	seed uint64
	pcg  rand.PCG
	r    *rand.Rand
}

// New takes the seed as it is; Mix makes strangers of seeds that are neighbours.
func New(seed uint64) *Chance {
	c := &Chance{seed: seed}
	c.r = rand.New(&c.pcg)
	return c
}

// Of is the stream of a key's so-manieth. It is good until Of is called again.
func (c *Chance) Of(key, number uint64) *rand.Rand {
	a := Mix(c.seed ^ Mix(key))
	c.pcg.Seed(a, Mix(a^number))
	return c.r
}

// Mix is the finaliser of SplitMix64: neighbours become strangers.
// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
