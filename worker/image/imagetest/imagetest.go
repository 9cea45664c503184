// Package imagetest draws a photograph for tests, benchmarks and the pictures of the
// documentation: a portrait taken with a flash before a landscape, with red pupils and
// yellow teeth, and with as much fine detail as photographs have, so that it compresses
// as they do. The same size is the same picture.
package imagetest

import (
	"image"
	"math"
	"sync"
)

// Place is a part of the picture, in shares of its width and height.
type Place struct{ X, Y, Width, Height float64 }

// Middle is the pixel in its middle.
func (p Place) Middle(w, h int) image.Point {
	return image.Pt(int((p.X+p.Width/2)*float64(w)), int((p.Y+p.Height/2)*float64(h)))
}

// What is where. The eyes and the mouth are a little larger than what they hold.
var (
	LeftEye  = Place{0.43, 0.38, 0.06, 0.08}
	RightEye = Place{0.51, 0.38, 0.06, 0.08}
	Mouth    = Place{0.43, 0.56, 0.14, 0.12}
	Teeth    = Place{0.47, 0.61, 0.06, 0.02}
	Lip      = Place{0.49, 0.652, 0.02, 0.008}
	Cheek    = Place{0.41, 0.5, 0.03, 0.04}
	Forehead = Place{0.47, 0.27, 0.06, 0.06}
	Sky      = Place{0.05, 0.05, 0.1, 0.1}
)

type rgb [3]float64

func (c rgb) towards(d rgb, by float64) rgb {
	by = math.Min(math.Max(by, 0), 1)
	for i := range c {
		c[i] += by * (d[i] - c[i])
	}
	return c
}

// Portrait draws it in that size.
func Portrait(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	unit := math.Min(float64(w)*3/4, float64(h)) // things are round at 4:3 and fit otherwise
	edge := 1.5 / unit
	var lines sync.WaitGroup
	for y := range h {
		lines.Go(func() { line(img, y, w, h, edge) })
	}
	lines.Wait()
	return img
}

func line(img *image.RGBA, y, w, h int, edge float64) {
	for x := range w {
		u, v := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
		c := scene(u, v, edge)
		grain := (noise(float64(x)/1.5, float64(y)/1.5) - 0.5) * 9
		i := img.PixOffset(x, y)
		for k := range 3 {
			img.Pix[i+k] = uint8(math.Min(math.Max(c[k]+grain, 0), 255))
		}
		img.Pix[i+3] = 255
	}
}

func scene(u, v, edge float64) rgb {
	c := landscape(u, v)
	on := func(in float64, of func() rgb) {
		if by := 0.5 + in/edge; by > 0 {
			c = c.towards(of(), by)
		}
	}
	plain := func(c rgb) func() rgb { return func() rgb { return c } }
	on(oval(u, v, 0.5, 0.72, 0.05, 0.14), plain(rgb{196, 146, 116})) // neck
	on(oval(u, v, 0.5, 1.12, 0.26, 0.36), func() rgb {               // coat
		return rgb{52, 62, 92}.towards(rgb{80, 92, 130}, fractal(u*60, v*60, 4))
	})
	on(oval(u, v, 0.5, 0.43, 0.15, 0.27), func() rgb { // hair
		return rgb{60, 42, 30}.towards(rgb{110, 80, 52}, fractal(u*90, v*14, 4))
	})
	on(oval(u, v, 0.5, 0.48, 0.115, 0.225), func() rgb {
		skin := rgb{214, 164, 132}.towards(rgb{236, 190, 160}, fractal(u*25, v*25, 5))
		return skin.towards(rgb{170, 120, 96}, 1.6*math.Abs(u-0.5))
	})
	for _, x := range []float64{0.46, 0.54} { // white, iris, pupil, glint
		on(oval(u, v, x, 0.42, 0.022, 0.02), plain(rgb{232, 228, 224}))
		on(oval(u, v, x, 0.42, 0.0135, 0.018), plain(rgb{84, 66, 52}))
		on(oval(u, v, x, 0.42, 0.0095, 0.0127), plain(rgb{206, 40, 46}))
		on(oval(u, v, x+0.003, 0.414, 0.002, 0.0027), plain(rgb{252, 250, 250}))
	}
	on(oval(u, v, 0.5, 0.62, 0.05, 0.042), func() rgb { // lips
		return rgb{176, 78, 84}.towards(rgb{196, 96, 100}, fractal(u*200, v*60, 3))
	})
	on(oval(u, v, 0.5, 0.62, 0.042, 0.026), func() rgb { // teeth
		tooth := math.Abs(math.Mod(u*80, 1) - 0.5)
		return rgb{214, 200, 150}.towards(rgb{170, 150, 110}, 3*(tooth-0.42))
	})
	return c
}

// oval is by how much a point lies within an ellipse, in shares of the picture's height.
func oval(u, v, x, y, rx, ry float64) float64 {
	return (1 - math.Hypot((u-x)/rx, (v-y)/ry)) * ry
}

func landscape(u, v float64) rgb {
	if v < 0.42 || v < 0.5+0.16*(fractal(u*3, 7, 5)-0.5) {
		sky := rgb{86, 140, 206}.towards(rgb{208, 224, 238}, v*1.6)
		return sky.towards(rgb{250, 250, 252}, 2.2*fractal(u*5, v*9, 6)-1.1)
	}
	meadow := 0.68 + 0.1*(fractal(u*2, 3, 4)-0.5)
	if v < meadow {
		rock := rgb{92, 104, 96}.towards(rgb{150, 160, 150}, fractal(u*40, v*40, 6))
		return rock.towards(rgb{190, 205, 222}, 1.5*(meadow-v))
	}
	return rgb{44, 78, 30}.towards(rgb{150, 170, 74}, fractal(u*110, v*190, 7)*1.5-0.3)
}

// fractal is noise of several octaves, 0 to 1.
func fractal(x, y float64, octaves int) (sum float64) {
	size, all := 1.0, 0.0
	for range octaves {
		sum, all = sum+size*noise(x, y), all+size
		x, y, size = 2*x+17, 2*y+31, size*0.55
	}
	return sum / all
}

// noise is smooth between random values at whole numbers.
func noise(x, y float64) float64 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := x-x0, y-y0
	fx, fy = fx*fx*(3-2*fx), fy*fy*(3-2*fy)
	i, j := int32(x0), int32(y0)
	top := at(i, j) + fx*(at(i+1, j)-at(i, j))
	low := at(i, j+1) + fx*(at(i+1, j+1)-at(i, j+1))
	return top + fy*(low-top)
}

func at(x, y int32) float64 {
	n := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77
	n ^= n >> 15
	n *= 0x2c1b3c6d
	n ^= n >> 12
	n *= 0x297a2d39
	n ^= n >> 15
	return float64(n) / math.MaxUint32
}
