package image_test

import (
	"encoding/json"
	"fmt"
	goimage "image"
	"image/color"
	"image/draw"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davidbyttow/govips/v2/vips"

	"skynet/worker/image/imagetest"
	"skynet/worker/recipe"
)

// outputs reads the outputs of a recipe, as YAML.
func outputs(t testing.TB, yaml string) []recipe.Output {
	t.Helper()
	b, err := recipe.Read("test.yaml", []byte("recipes:\n  - name: test\n    inputs: [logo]\n    outputs:\n"+yaml))
	if err != nil {
		t.Fatal(err)
	}
	r, _ := b.Find("test")
	return r.Outputs
}

// portrait is the test portrait, 800 × 600, drawn once.
var portrait = sync.OnceValue(func() *goimage.RGBA { return imagetest.Portrait(800, 600) })

// workOn has the outputs made of a photo, and returns the folder and what was made.
func workOn(t testing.TB, photo []byte, list []recipe.Output, change ...func(*recipe.Job)) (string, []recipe.Made, error) {
	t.Helper()
	folder := t.TempDir()
	input := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(input, photo, 0o600); err != nil {
		t.Fatal(err)
	}
	job := recipe.Job{Outputs: list, Inputs: map[string]string{recipe.Main: input}, Folder: folder}
	for _, c := range change {
		c(&job)
	}
	made, err := newMaker(t).Work(t.Context(), job)
	return folder, made, err
}

// look decodes a picture by the other binding.
func look(t testing.TB, file string) goimage.Image {
	t.Helper()
	v, err := vips.NewImageFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	img, err := v.ToGoImage()
	if err != nil {
		t.Fatal(err)
	}
	plain := goimage.NewNRGBA(goimage.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(plain, plain.Rect, img, img.Bounds().Min, draw.Src)
	return plain
}

// made makes one output by steps and returns its picture.
func makeOne(t testing.TB, photo []byte, steps string, change ...func(*recipe.Job)) goimage.Image {
	t.Helper()
	folder, list, err := workOn(t, photo, outputs(t, "      - {name: out.png, image: ["+steps+"]}\n"), change...)
	if err != nil {
		t.Fatal(err)
	}
	img := look(t, filepath.Join(folder, "out.png"))
	if s := img.Bounds().Size(); list[0].Width != s.X || list[0].Height != s.Y || list[0].Type != "image/png" {
		t.Errorf("%+v is said of %v", list[0], s)
	}
	return img
}

// psnr compares two pictures, dB: from 40 on nobody tells them apart.
func psnr(a, b goimage.Image) float64 {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 0
	}
	sum, n := 0.0, 0.0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			c, d := at(a, x, y), at(b, x, y)
			for _, e := range []float64{float64(c.R) - float64(d.R), float64(c.G) - float64(d.G), float64(c.B) - float64(d.B)} {
				sum, n = sum+e*e, n+1
			}
		}
	}
	return 10 * math.Log10(255*255/math.Max(sum/n, 1e-6))
}

func at(img goimage.Image, x, y int) color.NRGBA {
	if n, ok := img.(*goimage.NRGBA); ok {
		return n.NRGBAAt(x, y)
	}
	return color.NRGBAModel.Convert(img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y)).(color.NRGBA)
}

// mean is the mean colour of a place.
func mean(img goimage.Image, p imagetest.Place) (r, g, b float64) {
	s := img.Bounds().Size()
	n := 0.0
	for y := int(p.Y * float64(s.Y)); y < int((p.Y+p.Height)*float64(s.Y)); y++ {
		for x := int(p.X * float64(s.X)); x < int((p.X+p.Width)*float64(s.X)); x++ {
			c := at(img, x, y)
			r, g, b, n = r+float64(c.R), g+float64(c.G), b+float64(c.B), n+1
		}
	}
	return r / n, g / n, b / n
}

func region(p imagetest.Place) string {
	return fmt.Sprintf("x: %g%%, y: %g%%, width: %g%%, height: %g%%", 100*p.X, 100*p.Y, 100*p.Width, 100*p.Height)
}

