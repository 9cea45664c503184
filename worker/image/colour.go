package image

import (
	"fmt"
	"math"

	"skynet/worker/recipe"
)

// matrix mixes red, green and blue anew.
type matrix [3][3]float64

var unchanged = matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// weights of red, green and blue in the luminance of sRGB, as CSS filters take them.
// https://www.w3.org/TR/filter-effects-1/#grayscaleEquivalent
var weights = [3]float64{0.2126, 0.7152, 0.0722}

// towards is the way from one matrix to another: 0 is the first, 1 the second, and more
// goes beyond.
func (m matrix) towards(o matrix, by float64) (r matrix) {
	for i := range r {
		for j := range r {
			r[i][j] = m[i][j] + by*(o[i][j]-m[i][j])
		}
	}
	return r
}

// times does m first, then o.
func (m matrix) times(o matrix) (r matrix) {
	for i := range r {
		for j := range r {
			for k := range r {
				r[i][j] += o[i][k] * m[k][j]
			}
		}
	}
	return r
}

// grey has each colour's luminance in all three; in shares of a colour, where white is 1.
func grey(c [3]float64) (m matrix) {
	for i := range m {
		for j := range m {
			m[i][j] = c[i] * weights[j]
		}
	}
	return m
}

var white = [3]float64{1, 1, 1}

// brown is CSS's sepia. https://www.w3.org/TR/filter-effects-1/#sepiaEquivalent
var brown = matrix{{0.393, 0.769, 0.189}, {0.349, 0.686, 0.168}, {0.272, 0.534, 0.131}}

// turned turns all hues and keeps the luminance.
// https://www.w3.org/TR/filter-effects-1/#huerotateEquivalent
func turned(degrees float64) matrix {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return matrix{
		{0.213 + cos*0.787 - sin*0.213, 0.715 - cos*0.715 - sin*0.715, 0.072 - cos*0.072 + sin*0.928},
		{0.213 - cos*0.213 + sin*0.143, 0.715 + cos*0.285 + sin*0.140, 0.072 - cos*0.072 - sin*0.283},
		{0.213 - cos*0.213 - sin*0.787, 0.715 - cos*0.715 + sin*0.715, 0.072 + cos*0.928 + sin*0.072},
	}
}

// mixture is what a step makes of colours: a matrix and a number that is added, for 0 to 255.
func mixture(spec any) (m matrix, add float64, err error) {
	switch x := spec.(type) {
	case *recipe.Grey:
		return grey(white), 0, nil
	case *recipe.Sepia:
		return unchanged.towards(brown, x.Strength.Fraction()), 0, nil
	case *recipe.Recolour:
		m = turned(x.Hue)
		if t := x.Tint; t != nil {
			tint := [3]float64{float64(t.R) / 255, float64(t.G) / 255, float64(t.B) / 255}
			m = m.towards(m.times(grey(tint)), x.Strength.Fraction())
		}
		return m, 0, nil
	case *recipe.Adjust:
		// https://www.w3.org/TR/filter-effects-1/#brightnessEquivalent and those after it
		m = grey(white).towards(unchanged, x.Saturation.Of())
		m = m.times(matrix{}.towards(unchanged, x.Brightness.Of()*x.Contrast.Of()))
		return m, 127.5 * (1 - x.Contrast.Of()), nil
	}
	return m, 0, fmt.Errorf("step %T is unknown here", spec)
}

// colour does a step that mixes colours; transparency stays.
func (f *frame) colour(spec any) error {
	m, add, err := mixture(spec)
	if err != nil {
		return err
	}
	flat, adds := []float64{}, []float64{}
	bands := f.img.Bands()
	for i := range bands {
		a := 0.0
		for j := range bands {
			v := 0.0
			switch {
			case i < 3 && j < 3:
				v, a = m[i][j], add
			case i == j:
				v = 1
			}
			flat = append(flat, v)
		}
		adds = append(adds, a)
	}
	return f.img.Mix(flat, adds)
}
