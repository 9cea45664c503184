package image

import (
	"testing"

	"pgregory.net/rapid"

	"skynet/config/strict"
	"skynet/worker/recipe"
)

func TestResized(t *testing.T) {
	for _, c := range []struct {
		x        recipe.Resize
		from     size
		to, stay size
	}{
		{recipe.Resize{Width: 1024, Height: 1024, Fit: "fit"}, size{4000, 3000}, size{1024, 768}, size{1024, 768}},
		{recipe.Resize{Width: 1024, Fit: "fit"}, size{3000, 4000}, size{1024, 1365}, size{1024, 1365}},
		{recipe.Resize{Height: 100, Fit: "fit"}, size{8200, 300}, size{2733, 100}, size{2733, 100}},
		{recipe.Resize{Width: 1024, Fit: "fit"}, size{500, 400}, size{500, 400}, size{500, 400}},
		{recipe.Resize{Width: 1000, Fit: "fit", Enlarge: true}, size{500, 400}, size{1000, 800}, size{1000, 800}},
		{recipe.Resize{Width: 300, Height: 300, Fit: "fill"}, size{4000, 3000}, size{300, 300}, size{300, 300}},
		{recipe.Resize{Width: 300, Height: 300, Fit: "fill"}, size{200, 3000}, size{200, 300}, size{200, 300}},
		{recipe.Resize{Width: 300, Height: 300, Fit: "cover"}, size{4000, 3000}, size{400, 300}, size{300, 300}},
		{recipe.Resize{Width: 300, Height: 300, Fit: "cover"}, size{400, 200}, size{400, 200}, size{300, 200}},
		{recipe.Resize{Width: 300, Height: 300, Fit: "cover", Enlarge: true}, size{100, 50}, size{600, 300}, size{300, 300}},
		{recipe.Resize{Width: 10, Height: 10, Fit: "fit"}, size{16000, 1}, size{10, 1}, size{10, 1}},
	} {
		if to, stay := resized(&c.x, c.from); to != c.to || stay != c.stay {
			t.Errorf("%+v of %v: %v, %v; want %v, %v", c.x, c.from, to, stay, c.to, c.stay)
		}
	}
}

func TestPlaced(t *testing.T) {
	for _, c := range []struct {
		position string
		want, of size
		margin   int
		box      box
	}{
		{"centre", size{10, 20}, size{100, 100}, 5, box{45, 40, 10, 20}},
		{"north_west", size{10, 20}, size{100, 100}, 5, box{5, 5, 10, 20}},
		{"south_east", size{10, 20}, size{100, 100}, 5, box{85, 75, 10, 20}},
		{"north", size{10, 20}, size{100, 100}, 5, box{45, 5, 10, 20}},
		{"east", size{98, 20}, size{100, 100}, 5, box{0, 40, 98, 20}},
		{"west", size{98, 20}, size{100, 100}, 5, box{2, 40, 98, 20}},
		{"south", size{200, 200}, size{100, 100}, 0, box{0, 0, 100, 100}},
	} {
		if b := placed(c.position, c.want, c.of, c.margin); b != c.box {
			t.Errorf("%s of %v: %v, want %v", c.position, c.of, b, c.box)
		}
	}
}

func anySize(t *rapid.T, name string) size {
	return size{rapid.IntRange(1, 20000).Draw(t, name+" width"), rapid.IntRange(1, 20000).Draw(t, name+" height")}
}

func anyResize(t *rapid.T) *recipe.Resize {
	x := &recipe.Resize{Fit: rapid.SampledFrom([]string{"fit", "fill", "cover"}).Draw(t, "fit"), Enlarge: rapid.Bool().Draw(t, "enlarge")}
	x.Width, x.Height = rapid.IntRange(1, 16384).Draw(t, "to width"), rapid.IntRange(1, 16384).Draw(t, "to height")
	if x.Fit == "fit" && rapid.Bool().Draw(t, "one side") {
		x.Height = 0
	}
	return x
}

