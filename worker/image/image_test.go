package image_test

import (
	"bytes"
	"context"
	"encoding/binary"
	goimage "image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"

	"skynet/worker"
	"skynet/worker/image"
	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

var _ worker.Maker = (*image.Maker)(nil)

// The test photo: red left, blue right, upright.
var (
	red  = color.RGBA{200, 30, 30, 255}
	blue = color.RGBA{30, 30, 200, 255}
)

// TestMain starts the other binding, which writes what these tests read and reads what
// was written.
func TestMain(m *testing.M) {
	vips.LoggingSettings(func(string, vips.LogLevel, string) {}, vips.LogLevelError)
	if err := vips.Startup(&vips.Config{ConcurrencyLevel: 1}); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func newMaker(t testing.TB) *image.Maker {
	t.Helper()
	m, err := image.New()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func halves(w, h int) *goimage.RGBA {
	img := goimage.NewRGBA(goimage.Rect(0, 0, w, h))
	for x := range w {
		c := red
		if x >= w/2 {
			c = blue
		}
		img.SetRGBA(x, 0, c)
	}
	for y := 1; y < h; y++ {
		copy(img.Pix[y*img.Stride:], img.Pix[:img.Stride])
	}
	return img
}

// asJPEG has libvips write a JPEG: Go's own encoder is slow under -race.
func asJPEG(t testing.TB, img goimage.Image) []byte {
	t.Helper()
	if g, ok := img.(*goimage.Gray); ok { // of one channel, which libvips is not given here
		var b bytes.Buffer
		if err := jpeg.Encode(&b, g, nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if _, err := image.New(); err != nil {
		t.Fatal(err)
	}
	// Of the memory as it is: no Go code touches single pixels.
	flat := &goimage.NRGBA{Pix: img.(*goimage.RGBA).Pix, Stride: img.(*goimage.RGBA).Stride, Rect: img.Bounds()}
	v, err := vips.NewImageFromGoImage(flat)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	p := vips.NewJpegExportParams()
	p.Quality, p.Interlace = 95, false
	b, _, err := v.ExportJpeg(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asPNG(t *testing.T, img goimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// turned adds an EXIF orientation to a JPEG.
func turned(photo []byte, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	exif = binary.BigEndian.AppendUint16(exif, orientation)
	exif = append(exif, 0, 0, 0, 0, 0, 0)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, byte((len(exif)+2)>>8), byte(len(exif)+2))
	return append(append(out, exif...), photo[2:]...)
}

// make runs the maker on a photo, and returns the renditions.
func makeOf(t *testing.T, m *image.Maker, photo []byte) (large, small goimage.Image, err error) {
	t.Helper()
	dir := t.TempDir()
	input := filepath.Join(dir, "input")
	if err := os.WriteFile(input, photo, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := m.Work(t.Context(), builtIn(t, input, dir))
	if err != nil {
		return nil, nil, err
	}
	if len(made) != 2 || made[0].Name != "1024.jpg" || made[1].Name != "150.jpg" {
		t.Errorf("made %+v", made)
	}
	return decode(t, filepath.Join(dir, "1024.jpg")), decode(t, filepath.Join(dir, "150.jpg")), nil
}

// builtIn asks for what is made of photos that name no recipe.
func builtIn(t testing.TB, input, folder string) recipe.Job {
	t.Helper()
	book, err := recipe.Load("")
	if err != nil {
		t.Fatal(err)
	}
	photo, _ := book.Find("photo")
	return recipe.Job{Outputs: photo.Outputs, Inputs: map[string]string{recipe.Main: input}, Folder: folder}
}

func decode(t *testing.T, file string) goimage.Image {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := jpeg.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return img
}

func wantSize(t *testing.T, img goimage.Image, w, h int) {
	t.Helper()
	if got := img.Bounds().Size(); got != goimage.Pt(w, h) {
		t.Errorf("is %v, want %d × %d", got, w, h)
	}
}

// wantColour compares a point, given as a share of width and height.
func wantColour(t *testing.T, img goimage.Image, x, y float64, want color.RGBA, tolerance int) {
	t.Helper()
	b := img.Bounds()
	got := color.RGBAModel.Convert(img.At(int(x*float64(b.Dx())), int(y*float64(b.Dy())))).(color.RGBA)
	for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
		if d > tolerance || d < -tolerance {
			t.Errorf("at %g, %g is %v, want %v", x, y, got, want)
			return
		}
	}
}

func TestSizes(t *testing.T) {
	m := newMaker(t)
	for _, c := range []struct{ w, h, lw, lh, sw, sh int }{
		{4000, 3000, 1024, 768, 150, 112}, {3000, 4000, 768, 1024, 112, 150}, {8200, 300, 1024, 37, 150, 5},
		{1536, 1024, 1024, 683, 150, 100}, {1024, 768, 1024, 768, 150, 112}, {200, 100, 200, 100, 150, 75},
		{101, 51, 101, 51, 101, 51}, {1, 1, 1, 1, 1, 1},
	} {
		large, small, err := makeOf(t, m, asJPEG(t, halves(c.w, c.h)))
		if err != nil {
			t.Errorf("%d × %d: %v", c.w, c.h, err)
			continue
		}
		wantSize(t, large, c.lw, c.lh)
		wantSize(t, small, c.sw, c.sh)
	}
}

func TestOrientations(t *testing.T) {
	m := newMaker(t)
	for _, c := range []struct {
		orientation uint16
		w, h        int
		rx, ry      float64 // where red is afterwards
	}{
		{1, 1024, 512, 0.2, 0.5}, {2, 1024, 512, 0.8, 0.5}, {3, 1024, 512, 0.8, 0.5}, {4, 1024, 512, 0.2, 0.5},
		{5, 512, 1024, 0.5, 0.2}, {6, 512, 1024, 0.5, 0.2}, {7, 512, 1024, 0.5, 0.8}, {8, 512, 1024, 0.5, 0.8},
	} {
		large, small, err := makeOf(t, m, turned(asJPEG(t, halves(2400, 1200)), c.orientation))
		if err != nil {
			t.Fatalf("orientation %d: %v", c.orientation, err)
		}
		wantSize(t, large, c.w, c.h)
		wantColour(t, large, c.rx, c.ry, red, 12)
		wantColour(t, large, 1-c.rx, 1-c.ry, blue, 12)
		wantColour(t, small, c.rx, c.ry, red, 20)
	}
}

func TestTransparencyIsLaidOnWhite(t *testing.T) {
	m := newMaker(t)
	img := goimage.NewNRGBA(goimage.Rect(0, 0, 400, 200))
	grey := goimage.NewNRGBA64(img.Rect) // 16 bits a channel
	for y := range 200 {
		for x := range 200 {
			img.Set(x, y, red)
			grey.Set(x, y, red)
		}
	}
	for _, i := range []goimage.Image{img, grey} {
		large, _, err := makeOf(t, m, asPNG(t, i))
		if err != nil {
			t.Fatal(err)
		}
		wantColour(t, large, 0.2, 0.5, red, 12)
		wantColour(t, large, 0.8, 0.5, color.RGBA{255, 255, 255, 255}, 3)
	}
}

func TestGrey(t *testing.T) {
	m := newMaker(t)
	img := goimage.NewGray(goimage.Rect(0, 0, 2000, 1000))
	deep := goimage.NewGray16(img.Rect)
	for i := range img.Pix {
		img.Pix[i], deep.Pix[2*i] = 100, 100
	}
	for _, photo := range [][]byte{asJPEG(t, img), asPNG(t, img), asPNG(t, deep)} {
		large, _, err := makeOf(t, m, photo)
		if err != nil {
			t.Fatal(err)
		}
		wantColour(t, large, 0.5, 0.5, color.RGBA{100, 100, 100, 255}, 4)
	}
}

func TestMetadataIsNotPassedOn(t *testing.T) {
	m := newMaker(t)
	dir := t.TempDir()
	input := filepath.Join(dir, "input")
	if err := os.WriteFile(input, turned(asJPEG(t, halves(2000, 1000)), 6), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Work(t.Context(), builtIn(t, input, dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1024.jpg", "150.jpg"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || bytes.Contains(b, []byte("Exif")) {
			t.Errorf("%s holds EXIF data (%v)", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	m := newMaker(t)
	m.MaxPixels = 1_000_000
	_, _, err := makeOf(t, m, asPNG(t, goimage.NewGray(goimage.Rect(0, 0, 1100, 1000))))
	if err == nil || err.Error() != "photo of 1100 × 1000 pixels: at most 1 million are accepted" {
		t.Error(err)
	}
	m.MaxBytes = 100
	if _, _, err = makeOf(t, m, asJPEG(t, halves(100, 100))); err == nil || !strings.Contains(err.Error(), "at most 100 are accepted") {
		t.Error(err)
	}
}

func TestStopsBetweenRenditions(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	input := filepath.Join(dir, "input")
	if err := os.WriteFile(input, asJPEG(t, halves(10, 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newMaker(t).Work(ctx, builtIn(t, input, dir)); err == nil {
		t.Error("made renditions for nobody")
	}
}

// Many pictures, good and bad, leave no more behind than a few: what libvips's threads
// have at hand for the next one.
func TestNothingLeaks(t *testing.T) {
	m := newMaker(t)
	photo := asJPEG(t, noise(600, 450))
	round := func() {
		for range 20 {
			_, _, _ = makeOf(t, m, photo)
			_, _, _ = makeOf(t, m, photo[:len(photo)/2])
			_, _, _ = makeOf(t, m, photo[:300])
		}
	}
	round()
	before := resident(t)
	round()
	round()
	if bytes, files := libvips.Held(); bytes > 4<<20 || files > 0 {
		t.Errorf("%d bytes and %d files are held", bytes, files)
	}
	if grown := resident(t) - before; grown > 16<<20 {
		t.Errorf("120 pictures later the process is %d MB larger", grown>>20)
	}
}

// resident is the process's memory, bytes, without what Go could give back.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func BenchmarkTwelveMegapixels(b *testing.B) {
	m, err := image.New()
	if err != nil {
		b.Fatal(err)
	}
	photo := asJPEG(b, noise(4000, 3000))
	dir := b.TempDir()
	input := filepath.Join(dir, "input")
	if err := os.WriteFile(input, photo, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.Work(b.Context(), builtIn(b, input, dir)); err != nil {
			b.Fatal(err)
		}
	}
}
