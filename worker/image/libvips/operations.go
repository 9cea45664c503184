package libvips

// #include "shim.h"
// #include <stdlib.h>
import "C"

import "unsafe"

// Memory makes all pixels and keeps them, so that any part of them can be asked for,
// and as often as one likes.
func (i *Image) Memory(w *Watch) error {
	p := C.vips_image_copy_memory(i.p)
	if p == nil {
		return failure()
	}
	C.g_object_unref(C.gpointer(i.p))
	i.p = p
	w.On(i)
	return nil
}

// Faster has Resize shorten lines by code of our own, where libvips has none that uses
// vector instructions: before 8.15.
var Faster = C.vips_version(0) == 8 && C.vips_version(1) < 15

// Resize resamples to so many pixels with Lanczos's kernel, transparency heeded.
func (i *Image) Resize(width, height int) error {
	across, down := float64(width)/float64(i.Width()), float64(height)/float64(i.Height())
	if across == 1 && down == 1 {
		return nil
	}
	var out *C.VipsImage
	if Faster && C.sk_shortens(i.p, C.double(across)) != 0 && down <= 1 {
		return i.become(C.sk_resize_fast(i.p, &out, C.int(width), C.double(down)), &out)
	}
	if !i.Alpha() {
		return i.become(C.sk_resize(i.p, &out, C.double(across), C.double(down)), &out)
	}
	if err := i.become(C.sk_premultiply(i.p, &out), &out); err != nil {
		return err
	}
	if err := i.become(C.sk_resize(i.p, &out, C.double(across), C.double(down)), &out); err != nil {
		return err
	}
	if err := i.become(C.sk_unpremultiply(i.p, &out), &out); err != nil {
		return err
	}
	return i.become(C.sk_uchar(i.p, &out), &out)
}

// Crop cuts a part out.
func (i *Image) Crop(left, top, width, height int) error {
	var out *C.VipsImage
	return i.become(C.sk_crop(i.p, &out, C.int(left), C.int(top), C.int(width), C.int(height)), &out)
}

// CropToInterest cuts the part of that size out that draws the eye: skin, saturated
// colours, edges. https://www.libvips.org/API/current/method.Image.smartcrop.html
func (i *Image) CropToInterest(width, height int) error {
	var out *C.VipsImage
	return i.become(C.sk_smartcrop(i.p, &out, C.int(width), C.int(height)), &out)
}

// Upright turns it as its orientation says, and forgets the orientation.
func (i *Image) Upright() error {
	var out *C.VipsImage
	return i.become(C.sk_autorot(i.p, &out), &out)
}

// Quarters turns it clockwise by so many quarters of a turn, 0 to 3.
func (i *Image) Quarters(n int) error {
	var out *C.VipsImage
	return i.become(C.sk_quarter(i.p, &out, C.int(n)), &out)
}

// Rotate turns it clockwise by any angle; the corners take the background.
func (i *Image) Rotate(degrees float64, background []float64) error {
	var out *C.VipsImage
	return i.become(C.sk_rotate(i.p, &out, C.double(degrees), (*C.double)(&background[0]), C.int(len(background))), &out)
}

// ToSRGB converts from any colour space to 8 bits of sRGB; a profile is not heeded.
func (i *Image) ToSRGB() error {
	var out *C.VipsImage
	if err := i.become(C.sk_srgb(i.p, &out), &out); err != nil {
		return err
	}
	return i.become(C.sk_uchar(i.p, &out), &out)
}

// ByProfile converts to 8 bits of sRGB by the profile that it brings.
func (i *Image) ByProfile() error {
	var out *C.VipsImage
	return i.become(C.sk_icc(i.p, &out), &out)
}

// Flatten lays it on a background.
func (i *Image) Flatten(background []float64) error {
	var out *C.VipsImage
	return i.become(C.sk_flatten(i.p, &out, (*C.double)(&background[0]), C.int(len(background))), &out)
}

// AddAlpha gives it transparency, of which it makes no use.
func (i *Image) AddAlpha() error {
	var out *C.VipsImage
	return i.become(C.sk_add_alpha(i.p, &out), &out)
}

// Mix multiplies the bands of each pixel with a square matrix, given line by line, and
// adds a number to each.
func (i *Image) Mix(matrix, add []float64) error {
	var out *C.VipsImage
	return i.become(C.sk_mix(i.p, &out, (*C.double)(&matrix[0]), (*C.double)(&add[0]), C.int(len(add))), &out)
}

// Fade multiplies the transparency of a picture in colour: 1 leaves it as it is.
func (i *Image) Fade(opacity float64) error {
	var out *C.VipsImage
	return i.become(C.sk_opacity(i.p, &out, C.double(opacity)), &out)
}

// DropAlpha forgets the transparency.
func (i *Image) DropAlpha() error {
	var out *C.VipsImage
	return i.become(C.sk_drop_alpha(i.p, &out), &out)
}

// Sharpen sharpens its lightness.
// https://www.libvips.org/API/current/method.Image.sharpen.html
func (i *Image) Sharpen(amount float64) error {
	var out *C.VipsImage
	return i.become(C.sk_sharpen(i.p, &out, C.double(amount)), &out)
}

// Embed lays it into a larger transparent or black picture.
func (i *Image) Embed(left, top, width, height int) error {
	var out *C.VipsImage
	return i.become(C.sk_embed(i.p, &out, C.int(left), C.int(top), C.int(width), C.int(height)), &out)
}

// Replicate lays it side by side and one below the other.
func (i *Image) Replicate(across, down int) error {
	var out *C.VipsImage
	return i.become(C.sk_replicate(i.p, &out, C.int(across), C.int(down)), &out)
}

// Insert puts a part into its place.
func (i *Image) Insert(part *Image, left, top int) error {
	var out *C.VipsImage
	return i.become(C.sk_insert(i.p, part.p, &out, C.int(left), C.int(top)), &out)
}

// Over lays another picture of the same size over it.
func (i *Image) Over(top *Image) error {
	var out *C.VipsImage
	return i.become(C.sk_over(i.p, top.p, &out), &out)
}

// Write renders a text of Pango's markup as a mask: one band, 255 where there is ink.
// https://docs.gtk.org/Pango/pango_markup.html
func Write(markup, font string, dpi int) (*Image, error) {
	text, name := C.CString(markup), C.CString(font)
	defer C.free(unsafe.Pointer(text))
	defer C.free(unsafe.Pointer(name))
	var i Image
	if C.sk_text(&i.p, text, name, C.int(dpi)) != 0 {
		return nil, failure()
	}
	return &i, nil
}

// Dye makes a picture in one colour of a mask, transparent where the mask is 0.
func (i *Image) Dye(r, g, b uint8) error {
	var out *C.VipsImage
	return i.become(C.sk_dye(i.p, &out, C.double(r), C.double(g), C.double(b)), &out)
}
