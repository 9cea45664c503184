package fleet_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/encoding"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"pgregory.net/rapid"

	"skynet/fleet"
)

func sketchOf(seconds ...float64) (k fleet.Sketch) {
	k.Add(seconds...)
	return k
}

// logNormal draws times as media work has them: most short, a few long.
func logNormal(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]float64, n)
	for i := range list {
		list[i] = math.Exp(r.NormFloat64() + 1)
	}
	return list
}

func TestSketchIsWithinOnePercent(t *testing.T) {
	seconds := logNormal(10_000)
	k := sketchOf(seconds...)
	slices.Sort(seconds)
	for _, q := range []float64{0, .01, .5, .95, .99, .999, 1} {
		want := seconds[int(q*float64(len(seconds)-1))]
		if got, ok := k.Quantile(q); !ok || math.Abs(got-want) > .01*want {
			t.Errorf("quantile %g is %g, want %g within 1%%", q, got, want)
		}
	}
	sum := 0.0
	for _, s := range seconds {
		sum += s
	}
	if k.Count() != 10_000 || math.Abs(k.Sum()-sum) > 1e-9*sum {
		t.Errorf("count %d and sum %g, want 10000 and %g", k.Count(), k.Sum(), sum)
	}
}

func TestEmptySketch(t *testing.T) {
	var zero, back fleet.Sketch
	zero.Merge(fleet.Sketch{})
	for name, k := range map[string]fleet.Sketch{"zero": zero, "nothing added": sketchOf(), "trip": trip(t, zero, &back)} {
		_, ok := k.Quantile(.5)
		if k.Count() != 0 || k.Sum() != 0 || ok || !k.IsZero() {
			t.Errorf("%s: %d durations, sum %g, quantile %v", name, k.Count(), k.Sum(), ok)
		}
	}
	if b, err := json.Marshal(fleet.Work{Queue: "photos"}); err != nil || strings.Contains(string(b), "seconds") {
		t.Errorf("an empty sketch is written: %s %v", b, err)
	}
}

func TestSketchLeavesOutWhatIsNoDuration(t *testing.T) {
	k := sketchOf(-1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 0, 2)
	if k.Count() != 2 || k.Sum() != 2 {
		t.Errorf("%d durations with sum %g, want 0 and 2 alone", k.Count(), k.Sum())
	}
}

func TestMergeEqualsAddingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Float64Range(0, 1e5), 0, 50)
		a, b := times.Draw(t, "a"), times.Draw(t, "b")
		merged, all := sketchOf(a...), sketchOf(slices.Concat(a, b)...)
		merged.Merge(sketchOf(b...))
		if !alike(merged, all) {
			t.Fatalf("merged: %s, all at once: %s", said(merged), said(all))
		}
	})
}

func TestSketchSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := sketchOf(rapid.SliceOfN(rapid.Float64Range(0, 1e9), 0, 50).Draw(t, "seconds")...)
		var back fleet.Sketch
		trip(t, k, &back)
		if !alike(k, back) {
			t.Fatalf("%s became %s", said(k), said(back))
		}
		back.Merge(k) // and is as good as one that never travelled
		if back.Count() != 2*k.Count() {
			t.Fatalf("merging %d twice gives %d", k.Count(), back.Count())
		}
	})
}

// A Sketch lies by value in Work and Heartbeat, so it must behave like one.
func TestACopiedSketchIsItsOwn(t *testing.T) {
	for name, change := range map[string]func(*fleet.Sketch){
		"add":       func(k *fleet.Sketch) { k.Add(7) },
		"merge":     func(k *fleet.Sketch) { k.Merge(sketchOf(8, 9)) },
		"unmarshal": func(k *fleet.Sketch) { _ = json.Unmarshal([]byte("null"), k) },
	} {
		original := sketchOf(1, 2, 3)
		before := said(original)
		theCopy := original
		change(&theCopy)
		if said(original) != before {
			t.Errorf("%s to the copy changed the original: %s", name, said(original))
		}
		theCopy = original
		change(&original)
		if said(theCopy) != before {
			t.Errorf("%s to the original changed the copy: %s", name, said(theCopy))
		}
	}
}

