// Package image makes JPEG renditions of photos with libvips.
//
// Memory: libvips holds a few lines of the source at a time, but the heap of
// its C library fragments under many threads. Run the worker with
// MALLOC_ARENA_MAX=2, which halved the resident memory of a long run (224 to
// 118 MB); it is read before main starts and cannot be set from here.
package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/davidbyttow/govips/v2/vips"
)

// Maker makes renditions of photos. Its zero value is not ready: see New.
type Maker struct {
	Edges     []int // longest edges of the renditions, px, largest first; a photo is never enlarged
	Quality   int   // of the JPEGs, 1 to 100
	MaxPixels int   // of the source, width × height
	MaxBytes  int64 // of the source: it is read into memory whole
}

// New starts libvips, once for the process, and returns a Maker of renditions
// of 1024 and 150 px of sources of up to 100 megapixels and 256 MB.
func New() (*Maker, error) {
	if err := startup(); err != nil {
		return nil, fmt.Errorf("start libvips: %w", err)
	}
	return &Maker{Edges: []int{1024, 150}, Quality: 85, MaxPixels: 100_000_000, MaxBytes: 256 << 20}, nil
}

// Make makes the renditions of the photo in the file input, upright, in sRGB,
// on white where it is transparent and without its metadata, as 1024.jpg and
// so on in folder. A context that ends stops it between two renditions only.
func (m *Maker) Make(ctx context.Context, input, folder string) (names []string, err error) {
	photo, err := m.read(input)
	if err != nil {
		return nil, err
	}
	for i, edge := range m.Edges {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// The source is decoded once: each smaller rendition is made of the one before.
		if photo, err = m.rendition(photo, edge, i == 0); err != nil {
			return nil, fmt.Errorf("make the %d px rendition: %w", edge, err)
		}
		name := fmt.Sprintf("%d.jpg", edge)
		if err := os.WriteFile(filepath.Join(folder, name), photo, 0o600); err != nil {
			return nil, fmt.Errorf("make the %d px rendition: %w", edge, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// read reads the source after a look at its size, and checks by its header
// that it is a photo we take.
func (m *Maker) read(input string) ([]byte, error) {
	info, err := os.Stat(input)
	if err != nil {
		return nil, fmt.Errorf("read the photo: %w", err)
	}
	if info.Size() > m.MaxBytes {
		return nil, fmt.Errorf("photo of %d bytes: at most %d are accepted", info.Size(), m.MaxBytes)
	}
	photo, err := os.ReadFile(input)
	if err != nil {
		return nil, fmt.Errorf("read the photo: %w", err)
	}
	return photo, m.checkHeader(photo)
}

func (m *Maker) checkHeader(photo []byte) error {
	if err := checkFormat(photo); err != nil {
		return err
	}
	p := vips.NewImportParams()
	p.Access.Set(sequential)
	header, err := vips.LoadImageFromBuffer(photo, p)
	if err != nil {
		return fmt.Errorf("not an image: %w", words(err))
	}
	defer header.Close()
	if n := header.Width() * header.PageHeight(); n > m.MaxPixels {
		return fmt.Errorf("photo of %d × %d pixels: at most %d million are accepted",
			header.Width(), header.PageHeight(), m.MaxPixels/1_000_000)
	}
	return nil
}

// rendition makes one JPEG of a photo.
func (m *Maker) rendition(photo []byte, edge int, source bool) ([]byte, error) {
	img, err := shrink(photo, edge)
	if err != nil {
		return nil, words(err)
	}
	defer img.Close()
	if source {
		if err := normalize(img); err != nil {
			return nil, words(err)
		}
	}
	p := vips.NewJpegExportParams()
	p.Quality, p.StripMetadata, p.Interlace, p.OptimizeCoding = m.Quality, true, false, true
	jpeg, _, err := img.ExportJpeg(p) // pixels are decoded here: a truncated source fails here
	if err != nil {
		return nil, words(err)
	}
	return jpeg, nil
}

// words are the first of libvips's own words; govips adds a stack of ours.
func words(err error) error {
	s, _, _ := strings.Cut(err.Error(), "Stack:")
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
	const most = 3
	if len(lines) > most {
		lines = lines[:most]
	}
	return fmt.Errorf("%s", strings.TrimSpace(strings.Join(lines, "; ")))
}
