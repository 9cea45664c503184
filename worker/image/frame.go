package image

import (
	"bytes"
	"fmt"

	"skynet/worker/image/libvips"
)

// frame is pixels between two steps. What costs less on a small picture is put off until
// it has become one: to turn it upright, and to convert its colours.
type frame struct {
	img      *libvips.Image
	size          // as the steps see it: of the source, even if its decoder has made it smaller
	sideways bool // its upright size is the other way round
	turn     bool // to be turned upright
	profile  bool // to be brought to sRGB by its profile
	loose    bool // its pixels come from above as they are asked for, and once
}

func (f *frame) close() { f.img.Close() }

// share is the same pixels, for one of several steps.
func (f *frame) share() *frame {
	g := *f
	g.img = f.img.Share()
	return &g
}

// tame brings what was loaded to 8 bits of red, green and blue, and alpha. What has these
// already keeps its profile for later.
func (f *frame) tame() error {
	if f.img.SRGB() {
		return nil
	}
	if f.img.Has("icc-profile-data") {
		f.byProfile()
	}
	return f.img.ToSRGB()
}

// byProfile converts the colours. An unusable profile is common and no reason to fail:
// without it the colours are taken for sRGB, as browsers do.
func (f *frame) byProfile() {
	img := f.img.Share()
	if err := img.ByProfile(); err != nil {
		img.Close()
		return
	}
	f.img.Close()
	f.img = img
}

// toSRGB is the step of that name.
func (f *frame) toSRGB() {
	f.profile = f.img.Has("icc-profile-data") && !isSRGB(f.img.Blob("icc-profile-data"))
}

// isSRGB knows the usual profile by its description, in ASCII or in UTF-16.
// https://www.color.org/srgbprofiles.xalter
func isSRGB(profile []byte) bool {
	const name = "sRGB IEC61966-2"
	var wide []byte
	for _, c := range []byte(name) {
		wide = append(wide, 0, c)
	}
	return bytes.Contains(profile, []byte(name)) || bytes.Contains(profile, wide)
}

// bytes is what it takes in memory.
func (f *frame) bytes() int64 {
	return int64(f.img.Width()) * int64(f.img.Height()) * int64(f.img.PixelBytes())
}

// keep makes its pixels and keeps them in memory.
func (f *frame) keep(w *work) error {
	if !f.loose {
		return nil
	}
	if n := f.bytes(); n > w.MaxMemory {
		return fmt.Errorf("%d × %d pixels take %d MB of memory at this step, %d MB are allowed: let a resize come first",
			f.img.Width(), f.img.Height(), n/1e6, w.MaxMemory/1e6)
	}
	if err := f.img.Memory(w.watch); err != nil {
		return err
	}
	f.loose = false
	return nil
}

// settle does what was put off.
func (f *frame) settle(w *work) error {
	if f.turn {
		if err := f.keep(w); err != nil {
			return err
		}
		if err := f.img.Upright(); err != nil {
			return err
		}
		f.turn, f.sideways = false, false
	}
	if f.profile {
		f.byProfile()
		f.profile = false
	}
	return nil
}
