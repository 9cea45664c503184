// Package libvips binds what the image maker needs of libvips, no more: the version
// that pkg-config finds, 8.13 or newer.
//
// An [Image] is a plan of how its pixels come about; they are made when it is written
// ([Image.Memory], [Image.SaveJPEG], …), a few lines at a time where the format allows
// it. Its methods change that plan in place, [Image.Share] makes another one that goes
// on from here. What is open is closed by its owner; nothing is collected.
//
// There is one other Go binding in use in tests, govips. It keeps libvips's own
// pointers to itself, and with them the way to stop a picture that takes too long.
package libvips

// #cgo pkg-config: vips
// #cgo LDFLAGS: -lm
// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Start starts libvips, once for the process: one thread for each picture, since slots
// are what runs side by side; no cache, since no picture is seen twice; no loaders but
// those of [Format].
var Start = sync.OnceValue(func() error {
	if C.sk_start() != 0 {
		return failure()
	}
	return nil
})

// Version is that of the library, like 8.14.1.
func Version() string {
	return fmt.Sprintf("%d.%d.%d", C.vips_version(0), C.vips_version(1), C.vips_version(2))
}

// Has reports whether the library has an operation of that name: "heifsave", "text".
func Has(operation string) bool {
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	return C.sk_find(name) != 0
}

// Held is how many bytes of pixels and how many files the library holds at this moment.
func Held() (bytes int64, files int) {
	return int64(C.vips_tracked_get_mem()), int(C.vips_tracked_get_files())
}

// Image is a picture or the plan of one.
type Image struct{ p *C.VipsImage }

// failure is libvips's own words, the last three lines of them at most. The library
// keeps one list for all threads: when two pictures fail in the same moment one may be
// told the other's reason, too.
func failure() error {
	text := C.vips_error_buffer_copy()
	defer C.sk_free(unsafe.Pointer(text))
	var lines []string
	for l := range strings.Lines(strings.ToValidUTF8(C.GoString(text), "?")) {
		if l = strings.TrimSpace(l); l != "" && (len(lines) == 0 || lines[len(lines)-1] != l) {
			lines = append(lines, l)
		}
	}
	const most, longest = 3, 250
	said := strings.Join(lines[max(len(lines)-most, 0):], "; ")
	if len(said) > longest {
		said = strings.ToValidUTF8(said[:longest], "") + "…"
	}
	if said == "" {
		said = "it is damaged (libvips gives no reason)"
	}
	return errors.New(said)
}

// Close gives the picture up.
func (i *Image) Close() {
	if i != nil && i.p != nil {
		C.g_object_unref(C.gpointer(i.p))
		i.p = nil
	}
}

// Share is the same picture, to be changed on its own.
func (i *Image) Share() *Image {
	C.g_object_ref(C.gpointer(i.p))
	return &Image{i.p}
}

// become puts what an operation made in the picture's place.
func (i *Image) become(failed C.int, out **C.VipsImage) error {
	if failed != 0 {
		return failure()
	}
	C.g_object_unref(C.gpointer(i.p))
	i.p = *out
	return nil
}

// Width and the rest are known without making a pixel.
func (i *Image) Width() int  { return int(C.vips_image_get_width(i.p)) }
func (i *Image) Height() int { return int(C.vips_image_get_height(i.p)) }

// Bands is the number of numbers of each pixel.
func (i *Image) Bands() int { return int(C.vips_image_get_bands(i.p)) }

// PixelBytes is how many bytes a pixel takes in memory.
func (i *Image) PixelBytes() int {
	return i.Bands() * int(C.vips_format_sizeof(C.vips_image_get_format(i.p)))
}

// PageHeight is the height of one page or frame.
func (i *Image) PageHeight() int { return int(C.vips_image_get_page_height(i.p)) }

// Pages is how many pages or frames its file has.
func (i *Image) Pages() int {
	var n C.int
	// vips_image_get_n_pages says 1 of what has 10,000 or more.
	if C.sk_pages(i.p, &n) != 0 {
		return 1
	}
	return max(int(n), 1)
}

// Orientation is that of EXIF, 1 to 8; 1 is upright.
func (i *Image) Orientation() int { return int(C.vips_image_get_orientation(i.p)) }

// Alpha reports whether it has transparency.
func (i *Image) Alpha() bool { return C.vips_image_hasalpha(i.p) != 0 }

// SRGB reports whether its pixels are three or four bytes of sRGB, or of whatever its
// profile says of red, green and blue.
func (i *Image) SRGB() bool {
	return C.vips_image_get_interpretation(i.p) == C.VIPS_INTERPRETATION_sRGB &&
		C.vips_image_get_format(i.p) == C.VIPS_FORMAT_UCHAR && (i.Bands() == 3 || i.Bands() == 4)
}