// What is made together is what each output would be by itself.
func TestTogetherAsByThemselves(t *testing.T) {
	list := `      - {name: 640.jpg, image: [{do: orient}, {do: resize, width: 640, height: 640}, {do: convert, quality: 95}]}
      - {name: 500.png, image: [{do: orient}, {do: resize, width: 500, height: 500}]}
      - {name: 400.png, image: [{do: orient}, {do: resize, width: 400, height: 400}]}
      - {name: 120.png, image: [{do: orient}, {do: resize, width: 120, height: 120}]}
      - {name: 75.png, image: [{do: orient}, {do: resize, width: 75, height: 75, fit: cover}]}
      - {name: 60.png, image: [{do: orient}, {do: resize, width: 60, height: 60, fit: fill}]}
      - {name: grey.png, image: [{do: orient}, {do: resize, width: 400, height: 400}, {do: grey}]}
      - {name: part.png, image: [{do: orient}, {do: crop, region: {x: 25%, y: 25%, width: 50%, height: 50%}}, {do: resize, width: 100}]}
      - {name: marked.png, image: [{do: orient}, {do: resize, width: 400, height: 400}, {do: watermark, text: mine}]}
      - {name: small.png, from: marked.png, image: [{do: resize, width: 130}]}
      - {name: sepia.png, from: 640.jpg, image: [{do: sepia}, {do: resize, height: 50}]}
      - {name: all.png, image: [{do: orient}]}
`
	// What is derived from another one is made from the source by both's steps.
	alone := map[string]string{
		"small.png": `      - {name: out.png, image: [{do: orient}, {do: resize, width: 400, height: 400}, {do: watermark, text: mine}, {do: resize, width: 130}]}`,
		"sepia.png": `      - {name: out.png, image: [{do: orient}, {do: resize, width: 640, height: 640}, {do: sepia}, {do: resize, height: 50}]}`,
	}
	photos := map[string][]byte{"jpeg": asJPEG(t, portrait()), "turned": turned(asJPEG(t, portrait()), 6), "png": asPNG(t, portrait())}
	for name, photo := range photos {
		t.Run(name, func(t *testing.T) {
			together, made, err := workOn(t, photo, outputs(t, list))
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range outputs(t, list) {
				one := []recipe.Output{o}
				if by, ok := alone[o.Name]; ok {
					one = outputs(t, by)
				}
				folder, _, err := workOn(t, photo, one)
				if err != nil {
					t.Fatal(err)
				}
				a, b := look(t, filepath.Join(together, o.Name)), look(t, filepath.Join(folder, one[0].Name))
				if like := psnr(a, b); like < 44 {
					t.Errorf("%s: %v together, %v by itself, %.1f dB apart", o.Name, a.Bounds().Max, b.Bounds().Max, like)
				} else {
					t.Logf("%s: %.1f dB", o.Name, like)
				}
				if s := a.Bounds().Size(); made[i].Name != o.Name || made[i].Width != s.X || made[i].Height != s.Y {
					t.Errorf("%+v is said of %v", made[i], s)
				}
			}
		})
	}
}

// With less memory than the shared pixels take, they are made again for each.
func TestLittleMemory(t *testing.T) {
	list := outputs(t, `      - {name: a.png, image: [{do: resize, width: 700}]}
      - {name: b.png, image: [{do: resize, width: 600}]}
      - {name: c.png, image: [{do: grey}, {do: resize, width: 500}]}
      - {name: d.png, image: [{do: grey}, {do: resize, width: 90}]}
      - {name: e.png, image: [{do: grey}, {do: resize, width: 400}]}
`)
	photo := asJPEG(t, portrait())
	plenty, _, err := workOn(t, photo, list)
	if err != nil {
		t.Fatal(err)
	}
	little, _, err := workOn(t, photo, list, func(j *recipe.Job) { j.Limits.Memory = 10_000 })
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		if like := psnr(look(t, filepath.Join(plenty, o.Name)), look(t, filepath.Join(little, o.Name))); like < 44 {
			t.Errorf("%s: %.1f dB apart", o.Name, like)
		}
	}
	_, _, err = workOn(t, photo, outputs(t, "      - {name: a.png, image: [{do: rotate, degrees: 5}]}\n"),
		func(j *recipe.Job) { j.Limits.Memory = 10_000 })
	if err == nil || !strings.Contains(err.Error(), "let a resize come first") {
		t.Error(err)
	}
}

