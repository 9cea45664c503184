package libvips

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"bytes"
	"slices"
	"unsafe"
)

// Format is how a picture is stored.
type Format int

// The formats that are read. The numbers are the shim's, too.
const (
	Unknown Format = iota
	JPEG
	PNG
	WebP
	TIFF
	HEIF // HEIC and AVIF
	GIF
)

func (f Format) String() string {
	return []string{"unknown", "JPEG", "PNG", "WebP", "TIFF", "HEIF", "GIF"}[f]
}

// stills are the brands of ISO media files that hold a picture.
// https://mp4ra.org/registered-types/brands
var stills = []string{"heic", "heix", "heim", "heis", "mif1", "msf1", "avif", "avis"}

// Detect tells the format by how a file begins; 16 bytes are enough.
func Detect(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return JPEG
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) >= 12 && string(head[8:12]) == "WEBP":
		return WebP
	case bytes.HasPrefix(head, []byte("II*\x00")), bytes.HasPrefix(head, []byte("MM\x00*")),
		bytes.HasPrefix(head, []byte("II+\x00")), bytes.HasPrefix(head, []byte("MM\x00+")):
		return TIFF
	case len(head) >= 12 && string(head[4:8]) == "ftyp" && slices.Contains(stills, string(head[8:12])):
		return HEIF
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return GIF
	}
	return Unknown
}

var loaders = map[Format]string{JPEG: "jpegload", PNG: "pngload", WebP: "webpload", TIFF: "tiffload", HEIF: "heifload", GIF: "gifload"}

// Reads reports whether the library was built with a loader for a format.
func Reads(f Format) bool { return Has(loaders[f]) }

// How says how a file is loaded.
type How struct {
	Shrink int     // of JPEG: 1, 2, 4 or 8 times smaller
	Scale  float64 // of WebP: at most 1
	Whole  bool    // any part may be asked for, instead of lines from above once
}

// Load opens a file of that format, whatever its name says, and reads its header. What is
// truncated or damaged fails, at the latest when its pixels are made.
func Load(f Format, file string, how How) (*Image, error) {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	var i Image
	var failed C.int
	switch f {
	case JPEG:
		failed = C.sk_load_jpeg(name, C.int(max(how.Shrink, 1)), truth(how.Whole), &i.p)
	case WebP:
		if how.Scale <= 0 {
			how.Scale = 1
		}
		failed = C.sk_load_webp(name, C.double(how.Scale), truth(how.Whole), &i.p)
	default:
		failed = C.sk_load(C.int(f), name, truth(how.Whole), &i.p)
	}
	if failed != 0 {
		return nil, failure()
	}
	return &i, nil
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// SaveJPEG writes it as JPEG. Colours are stored at half size below a quality of 90.
// Strip leaves out all metadata; else what it has is written, and a little EXIF besides.
func (i *Image) SaveJPEG(file string, quality int, progressive, strip bool) error {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	return done(C.sk_save_jpeg(i.p, name, C.int(quality), truth(progressive), truth(strip)))
}

// SavePNG writes it as PNG; effort is zlib's, 0 to 9.
func (i *Image) SavePNG(file string, effort int, strip bool) error {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	return done(C.sk_save_png(i.p, name, C.int(effort), truth(strip)))
}

// SaveWebP writes it as WebP; effort is 0 to 6.
func (i *Image) SaveWebP(file string, quality int, lossless bool, effort int, strip bool) error {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	return done(C.sk_save_webp(i.p, name, C.int(quality), truth(lossless), C.int(effort), truth(strip)))
}

// SaveAVIF writes it as AVIF; effort is 0 to 9.
func (i *Image) SaveAVIF(file string, quality int, lossless bool, effort int, strip bool) error {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	return done(C.sk_save_avif(i.p, name, C.int(quality), truth(lossless), C.int(effort), truth(strip)))
}

func done(failed C.int) error {
	if failed != 0 {
		return failure()
	}
	return nil
}
