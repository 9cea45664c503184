package image_test

import (
	"bytes"
	goimage "image"
	"os"
	"path/filepath"
	"testing"

	"skynet/worker/image/imagetest"
	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// example reads a recipe of config/examples.
func example(t *testing.T, file, name string) recipe.Recipe {
	t.Helper()
	b, err := recipe.Load(filepath.Join("../../config/examples", file))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := b.Find(name)
	if !ok {
		t.Fatalf("%s has no recipe %s", file, name)
	}
	return r
}

// alike wants two pictures to be the same to the eye: perceptual hashes of 64 bits that
// differ in a few.
func alike(t *testing.T, name string, a, b goimage.Image) {
	t.Helper()
	if d := imagetest.Distance(a, b); d > 6 {
		t.Errorf("%s: %d of 64 bits differ", name, d)
	}
}

// sizes wants outputs by name and size, and returns their pictures.
func sizes(t *testing.T, folder string, made []recipe.Made, want map[string]goimage.Point) map[string]goimage.Image {
	t.Helper()
	if len(made) != len(want) {
		t.Errorf("%d outputs, want %d", len(made), len(want))
	}
	all := map[string]goimage.Image{}
	for _, m := range made {
		img := look(t, filepath.Join(folder, m.Name))
		if s := img.Bounds().Size(); s != want[m.Name] || s.X != m.Width || s.Y != m.Height {
			t.Errorf("%s is %v and said to be %d × %d, want %v", m.Name, s, m.Width, m.Height, want[m.Name])
		}
		all[m.Name] = img
	}
	return all
}

func TestGallery(t *testing.T) {
	upload := told(t, asJPEG(t, enlarged(t, 1600, 1200)))
	folder, made, err := workOn(t, upload, example(t, "gallery.recipes.yaml", "renditions").Outputs)
	if err != nil {
		t.Fatal(err)
	}
	all := sizes(t, folder, made, map[string]goimage.Point{
		"x3large.jpg": {X: 1600, Y: 1200}, "xlarge.jpg": {X: 1024, Y: 768}, "medium.jpg": {X: 600, Y: 450},
		"small.webp": {X: 400, Y: 300}, "thumb.jpg": {X: 150, Y: 150}, "tiny.jpg": {X: 100, Y: 75},
	})
	for _, name := range []string{"x3large.jpg", "xlarge.jpg", "medium.jpg", "small.webp", "tiny.jpg"} {
		alike(t, name, portrait(), all[name])
	}
	if f := fieldsOf(t, filepath.Join(folder, "xlarge.jpg")); f["exif-ifd0-Copyright"] == "" || f["exif-ifd0-Make"] != "" {
		t.Errorf("metadata: %v", f)
	}

	marked, made, err := workOn(t, upload, example(t, "gallery.recipes.yaml", "watermark").Outputs,
		func(j *recipe.Job) { j.Values = map[string]string{"owner": "Ada Lovelace"} })
	if err != nil {
		t.Fatal(err)
	}
	with := sizes(t, marked, made, map[string]goimage.Point{
		"x3large.jpg": {X: 1600, Y: 1200}, "xlarge.jpg": {X: 1024, Y: 768}, "medium.jpg": {X: 600, Y: 450}, "proof.jpg": {X: 1600, Y: 1200},
	})
	// The text lies at the lower right and nowhere else; every rendition has it.
	corner := imagetest.Place{X: 0.68, Y: 0.93, Width: 0.3, Height: 0.04}
	for _, name := range []string{"xlarge.jpg", "medium.jpg"} {
		if a, b := light(all[name], corner), light(with[name], corner); b < a+8 {
			t.Errorf("%s has no watermark: %.0f, then %.0f", name, a, b)
		}
		same(t, all[name], with[name], imagetest.Forehead, imagetest.Sky)
	}
	if a, b := light(all["x3large.jpg"], imagetest.Place{Width: 1, Height: 1}), light(with["proof.jpg"], imagetest.Place{Width: 1, Height: 1}); b < a+2 {
		t.Errorf("the proof has no watermark all over: %.1f, then %.1f", a, b)
	}
}

func TestUploads(t *testing.T) {
	// As a phone takes it: on its side, and with the place.
	upload := turned(told(t, asJPEG(t, onItsSide(enlarged(t, 1200, 1600)))), 6)
	folder, made, err := workOn(t, upload, example(t, "uploads.recipes.yaml", "upload").Outputs)
	if err != nil {
		t.Fatal(err)
	}
	all := sizes(t, folder, made, map[string]goimage.Point{
		"1600.jpg": {X: 1200, Y: 1600}, "1280.jpg": {X: 960, Y: 1280}, "1024.jpg": {X: 768, Y: 1024}, "800.jpg": {X: 600, Y: 800},
		"640.jpg": {X: 480, Y: 640}, "480.jpg": {X: 360, Y: 480}, "320.jpg": {X: 240, Y: 320}, "240.webp": {X: 180, Y: 240},
		"square/300.jpg": {X: 300, Y: 300}, "square/150.jpg": {X: 150, Y: 150}, "square/75.jpg": {X: 75, Y: 75}, "list.jpg": {X: 200, Y: 200},
	})
	upright := imagetest.Portrait(450, 600)
	for _, name := range []string{"1600.jpg", "1280.jpg", "1024.jpg", "800.jpg", "640.jpg", "480.jpg", "320.jpg", "240.webp"} {
		alike(t, name, upright, all[name])
	}
	for _, m := range made {
		b, err := os.ReadFile(filepath.Join(folder, m.Name))
		for _, secret := range []string{"Ada Lovelace", "Kamerawerke", "1843", "place"} {
			if err != nil || bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s tells of %s (%v)", m.Name, secret, err)
			}
		}
	}
}

