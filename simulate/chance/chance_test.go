package chance

import (
	"testing"

	"pgregory.net/rapid"
)

// Seeds that people have written down must play as they did.
func TestKnownDraws(t *testing.T) {
	for _, c := range []struct {
		whose             string
		seed, key, number uint64
		first, second     uint64
	}{
		{"simulate's nought", 0, 1 << 32, 0, 0x21b3ba91209c763a, 0x57e39b36434c068d},
		{"a simulated item", 1, 2<<32 | 7, 3, 0xc63b64fe3a5df9b, 0xa9459cc6dbc9bef0},
		{"a simulated list", 1<<63 | 42, 10<<32 | 3<<32 | 9, 1e12, 0x329bcb0b9b8eb374, 0x4ef822960ced00d5},
		{"hostile nought", Mix(0), 1 << 40, 0, 0x5c843e4fee6c8556, 0xd8d34588e461dae3},
		{"hostile weather", Mix(1), 18<<40 ^ 7, 3, 0xb877f6298685c6b5, 0x94fb44f028fffd62},
		{"what is known by name", Mix(1<<63 | 42), 0xaaa4257578325ab8, 1e12, 0x8b898ac4816d201b, 0xa4f1c6faac78f4b5},
	} {
		r := New(c.seed).Of(c.key, c.number)
		if first, second := r.Uint64(), r.Uint64(); first != c.first || second != c.second {
			t.Errorf("%s: drew %#x, %#x, want %#x, %#x", c.whose, first, second, c.first, c.second)
		}
	}
	// The first of the published generator's draws from 0, and the next.
	if first, second := Mix(0), Mix(0x9e3779b97f4a7c15); first != 0xe220a8397b1dcdaf || second != 0x6e789e6aa1b965f4 {
		t.Errorf("mixed %#x, %#x", first, second)
	}
}

// A stream is the same whatever was asked for before it.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, key, number := rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "key"), rapid.Uint64().Draw(t, "number")
		want := New(seed).Of(key, number).Uint64()
		c := New(seed)
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			c.Of(rapid.Uint64().Draw(t, "other"), rapid.Uint64().Draw(t, "its number")).IntN(10)
		}
		if got := c.Of(key, number).Uint64(); got != want {
			t.Fatalf("drew %#x after others, %#x before", got, want)
		}
	})
}
