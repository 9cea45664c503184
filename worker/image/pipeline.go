package image

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/davidbyttow/govips/v2/vips"
)

// sequential is VIPS_ACCESS_SEQUENTIAL: decode from top to bottom as lines are
// asked for, rather than the whole photo into memory first.
const sequential = 1

// formats are those that are read. libvips can read many more, with libraries
// that were not made for what strangers send.
var formats = []vips.ImageType{
	vips.ImageTypeJPEG, vips.ImageTypePNG, vips.ImageTypeWEBP, vips.ImageTypeTIFF,
	vips.ImageTypeHEIF, vips.ImageTypeAVIF, vips.ImageTypeGIF,
}

func checkFormat(photo []byte) error {
	if len(photo) == 0 {
		return errors.New("not an image: the file is empty")
	}
	f := vips.DetermineImageType(photo)
	if !slices.Contains(formats, f) {
		return fmt.Errorf("not an image: the content is %s (read are JPEG, PNG, WebP, TIFF, HEIC, AVIF and GIF)",
			http.DetectContentType(photo))
	}
	if !vips.IsTypeSupported(f) {
		return fmt.Errorf("this worker's libvips %s does not read %s: install its loader", vips.Version, vips.ImageTypes[f])
	}
	return nil
}

// shrink loads a photo so that its longest edge is at most edge, upright. It
// fails on what is truncated or damaged, rather than pad it with grey.
func shrink(photo []byte, edge int) (*vips.ImageRef, error) {
	p := vips.NewImportParams()
	p.FailOnError.Set(true)
	if vips.DetermineImageType(photo) != vips.ImageTypeJPEG {
		return vips.LoadThumbnailFromBuffer(photo, edge, edge, vips.InterestingNone, vips.SizeDown, p)
	}
	return shrinkJPEG(photo, edge, p)
}

// spare is how much larger than wanted a JPEG must still be after it was
// shrunk while it was decoded. libvips keeps a factor of two, and so decodes a
// 12-megapixel photo in full for 1024 px; half of that is a third faster, and
// the resampling that follows still has half as much again to work with.
const spare = 1.5

// shrinkJPEG has the decoder shrink 2-, 4- or 8-fold, which costs a fraction of
// decoding in full, and resamples the rest.
func shrinkJPEG(photo []byte, edge int, p *vips.ImportParams) (*vips.ImageRef, error) {
	p.Access.Set(sequential)
	img, err := vips.LoadImageFromBuffer(photo, p)
	if err != nil {
		return nil, err
	}
	if by := factor(max(img.Width(), img.Height()), edge); by > 1 {
		img.Close()
		p.JpegShrinkFactor.Set(by)
		if img, err = vips.LoadImageFromBuffer(photo, p); err != nil {
			return nil, err
		}
	}
	if err := img.ThumbnailWithSize(edge, edge, vips.InterestingNone, vips.SizeDown); err != nil {
		img.Close()
		return nil, err
	}
	return img, nil
}

// factor is by how much a JPEG is shrunk while it is decoded: 1, 2, 4 or 8.
func factor(longest, edge int) int {
	by := 8
	for by > 1 && float64(longest)/float64(by) < spare*float64(edge) {
		by /= 2
	}
	return by
}

// normalize brings a photo to 8-bit sRGB without transparency.
func normalize(img *vips.ImageRef) error {
	if img.HasICCProfile() {
		// An unusable profile is common and no reason to fail: without it the colours
		// are taken for sRGB, as browsers do.
		_ = img.TransformICCProfile(vips.SRGBIEC6196621ICCProfilePath)
	}
	if err := img.ToColorSpace(vips.InterpretationSRGB); err != nil {
		return fmt.Errorf("convert to sRGB: %w", err)
	}
	if !img.HasAlpha() {
		return nil
	}
	if err := img.Flatten(&vips.Color{R: 255, G: 255, B: 255}); err != nil {
		return fmt.Errorf("lay on white: %w", err)
	}
	return nil
}
