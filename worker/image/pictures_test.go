package image_test

import (
	"flag"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"skynet/worker/image/imagetest"
)

var drawAnew = flag.Bool("update-pictures", false, "make the pictures of docs/recipes.md anew")

// shown is the steps whose effect docs/recipes.md shows, on the test portrait.
var shown = []struct{ name, steps string }{
	{"before", "{do: orient}"},
	{"resize-cover", "{do: resize, width: 300, height: 300, fit: cover}"},
	{"crop-interesting", "{do: crop, width: 300, height: 300, position: interesting}"},
	{"rotate", "{do: rotate, degrees: 8}"},
	{"watermark", `{do: watermark, text: "© Ada", width: 40%, opacity: 70%}`},
	{"watermark-tiled", `{do: watermark, text: PROOF, width: 20%, tiled: true}`},
	{"red-eye", "{do: red_eye, x: 43%, y: 38%, width: 6%, height: 8%}, {do: red_eye, x: 51%, y: 38%, width: 6%, height: 8%}"},
	{"whiten", "{do: whiten, x: 43%, y: 56%, width: 14%, height: 12%, strength: 80%}"},
	{"sharpen", "{do: sharpen, amount: 3}"},
	{"grey", "{do: grey}"},
	{"sepia", "{do: sepia}"},
	{"hue", "{do: recolour, hue: 90}"},
	{"tint", `{do: recolour, tint: "#ff9040"}`},
	{"adjust", "{do: adjust, brightness: 110%, contrast: 130%, saturation: 140%}"},
}

// closer shows faces, where the step changes nothing else.
var closer = map[string]string{
	"red-eye": "{do: crop, region: {x: 35%, y: 25%, width: 30%, height: 30%}}, ",
	"whiten":  "{do: crop, region: {x: 35%, y: 45%, width: 30%, height: 30%}}, ",
	"sharpen": "{do: crop, region: {x: 35%, y: 25%, width: 30%, height: 30%}}, ",
}

// TestPictures makes the pictures of docs/recipes.md again, and wants them to look like
// those that are there.
func TestPictures(t *testing.T) {
	const docs, across = "../../docs", 3
	photo := asPNG(t, imagetest.Portrait(800, 600))
	var b strings.Builder
	b.WriteString("\n" + strings.Repeat("| ", across) + "|\n" + strings.Repeat("|---", across) + "|\n")
	for i, s := range shown {
		list := outputs(t, "      - {name: out.jpg, image: ["+s.steps+", "+closer[s.name]+"{do: resize, height: 210}, {do: convert, quality: 80}]}\n")
		folder, _, err := workOn(t, photo, list)
		if err != nil {
			t.Fatal(err)
		}
		name := "pictures/recipe-" + s.name + ".jpg"
		fmt.Fprintf(&b, "| ![](%s)<br>`%s` ", name, strings.ReplaceAll(strings.ReplaceAll(s.steps, "}, {", "}`, `{"), "|", "\\|"))
		if i%across == across-1 || i == len(shown)-1 {
			b.WriteString("|\n")
		}
		keep(t, filepath.Join(folder, "out.jpg"), filepath.Join(docs, name))
	}
	section(t, filepath.Join(docs, "recipes.md"), "<!-- pictures -->"+b.String()+"<!-- end -->")
}

// keep compares a picture with the one in the documentation, or takes its place.
func keep(t *testing.T, made, kept string) {
	t.Helper()
	if *drawAnew {
		data, err := os.ReadFile(made)
		if err == nil {
			err = os.WriteFile(kept, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	there, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if like := psnr(there, look(t, made)); like < 22 { // other fonts draw other letters
		t.Errorf("%s has come out otherwise (%.1f dB): go test ./worker/image -run TestPictures -update-pictures", kept, like)
	}
}

var picturesOf = regexp.MustCompile(`(?s)<!-- pictures -->\n.*?<!-- end -->`)

func section(t *testing.T, page, text string) {
	t.Helper()
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	made := picturesOf.ReplaceAllLiteralString(string(old), text)
	switch {
	case made == string(old) && strings.Contains(made, text):
	case *drawAnew:
		if err := os.WriteFile(page, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the pictures of the page are stale: go test ./worker/image -run TestPictures -update-pictures")
	}
}