func TestSizesOfSteps(t *testing.T) {
	photo := asJPEG(t, portrait())
	for steps, want := range map[string]goimage.Point{
		`{do: resize, width: 200}`:                                                                          goimage.Pt(200, 150),
		`{do: resize, height: 300}`:                                                                         goimage.Pt(400, 300),
		`{do: resize, width: 200, height: 200}`:                                                             goimage.Pt(200, 150),
		`{do: resize, width: 200, height: 200, fit: fill}`:                                                  goimage.Pt(200, 200),
		`{do: resize, width: 200, height: 200, fit: cover}`:                                                 goimage.Pt(200, 200),
		`{do: resize, width: 2000}`:                                                                         goimage.Pt(800, 600),
		`{do: resize, width: 1000, enlarge: true}`:                                                          goimage.Pt(1000, 750),
		`{do: crop, width: 300, height: 100}`:                                                               goimage.Pt(300, 100),
		`{do: crop, width: 3000, height: 100, position: north}`:                                             goimage.Pt(800, 100),
		`{do: crop, width: 200, height: 200, position: interesting}`:                                        goimage.Pt(200, 200),
		`{do: crop, region: {x: 10%, y: 10%, width: 50%, height: 25%}}`:                                     goimage.Pt(400, 150),
		`{do: crop, region: {x: 10%, y: 10%, width: 50%, height: 25%}}, {do: resize, width: 100}`:           goimage.Pt(100, 38),
		`{do: rotate, degrees: 90}`:                                                                         goimage.Pt(600, 800),
		`{do: rotate, degrees: -90}, {do: resize, width: 60}`:                                               goimage.Pt(60, 80),
		`{do: rotate, degrees: 360}`:                                                                        goimage.Pt(800, 600),
		`{do: resize, width: 400}, {do: crop, width: 100, height: 90}, {do: resize, width: 50, height: 50}`: goimage.Pt(50, 45),
	} {
		if got := makeOne(t, photo, steps).Bounds().Size(); got != want {
			t.Errorf("%s: %v, want %v", steps, got, want)
		}
	}
	skew := makeOne(t, photo, `{do: rotate, degrees: 45, background: "#00ff00"}`)
	if s := skew.Bounds().Size(); s.X < 980 || s.X > 1000 || s.Y < 980 || s.Y > 1000 {
		t.Errorf("turned by 45 degrees it is %v", s)
	}
	if c := at(skew, 2, 2); c != (color.NRGBA{0, 255, 0, 255}) {
		t.Errorf("a corner is %v", c)
	}
}

func TestWhereThingsGo(t *testing.T) {
	photo := asPNG(t, halves(400, 200)) // red is left
	for steps, want := range map[string]color.RGBA{
		`{do: rotate, degrees: 180}`:                                               blue, // at the left
		`{do: crop, width: 100, height: 100, position: west}`:                      red,
		`{do: crop, width: 100, height: 100, position: north_east}`:                blue,
		`{do: crop, region: {x: 60%, y: 0%, width: 40%, height: 100%}}`:            blue,
		`{do: orient}, {do: resize, width: 50, height: 50, fit: cover}`:            red,
		`{do: rotate, degrees: 90}, {do: rotate, degrees: -90}`:                    red,
		`{do: resize, width: 40}, {do: crop, width: 4, height: 4, position: east}`: blue,
	} {
		got := makeOne(t, photo, steps)
		wantColour(t, got, 0.2, 0.5, want, 3)
		if t.Failed() {
			t.Fatal(steps)
		}
	}
}

// The interesting part is where the face is, not the middle of the meadow.
func TestInteresting(t *testing.T) {
	wide := imagetest.Portrait(600, 450)
	canvas := goimage.NewRGBA(goimage.Rect(0, 0, 1600, 450))
	for i := range canvas.Pix {
		canvas.Pix[i] = 128
		if i%4 == 3 {
			canvas.Pix[i] = 255
		}
	}
	for y := range 450 {
		copy(canvas.Pix[y*canvas.Stride+4*1000:], wide.Pix[y*wide.Stride:][:4*600])
	}
	got := makeOne(t, asPNG(t, canvas), `{do: crop, width: 300, height: 450, position: interesting}`)
	if r, g, b := mean(got, imagetest.Place{Width: 1, Height: 1}); math.Abs(r-128)+math.Abs(g-128)+math.Abs(b-128) < 10 {
		t.Errorf("took the empty part: %.0f %.0f %.0f", r, g, b)
	}
}

