package faults

import (
	"math/rand/v2"
	"time"

	seeded "skynet/simulate/chance"
)

// chance gives random numbers by purpose, thing and number, so that a kind of weather
// that is dropped, to find the smallest story, leaves all the others as they were.
type chance struct{ *seeded.Chance }

func newChance(seed uint64) *chance { return &chance{seeded.New(seeded.Mix(seed))} }

// of is the stream of a thing's so-manieth. It is good until of is called again.
func (c *chance) of(purpose Kind, thing, number uint64) *rand.Rand {
	return c.Of(uint64(purpose)<<40^thing, number)
}

func mix(x uint64) uint64 { return seeded.Mix(x) }

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
