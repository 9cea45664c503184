package image

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// source is a file that outputs are made of, with what its header says.
type source struct {
	file        string
	format      libvips.Format
	size        size // as stored
	orientation int  // of EXIF: 1 is upright, from 5 on the picture lies on its side
}

// open looks at a file before a pixel of it is decoded, and refuses what is no picture
// or too much of one.
func (m *Maker) open(file string) (source, error) {
	s := source{file: file}
	info, err := os.Stat(file)
	if err != nil {
		return s, fmt.Errorf("read the photo: %w", err)
	}
	if info.Size() > m.MaxBytes {
		return s, fmt.Errorf("photo of %d bytes: at most %d are accepted", info.Size(), m.MaxBytes)
	}
	if s.format, err = formatOf(file); err != nil {
		return s, err
	}
	header, err := libvips.Load(s.format, file, libvips.How{})
	if err != nil {
		return s, fmt.Errorf("not an image: %w", err)
	}
	defer header.Close()
	s.size, s.orientation = size{header.Width(), header.PageHeight()}, header.Orientation()
	return s, m.acceptable(s.size, header.Pages(), info.Size())
}

// freely is how many pixels even a tiny file may hold: an empty page that was scanned, a
// drawing.
const freely = 25e6

func (m *Maker) acceptable(s size, pages int, bytes int64) error {
	switch {
	case s.w > m.MaxPixels/s.h:
		return fmt.Errorf("photo of %d × %d pixels: at most %g million are accepted", s.w, s.h, float64(m.MaxPixels)/1e6)
	case pages > m.MaxFrames:
		return fmt.Errorf("photo of %d pages or frames: at most %d are accepted", pages, m.MaxFrames)
	case s.pixels() > freely && int64(s.pixels()) > bytes*int64(m.MaxRatio):
		return fmt.Errorf("photo of %d × %d pixels in %d bytes: more than %d pixels a byte are not accepted", s.w, s.h, bytes, m.MaxRatio)
	}
	return nil
}

// formatOf tells a format by content, whatever the name says.
func formatOf(file string) (libvips.Format, error) {
	f, err := os.Open(file)
	if err != nil {
		return libvips.Unknown, fmt.Errorf("read the photo: %w", err)
	}
	defer f.Close()
	head := make([]byte, 512) // no more is looked at by net/http
	n, err := io.ReadFull(f, head)
	if n == 0 {
		return libvips.Unknown, errors.New("not an image: the file is empty")
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return libvips.Unknown, fmt.Errorf("read the photo: %w", err)
	}
	format := libvips.Detect(head[:n])
	if format == libvips.Unknown {
		return format, fmt.Errorf("not an image: the content is %s (read are JPEG, PNG, WebP, TIFF, HEIC, AVIF and GIF)",
			http.DetectContentType(head[:n]))
	}
	if !libvips.Reads(format) {
		return format, fmt.Errorf("this worker's libvips %s does not read %s: install its loader", libvips.Version(), format)
	}
	return format, nil
}

// load opens the source for decoding, at a scale of at most 1 or larger. Of JPEG the
// decoder can make an eighth, a quarter or half, which costs a fraction of it all; WebP's
// can make any size.
func (s source) load(scale float64) (*libvips.Image, error) {
	how := libvips.How{Shrink: 8, Scale: min(1, spare*scale)}
	for how.Shrink > 1 && 1/float64(how.Shrink) < spare*scale {
		how.Shrink /= 2
	}
	return libvips.Load(s.format, s.file, how)
}

// source makes all outputs of one file.
func (w *work) source(t *tree) error {
	file, ok := w.job.Inputs[t.source]
	if !ok {
		return fmt.Errorf("there is no input %s", t.source)
	}
	s, err := w.open(file)
	if err != nil {
		return err
	}
	m := &making{work: w, source: s, scale: 0}
	for _, c := range t.chains {
		m.scale = max(m.scale, enough(c, s.size, s.orientation >= 5))
	}
	f, err := m.begin()
	if err != nil {
		return fmt.Errorf("make %s: %w", w.names(t.root.below()), err)
	}
	return m.visit(t.root, f)
}

// watermark opens a picture that is laid over another.
func (w *work) second(name string) (*libvips.Image, error) {
	file, ok := w.job.Inputs[name]
	if !ok {
		return nil, fmt.Errorf("watermark: there is no input %s", name)
	}
	s, err := w.open(file)
	if err != nil {
		return nil, fmt.Errorf("watermark %s: %w", name, err)
	}
	img, err := s.load(1)
	if err != nil {
		return nil, fmt.Errorf("watermark %s: %w", name, err)
	}
	f := &frame{img: img, size: s.size, sideways: s.orientation >= 5, turn: s.orientation > 1, loose: true}
	w.watch.On(img)
	if err := errors.Join(f.tame(), f.settle(w)); err != nil {
		f.close()
		return nil, fmt.Errorf("watermark %s: %w", name, err)
	}
	return f.img, nil
}

// begin is the source's pixels, before any step.
func (m *making) begin() (*frame, error) {
	img, err := m.source.load(m.scale)
	if err != nil {
		return nil, err
	}
	m.watch.On(img)
	f := &frame{img: img, size: m.source.size, sideways: m.source.orientation >= 5, loose: true}
	if err := f.tame(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// making is all that is made of one source.
type making struct {
	*work
	source source
	scale  float64
}

// able reports what an output needs and the library lacks.
func able(o recipe.Output) error {
	save := map[string]string{"jpeg": "jpegsave", "png": "pngsave", "webp": "webpsave", "avif": "heifsave"}[o.ImageFormat()]
	if save == "" {
		return fmt.Errorf("%s: pictures are written as .jpg, .png, .webp or .avif", o.Name)
	}
	if !libvips.Has(save) || (save == "heifsave" && avif() != nil) {
		return fmt.Errorf("%s: this worker's libvips %s does not write %s: install a libvips that does, or choose another format",
			o.Name, libvips.Version(), o.ImageFormat())
	}
	for _, s := range o.Image {
		if x, ok := s.Spec.(*recipe.Watermark); ok && x.Text != "" && !libvips.Has("text") {
			return fmt.Errorf("%s: this worker's libvips %s was built without text (Pango): use a watermark of a picture", o.Name, libvips.Version())
		}
	}
	return nil
}