func TestColours(t *testing.T) {
	one := func(c color.RGBA) []byte {
		img := goimage.NewRGBA(goimage.Rect(0, 0, 8, 8))
		for i := 0; i < len(img.Pix); i += 4 {
			copy(img.Pix[i:], []byte{c.R, c.G, c.B, 255})
		}
		return asPNG(t, img)
	}
	for _, c := range []struct {
		steps      string
		from, want color.RGBA
	}{
		{`{do: grey}`, color.RGBA{R: 255}, color.RGBA{R: 54, G: 54, B: 54}},
		{`{do: grey}`, color.RGBA{R: 100, G: 100, B: 100}, color.RGBA{R: 100, G: 100, B: 100}},
		{`{do: sepia}`, color.RGBA{R: 100, G: 100, B: 100}, color.RGBA{R: 135, G: 120, B: 94}},
		{`{do: sepia, strength: 0%}`, color.RGBA{R: 100, G: 50, B: 20}, color.RGBA{R: 100, G: 50, B: 20}},
		{`{do: recolour, hue: 0}`, color.RGBA{R: 100, G: 50, B: 20}, color.RGBA{R: 100, G: 50, B: 20}},
		{`{do: recolour, hue: 120}`, color.RGBA{R: 200}, color.RGBA{G: 89}},
		{`{do: recolour, tint: "#ff8000", strength: 100%}`, color.RGBA{R: 255, G: 255, B: 255}, color.RGBA{R: 255, G: 128}},
		{`{do: recolour, tint: "#ff8000"}`, color.RGBA{R: 100, G: 100, B: 100}, color.RGBA{R: 100, G: 75, B: 50}},
		{`{do: adjust, brightness: 150%}`, color.RGBA{R: 100, G: 50, B: 200}, color.RGBA{R: 150, G: 75, B: 255}},
		{`{do: adjust, contrast: 200%}`, color.RGBA{R: 100, G: 128, B: 200}, color.RGBA{R: 73, G: 129, B: 255}},
		{`{do: adjust, contrast: 0%}`, color.RGBA{R: 100, G: 128, B: 200}, color.RGBA{R: 128, G: 128, B: 128}},
		{`{do: adjust, saturation: 0%}`, color.RGBA{G: 255}, color.RGBA{R: 182, G: 182, B: 182}},
		{`{do: adjust, saturation: 200%}`, color.RGBA{R: 100, G: 110, B: 100}, color.RGBA{R: 93, G: 113, B: 93}},
		{`{do: adjust, brightness: 50%, contrast: 100%}, {do: grey}`, color.RGBA{R: 200, G: 200, B: 200}, color.RGBA{R: 100, G: 100, B: 100}},
	} {
		got := at(makeOne(t, one(c.from), c.steps), 4, 4)
		for _, d := range []int{int(got.R) - int(c.want.R), int(got.G) - int(c.want.G), int(got.B) - int(c.want.B)} {
			if d < -1 || d > 1 {
				t.Errorf("%s of %v: %v, want %v", c.steps, c.from, got, c.want)
				break
			}
		}
	}
}

// Pupils lose their red; skin, lips and what lies outside stay as they are.
func TestRedEye(t *testing.T) {
	was := makeOne(t, asPNG(t, portrait()), "")
	is := makeOne(t, asPNG(t, portrait()), "{do: red_eye, "+region(imagetest.LeftEye)+"}, {do: red_eye, "+region(imagetest.RightEye)+"}")
	for _, eye := range []imagetest.Place{imagetest.LeftEye, imagetest.RightEye} {
		p := eye.Middle(800, 600)
		if c := at(was, p.X-2, p.Y); int(c.R)-int(c.G) < 100 {
			t.Fatalf("the test portrait's pupil is %v", c)
		}
		if c := at(is, p.X-2, p.Y); int(c.R)-int(max(c.G, c.B)) > 12 {
			t.Errorf("a pupil is still %v", c)
		}
	}
	same(t, was, is, imagetest.Forehead, imagetest.Cheek, imagetest.Mouth, imagetest.Sky)
	face := imagetest.Place{X: 0.4, Y: 0.25, Width: 0.2, Height: 0.45}
	same(t, was, makeOne(t, asPNG(t, portrait()), "{do: red_eye, x: 40%, y: 50%, width: 20%, height: 20%}"), face)
}

