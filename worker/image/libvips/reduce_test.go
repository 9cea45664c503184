package libvips

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Our own code resamples as libvips does, but for roundings.
func TestFasterIsTheSame(t *testing.T) {
	if err := Start(); err != nil {
		t.Fatal(err)
	}
	was := Faster
	defer func() { Faster = was }()
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(64, 400).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height")
		to := rapid.IntRange(w/4+1, w-1).Draw(t, "to width")
		down := rapid.IntRange((h+1)/2, h).Draw(t, "to height")
		pix := make([]byte, w*h*3)
		step := rapid.IntRange(1, 40).Draw(t, "step")
		for i := range pix {
			pix[i] = byte(128 + 100*math.Sin(float64(i)/float64(step)))
		}
		resized := func(faster bool) []byte {
			Faster = faster
			img, err := FromPixels(pix, w, h, 3)
			if err != nil {
				t.Fatal(err)
			}
			defer img.Close()
			if err := img.Resize(to, down); err != nil {
				t.Fatal(err)
			}
			if img.Width() != to || img.Height() != down {
				t.Fatalf("is %d × %d", img.Width(), img.Height())
			}
			p, err := img.Pixels()
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		a, b := resized(true), resized(false)
		most, sum := 0.0, 0.0
		for i := range a {
			d := math.Abs(float64(a[i]) - float64(b[i]))
			most, sum = math.Max(most, d), sum+d
		}
		if most > 6 || sum/float64(len(a)) > 1 {
			t.Fatalf("%d × %d to %d × %d: by %g at most, %g in the mean", w, h, to, down, most, sum/float64(len(a)))
		}
	})
}

// A flat area stays flat to its edges.
func TestFlatStaysFlat(t *testing.T) {
	if err := Start(); err != nil {
		t.Fatal(err)
	}
	for v := range 256 {
		pix := make([]byte, 100*4*3)
		for i := range pix {
			pix[i] = byte(v)
		}
		img, err := FromPixels(pix, 100, 4, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := img.Resize(37, 4); err != nil {
			t.Fatal(err)
		}
		got, err := img.Pixels()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			if int(g) != v {
				t.Fatalf("%d has become %d", v, g)
			}
		}
		img.Close()
	}
}
