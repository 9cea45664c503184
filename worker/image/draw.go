package image

import (
	"fmt"
	"math"

	"skynet/worker/recipe"
)

// draw does a step on pixels.
func (m *making) draw(f *frame, spec any) error {
	switch x := spec.(type) {
	case toSRGB:
		f.toSRGB()
		return nil
	case *recipe.Orient:
		f.orient()
		return nil
	case *recipe.Resize:
		to, stays := resized(x, f.size)
		if err := m.resize(f, to); err != nil {
			return err
		}
		return m.cut(f, placed("centre", stays, to, 0))
	}
	if err := f.settle(m.work); err != nil {
		return err
	}
	switch x := spec.(type) {
	case lay:
		return f.onto(&x.Background)
	case *recipe.Crop:
		return m.crop(f, x)
	case *recipe.Rotate:
		return m.rotate(f, x)
	case *recipe.Watermark:
		return m.mark(f, x)
	case *recipe.Sharpen:
		return f.img.Sharpen(x.Amount)
	case *recipe.RedEye:
		return m.retouch(f, x.Region, calm)
	case *recipe.Whiten:
		return m.retouch(f, x.Region, bleach(x.Strength.Fraction()))
	}
	return f.colour(spec)
}

// orient has it turned upright, later.
func (f *frame) orient() {
	if f.turn || f.img.Orientation() == 1 {
		return
	}
	f.turn = true
	if f.sideways {
		f.w, f.h = f.h, f.w
	}
}

// resize brings it to a size, and does what was put off until then.
func (m *making) resize(f *frame, to size) error {
	if to.w > m.MaxPixels/to.h {
		return fmt.Errorf("%d × %d pixels: at most %g million are allowed", to.w, to.h, float64(m.MaxPixels)/1e6)
	}
	stored := to
	if f.turn && f.sideways {
		stored = size{to.h, to.w}
	}
	if err := f.img.Resize(stored.w, stored.h); err != nil {
		return err
	}
	f.size = to
	return f.settle(m.work)
}

// cut leaves a part of it.
func (m *making) cut(f *frame, b box) error {
	if b == (box{w: f.img.Width(), h: f.img.Height()}) {
		return nil
	}
	f.size = size{b.w, b.h}
	return f.img.Crop(b.x, b.y, b.w, b.h)
}

// crop cuts a part out. A region is one of the pixels that there are: what was made
// smaller by its decoder stays smaller by as much.
func (m *making) crop(f *frame, c *recipe.Crop) error {
	if c.Region != nil {
		part := within(*c.Region, f.size)
		b := within(*c.Region, size{f.img.Width(), f.img.Height()})
		err := m.cut(f, b)
		f.size = size{part.w, part.h}
		return err
	}
	want := size{min(c.Width, f.w), min(c.Height, f.h)}
	if want == f.size {
		return nil
	}
	if c.Position != "interesting" {
		return m.cut(f, placed(c.Position, want, f.size, 0))
	}
	if err := f.keep(m.work); err != nil {
		return err
	}
	f.size = want
	return f.img.CropToInterest(want.w, want.h)
}

// rotate turns it; by quarters without touching a pixel's colour.
func (m *making) rotate(f *frame, r *recipe.Rotate) error {
	if err := f.keep(m.work); err != nil {
		return err
	}
	degrees := math.Mod(math.Mod(r.Degrees, 360)+360, 360)
	var err error
	if quarters := degrees / 90; quarters == math.Trunc(quarters) {
		err = f.img.Quarters(int(quarters) % 4)
	} else {
		err = f.img.Rotate(degrees, f.paint(r.Background))
	}
	f.size = size{f.img.Width(), f.img.Height()}
	if err == nil && f.w > m.MaxPixels/f.h {
		err = fmt.Errorf("%d × %d pixels: at most %g million are allowed", f.w, f.h, float64(m.MaxPixels)/1e6)
	}
	return err
}

// paint is a colour as its pixels are stored.
func (f *frame) paint(c *recipe.Colour) []float64 {
	p := []float64{float64(c.R), float64(c.G), float64(c.B)}
	if f.img.Alpha() {
		p = append(p, 255)
	}
	return p
}

// onto lays it on a background if it is transparent.
func (f *frame) onto(c *recipe.Colour) error {
	if !f.img.Alpha() {
		return nil
	}
	return f.img.Flatten([]float64{float64(c.R), float64(c.G), float64(c.B)})
}