// Teeth get whiter; lips and skin within the region stay.
func TestWhiten(t *testing.T) {
	was := makeOne(t, asPNG(t, portrait()), "")
	is := makeOne(t, asPNG(t, portrait()), "{do: whiten, "+region(imagetest.Mouth)+"}")
	yellow := func(img goimage.Image) float64 {
		r, g, b := mean(img, imagetest.Teeth)
		return (r+g)/2 - b
	}
	if a, b := yellow(was), yellow(is); b > 0.65*a || b < 0 {
		t.Errorf("teeth were yellow by %.0f and are by %.0f", a, b)
	}
	if a, b := light(was, imagetest.Teeth), light(is, imagetest.Teeth); b < a {
		t.Errorf("teeth have become darker: %.0f, then %.0f", a, b)
	}
	same(t, was, is, imagetest.Lip, imagetest.Cheek, imagetest.Forehead)
	same(t, was, makeOne(t, asPNG(t, portrait()), "{do: whiten, x: 41%, y: 45%, width: 6%, height: 10%}"), imagetest.Cheek, imagetest.Mouth)
}

func light(img goimage.Image, p imagetest.Place) float64 {
	r, g, b := mean(img, p)
	return 0.2126*r + 0.7152*g + 0.0722*b
}

// same wants places to look as they did.
func same(t *testing.T, was, is goimage.Image, places ...imagetest.Place) {
	t.Helper()
	for _, p := range places {
		r0, g0, b0 := mean(was, p)
		r1, g1, b1 := mean(is, p)
		if d := math.Abs(r0-r1) + math.Abs(g0-g1) + math.Abs(b0-b1); d > 3 {
			t.Errorf("%+v has changed by %.1f: %.0f %.0f %.0f, then %.0f %.0f %.0f", p, d, r0, g0, b0, r1, g1, b1)
		}
	}
}

