package recipe

import "skynet/config/strict"

// ImageStep is one step on a picture: do names it, Spec is a pointer to what is
// read with it ([Resize], [Crop], …).
type ImageStep struct {
	Do   string
	Spec any
}

// The positions of a crop or a watermark.
const positions = "centre|north|north_east|east|south_east|south|south_west|west|north_west"

// Orient turns the picture upright as its metadata say.
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
	Image    string         `yaml:"image" doc:"URL of a picture in one of the worker's stores, or one of the item's inputs"`
	Text     string         `yaml:"text" doc:"text; {name} and the item's values are put in"`
	Font     string         `yaml:"font" doc:"font of the text (sans bold)"`
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

// Sepia makes it brown, as old photographs are.
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
	Brightness Factor `yaml:"brightness" doc:"of it; 120% is brighter (100%)"`
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

// Strip takes metadata out. Without this step nothing but the colour profile is
// kept of a picture that is not in sRGB; see Keep.
type Strip struct {
	Keep []string `yaml:"keep" doc:"what stays: profile, copyright, exif, all (nothing)"`
}

// Convert says how the output is written. Without it the name's extension says it.
type Convert struct {
	Format      string  `yaml:"format" strict:"enum=jpeg|png|webp|avif" doc:"(by the name's extension)"`
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
	{"rotate", func() any { return &Rotate{Background: &white} }},
	{"watermark", func() any {
		return &Watermark{Font: "sans bold", Colour: &white, Width: 25, Position: "south_east", Margin: 2, Opacity: 50}
	}},
	{"sharpen", func() any { return &Sharpen{Amount: 1} }},
	{"grey", func() any { return new(Grey) }},
	{"sepia", func() any { return &Sepia{Strength: 100} }},
	{"recolour", func() any { return &Recolour{Strength: 50} }},
	{"adjust", func() any { return &Adjust{Brightness: 100, Contrast: 100, Saturation: 100} }},
	{"red_eye", func() any { return new(RedEye) }},
	{"whiten", func() any { return &Whiten{Strength: 60} }},
	{"strip", func() any { return new(Strip) }},
	{"convert", func() any { return &Convert{Effort: 4, Background: &white} }},
}

var white = Colour{255, 255, 255}

// Variants and Variant tell config/strict what is read with each step.
func (s *ImageStep) Variants() (key string, known []string) { return "do", imageSteps.names() }

// Variant makes the step of that name with its defaults.
func (s *ImageStep) Variant(name string) any {
	s.Do, s.Spec = name, imageSteps.make(name)
	return s.Spec
}
