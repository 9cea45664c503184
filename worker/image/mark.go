package image

import (
	"errors"
	"fmt"
	"html"
	"math"
	"strings"
	"unicode/utf8"

	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// mark lays a watermark over the picture. Only the part below it is blended.
func (m *making) mark(f *frame, x *recipe.Watermark) error {
	if err := f.keep(m.work); err != nil {
		return err
	}
	margin := int(math.Round(x.Margin.Fraction() * float64(f.w)))
	room := size{max(f.w-2*margin, 1), max(f.h-2*margin, 1)}
	wide := min(max(1, int(math.Round(x.Width.Fraction()*float64(f.w)))), room.w)
	top, err := m.stamp(x, size{wide, room.h})
	if err != nil {
		return err
	}
	defer top.Close()
	if err := top.Fade(x.Opacity.Fraction()); err != nil {
		return err
	}
	b := placed(x.Position, size{top.Width(), top.Height()}, f.size, margin)
	if x.Tiled {
		b = box{w: f.w, h: f.h}
		if err := tile(top, f.size, max(margin, wide/4)); err != nil {
			return err
		}
	}
	return f.lay(top, b)
}

// tile repeats it all over, with gaps.
func tile(top *libvips.Image, s size, gap int) error {
	if err := top.Embed(gap/2, gap/2, top.Width()+gap, top.Height()+gap); err != nil {
		return err
	}
	if err := top.Replicate((s.w-1)/top.Width()+1, (s.h-1)/top.Height()+1); err != nil {
		return err
	}
	return top.Crop(0, 0, s.w, s.h)
}

// lay puts a picture with transparency over a part of this one.
func (f *frame) lay(top *libvips.Image, b box) error {
	part := f.img.Share()
	defer part.Close()
	if err := part.Crop(b.x, b.y, b.w, b.h); err != nil {
		return err
	}
	if err := part.Over(top); err != nil {
		return err
	}
	if !f.img.Alpha() {
		if err := part.DropAlpha(); err != nil {
			return err
		}
	}
	return f.img.Insert(part, b.x, b.y)
}

// stamp is the watermark itself, as large as fits into a size, with transparency.
func (m *making) stamp(x *recipe.Watermark, room size) (*libvips.Image, error) {
	if x.Text != "" {
		return m.written(x, room)
	}
	img, err := m.second(x.Image)
	if err != nil {
		return nil, err
	}
	to := fitted(size{img.Width(), img.Height()}, room)
	if err := errors.Join(alpha(img), img.Resize(to.w, to.h), img.Memory(m.watch)); err != nil {
		img.Close()
		return nil, fmt.Errorf("watermark %s: %w", x.Image, err)
	}
	return img, nil
}

func alpha(img *libvips.Image) error {
	if img.Alpha() {
		return nil
	}
	return img.AddAlpha()
}

// fitted is as large as fits into a size, enlarged if need be.
func fitted(s, room size) size {
	to, _ := resized(&recipe.Resize{Width: room.w, Height: room.h, Fit: "fit", Enlarge: true}, s)
	return to
}

// The resolutions of text, dots an inch: of a trial that tells its shape, and at most.
const (
	trial   = 100
	densest = 5000
)

// written renders a text to fit into a size.
func (m *making) written(x *recipe.Watermark, room size) (*libvips.Image, error) {
	markup, err := m.markup(x.Text)
	if err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	first, err := libvips.Write(markup, x.Font, trial)
	if err != nil {
		return nil, fmt.Errorf("watermark: write the text: %w", err)
	}
	defer first.Close()
	to := fitted(size{first.Width(), first.Height()}, room)
	dpi := min(max(1, trial*to.w/first.Width()), densest)
	img, err := libvips.Write(markup, x.Font, dpi)
	if err != nil {
		return nil, fmt.Errorf("watermark: write the text: %w", err)
	}
	if img.Width() > room.w || img.Height() > room.h { // by the width of an outline
		err = img.Crop(0, 0, min(img.Width(), room.w), min(img.Height(), room.h))
	}
	if err := errors.Join(err, img.Dye(x.Colour.R, x.Colour.G, x.Colour.B), img.Memory(m.watch)); err != nil {
		img.Close()
		return nil, fmt.Errorf("watermark: %w", err)
	}
	return img, nil
}

// longest is how many characters a text may have once its values are in it.
const longest = 500

// markup is a text with its values, as Pango's markup that means nothing but the text:
// what strangers write in a title must not choose a font or a size.
func (m *making) markup(text string) (string, error) {
	said, err := recipe.Expand(text, m.job.Values)
	if err != nil {
		return "", err
	}
	said = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, said)
	if n := utf8.RuneCountInString(said); n > longest {
		return "", fmt.Errorf("the text has %d characters with its values in it, at most %d are allowed", n, longest)
	}
	if strings.TrimSpace(said) == "" {
		return "", fmt.Errorf("the text %q is empty with its values in it", text)
	}
	return html.EscapeString(said), nil
}
