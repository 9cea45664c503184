package recipe

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"skynet/config/strict"
)

// ImageStep is one step on a picture: do names it, Spec is a pointer to what is
// read with it ([Resize], [Crop], …).
type ImageStep struct {
	Do   string
	Spec any
}

// Orient turns the picture upright as its metadata say. Without it the output's
// pixels lie as the source's do, and so does what is said of how to turn them.
type Orient struct{}

// Resize brings the picture to a size. Of width and height one may be left out.
type Resize struct {
	Width   int    `yaml:"width" strict:"min=1,max=16384" doc:"px"`
	Height  int    `yaml:"height" strict:"min=1,max=16384" doc:"px"`
	Fit     string `yaml:"fit" strict:"enum=fit|fill|cover" doc:"fit: as large as fits into both (fit); fill: exactly both, distorted; cover: covers both, what stands over is cut off from the middle"`
	Enlarge bool   `yaml:"enlarge" doc:"a smaller picture grows (false)"`
}

// Crop cuts a part out. In px, or where a region is given, in shares of the picture.
type Crop struct {
	Width    int     `yaml:"width" strict:"min=1,max=16384" doc:"px of the part"`
	Height   int     `yaml:"height" strict:"min=1,max=16384" doc:"px of the part"`
	Position string  `yaml:"position" strict:"enum=centre|north|north_east|east|south_east|south|south_west|west|north_west|interesting" doc:"where the part lies; interesting: where most is to be seen (centre)"`
	Region   *Region `yaml:"region" doc:"the part itself, instead of width and height"`
}

// Region is a part of the picture, in shares of its width and height as it is at
// that step: it fits whatever size the picture comes in.
type Region struct {
	X      strict.Percent `yaml:"x" strict:"required" doc:"left edge, from the left"`
	Y      strict.Percent `yaml:"y" strict:"required" doc:"upper edge, from above"`
	Width  strict.Percent `yaml:"width" strict:"required" doc:"its width"`
	Height strict.Percent `yaml:"height" strict:"required" doc:"its height"`
}

// Rotate turns the picture clockwise.
type Rotate struct {
	Degrees    float64 `yaml:"degrees" strict:"required,min=-360,max=360" doc:"clockwise"`
	Background *Colour `yaml:"background" doc:"what shows in the corners (#ffffff)"`
}

// Watermark lays a picture or a text over it.
type Watermark struct {
	Image    string         `yaml:"image" doc:"one of the item's inputs, an output before this one, or the URL of a picture in one of the worker's stores"`
	Text     string         `yaml:"text" doc:"text; the item's values are put in for {name}, as they are: they cannot change the font"`
	Font     string         `yaml:"font" doc:"font of the text, by the names of fontconfig (sans bold)"`
	Colour   *Colour        `yaml:"colour" doc:"colour of the text (#ffffff)"`
	Width    strict.Percent `yaml:"width" doc:"its width as a share of the picture's (25%)"`
	Position string         `yaml:"position" strict:"enum=centre|north|north_east|east|south_east|south|south_west|west|north_west" doc:"where it lies (south_east)"`
	Margin   strict.Percent `yaml:"margin" doc:"its distance from the edges, as a share of the picture's width (2%)"`
	Opacity  strict.Percent `yaml:"opacity" doc:"100% hides what is below (50%)"`
	Tiled    bool           `yaml:"tiled" doc:"all over the picture (false)"`
}

// Sharpen sharpens what was made smaller.
type Sharpen struct {
	Amount float64 `yaml:"amount" strict:"above=0,max=10" doc:"1 is usual after a resize (1)"`
}

// Grey takes the colours out.
type Grey struct{}

// Sepia makes it brown, as old prints are.
type Sepia struct {
	Strength strict.Percent `yaml:"strength" doc:"(100%)"`
}

// Recolour turns its colours, or tints it.
type Recolour struct {
	Hue      float64        `yaml:"hue" strict:"min=-180,max=180" doc:"by how many degrees all hues turn"`
	Tint     *Colour        `yaml:"tint" doc:"a colour that everything takes on"`
	Strength strict.Percent `yaml:"strength" doc:"of the tint (50%)"`
}