// logo is a green square with a hole.
func logo(t testing.TB) string {
	img := goimage.NewNRGBA(goimage.Rect(0, 0, 100, 100))
	for y := range 100 {
		for x := range 100 {
			if x < 30 || x >= 70 || y < 30 || y >= 70 {
				img.Set(x, y, color.NRGBA{0, 255, 0, 255})
			}
		}
	}
	file := filepath.Join(t.TempDir(), "logo")
	if err := os.WriteFile(file, asPNG(t.(*testing.T), img), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWatermarkOfAPicture(t *testing.T) {
	grey := goimage.NewRGBA(goimage.Rect(0, 0, 400, 200))
	for i := range grey.Pix {
		grey.Pix[i] = 100
		if i%4 == 3 {
			grey.Pix[i] = 255
		}
	}
	with := func(j *recipe.Job) { j.Inputs["logo"] = logo(t) }
	img := makeOne(t, asPNG(t, grey), `{do: watermark, image: logo, width: 20%, margin: 5%, opacity: 50%, position: north_west}`, with)
	for _, c := range []struct {
		x, y int
		want color.NRGBA
	}{
		{25, 25, color.NRGBA{50, 178, 50, 255}},   // half green
		{60, 60, color.NRGBA{100, 100, 100, 255}}, // in the hole
		{10, 10, color.NRGBA{100, 100, 100, 255}}, // the margin
		{98, 98, color.NRGBA{50, 178, 50, 255}},
		{110, 50, color.NRGBA{100, 100, 100, 255}},
		{390, 190, color.NRGBA{100, 100, 100, 255}},
	} {
		if got := at(img, c.x, c.y); math.Abs(float64(got.G)-float64(c.want.G)) > 3 || math.Abs(float64(got.R)-float64(c.want.R)) > 3 {
			t.Errorf("at %d, %d is %v, want %v", c.x, c.y, got, c.want)
		}
	}
	tiled := makeOne(t, asPNG(t, grey), `{do: watermark, image: logo, width: 10%, tiled: true, opacity: 100%}`, with)
	green := 0
	for y := range 200 {
		for x := range 400 {
			if at(tiled, x, y).G > 200 {
				green++
			}
		}
	}
	if green < 400*200/4 {
		t.Errorf("%d pixels are green", green)
	}
	if _, _, err := workOn(t, asPNG(t, grey), outputs(t, "      - {name: a.png, image: [{do: watermark, image: logo}]}\n")); err == nil ||
		err.Error() != "make a.png: watermark: there is no input logo" {
		t.Error(err)
	}
}

func TestWatermarkOfText(t *testing.T) {
	black := asPNG(t, goimage.NewGray(goimage.Rect(0, 0, 600, 400)))
	ink := func(steps string, values map[string]string) (n int, box goimage.Rectangle) {
		img := makeOne(t, black, steps, func(j *recipe.Job) { j.Values = values })
		for y := range 400 {
			for x := range 600 {
				if at(img, x, y).R > 60 {
					n++
					box = box.Union(goimage.Rect(x, y, x+1, y+1))
				}
			}
		}
		return n, box
	}
	n, box := ink(`{do: watermark, text: "© {owner}", width: 50%, margin: 10%, opacity: 100%}`, map[string]string{"owner": "Ada"})
	if n < 500 || box.Dx() < 250 || box.Dx() > 301 || box.Max.X < 520 || box.Max.X > 541 || box.Max.Y > 341 {
		t.Errorf("%d pixels of ink in %v", n, box)
	}
	// A stranger's value is text, whatever it looks like.
	small, _ := ink(`{do: watermark, text: "{owner}", width: 50%, opacity: 100%}`, map[string]string{"owner": `<span size="1">x & "y"`})
	if small < 300 {
		t.Errorf("%d pixels of ink", small)
	}
	if n, box := ink(`{do: watermark, text: "i\ni\ni\ni\ni\ni\ni\ni\ni\ni", width: 100%, opacity: 100%}`, nil); n == 0 || box.Dy() > 400 {
		t.Errorf("tall text: %d pixels of ink in %v", n, box)
	}
	for want, values := range map[string]map[string]string{
		"no value for {owner}": nil,
		"is empty":             {"owner": " \t"},
		"at most 500":          {"owner": strings.Repeat("x", 600)},
	} {
		_, _, err := workOn(t, black, outputs(t, "      - {name: a.png, image: [{do: watermark, text: \"{owner}\"}]}\n"), func(j *recipe.Job) { j.Values = values })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSharpen(t *testing.T) {
	steep := func(img goimage.Image) (most float64) {
		for x := 1; x < img.Bounds().Dx(); x++ {
			most = math.Max(most, math.Abs(float64(at(img, x, 10).R)-float64(at(img, x-1, 10).R)))
		}
		return most
	}
	photo := asPNG(t, portrait())
	soft, sharp := makeOne(t, photo, `{do: resize, width: 200}`), makeOne(t, photo, `{do: resize, width: 200}, {do: sharpen, amount: 2}`)
	if psnr(soft, sharp) > 60 || steep(sharp) < steep(soft) {
		t.Errorf("sharpening made no difference")
	}
}

func TestFormatsOfOutputs(t *testing.T) {
	list := outputs(t, `      - {name: a.jpg, image: [{do: resize, width: 200}]}
      - {name: progressive.jpeg, image: [{do: resize, width: 200}, {do: convert, progressive: true, quality: 60}]}
      - {name: a.png, image: [{do: resize, width: 200}, {do: convert, effort: 9}]}
      - {name: a.webp, image: [{do: resize, width: 200}]}
      - {name: lossless.webp, image: [{do: resize, width: 200}, {do: convert, lossless: true}]}
      - {name: sizes/deep/a.avif, image: [{do: resize, width: 200}, {do: convert, effort: 0}]}
`)
	folder, made, err := workOn(t, asJPEG(t, portrait()), list)
	if err != nil {
		t.Fatal(err)
	}
	magic := []string{"\xff\xd8\xff", "\xff\xd8\xff", "\x89PNG", "RIFF", "RIFF", "ftypavif"}
	types := []string{"image/jpeg", "image/jpeg", "image/png", "image/webp", "image/webp", "image/avif"}
	png := look(t, filepath.Join(folder, "a.png"))
	for i, one := range made {
		b, err := os.ReadFile(filepath.Join(folder, one.Name))
		if err != nil || !strings.Contains(string(b[:16]), magic[i]) || one.Type != types[i] || one.Width != 200 || one.Height != 150 {
			t.Errorf("%+v, %v, begins with %q", one, err, b[:min(len(b), 16)])
		}
		if like := psnr(png, look(t, filepath.Join(folder, one.Name))); like < 28 || strings.HasPrefix(one.Name, "lossless") && like < 60 {
			t.Errorf("%s is %.1f dB from the PNG", one.Name, like)
		}
	}
	left, _ := filepath.Glob(filepath.Join(folder, "*.part"))
	if len(left) > 0 {
		t.Error("left behind", left)
	}
}

// Transparency goes through what can hold it, and lies on the background elsewhere.
func TestTransparency(t *testing.T) {
	img := goimage.NewNRGBA(goimage.Rect(0, 0, 200, 100))
	for y := range 100 {
		for x := range 100 {
			img.Set(x, y, red)
		}
	}
	folder, _, err := workOn(t, asPNG(t, img), outputs(t, `      - {name: a.png, image: [{do: resize, width: 100}, {do: adjust, brightness: 90%}]}
      - {name: a.jpg, image: [{do: resize, width: 100}, {do: convert, background: "#0000ff"}]}
      - {name: of.png, from: a.jpg, image: [{do: resize, width: 50}]}
      - {name: marked.png, image: [{do: watermark, text: x}, {do: rotate, degrees: 90}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	png, of, marked := look(t, filepath.Join(folder, "a.png")), look(t, filepath.Join(folder, "of.png")), look(t, filepath.Join(folder, "marked.png"))
	if c := at(png, 90, 25); c.A != 0 {
		t.Errorf("was transparent, is %v", c)
	}
	if c := at(png, 20, 25); c.A != 255 || c.R < 170 {
		t.Errorf("was red, is %v", c)
	}
	for name, img := range map[string]goimage.Image{"a.jpg": look(t, filepath.Join(folder, "a.jpg")), "of.png": of} {
		if c := at(img, img.Bounds().Dx()-5, 10); c.A != 255 || c.B < 240 || c.R > 15 {
			t.Errorf("%s: on blue it is %v", name, c)
		}
	}
	if c := at(marked, 5, 195); c.A != 0 {
		t.Errorf("turned, it is %v", c)
	}
}

func TestJobsThatCannotBe(t *testing.T) {
	photo := asJPEG(t, halves(100, 100))
	var inline []recipe.Output
	if err := json.Unmarshal([]byte(`[{"Name":"a.gif"}]`), &inline); err != nil {
		t.Fatal(err)
	}
	inline[0].Image = []recipe.ImageStep{}
	if _, _, err := workOn(t, photo, inline); err == nil || !strings.Contains(err.Error(), "written as .jpg, .png, .webp or .avif") {
		t.Error(err)
	}
	large := outputs(t, "      - {name: a.jpg, image: [{do: resize, width: 16000, enlarge: true}]}\n")
	if _, _, err := workOn(t, photo, large); err == nil || err.Error() != "make a.jpg: 16000 × 16000 pixels: at most 100 million are allowed" {
		t.Error(err)
	}
	list := outputs(t, "      - {name: a.jpg, image: [{do: orient}]}\n")
	if _, _, err := workOn(t, photo, list, func(j *recipe.Job) { j.Limits.Pixels = 9999 }); err == nil ||
		err.Error() != "photo of 100 × 100 pixels: at most 0.009999 million are accepted" {
		t.Error(err)
	}
	if _, _, err := workOn(t, photo, list, func(j *recipe.Job) { j.Inputs = nil }); err == nil || err.Error() != "there is no input input" {
		t.Error(err)
	}
}
