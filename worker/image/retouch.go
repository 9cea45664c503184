package image

import (
	"math"

	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// patch is a part of a picture in memory: bytes of red, green, blue, and alpha if there
// are four bands, line by line.
type patch struct {
	pix         []byte
	w, h, bands int
}

// remedy changes what a mask of 0 to 1 covers.
type remedy struct {
	covers func(r, g, b float64) float64 // how much of a colour is to be changed, 0 to 1
	change func(r, g, b float64) (float64, float64, float64)
}

// retouch applies a remedy within a region. The mask goes by colour; its edges are soft,
// and it fades towards those of the region, which is never seen itself.
func (m *making) retouch(f *frame, g recipe.Region, r remedy) error {
	if err := f.keep(m.work); err != nil {
		return err
	}
	b := within(g, size{f.img.Width(), f.img.Height()})
	part := f.img.Share()
	defer part.Close()
	if err := part.Crop(b.x, b.y, b.w, b.h); err != nil {
		return err
	}
	pix, err := part.Pixels()
	if err != nil {
		return err
	}
	p := patch{pix, b.w, b.h, part.Bands()}
	p.apply(r, p.mask(r.covers))
	done, err := libvips.FromPixels(p.pix, p.w, p.h, p.bands)
	if err != nil {
		return err
	}
	defer done.Close()
	return f.img.Insert(done, b.x, b.y)
}

// mask is how much of each pixel is to be changed.
func (p patch) mask(covers func(r, g, b float64) float64) []float32 {
	mask := make([]float32, p.w*p.h)
	for i := range mask {
		c := p.pix[i*p.bands:]
		mask[i] = float32(covers(float64(c[0]), float64(c[1]), float64(c[2])))
	}
	soft := max(1, min(p.w, p.h)/40)
	smooth(mask, p.w, p.h, soft)
	for y := range p.h {
		for x := range p.w {
			mask[y*p.w+x] *= float32(oval(x, p.w, y, p.h))
		}
	}
	return mask
}

// oval is 1 inside of what fits into the region, and falls to 0 at its edge.
func oval(x, w, y, h int) float64 {
	dx, dy := (2*float64(x)+1)/float64(w)-1, (2*float64(y)+1)/float64(h)-1
	return 1 - ramp(0.85, 1.05, math.Hypot(dx, dy))
}

func (p patch) apply(r remedy, mask []float32) {
	for i, m := range mask {
		if m <= 0 {
			continue
		}
		c := p.pix[i*p.bands : i*p.bands+3]
		r0, g0, b0 := float64(c[0]), float64(c[1]), float64(c[2])
		r1, g1, b1 := r.change(r0, g0, b0)
		for j, v := range [3]float64{r0 + float64(m)*(r1-r0), g0 + float64(m)*(g1-g0), b0 + float64(m)*(b1-b0)} {
			c[j] = byte(math.Round(min(max(v, 0), 255)))
		}
	}
}

// ramp rises smoothly from 0 at from to 1 at to.
func ramp(from, to, x float64) float64 {
	t := min(max((x-from)/(to-from), 0), 1)
	return t * t * (3 - 2*t)
}

// smooth is the mean over a square, twice, which has no corners left.
func smooth(mask []float32, w, h, radius int) {
	line := make([]float32, max(w, h))
	for range 2 {
		for y := range h {
			means(mask[y*w:], 1, w, radius, line)
		}
		for x := range w {
			means(mask[x:], w, h, radius, line)
		}
	}
}

// means puts the mean of its neighbours in the place of each of n values, step apart.
func means(values []float32, step, n, radius int, was []float32) {
	for i := range n {
		was[i] = values[i*step]
	}
	sum, count := 0.0, 0
	for i := -radius; i < n; i++ {
		if in := i + radius; in < n {
			sum, count = sum+float64(was[in]), count+1
		}
		if out := i - radius - 1; out >= 0 {
			sum, count = sum-float64(was[out]), count-1
		}
		if i >= 0 {
			values[i*step] = float32(max(sum, 0) / float64(count))
		}
	}
}

// calm takes the red out of pupils: where red is far above both others it becomes their
// mean, which leaves a dark pupil and its glint. Redness is (red − the larger of green and
// blue) ÷ red, after imageflow's search for red eyes; of a pupil lit by a flash it is 0.7
// or so, of skin of any shade and of lips less than 0.5.
// https://github.com/imazen/resizer (plugins/RedEye/algorithm.txt)
var calm = remedy{
	covers: func(r, g, b float64) float64 {
		if r <= 40 {
			return 0 // too dark to glow
		}
		return ramp(0.5, 0.62, (r-max(g, b))/r)
	},
	change: func(_, g, b float64) (float64, float64, float64) { return (g + b) / 2, g, b },
}

// bleach makes teeth whiter. Seen in CIELAB they are light, and yellow at most: measured
// hue angles of incisors, canines and molars lie at 80° to 100°
// (https://pmc.ncbi.nlm.nih.gov/articles/PMC4689248), where skin is redder, at 40° to 70°,
// and lips and gums more so. Their yellow goes by its strength, and they gain a little
// light, as more of it comes back from what does not swallow blue.
func bleach(strength float64) remedy {
	return remedy{
		covers: func(r, g, b float64) float64 {
			l, a, b2 := lab(r, g, b)
			chroma, hue := math.Hypot(a, b2), math.Atan2(b2, a)*180/math.Pi
			yellow := ramp(72, 80, hue) * (1 - ramp(110, 120, hue))
			pale := 1 - ramp(3, 6, chroma) // the hue of what is nearly grey means nothing
			return ramp(45, 58, l) * (1 - ramp(40, 50, chroma)) * max(yellow, pale)
		},
		change: func(r, g, b float64) (float64, float64, float64) {
			l, a, b2 := lab(r, g, b)
			return rgb(l+strength*0.12*(100-l)*min(1, math.Hypot(a, b2)/15), a*(1-0.5*strength), b2*(1-0.8*strength))
		},
	}
}

// lab converts from sRGB, 0 to 255, to CIELAB under D65; rgb is the way back.
// https://www.w3.org/TR/css-color-4/#color-conversion-code
func lab(r, g, b float64) (l, a, b2 float64) {
	r, g, b = linear(r/255), linear(g/255), linear(b/255)
	x := bend((0.4123908*r + 0.3575843*g + 0.1804808*b) / 0.9504559)
	y := bend(0.2126390*r + 0.7151687*g + 0.0721923*b)
	z := bend((0.0193308*r + 0.1191948*g + 0.9505322*b) / 1.0890578)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

func rgb(l, a, b2 float64) (r, g, b float64) {
	y := (l + 16) / 116
	x, z := unbend(y+a/500)*0.9504559, unbend(y-b2/200)*1.0890578
	y = unbend(y)
	return 255 * curved(3.2409699*x-1.5373832*y-0.4986108*z),
		255 * curved(-0.9692436*x+1.8759675*y+0.0415551*z),
		255 * curved(0.0556301*x-0.2039770*y+1.0569715*z)
}

func linear(c float64) float64 {
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

func curved(c float64) float64 {
	if c <= 0.0031308 {
		return 12.92 * max(c, 0)
	}
	return 1.055*math.Pow(c, 1/2.4) - 0.055
}

func bend(t float64) float64 {
	if t > 216.0/24389 {
		return math.Cbrt(t)
	}
	return (24389.0/27*t + 16) / 116
}

func unbend(t float64) float64 {
	if t > 6.0/29 {
		return t * t * t
	}
	return (116*t - 16) * 27 / 24389
}