func TestMergeLeavesTheOtherAlone(t *testing.T) {
	var total fleet.Sketch
	part := sketchOf(1)
	total.Merge(part)
	total.Add(2)
	if part.Count() != 1 || total.Count() != 2 {
		t.Errorf("part has %d, total %d; want 1 and 2", part.Count(), total.Count())
	}
	total.Merge(total)
	if total.Count() != 4 {
		t.Errorf("merged with itself: %d, want 4", total.Count())
	}
}

// hostile are sketches that no agent of ours sends. Each must be refused: one
// that is taken in poisons the quantiles of the whole fleet.
var hostile = map[string][]byte{
	"a number":              []byte(`5`),
	"an object":             []byte(`{}`),
	"a list":                []byte(`[1,2]`),
	"not base64":            []byte(`"***"`),
	"truncated JSON":        []byte(`"AAAA`),
	"noise":                 quoted([]byte("not a sketch at all")),
	"too long":              quoted(make([]byte, 40_000)),
	"a negative duration":   foreign(func(s *raw) { _ = s.Add(-1) }),
	"a negative count":      bins(-5, 0, -5),
	"half a duration":       foreign(func(s *raw) { _ = s.AddWithCount(1, .5) }),
	"more than can be":      foreign(func(s *raw) { _ = s.AddWithCount(1, 1e12) }),
	"NaN times":             foreign(func(s *raw) { _ = s.AddWithCount(1, math.NaN()) }),
	"infinitely often":      foreign(func(s *raw) { _ = s.AddWithCount(1, math.Inf(1)) }),
	"longer than the world": foreign(func(s *raw) { _ = s.Add(1e200) }),
	"a count without any":   parts(encoding.FlagCount, 3),
	"a sum of nothing":      with(fleet.Sketch{}, encoding.FlagSum, 5),
	"more than it holds":    inflated(sketchOf(1, 1)),
	"a NaN sum":             with(sketchOf(1), encoding.FlagSum, math.NaN()),
	"another sum":           with(sketchOf(1), encoding.FlagSum, 1e9),
	"a negative minimum":    with(sketchOf(1), encoding.FlagMin, -5),
	"an infinite maximum":   with(sketchOf(1), encoding.FlagMax, math.Inf(1)),
	"another mapping":       otherMapping(),
	"bins far apart":        bins(2, math.MinInt64, 1, math.MaxInt64, 1),
}

func TestHostileSketches(t *testing.T) {
	for name, b := range hostile {
		t.Run(name, func(t *testing.T) {
			k := sketchOf(1, 2)
			if err := json.Unmarshal(b, &k); err == nil {
				t.Errorf("was read as %s", said(k))
			}
		})
	}
}

// Whatever is cut off a sketch, what is left is refused or makes sense.
func TestTruncatedSketches(t *testing.T) {
	whole := binary(sketchOf(logNormal(100)...))
	for n := 1; n < len(whole); n++ {
		var k fleet.Sketch
		if err := json.Unmarshal(quoted(whole[:n]), &k); err == nil {
			t.Errorf("the first %d of %d bytes were read as %s", n, len(whole), said(k))
		}
	}
}

func FuzzSketch(f *testing.F) {
	f.Add(binary(sketchOf(1, 2, 3)))
	f.Add(binary(sketchOf(0, 1e-9, 1e6)))
	for _, b := range hostile {
		var raw []byte
		if json.Unmarshal(b, &raw) == nil {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var k fleet.Sketch
		if json.Unmarshal(quoted(b), &k) != nil {
			return
		}
		for _, q := range []float64{0, .5, 1} {
			if v, ok := k.Quantile(q); ok && !(v >= 0 && v <= 1e9) || k.Count() < 0 || !(k.Sum() >= 0) {
				t.Errorf("quantile %g is %g in %s", q, v, said(k))
			}
		}
		k.Merge(sketchOf(1))
		var back fleet.Sketch
		trip(t, k, &back)
	})
}

