package fleet

import (
	"errors"
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/encoding"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// decodeSketch reads the library's binary form. Anybody with access to the
// heartbeat queue could have written it, and the library takes it on trust: it
// goes on after a truncated store and panics on a bin far out.
func decodeSketch(raw []byte) (*ddsketch.DDSketchWithExactSummaryStatistics, error) {
	var positive, negative *wary // in the order in which the library asks for them
	read, err := ddsketch.DecodeDDSketchWithExactSummaryStatistics(raw, func() store.Store {
		positive, negative = negative, &wary{Store: sketchStore()}
		return negative
	}, sketchMapping)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(positive.bad, negative.bad, plausible(read, positive, negative)); err != nil {
		return nil, err
	}
	var clean Sketch
	clean.Merge(Sketch{read}) // leaves the wary stores behind
	return clean.s, nil
}

// plausible checks that the parts of a sketch fit each other, and could be
// those of durations.
func plausible(s *ddsketch.DDSketchWithExactSummaryStatistics, positive, negative store.Store) error {
	n, sum, zeros := s.GetCount(), s.GetSum(), s.GetZeroCount()
	if !(n >= 0 && n <= sketchMost && n == math.Trunc(n) && zeros >= 0) {
		return fmt.Errorf("count %g and %g zeros are not those of durations", n, zeros)
	}
	if !negative.IsEmpty() || positive.TotalCount()+zeros != n {
		return fmt.Errorf("a count of %g, but %g durations, %g zeros and %g negative ones",
			n, positive.TotalCount(), zeros, negative.TotalCount())
	}
	if n == 0 {
		return errors.New("nothing in it") // ours are not sent then
	}
	least, err := s.GetMinValue()
	most, err2 := s.GetMaxValue()
	const slack = 1e-9 // sums of floats
	if err != nil || err2 != nil || !(least >= 0 && least <= most && most <= sketchLongest &&
		sum >= n*least*(1-slack) && sum <= n*most*(1+slack)) {
		return fmt.Errorf("%g durations from %g to %g s cannot make %g s", n, least, most, sum)
	}
	return nil
}

// wary is a store that takes only bins which our own sketches can have, and
// keeps the first thing that was wrong.
type wary struct {
	store.Store
	bad error
}

const farthestBin = 1 << 16 // the logarithms of all floats, at 1%, are nearer to zero

// Add counts one in a bin.
func (w *wary) Add(index int) { w.AddWithCount(index, 1) }

// AddWithCount counts some in a bin.
func (w *wary) AddWithCount(index int, count float64) {
	if index < -farthestBin || index > farthestBin || !(count >= 0 && count <= sketchMost) {
		w.bad = fmt.Errorf("a bin %d with %g in it", index, count)
		return
	}
	w.Store.AddWithCount(index, count)
}

// DecodeAndMergeWith reads bins.
func (w *wary) DecodeAndMergeWith(b *[]byte, mode encoding.SubFlag) error {
	err := store.DecodeAndMergeWith(w, b, mode)
	if err != nil {
		w.bad = err
	}
	return err
}
