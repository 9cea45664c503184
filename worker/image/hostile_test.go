package image_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	goimage "image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davidbyttow/govips/v2/vips"

	"skynet/worker/image"
	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// chunk is one of a PNG's. The sum at its end is left wrong where crc is false.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc(b[4:]))
}

func crc(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			c = c>>1 ^ 0xedb88320&-(c&1)
		}
	}
	return ^c
}

// deflated is so many zeros, packed.
func deflated(n int) []byte {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.BestSpeed)
	zeros := make([]byte, 1<<16)
	for n > 0 {
		k, _ := z.Write(zeros[:min(n, len(zeros))])
		n -= k
	}
	_ = z.Close()
	return b.Bytes()
}

// bomb is a PNG of black pixels, one bit each, with further chunks before them.
func bomb(w, h int, more ...[]byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 1, 0, 0, 0, 0)),
		slices.Concat(more...), chunk("IDAT", deflated(h*(1+(w+7)/8))), chunk("IEND", nil))
}

// pages is a TIFF of so many pages of a pixel each; the last may lead back to the first.
func pages(n int, circle bool) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	le := binary.LittleEndian
	for i := range n {
		at := len(b)
		b = le.AppendUint16(b, 8)
		for _, e := range [][4]uint32{{256, 3, 1, 1}, {257, 3, 1, 1}, {258, 3, 1, 8}, {259, 3, 1, 1}, {262, 3, 1, 1}, {273, 4, 1, 8}, {278, 3, 1, 1}, {279, 4, 1, 1}} {
			b = le.AppendUint16(le.AppendUint16(b, uint16(e[0])), uint16(e[1]))
			b = le.AppendUint32(le.AppendUint32(b, e[2]), e[3])
		}
		next := uint32(at + 2 + 8*12 + 4)
		if i == n-1 {
			next = 0
			if circle {
				next = 8
			}
		}
		b = le.AppendUint32(b, next)
	}
	return b
}

// frames is a GIF of so many frames of a pixel each.
func frames(n int) []byte {
	b := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff")
	for range n {
		b = append(b, "\x21\xf9\x04\x04\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"...)
	}
	return append(b, 0x3b)
}

// profiled is a JPEG with so many pieces of a profile that is none.
func profiled(photo []byte, n int) []byte {
	for i := n; i > 0; i-- {
		photo = segment(photo, 0xe2, append([]byte{'I', 'C', 'C', '_', 'P', 'R', 'O', 'F', 'I', 'L', 'E', 0, byte(i), byte(n)}, make([]byte, 65000)...))
	}
	return photo
}

