package imagetest

import (
	"image"
	"math/bits"
)

// even is what a flat place's lightness may differ by from the next one's, of 255.
const even = 1

// Hash is a perceptual hash: of each of 8 × 8 places, whether it is lighter than the one
// to the right of it. Pictures that look alike have hashes alike, whatever their size,
// format and quality. https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
func Hash(img image.Image) (hash uint64) {
	for y := range 8 {
		for x := range 8 {
			hash <<= 1
			if light(img, x, y) > light(img, x+1, y)+even {
				hash |= 1
			}
		}
	}
	return hash
}

// Distance is how many of 64 bits differ: 0 to 6 look alike, strangers differ in 32 or so.
func Distance(a, b image.Image) int { return bits.OnesCount64(Hash(a) ^ Hash(b)) }

// light is the mean lightness of one of 9 × 8 places.
func light(img image.Image, x, y int) (sum float64) {
	r := img.Bounds()
	x0, x1 := r.Min.X+x*r.Dx()/9, r.Min.X+(x+1)*r.Dx()/9
	y0, y1 := r.Min.Y+y*r.Dy()/8, r.Min.Y+(y+1)*r.Dy()/8
	n := 0.0
	for v := y0; v < max(y1, y0+1); v++ {
		for u := x0; u < max(x1, x0+1); u++ {
			r, g, b := colour(img, u, v)
			sum, n = sum+0.299*r+0.587*g+0.114*b, n+1
		}
	}
	return sum / n
}

// colour is a pixel's, 0 to 255, without a detour for the kinds that tests have.
func colour(img image.Image, x, y int) (r, g, b float64) {
	var p []uint8
	switch i := img.(type) {
	case *image.NRGBA:
		p = i.Pix[i.PixOffset(x, y):]
	case *image.RGBA:
		p = i.Pix[i.PixOffset(x, y):]
	default:
		r, g, b, _ := img.At(x, y).RGBA()
		return float64(r >> 8), float64(g >> 8), float64(b >> 8)
	}
	return float64(p[0]), float64(p[1]), float64(p[2])
}