// Grey reports whether it has no colours, 8 bits deep.
func (i *Image) Grey() bool {
	return C.vips_image_get_interpretation(i.p) == C.VIPS_INTERPRETATION_B_W &&
		C.vips_image_get_format(i.p) == C.VIPS_FORMAT_UCHAR
}

// Fields are the names of its metadata.
func (i *Image) Fields() (names []string) {
	list := C.vips_image_get_fields(i.p)
	if list == nil {
		return nil
	}
	defer C.g_strfreev(list)
	for p := list; *p != nil; p = (**C.char)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		names = append(names, C.GoString(*p))
	}
	return names
}

// Has reports whether it has a metadata field of that name, such as "icc-profile-data".
func (i *Image) Has(field string) bool {
	name := C.CString(field)
	defer C.free(unsafe.Pointer(name))
	return C.vips_image_get_typeof(i.p, name) != 0
}

// Text is a metadata field as text, "" if there is none.
func (i *Image) Text(field string) string {
	name := C.CString(field)
	defer C.free(unsafe.Pointer(name))
	var out *C.char
	if C.vips_image_get_as_string(i.p, name, &out) != 0 {
		C.vips_error_clear()
		return ""
	}
	defer C.sk_free(unsafe.Pointer(out))
	return C.GoString(out)
}

// Blob is a metadata field of bytes, nil if there is none.
func (i *Image) Blob(field string) []byte {
	name := C.CString(field)
	defer C.free(unsafe.Pointer(name))
	var data unsafe.Pointer
	var size C.size_t
	if C.vips_image_get_blob(i.p, name, &data, &size) != 0 {
		C.vips_error_clear()
		return nil
	}
	return C.GoBytes(data, C.int(size))
}

// Keep removes all metadata but the fields that keep approves.
func (i *Image) Keep(keep func(field string) bool) error {
	// Metadata belongs to a picture that others may share: change that of a copy.
	var out *C.VipsImage
	if err := i.become(C.sk_copy(i.p, &out), &out); err != nil {
		return err
	}
	for _, f := range i.Fields() {
		if keep(f) {
			continue
		}
		name := C.CString(f)
		C.vips_image_remove(i.p, name) // of fields that every picture has it does nothing
		C.free(unsafe.Pointer(name))
	}
	return nil
}

// Pixels makes all pixels: lines from above, width × bands bytes each, of a picture of
// 8 bits a band.
func (i *Image) Pixels() ([]byte, error) {
	if i.PixelBytes() != i.Bands() {
		return nil, errors.New("not 8 bits a band")
	}
	var size C.size_t
	data := C.vips_image_write_to_memory(i.p, &size)
	if data == nil {
		return nil, failure()
	}
	defer C.sk_free(data)
	return C.GoBytes(data, C.int(size)), nil
}

// FromPixels is the reverse of Pixels, of red, green and blue, and alpha if there are
// four bands.
func FromPixels(data []byte, width, height, bands int) (*Image, error) {
	if width < 1 || height < 1 || len(data) != width*height*bands {
		return nil, fmt.Errorf("%d bytes are not %d × %d pixels of %d bands", len(data), width, height, bands)
	}
	var i Image
	i.p = C.vips_image_new_from_memory_copy(unsafe.Pointer(&data[0]), C.size_t(len(data)),
		C.int(width), C.int(height), C.int(bands), C.VIPS_FORMAT_UCHAR)
	if i.p == nil {
		return nil, failure()
	}
	var out *C.VipsImage
	if err := i.become(C.sk_uchar(i.p, &out), &out); err != nil {
		i.Close()
		return nil, err
	}
	return &i, nil
}

// Watch ends the making of pixels, of all pictures that it is put on, when a context
// ends or time is over. Close it after them.
type Watch struct {
	w    *C.sk_watch
	stop func() bool
	mu   sync.Mutex
}

// NewWatch watches for so long; 0 is without end.
func NewWatch(ctx context.Context, most time.Duration) *Watch {
	w := &Watch{w: C.sk_watch_new(C.gint64(most.Microseconds()))}
	w.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.w != nil {
			C.sk_watch_end(w.w)
		}
	})
	return w
}

// On puts the watch on a picture that was loaded or is in memory, and on all that is
// made of it.
func (w *Watch) On(i *Image) { C.sk_watch_on(w.w, i.p) }

// Late reports whether the time is over; Over whether it is or the context has ended.
func (w *Watch) Late() bool { return C.sk_watch_ended(w.w) == 2 }
func (w *Watch) Over() bool { return C.sk_watch_ended(w.w) != 0 }

// Close forgets the watch.
func (w *Watch) Close() {
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	C.sk_free(unsafe.Pointer(w.w))
	w.w = nil
}