// Each is refused with its reason or made, soon, and leaves nothing behind.
func TestHostileFiles(t *testing.T) {
	small := asJPEG(t, halves(60, 40))
	webp := reencoded(t, func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
		return i.ExportWebp(vips.NewWebpExportParams())
	})
	heic := reencoded(t, func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
		return i.ExportHeif(vips.NewHeifExportParams())
	})
	tiff := reencoded(t, func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
		return i.ExportTiff(vips.NewTiffExportParams())
	})
	gif := reencoded(t, func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
		return i.ExportGIF(vips.NewGifExportParams())
	})
	liar := slices.Clone(webp)
	binary.LittleEndian.PutUint32(liar[4:], 1<<31)
	for name, c := range map[string]struct {
		file []byte
		want string // "" is made, "?" made or refused
	}{
		"PNG of 900 megapixels in 113 kB":     {bomb(30000, 30000), "photo of 30000 × 30000 pixels: at most 100 million are accepted"},
		"PNG of 81 megapixels in 12 kB":       {bomb(9000, 9000), "more than 500 pixels a byte are not accepted"},
		"PNG as wide as the format has it":    {bomb(0x7fffffff, 1)[:100], "?"},
		"PNG with 20 MB of packed text":       {bomb(64, 64, chunk("zTXt", append([]byte("Comment\x00\x00"), deflated(20<<20)...))), "?"},
		"PNG with 20 MB of packed profile":    {bomb(64, 64, chunk("iCCP", append([]byte("p\x00\x00"), deflated(20<<20)...))), "?"},
		"PNG with 10,000 texts":               {bomb(64, 64, bytes.Repeat(chunk("tEXt", []byte("a\x00b")), 10_000)), "?"},
		"PNG that ends in its header":         {bomb(64, 64)[:30], "not an image: "},
		"TIFF of 20,000 pages":                {pages(20_000, false), "photo of 20000 pages or frames: at most 10000 are accepted"},
		"TIFF whose pages go round":           {pages(3, true), "?"},
		"TIFF cut short":                      {tiff[:len(tiff)/2], "not an image: "},
		"GIF of 20,000 frames":                {frames(20_000), "?"},
		"GIF of 100 frames":                   {frames(100), ""},
		"GIF cut short":                       {gif[:len(gif)/2], "?"},
		"JPEG with 16 MB of profile":          {profiled(small, 255), ""},
		"JPEG with 60 kB of EXIF":             {segment(small, 0xe1, append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff"), make([]byte, 60_000)...)), ""},
		"JPEG whose EXIF goes round":          {segment(small, 0xe1, []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08")), ""},
		"JPEG with a film behind it":          {append(slices.Clone(small), bytes.Repeat([]byte("ftypmp42"), 1000)...), ""},
		"WebP that says it is larger":         {liar, "?"},
		"WebP cut short":                      {webp[:len(webp)/2], "?"},
		"HEIC cut short":                      {heic[:len(heic)/2], "?"},
		"HEIC of nothing":                     {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "not an image: "},
		"SVG":                                 {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`), "not an image: the content is text/xml"},
		"PDF":                                 {[]byte("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj"), "not an image: the content is application/pdf"},
		"PPM":                                 {[]byte("P6\n9 9\n255\n"), "not an image: "},
		"OpenEXR":                             {[]byte("\x76\x2f\x31\x01\x02\x00\x00\x00"), "not an image: "},
		"Matlab":                              {[]byte("MATLAB 5.0 MAT-file, Platform: PCWIN"), "not an image: "},
		"Radiance":                            {[]byte("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"), "not an image: "},
		"FITS":                                {[]byte("SIMPLE  =                    T"), "not an image: "},
		"JPEG XL":                             {[]byte("\xff\x0a\xfa\x1f"), "not an image: "},
		"JPEG 2000":                           {[]byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), "not an image: "},
		"ImageMagick's script":                {[]byte("push graphic-context\nviewbox 0 0 9 9\nfill 'url(https://example.com/a.png)'\npop graphic-context"), "not an image: "},
		"BMP":                                 {[]byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00"), "not an image: the content is image/bmp"},
		"Photoshop's":                         {[]byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00"), "not an image: "},
		"libvips's own":                       {[]byte("\x08\xf2\xa6\xb6\x00\x00\x00\x01"), "not an image: "},
		"a page that says it is a photograph": {[]byte("<!DOCTYPE html><title>photo.jpg</title>"), "not an image: the content is text/html"},
		"an archive":                          {[]byte("PK\x03\x04photo.jpg"), "not an image: the content is application/zip"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t)
			began := time.Now()
			_, _, err := makeOf(t, m, c.file)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && c.want != "?" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			case err != nil && (len(err.Error()) > 400 || strings.Contains(err.Error(), os.TempDir())):
				t.Errorf("a reason of %d bytes: %s", len(err.Error()), err)
			}
			t.Log(err)
			if bytes, files := libvips.Held(); bytes > 16<<20 || files > 0 {
				t.Errorf("%d bytes and %d files are held", bytes, files)
			}
		})
	}
	// And the worker carries on.
	large, _, err := makeOf(t, newMaker(t), asJPEG(t, halves(1200, 600)))
	if err != nil {
		t.Fatal(err)
	}
	wantSize(t, large, 1024, 512)
}

// A picture that takes too long is stopped, in the midst of its pixels.
func TestTimeIsBounded(t *testing.T) {
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, asJPEG(t, noise(2000, 1500)), 0o600); err != nil {
		t.Fatal(err)
	}
	list := outputs(t, "      - {name: a.jpg, image: [{do: sharpen}, {do: rotate, degrees: 3}, {do: sharpen}]}\n")
	begin := func(ctx context.Context, m *image.Maker) (time.Duration, error) {
		began := time.Now()
		_, err := m.Work(ctx, recipe.Job{Outputs: list, Inputs: map[string]string{recipe.Main: input}, Folder: t.TempDir()})
		return time.Since(began), err
	}
	slow, err := begin(t.Context(), newMaker(t))
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t)
	m.Timeout = slow / 20
	took, err := begin(t.Context(), m)
	if err == nil || !strings.Contains(err.Error(), "photo took longer than") || took > slow/2 {
		t.Errorf("%v after %s, of %s", err, took, slow)
	}
	taken := errors.New("the item was taken away")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(slow/20, func() { cancel(taken) })
	if took, err = begin(ctx, newMaker(t)); !errors.Is(err, taken) || took > slow/2 {
		t.Errorf("%v after %s, of %s", err, took, slow)
	}
}

// A damaged source leaves no output behind that looks whole.
func TestNothingHalfWritten(t *testing.T) {
	photo := asJPEG(t, noise(1200, 900))
	folder, _, err := workOn(t, photo[:len(photo)/2], outputs(t, "      - {name: a.jpg, image: [{do: orient}]}\n"))
	if err == nil {
		t.Fatal("was made")
	}
	left, _ := os.ReadDir(folder)
	for _, f := range left {
		if !strings.HasSuffix(f.Name(), ".part") {
			t.Errorf("%s is left behind", f.Name())
		}
	}
}

// FuzzWork mutates small files of each format: whatever comes, the process lives, and
// what is made is within its bounds.
func FuzzWork(f *testing.F) {
	m, err := image.New()
	if err != nil {
		f.Fatal(err)
	}
	m.MaxPixels, m.Timeout = 1_000_000, 5*time.Second
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	list := outputs(f, `      - {name: a.jpg, image: [{do: orient}, {do: resize, width: 20, height: 20}]}
      - {name: b.png, image: [{do: strip, keep: [all]}, {do: crop, region: {x: 10%, y: 10%, width: 80%, height: 80%}}]}
      - {name: c.webp, image: [{do: orient}, {do: resize, width: 20, height: 20}, {do: adjust, contrast: 150%}, {do: strip, keep: [exif]}]}
`)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			t.Skip()
		}
		folder := t.TempDir()
		input := filepath.Join(folder, "input")
		if err := os.WriteFile(input, data, 0o600); err != nil {
			t.Fatal(err)
		}
		made, err := m.Work(t.Context(), recipe.Job{Outputs: list, Inputs: map[string]string{recipe.Main: input}, Folder: folder})
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 400 {
				t.Errorf("a reason of %d bytes: %s", len(err.Error()), err)
			}
			return
		}
		if a := made[0]; a.Width < 1 || a.Height < 1 || a.Width > 20 || a.Height > 20 {
			t.Errorf("%+v", a)
		}
	})
}

// seeds are tiny pictures of each format.
func seeds(t testing.TB) (all [][]byte) {
	v, err := vips.NewImageFromGoImage(goimage.NewNRGBA(goimage.Rect(0, 0, 24, 16)))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	progressive := vips.NewJpegExportParams()
	progressive.Interlace = true
	for _, write := range []func() ([]byte, *vips.ImageMetadata, error){
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportJpeg(vips.NewJpegExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportJpeg(progressive) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportPng(vips.NewPngExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportWebp(vips.NewWebpExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportTiff(vips.NewTiffExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportHeif(vips.NewHeifExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportAvif(vips.NewAvifExportParams()) },
		func() ([]byte, *vips.ImageMetadata, error) { return v.ExportGIF(vips.NewGifExportParams()) },
	} {
		b, _, err := write()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return append(all, told(t, all[0]), turned(all[0], 6), pages(2, true), frames(3), bomb(16, 16))
}