// Who uploads something small gets squares all the same: a page counts on them.
func TestUploadsOfSmallPictures(t *testing.T) {
	folder, made, err := workOn(t, asJPEG(t, imagetest.Portrait(150, 200)), example(t, "uploads.recipes.yaml", "upload").Outputs)
	if err != nil {
		t.Fatal(err)
	}
	small := goimage.Point{X: 150, Y: 200}
	sizes(t, folder, made, map[string]goimage.Point{
		"1600.jpg": small, "1280.jpg": small, "1024.jpg": small, "800.jpg": small, "640.jpg": small, "480.jpg": small, "320.jpg": small, "240.webp": small,
		"square/300.jpg": {X: 300, Y: 300}, "square/150.jpg": {X: 150, Y: 150}, "square/75.jpg": {X: 75, Y: 75}, "list.jpg": {X: 200, Y: 200},
	})
}

// enlarged is the portrait at a size that takes long to draw.
func enlarged(t *testing.T, w, h int) *goimage.RGBA {
	t.Helper()
	newMaker(t)
	small := imagetest.Portrait(w/2, h/2)
	img, err := libvips.FromPixels(small.Pix, w/2, h/2, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if err := img.Resize(w, h); err != nil {
		t.Fatal(err)
	}
	pix, err := img.Pixels()
	if err != nil {
		t.Fatal(err)
	}
	return &goimage.RGBA{Pix: pix, Stride: 4 * w, Rect: goimage.Rect(0, 0, w, h)}
}

// onItsSide turns a picture anticlockwise by a quarter.
func onItsSide(img *goimage.RGBA) *goimage.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := goimage.NewRGBA(goimage.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			copy(out.Pix[out.PixOffset(y, w-1-x):][:4], img.Pix[img.PixOffset(x, y):][:4])
		}
	}
	return out
}

func TestPhotoService(t *testing.T) {
	photo := asJPEG(t, portrait())
	do := func(name string, values map[string]string) (string, []recipe.Made) {
		t.Helper()
		folder, made, err := workOn(t, photo, example(t, "photo-service.recipes.yaml", name).Outputs, func(j *recipe.Job) { j.Values = values })
		if err != nil {
			t.Fatal(err)
		}
		return folder, made
	}
	folder, made := do("red_eye", nil)
	corrected := sizes(t, folder, made, map[string]goimage.Point{"corrected.jpg": {X: 800, Y: 600}})["corrected.jpg"]
	p := imagetest.LeftEye.Middle(800, 600)
	if c := at(corrected, p.X-2, p.Y); int(c.R)-int(max(c.G, c.B)) > 25 {
		t.Errorf("a pupil is %v", c)
	}
	alike(t, "corrected.jpg", portrait(), corrected)

	folder, made = do("whiten_teeth", nil)
	white := sizes(t, folder, made, map[string]goimage.Point{"whitened.jpg": {X: 800, Y: 600}})["whitened.jpg"]
	r, _, b := mean(white, imagetest.Teeth)
	r0, _, b0 := mean(portrait(), imagetest.Teeth)
	if r-b > 0.65*(r0-b0) {
		t.Errorf("teeth were yellow by %.0f and are by %.0f", r0-b0, r-b)
	}

	folder, made = do("crop", nil)
	crop := sizes(t, folder, made, map[string]goimage.Point{"cropped.jpg": {X: 320, Y: 480}, "thumbnail.jpg": {X: 160, Y: 160}})
	alike(t, "cropped.jpg", portrait().SubImage(goimage.Rect(240, 60, 560, 540)), crop["cropped.jpg"])

	folder, made = do("card", map[string]string{"greeting": "Greetings from <the hills> & far away"})
	card := sizes(t, folder, made, map[string]goimage.Point{"card.jpg": {X: 1500, Y: 1000}, "preview.webp": {X: 300, Y: 200}})
	alike(t, "preview.webp", card["card.jpg"], card["preview.webp"])
	text := imagetest.Place{X: 0.25, Y: 0.88, Width: 0.5, Height: 0.06}
	if a, b := light(portrait(), text), light(card["card.jpg"], text); b < a+10 {
		t.Errorf("the card has no greeting: %.0f, then %.0f", a, b)
	}

	folder, made = do("recolour", nil)
	moods := sizes(t, folder, made, map[string]goimage.Point{
		"grey.jpg": {X: 800, Y: 600}, "sepia.jpg": {X: 800, Y: 600}, "evening.jpg": {X: 800, Y: 600}, "shifted.jpg": {X: 800, Y: 600},
	})
	r, g, b := mean(moods["grey.jpg"], imagetest.Sky)
	if max(r, g, b)-min(r, g, b) > 2 {
		t.Errorf("grey is %.0f %.0f %.0f", r, g, b)
	}
	if r, _, b := mean(moods["sepia.jpg"], imagetest.Sky); r < b+20 {
		t.Errorf("sepia is %.0f, blue %.0f", r, b)
	}
	alike(t, "grey.jpg", portrait(), moods["grey.jpg"])
}
