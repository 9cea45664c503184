package recipe

import "skynet/config/strict"

// VideoStep is one step on a film.
type VideoStep struct {
	Do   string
	Spec any
}

// AudioStep is one step on sound.
type AudioStep struct {
	Do   string
	Spec any
}

// Clip takes a part of a film or of sound.
type Clip struct {
	From strict.Duration `yaml:"from" doc:"where it starts (0s)"`
	For  strict.Duration `yaml:"for" doc:"how long it is (to the end)"`
}

// Scale brings a film to a size; it is turned as its metadata say before.
type Scale struct {
	Width   int    `yaml:"width" strict:"min=2,max=16384" doc:"px"`
	Height  int    `yaml:"height" strict:"min=2,max=16384" doc:"px"`
	Fit     string `yaml:"fit" strict:"enum=fit|fill|cover|pad" doc:"fit: as large as fits into both (fit); fill: exactly both, distorted; cover: what stands over is cut off; pad: black bars"`
	Enlarge bool   `yaml:"enlarge" doc:"a smaller film grows (false)"`
}

// Turn turns a film by a quarter or more, besides what its metadata say.
type Turn struct {
	Degrees int `yaml:"degrees" strict:"required" doc:"90, 180 or 270, clockwise"`
}

// Loudness brings sound to a loudness in two passes, after EBU R128: measured
// first, then all of it changed by the same gain. Peaks that this would lift beyond
// Peak are limited; where the range is wider than Range, loud and quiet passages
// are brought closer to each other. https://tech.ebu.ch/docs/r/r128.pdf
type Loudness struct {
	Target float64 `yaml:"target" strict:"min=-70,max=-5" doc:"LUFS; podcasts -16, broadcast -23 (-16)"`
	Peak   float64 `yaml:"peak" strict:"min=-9,max=0" doc:"true peak at most, dBTP (-1.5)"`
	Range  float64 `yaml:"range" strict:"min=1,max=50" doc:"loudness range at most, LU (as it comes)"`
}

// Encode says how a film is written, to MP4 or WebM by the output's extension.
type Encode struct {
	Codec        string  `yaml:"codec" strict:"enum=h264|h265|vp9|av1|mpeg4|copy" doc:"mpeg4 is for players of long ago (h264 in .mp4, vp9 in .webm)"`
	CRF          int     `yaml:"crf" strict:"min=1,max=63" doc:"constant quality; less is better (h264 23, h265 28, vp9 32, av1 35, mpeg4 4)"`
	Bitrate      Bitrate `yaml:"bitrate" doc:"of the pictures, instead of crf"`
	Preset       string  `yaml:"preset" doc:"speed against size, in the encoder's own words: ultrafast to veryslow for h264 and h265, 8 (fast) to 0 for vp9, 13 (fast) to 0 for av1 (medium; 4; 10)"`
	FPS          float64 `yaml:"fps" strict:"above=0,max=240" doc:"pictures a second (as they come, 60 at most)"`
	Audio        string  `yaml:"audio" strict:"enum=aac|opus|copy|none" doc:"(aac in .mp4, opus in .webm)"`
	AudioBitrate Bitrate `yaml:"audio_bitrate" doc:"(128k)"`
}

// HLS makes a ladder of renditions for streaming, all in one pass, with a master
// playlist under the output's name. https://datatracker.ietf.org/doc/html/rfc8216
type HLS struct {
	Renditions []Rendition     `yaml:"renditions" strict:"required" doc:"the largest first; those larger than the film are left out, but one is always made"`
	Segment    strict.Duration `yaml:"segment" doc:"length of a segment (6s)"`
	Preset     string          `yaml:"preset" doc:"x264's, ultrafast to veryslow (veryfast)"`
}

// Rendition is one rung of the ladder.
type Rendition struct {
	Height       int     `yaml:"height" strict:"required,min=2,max=8640" doc:"px"`
	Bitrate      Bitrate `yaml:"bitrate" strict:"required" doc:"of the pictures"`
	AudioBitrate Bitrate `yaml:"audio_bitrate" doc:"(128k)"`
}