// Adjust changes brightness, contrast and saturation; 100% leaves them as they are.
type Adjust struct {
	Brightness Factor `yaml:"brightness" doc:"120% is brighter (100%)"`
	Contrast   Factor `yaml:"contrast" doc:"(100%)"`
	Saturation Factor `yaml:"saturation" doc:"0% is grey (100%)"`
}

// RedEye takes the red out of pupils within a region, and leaves skin alone.
type RedEye struct {
	Region `yaml:",inline"`
}

// Whiten makes teeth whiter within a region, and leaves lips and skin alone.
type Whiten struct {
	Region   `yaml:",inline"`
	Strength strict.Percent `yaml:"strength" doc:"(60%)"`
}

// Strip takes metadata out, all but what it is told to keep; it is the same wherever
// it stands. Without it nothing stays and colours are brought to sRGB, which every
// program shows alike.
type Strip struct {
	Keep []string `yaml:"keep" doc:"what stays: profile (colours stay in their own space, and it says which), copyright (artist and copyright), exif (camera and exposure, but not the place), all (the place, too, and XMP and IPTC) (nothing)"`
}

// Keeps reports whether a kind of metadata stays.
func (s *Strip) Keeps(what string) bool {
	return slices.Contains(s.Keep, what) || slices.Contains(s.Keep, "all")
}

// kept are the words of Keep.
var kept = []string{"profile", "copyright", "exif", "all"}

// Convert says how the output is written; it is the last step. Without it the name's
// extension says it.
type Convert struct {
	Format      string  `yaml:"format" strict:"enum=jpeg|png|webp|avif" doc:"must fit the name's extension (by it)"`
	Quality     int     `yaml:"quality" strict:"min=1,max=100" doc:"(jpeg 85, webp 80, avif 55)"`
	Lossless    bool    `yaml:"lossless" doc:"webp and avif without loss (false)"`
	Progressive bool    `yaml:"progressive" doc:"jpeg that sharpens as it loads; takes longer to make (false)"`
	Effort      int     `yaml:"effort" strict:"min=0,max=9" doc:"0 is fast, 9 is small (4)"`
	Background  *Colour `yaml:"background" doc:"what lies behind transparency where the format has none (#ffffff)"`
}

var imageSteps = steps{
	{"orient", func() any { return new(Orient) }},
	{"resize", func() any { return &Resize{Fit: "fit"} }},
	{"crop", func() any { return &Crop{Position: "centre"} }},
	{"rotate", func() any { return &Rotate{Background: white()} }},
	{"watermark", func() any {
		return &Watermark{Font: "sans bold", Colour: white(), Width: 25, Position: "south_east", Margin: 2, Opacity: 50}
	}},
	{"sharpen", func() any { return &Sharpen{Amount: 1} }},
	{"grey", func() any { return new(Grey) }},
	{"sepia", func() any { return &Sepia{Strength: 100} }},
	{"recolour", func() any { return &Recolour{Strength: 50} }},
	{"adjust", func() any { return &Adjust{Brightness: 100, Contrast: 100, Saturation: 100} }},
	{"red_eye", func() any { return new(RedEye) }},
	{"whiten", func() any { return &Whiten{Strength: 60} }},
	{"strip", func() any { return new(Strip) }},
	{"convert", func() any { return &Convert{Effort: 4, Background: white()} }},
}

// white is a new one each time: what is read goes into it.
func white() *Colour { return &Colour{255, 255, 255} }

// Variants and Variant tell config/strict what is read with each step.
func (s *ImageStep) Variants() (key string, known []string) { return "do", imageSteps.names() }

// Variant makes the step of that name with its defaults.
func (s *ImageStep) Variant(name string) any {
	s.Do, s.Spec = name, imageSteps.make(name)
	return s.Spec
}

// Validate wants something to resize to.
func (x *Resize) Validate(r *strict.Report) {
	switch {
	case !r.Sound("width", "height", "fit"):
	case x.Width == 0 && x.Height == 0:
		r.Bad("", nil, "has no size; give width, height or both")
	case (x.Width == 0 || x.Height == 0) && x.Fit != "fit":
		r.Bad("fit", x.Fit, "needs both width and height; give both, or take fit: fit")
	}
}

