package image

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// write writes one output of a picture, which it closes: under another name until it is
// whole. Pixels are decoded here at the latest, so a damaged source fails here.
func (m *making) write(i int, keep recipe.Strip, f *frame) error {
	defer f.close()
	o := m.job.Outputs[i]
	if err := m.finish(o, keep, f); err != nil {
		return fmt.Errorf("make %s: %w", o.Name, err)
	}
	m.made[i] = recipe.Made{Name: o.Name, Type: "image/" + o.ImageFormat(), Width: f.img.Width(), Height: f.img.Height()}
	return nil
}

func (m *making) finish(o recipe.Output, keep recipe.Strip, f *frame) error {
	if err := f.settle(m.work); err != nil {
		return err
	}
	c := convertOf(o)
	if o.ImageFormat() == "jpeg" {
		if err := f.onto(c.Background); err != nil {
			return err
		}
	}
	strip, err := f.stripped(keep)
	if err != nil {
		return err
	}
	file, part := m.file(o)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := save(f.img, o.ImageFormat(), c, part, strip); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// save writes a picture in a format.
func save(img *libvips.Image, format string, c *recipe.Convert, file string, strip bool) error {
	quality := func(usual int) int {
		if c.Quality > 0 {
			return c.Quality
		}
		return usual
	}
	switch format {
	case "png":
		return img.SavePNG(file, c.Effort, strip)
	case "webp":
		return img.SaveWebP(file, quality(80), c.Lossless, int(math.Round(float64(c.Effort)*6/9)), strip)
	case "avif":
		return img.SaveAVIF(file, quality(55), c.Lossless, c.Effort, strip)
	}
	return img.SaveJPEG(file, quality(85), c.Progressive, strip)
}

// stripped removes metadata that is not to be kept, and reports whether none is left:
// some of libvips's writers leave it out then, some add EXIF of their own otherwise.
func (f *frame) stripped(keep recipe.Strip) (none bool, err error) {
	upright := f.img.Orientation() == 1
	err = f.img.Keep(func(field string) bool {
		return kept(field, keep) || !upright && (field == "orientation" || field == "exif-ifd0-Orientation")
	})
	return len(keep.Keep) == 0 && upright, err
}

// kept reports whether a metadata field of libvips stays.
// https://www.libvips.org/API/current/class.Image.html#metadata
func kept(field string, keep recipe.Strip) bool {
	switch {
	case keep.Keeps("all"):
		return field != "jpeg-thumbnail-data" // of the picture as it was
	case field == "icc-profile-data":
		return keep.Keeps("profile")
	case field == "exif-ifd0-Artist" || field == "exif-ifd0-Copyright":
		return keep.Keeps("copyright") || keep.Keeps("exif")
	case field == "exif-data": // the writers leave out of it what has no field any more
		return keep.Keeps("exif") || keep.Keeps("copyright")
	case strings.HasPrefix(field, "exif-"):
		place, thumbnail := strings.HasPrefix(field, "exif-ifd3-"), strings.HasPrefix(field, "exif-ifd1-")
		return keep.Keeps("exif") && !place && !thumbnail
	}
	return false
}

// avif tries, once, to write one: libvips has the operation even where libheif lacks an
// encoder.
var avif = sync.OnceValue(func() error {
	folder, err := os.MkdirTemp("", "skynet-avif-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	img, err := libvips.FromPixels(make([]byte, 16*16*3), 16, 16, 3)
	if err != nil {
		return err
	}
	defer img.Close()
	return img.SaveAVIF(filepath.Join(folder, "try.avif"), 50, false, 0, true)
})