// What stays fits into what was asked for, is never empty, and grows only if it may.
func TestResizedKeepsWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, x := anySize(t, "from"), anyResize(t)
		to, stay := resized(x, from)
		if stay.w < 1 || stay.h < 1 || stay.w > to.w || stay.h > to.h {
			t.Fatalf("%v of %v stays", stay, to)
		}
		if stay.w > x.Width || x.Height > 0 && stay.h > x.Height {
			t.Fatalf("%v is more than %+v", stay, x)
		}
		if !x.Enlarge && (to.w > from.w || to.h > from.h) {
			t.Fatalf("%v was enlarged to %v", from, to)
		}
	})
}

// A part lies in the picture, wherever it is said to be.
func TestPartsLieInside(t *testing.T) {
	positions := []string{"centre", "north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west"}
	rapid.Check(t, func(t *rapid.T) {
		of := anySize(t, "of")
		b := placed(rapid.SampledFrom(positions).Draw(t, "position"), anySize(t, "want"), of, rapid.IntRange(0, 30000).Draw(t, "margin"))
		x, y := rapid.Float64Range(0, 100).Draw(t, "x"), rapid.Float64Range(0, 100).Draw(t, "y")
		w, h := rapid.Float64Range(0, 100-x).Draw(t, "width"), rapid.Float64Range(0, 100-y).Draw(t, "height")
		g := recipe.Region{X: strict.Percent(x), Y: strict.Percent(y), Width: strict.Percent(w), Height: strict.Percent(h)}
		for _, b := range []box{b, within(g, of)} {
			if b.x < 0 || b.y < 0 || b.w < 1 || b.h < 1 || b.x+b.w > of.w || b.y+b.h > of.h {
				t.Fatalf("%+v in %v", b, of)
			}
		}
	})
}

// Whatever the sizes, each rung is made once, of pixels that are spare enough.
func TestLadder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := anySize(t, "from")
		var nodes []*node
		for range rapid.IntRange(1, 12).Draw(t, "rungs") {
			nodes = append(nodes, &node{step: step{spec: anyResize(t)}})
		}
		seen := map[*node]bool{}
		var walk func(r *rung, above size)
		walk = func(r *rung, above size) {
			if seen[r.node] {
				t.Fatal("made twice")
			}
			seen[r.node] = true
			if above != from && (float64(above.w) < spare*float64(r.to.w) || float64(above.h) < spare*float64(r.to.h)) {
				t.Fatalf("%v is made of %v", r.to, above)
			}
			if len(r.finer) > 0 && !r.whole() {
				t.Fatalf("%d are made of %v of %v", len(r.finer), r.stays, r.to)
			}
			for _, f := range r.finer {
				walk(f, r.to)
			}
		}
		for _, r := range ladder(nodes, from) {
			walk(r, from)
		}
		if len(seen) != len(nodes) {
			t.Fatalf("%d of %d are made", len(seen), len(nodes))
		}
	})
}

func TestEnough(t *testing.T) {
	half := recipe.Region{Width: 50, Height: 50}
	fit := &recipe.Resize{Width: 1000, Fit: "fit"}
	for name, c := range map[string]struct {
		steps    []any
		sideways bool
		want     float64
	}{
		"a resize":               {[]any{&recipe.Orient{}, fit}, false, 0.25},
		"of one on its side":     {[]any{&recipe.Orient{}, fit}, true, 0.5},
		"of a part":              {[]any{&recipe.Crop{Region: &half}, fit}, false, 0.5},
		"no resize":              {[]any{&recipe.Grey{}}, false, 1},
		"a crop in px before it": {[]any{&recipe.Crop{Width: 9, Height: 9}, fit}, false, 1},
		"a mark before it":       {[]any{&recipe.Watermark{}, fit}, false, 1},
		"colours before it":      {[]any{toSRGB{}, &recipe.Sepia{}, fit}, false, 0.25},
	} {
		var steps []step
		for _, s := range c.steps {
			steps = append(steps, step{spec: s})
		}
		if got := enough(steps, size{4000, 2000}, c.sideways); got != c.want {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
}