// Validate wants one way of saying which part.
func (c *Crop) Validate(r *strict.Report) {
	switch {
	case !r.Sound("width", "height", "region"):
	case c.Region != nil && (c.Width != 0 || c.Height != 0):
		r.Bad("region", nil, "cannot stand beside width and height; give one or the other")
	case c.Region != nil && r.Given("position"):
		r.Bad("position", c.Position, "has no meaning with a region, which lies where it says; leave it out")
	case c.Region == nil && (c.Width == 0 || c.Height == 0):
		r.Bad("", nil, "does not say which part; give width and height, or a region")
	}
}

// Validate wants a region that lies inside the picture.
func (g *Region) Validate(r *strict.Report) {
	for _, side := range []struct {
		from, size string
		at, is     strict.Percent
	}{{"x", "width", g.X, g.Width}, {"y", "height", g.Y, g.Height}} {
		switch {
		case !r.Sound(side.from, side.size) || !r.Given(side.size):
		case side.is == 0:
			r.Bad(side.size, side.is, "is no part of the picture; give more than 0%%")
		case side.at+side.is > 100:
			r.Bad(side.size, side.is, "reaches beyond the picture from %s %s; write at most %s", side.from, side.at, 100-side.at)
		}
	}
}

// longestText is in characters: longer ones are no watermark.
const longestText = 500

// Validate wants either a picture or a text.
func (w *Watermark) Validate(r *strict.Report) {
	switch {
	case !r.Sound("image", "text"):
	case (w.Image == "") == (w.Text == ""):
		r.Bad("", nil, "needs either an image or a text; give one of them")
	case utf8.RuneCountInString(w.Text) > longestText:
		r.Bad("text", nil, "has %d characters; write at most %d", utf8.RuneCountInString(w.Text), longestText)
	}
	for name, p := range map[string]strict.Percent{"width": w.Width, "opacity": w.Opacity} {
		if p == 0 && r.Sound(name) {
			r.Bad(name, p, "makes it invisible; give more than 0%%")
		}
	}
	if w.Margin >= 50 && r.Sound("margin") {
		r.Bad("margin", w.Margin, "leaves no room for the watermark; write less than 50%%")
	}
}

// Validate wants colours to be changed.
func (c *Recolour) Validate(r *strict.Report) {
	if !r.Given("hue") && !r.Given("tint") {
		r.Bad("", nil, "does not say how; give hue, tint or both")
	}
}

// Validate wants something to be adjusted.
func (a *Adjust) Validate(r *strict.Report) {
	if !r.Given("brightness") && !r.Given("contrast") && !r.Given("saturation") {
		r.Bad("", nil, "does not say what; give brightness, contrast or saturation")
	}
}

// Validate wants words that mean something.
func (s *Strip) Validate(r *strict.Report) {
	for i, k := range s.Keep {
		if !slices.Contains(kept, k) {
			r.Unknown(fmt.Sprintf("keep[%d]", i), k, "something that can be kept", kept)
		}
	}
}

// Validate wants options that the format has.
func (c *Convert) Validate(r *strict.Report) {
	if c.Lossless && c.Format != "" && c.Format != "webp" && c.Format != "avif" && r.Sound("lossless", "format") {
		r.Bad("lossless", nil, "is for webp and avif; leave it out (png has no loss anyway)")
	}
}

var imageFormats = map[string]string{".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".avif": "avif"}

// ImageFormat is how a picture under the output's name is stored: jpeg, png, webp or
// avif, "" if its extension is none of theirs.
func (o Output) ImageFormat() string { return imageFormats[strings.ToLower(path.Ext(o.Name))] }

// checkImage checks an output's image steps as a whole.
func (o *Output) checkImage(r *strict.Report) {
	if o.Image == nil || !r.Sound("name") {
		return
	}
	format := o.ImageFormat()
	if format == "" {
		r.Bad("name", o.Name, "does not end like a picture; write .jpg, .png, .webp or .avif")
	}
	for i, s := range o.Image {
		at := fmt.Sprintf("image[%d]", i)
		c, ok := s.Spec.(*Convert)
		switch {
		case !ok || !r.Sound(at):
		case i != len(o.Image)-1:
			r.Bad(at, nil, "convert writes the picture; put it last")
		case c.Format != "" && format != "" && c.Format != format:
			r.Bad(at+".format", c.Format, "does not fit the name %s, by which programs open it; change one of them", o.Name)
		}
	}
}
