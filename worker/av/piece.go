package av

import (
	"fmt"
	"math"
	"path"
	"strings"

	"skynet/worker/recipe"
)

// piece is one output with its steps in their places.
type piece struct {
	recipe.Output
	file   string  // its source
	of     film    // what that is
	length float64 // s of what is to come out, 0 if unknown

	clip     *recipe.Clip
	shape    []any // *recipe.Scale and *recipe.Turn, in their order
	loudness *recipe.Loudness
	encode   *recipe.Encode
	hls      *recipe.HLS
	poster   *recipe.Poster
	sheet    *recipe.Sheet
	assemble *recipe.Assemble
	sound    *recipe.Sound
	tags     *recipe.Tags
	cover    *recipe.Cover
}

func newPiece(o recipe.Output) (*piece, error) {
	p := &piece{Output: o}
	for _, s := range o.Video {
		if err := p.take(s.Spec); err != nil {
			return nil, fmt.Errorf("%s: step %s: %w", o.Name, s.Do, err)
		}
	}
	for _, s := range o.Audio {
		if err := p.take(s.Spec); err != nil {
			return nil, fmt.Errorf("%s: step %s: %w", o.Name, s.Do, err)
		}
	}
	switch {
	case o.Audio != nil && p.sound == nil:
		p.sound = &recipe.Sound{}
	case o.Video != nil && p.encode == nil && p.hls == nil && p.poster == nil && p.sheet == nil:
		p.encode = &recipe.Encode{}
	}
	return p, nil
}

func (p *piece) take(spec any) error {
	switch s := spec.(type) {
	case *recipe.Clip:
		p.clip = s
	case *recipe.Scale, *recipe.Turn:
		p.shape = append(p.shape, s)
	case *recipe.Loudness:
		p.loudness = s
	case *recipe.Encode:
		p.encode = s
	case *recipe.HLS:
		p.hls = s
	case *recipe.Poster:
		p.poster = s
	case *recipe.Sheet:
		p.sheet = s
	case *recipe.Assemble:
		p.assemble = s
	case *recipe.Sound:
		p.sound = s
	case *recipe.Tags:
		p.tags = s
	case *recipe.Cover:
		p.cover = s
	default:
		return fmt.Errorf("this worker does not know it (%T)", spec)
	}
	return nil
}

// still reports a picture, which needs no sound and little of the film.
func (p *piece) still() bool { return p.poster != nil || p.sheet != nil }

// hears reports whether sound is made.
func (p *piece) hears() bool {
	return p.sound != nil || p.of.channels > 0 && (p.hls != nil || p.encode != nil && p.encode.AudioIn(p.Name) != "none")
}

// window is the part of the source that is taken, s; for is 0 to the end.
func (p *piece) window() (from, length float64) {
	if p.clip == nil {
		return 0, 0
	}
	return p.clip.From.Std().Seconds(), p.clip.For.Std().Seconds()
}

// expect says how much is to come out, and refuses a clip of nothing.
func (p *piece) expect() error {
	from, length := p.window()
	all := p.of.seconds
	if p.still() || p.sound == nil && p.of.pictures > 0 && p.encode != nil && p.encode.AudioIn(p.Name) == "none" {
		all = p.of.pictures
	}
	if p.sound != nil {
		all = p.of.sounds
	}
	if all > 0 && from >= all {
		return fmt.Errorf("%s: the clip begins at %g s, and there are %.1f s", p.Name, from, all)
	}
	p.length = max(0, all-from)
	if length > 0 && (p.length == 0 || length < p.length) {
		p.length = length
	}
	if all == 0 {
		p.length = 0
	}
	return nil
}

// frame is a picture's size, px.
type frame struct{ w, h int }

// chain is the filters that give a picture its shape, and the size that comes out:
// pixels become square and sides even, as 4:2:0 needs them. A film that is to be
// turned by its metadata comes turned.
func chain(of film, shape []any) (filters []string, out frame) {
	out = even(of.upright())
	scaled := false
	for _, s := range shape {
		switch s := s.(type) {
		case *recipe.Turn:
			filters = append(filters, turns[s.Degrees])
			if s.Degrees != 180 {
				out.w, out.h = out.h, out.w
			}
		case *recipe.Scale:
			var f []string
			f, out = scale(out, *s)
			filters, scaled = append(filters, f...), true
		}
	}
	if !scaled {
		filters = append(filters, fmt.Sprintf("scale=%d:%d", out.w, out.h))
	}
	return append(filters, "setsar=1"), out
}

// https://ffmpeg.org/ffmpeg-filters.html#transpose-1
var turns = map[int]string{90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}

// scale brings a picture of a size to another.
func scale(from frame, s recipe.Scale) (filters []string, out frame) {
	w, h := float64(from.w), float64(from.h)
	toW, toH := math.Inf(1), math.Inf(1)
	if s.Width > 0 {
		toW = float64(s.Width) / w
	}
	if s.Height > 0 {
		toH = float64(s.Height) / h
	}
	by := min(toW, toH)
	if s.Fit == "cover" {
		by = max(toW, toH)
	}
	if !s.Enlarge {
		by = min(by, 1)
	}
	inner := even(frame{int(math.Round(w * by)), int(math.Round(h * by))})
	box := even(frame{s.Width, s.Height})
	to := fmt.Sprintf("scale=%d:%d", inner.w, inner.h)
	switch s.Fit {
	case "fill":
		if !s.Enlarge {
			box = frame{min(box.w, from.w), min(box.h, from.h)}
		}
		return []string{fmt.Sprintf("scale=%d:%d", box.w, box.h)}, box
	case "cover":
		out = frame{min(inner.w, box.w), min(inner.h, box.h)}
		return []string{to, fmt.Sprintf("crop=%d:%d", out.w, out.h)}, out
	case "pad":
		return []string{to, fmt.Sprintf("pad=%d:%d:(ow-iw)/2:(oh-ih)/2", box.w, box.h)}, box
	}
	return []string{to}, inner
}

// even rounds sides down to even ones, to 2 at least.
func even(f frame) frame { return frame{max(2, f.w&^1), max(2, f.h&^1)} }

// mediaTypes are those of what is made, by extension.
var mediaTypes = map[string]string{
	".mp4": "video/mp4", ".webm": "video/webm", ".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".flac": "audio/flac",
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }
