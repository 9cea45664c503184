package faults

import (
	"math/rand/v2"
	"time"
)

// chance gives random numbers by purpose, thing and number, so that nothing depends
// on the order in which things are asked for: a kind of weather that is dropped, to
// find the smallest story, leaves all the others as they were.
type chance struct {
	seed uint64
	pcg  rand.PCG
	r    *rand.Rand
}

func newChance(seed uint64) *chance {
	c := &chance{seed: mix(seed)}
	c.r = rand.New(&c.pcg)
	return c
}

// of is the stream of a thing's so-manieth. It is good until of is called again.
func (c *chance) of(purpose Kind, thing, number uint64) *rand.Rand {
	a := mix(c.seed ^ mix(uint64(purpose)<<40^thing))
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

// hash is FNV-1a of a name: what is keyed by name rather than number.
func hash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// between draws a time, even over the span, in whole milliseconds.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64((most-least)/time.Millisecond)+1))*time.Millisecond
}

// pick draws one of a list.
func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }
