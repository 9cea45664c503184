package image

import (
	"cmp"
	"math"
	"slices"

	"skynet/worker/recipe"
)

// size is in pixels.
type size struct{ w, h int }

func (s size) pixels() int { return s.w * s.h }

// spare is how much larger than wanted pixels must still be on each side to be resampled
// to a size: after a decoder shrank them, or where they are a larger rendition's. libvips
// itself keeps a factor of two, and so decodes a 12-megapixel photo in full for 1024 px;
// half of that is a third faster, and nobody sees the difference (there is a test).
const spare = 1.5

// resized is the size that a resize brings a picture to, and the part of it that stays:
// less than all where the picture is to cover a size of another shape.
func resized(x *recipe.Resize, from size) (to, stays size) {
	w, h := float64(from.w), float64(from.h)
	across, down := ratio(x.Width, w), ratio(x.Height, h)
	most := math.Inf(1)
	if !x.Enlarge {
		most = 1
	}
	fit := x.Fit
	if x.Width == 0 || x.Height == 0 {
		fit = "fit"
	}
	switch fit {
	case "fill":
		to = scaled(from, math.Min(across, most), math.Min(down, most))
		return to, to
	case "cover":
		s := math.Min(math.Max(across, down), most)
		to = scaled(from, s, s)
		return to, size{min(to.w, x.Width), min(to.h, x.Height)}
	}
	s := math.Min(math.Min(across, down), most)
	to = scaled(from, s, s)
	return to, to
}

// ratio of a side that is not given bounds nothing.
func ratio(want int, have float64) float64 {
	if want == 0 {
		return math.Inf(1)
	}
	return float64(want) / have
}

func scaled(from size, across, down float64) size {
	side := func(n int, by float64) int { return max(1, int(math.RoundToEven(float64(n)*by))) }
	return size{side(from.w, across), side(from.h, down)}
}

// box is a part of a picture.
type box struct{ x, y, w, h int }

// within is a region of a picture, at least one pixel of it.
func within(g recipe.Region, of size) box {
	cut := func(at, long float64, n int) (from, count int) {
		from = min(int(math.Round(at*float64(n))), n-1)
		to := min(max(int(math.Round((at+long)*float64(n))), from+1), n)
		return from, to - from
	}
	var b box
	b.x, b.w = cut(g.X.Fraction(), g.Width.Fraction(), of.w)
	b.y, b.h = cut(g.Y.Fraction(), g.Height.Fraction(), of.h)
	return b
}

// placed is a part of the wanted size at a position, margin pixels from the edges, moved
// inwards where there is no room for it.
func placed(position string, want, of size, margin int) box {
	b := box{w: min(want.w, of.w), h: min(want.h, of.h)}
	b.x, b.y = (of.w-b.w)/2, (of.h-b.h)/2
	switch position {
	case "west", "north_west", "south_west":
		b.x = min(margin, of.w-b.w)
	case "east", "north_east", "south_east":
		b.x = max(of.w-b.w-margin, 0)
	}
	switch position {
	case "north", "north_west", "north_east":
		b.y = min(margin, of.h-b.h)
	case "south", "south_west", "south_east":
		b.y = max(of.h-b.h-margin, 0)
	}
	return b
}

// enough is the scale, at most 1, to which a source of that size may be brought before
// these steps. Only up to the first resize it may be smaller, and only past steps that
// work the same at every size.
func enough(steps []step, s size, sideways bool) float64 {
	for _, st := range steps {
		switch x := st.spec.(type) {
		case *recipe.Orient:
			if sideways {
				s.w, s.h = s.h, s.w
			}
		case toSRGB, lay, *recipe.Grey, *recipe.Sepia, *recipe.Recolour, *recipe.Adjust, *recipe.RedEye, *recipe.Whiten:
		case *recipe.Crop:
			if x.Region == nil {
				return 1
			}
			b := within(*x.Region, s)
			s = size{b.w, b.h}
		case *recipe.Resize:
			to, _ := resized(x, s)
			return math.Min(1, math.Max(float64(to.w)/float64(s.w), float64(to.h)/float64(s.h)))
		default:
			return 1
		}
	}
	return 1
}

// rung is a resize of some pixels, with those that are made of its own.
type rung struct {
	*node
	to, stays size
	finer     []*rung
}

// whole reports whether nothing is cut off.
func (r *rung) whole() bool { return r.to == r.stays }

// ladder sorts the resizes of one picture so that small ones are made of larger ones:
// each of the smallest that is spare enough, or of the picture itself.
func ladder(resizes []*node, from size) (top []*rung) {
	var all []*rung
	for _, n := range resizes {
		r := &rung{node: n}
		r.to, r.stays = resized(n.step.spec.(*recipe.Resize), from)
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b *rung) int { return cmp.Compare(b.to.pixels(), a.to.pixels()) })
	for i, r := range all {
		up := -1
		for j := range i { // the last is the smallest
			if all[j].serves(r, from) {
				up = j
			}
		}
		if up < 0 {
			top = append(top, r)
		} else {
			all[up].finer = append(all[up].finer, r)
		}
	}
	return top
}

// serves reports whether a smaller rung can be made of this one's pixels: they must be
// all of the picture, neither enlarged nor distorted by more than a rounding.
func (r *rung) serves(smaller *rung, from size) bool {
	across, down := float64(r.to.w)/float64(from.w), float64(r.to.h)/float64(from.h)
	return r.whole() && across <= 1 && down <= 1 && math.Abs(across/down-1) < 0.02 &&
		float64(r.to.w) >= spare*float64(smaller.to.w) && float64(r.to.h) >= spare*float64(smaller.to.h)
}