type raw = ddsketch.DDSketchWithExactSummaryStatistics

// foreign is a sketch as the library alone would let anybody make it.
func foreign(fill func(*raw)) []byte {
	m, _ := mapping.NewLogarithmicMapping(.01)
	s := ddsketch.NewDDSketchWithExactSummaryStatistics(m, store.DenseStoreConstructor)
	fill(s)
	var b []byte
	s.Encode(&b, true)
	return quoted(b)
}

func otherMapping() []byte {
	s, _ := ddsketch.NewDefaultDDSketchWithExactSummaryStatistics(.2)
	_ = s.Add(1)
	var b []byte
	s.Encode(&b, false)
	return quoted(b)
}

// bins is a sketch of bins far from what the library's own Add would make: how
// far each is from the one before, and how many are in it.
func bins(count float64, distancesAndCounts ...float64) []byte {
	var b []byte
	encoding.EncodeFlag(&b, encoding.FlagCount)
	encoding.EncodeVarfloat64(&b, count)
	encoding.EncodeFlag(&b, encoding.NewFlag(encoding.FlagTypePositiveStore, encoding.BinEncodingIndexDeltasAndCounts))
	encoding.EncodeUvarint64(&b, uint64(len(distancesAndCounts)/2))
	for bin := range slices.Chunk(distancesAndCounts, 2) {
		encoding.EncodeVarint64(&b, int64(bin[0]))
		encoding.EncodeVarfloat64(&b, bin[1])
	}
	return quoted(b)
}

func parts(flag encoding.Flag, n float64) []byte {
	var b []byte
	encoding.EncodeFlag(&b, flag)
	encoding.EncodeVarfloat64(&b, n)
	return quoted(b)
}

// inflated claims three more durations of 1 s than there are in its bins.
func inflated(k fleet.Sketch) []byte {
	b := binary(k)
	encoding.EncodeFlag(&b, encoding.FlagCount)
	encoding.EncodeVarfloat64(&b, 3)
	encoding.EncodeFlag(&b, encoding.FlagSum)
	encoding.EncodeFloat64LE(&b, 3)
	return quoted(b)
}

// with appends one more statistic to an honest sketch.
func with(k fleet.Sketch, flag encoding.Flag, v float64) []byte {
	b := binary(k)
	encoding.EncodeFlag(&b, flag)
	encoding.EncodeFloat64LE(&b, v)
	return quoted(b)
}

func binary(k fleet.Sketch) (b []byte) {
	text, _ := json.Marshal(k)
	_ = json.Unmarshal(text, &b)
	return b
}

func quoted(b []byte) []byte { return []byte(`"` + base64.StdEncoding.EncodeToString(b) + `"`) }

func alike(a, b fleet.Sketch) bool {
	for _, q := range []float64{0, .25, .5, .95, 1} {
		x, _ := a.Quantile(q)
		y, _ := b.Quantile(q)
		if x != y {
			return false
		}
	}
	return a.Count() == b.Count() && math.Abs(a.Sum()-b.Sum()) <= 1e-9*a.Sum()
}

func said(k fleet.Sketch) string {
	p50, _ := k.Quantile(.5)
	p100, _ := k.Quantile(1)
	b, _ := json.Marshal(map[string]float64{"count": float64(k.Count()), "sum": k.Sum(), "p50": p50, "p100": p100})
	return string(b)
}

func TestSketchMax(t *testing.T) {
	var k, o fleet.Sketch
	if v, ok := k.Max(); ok || v != 0 {
		t.Fatalf("the maximum of nothing: %g, %t", v, ok)
	}
	k.Add(0.1234567, 25.7654321, 3)
	o.Add(25.8)
	for _, want := range []float64{25.7654321, 25.8} {
		var read fleet.Sketch
		text, _ := json.Marshal(k)
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, s := range []fleet.Sketch{k, read} {
			if v, ok := s.Max(); !ok || v != want {
				t.Errorf("maximum %v, %t, want %v", v, ok, want)
			}
		}
		k.Merge(o)
	}
}
