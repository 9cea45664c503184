package image_test

import (
	goimage "image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"
)

// reencoded has libvips write the test photo in another format.
func reencoded(t *testing.T, write func(*vips.ImageRef) ([]byte, *vips.ImageMetadata, error)) []byte {
	t.Helper()
	newMaker(t)
	img, err := vips.NewImageFromBuffer(asPNG(t, halves(1200, 600)))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	b, _, err := write(img)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFormats(t *testing.T) {
	m := newMaker(t)
	for name, write := range map[string]func(*vips.ImageRef) ([]byte, *vips.ImageMetadata, error){
		"cmyk": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			if err := i.ToColorSpace(vips.InterpretationCMYK); err != nil {
				return nil, nil, err
			}
			return i.ExportJpeg(vips.NewJpegExportParams())
		},
		"webp": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			return i.ExportWebp(vips.NewWebpExportParams())
		},
		"tiff": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			return i.ExportTiff(vips.NewTiffExportParams())
		},
		"heic": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			return i.ExportHeif(vips.NewHeifExportParams())
		},
		"avif": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			return i.ExportAvif(vips.NewAvifExportParams())
		},
		"gif": func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
			return i.ExportGIF(vips.NewGifExportParams())
		},
	} {
		t.Run(name, func(t *testing.T) {
			large, small, err := makeOf(t, m, reencoded(t, write))
			if err != nil {
				t.Fatal(err)
			}
			wantSize(t, large, 1024, 512)
			wantSize(t, small, 150, 75)
			tolerance := 16
			if name == "cmyk" {
				tolerance = 75 // blue is out of what print can do; a wrong space inverts it
			}
			wantColour(t, large, 0.2, 0.5, red, tolerance)
			wantColour(t, large, 0.8, 0.5, blue, tolerance)
		})
	}
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("these tests need ffmpeg: %v: %s", err, out)
	}
}

func TestWhatIsNoPhotoFailsWithAClearReason(t *testing.T) {
	m := newMaker(t)
	film := filepath.Join(t.TempDir(), "film.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", film)
	video, err := os.ReadFile(film)
	if err != nil {
		t.Fatal(err)
	}
	photo, picture := asJPEG(t, noise(1200, 900)), asPNG(t, noise(400, 300))
	webp := reencoded(t, func(i *vips.ImageRef) ([]byte, *vips.ImageMetadata, error) {
		return i.ExportWebp(vips.NewWebpExportParams())
	})
	for name, c := range map[string]struct {
		photo []byte
		want  string
	}{
		"empty":          {nil, "not an image: the file is empty"},
		"text":           {[]byte("this is no photo, whatever its name says"), "not an image: the content is text/plain"},
		"video":          {video, "not an image: the content is video/mp4"},
		"svg":            {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`), "not an image"},
		"ppm":            {[]byte("P6 1 1 255\nabc, and some more"), "not an image"},
		"only a head":    {photo[:200], "not an image"},
		"half a jpeg":    {photo[:len(photo)/2], "make 1024.jpg, 150.jpg: "},
		"half a png":     {picture[:len(picture)/2], "make 1024.jpg, 150.jpg: "},
		"half a webp":    {webp[:len(webp)/2], ""},
		"damaged inside": {damaged(photo), "make 1024.jpg, 150.jpg: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := makeOf(t, m, c.photo)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if s := err.Error(); strings.Contains(s, "goroutine") || len(s) > 300 {
				t.Errorf("a reason of %d bytes: %s", len(s), s)
			}
			t.Log(err)
		})
	}
}

// noise is a photo that does not compress away.
func noise(w, h int) goimage.Image {
	img := goimage.NewRGBA(goimage.Rect(0, 0, w, h))
	seed := uint32(1)
	for i := range img.Pix {
		seed = seed*1664525 + 1013904223
		img.Pix[i] = byte(seed >> 24)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// damaged cuts a piece out of the middle.
func damaged(photo []byte) []byte {
	return slices.Concat(photo[:len(photo)/3], photo[2*len(photo)/3:len(photo)-2])
}