// Poster takes one picture out of a film.
type Poster struct {
	At      strict.Duration `yaml:"at" doc:"where (one second in, sooner in a short film)"`
	Quality int             `yaml:"quality" strict:"min=1,max=100" doc:"of a JPEG or WebP (85)"`
}

// Sheet lays pictures from the whole film side by side.
type Sheet struct {
	Columns int `yaml:"columns" strict:"min=1,max=20" doc:"(4)"`
	Rows    int `yaml:"rows" strict:"min=1,max=20" doc:"(4)"`
	Width   int `yaml:"width" strict:"min=16,max=2000" doc:"px of each picture (320)"`
	Quality int `yaml:"quality" strict:"min=1,max=100" doc:"of a JPEG or WebP (85)"`
}

// Assemble joins sounds, one after the other.
type Assemble struct {
	Parts     []string        `yaml:"parts" strict:"required" doc:"names of inputs, in order, like [intro, input, outro]"`
	CrossFade strict.Duration `yaml:"cross_fade" doc:"how long the end of one sounds with the beginning of the next (0s)"`
}

// Sound says how sound is written: MP3, AAC, Opus or FLAC by the output's extension.
type Sound struct {
	Codec    string  `yaml:"codec" strict:"enum=mp3|aac|opus|flac|copy" doc:"(mp3 in .mp3, aac in .m4a, opus in .opus and .ogg, flac in .flac)"`
	Bitrate  Bitrate `yaml:"bitrate" doc:"(mp3 128k, aac 128k, opus 64k)"`
	Channels int     `yaml:"channels" strict:"min=1,max=2" doc:"(as they come, 2 at most)"`
	Rate     int     `yaml:"rate" strict:"min=8000,max=96000" doc:"samples a second (as they come, 48000 at most)"`
}

// Tags are written into the file, such as title, artist, album, track, date, genre, comment.
type Tags struct {
	Set []Tag `yaml:"set" strict:"required" doc:"names and texts; the item's values are put in for {name}"`
}

// Tag is one of them.
type Tag struct {
	Name  string `yaml:"name" strict:"required"`
	Value string `yaml:"value" strict:"required"`
}

// Cover puts a picture into the file.
type Cover struct {
	Image string `yaml:"image" strict:"required" doc:"one of the item's inputs, or the URL of a picture in one of the worker's stores"`
}

var videoSteps = steps{
	{"clip", func() any { return new(Clip) }},
	{"resize", func() any { return &Scale{Fit: "fit"} }},
	{"rotate", func() any { return new(Turn) }},
	{"loudness", func() any { return &Loudness{Target: -16, Peak: -1.5} }},
	{"encode", func() any { return &Encode{AudioBitrate: 128e3} }},
	{"hls", func() any { return &HLS{Segment: 6e9, Preset: "veryfast"} }},
	{"poster", func() any { return &Poster{Quality: 85} }},
	{"sheet", func() any { return &Sheet{Columns: 4, Rows: 4, Width: 320, Quality: 85} }},
	{"tags", func() any { return new(Tags) }},
}

var audioSteps = steps{
	{"assemble", func() any { return new(Assemble) }},
	{"clip", func() any { return new(Clip) }},
	{"loudness", func() any { return &Loudness{Target: -16, Peak: -1.5} }},
	{"encode", func() any { return new(Sound) }},
	{"tags", func() any { return new(Tags) }},
	{"cover", func() any { return new(Cover) }},
}

// Variants and Variant tell config/strict what is read with each step.
func (s *VideoStep) Variants() (key string, known []string) { return "do", videoSteps.names() }

// Variant makes the step of that name with its defaults.
func (s *VideoStep) Variant(name string) any {
	s.Do, s.Spec = name, videoSteps.make(name)
	return s.Spec
}

// Variants and Variant tell config/strict what is read with each step.
func (s *AudioStep) Variants() (key string, known []string) { return "do", audioSteps.names() }

// Variant makes the step of that name with its defaults.
func (s *AudioStep) Variant(name string) any {
	s.Do, s.Spec = name, audioSteps.make(name)
	return s.Spec
}
