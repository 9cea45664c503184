package recipe

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"skynet/config/strict"
)

// The formats that each medium writes, by the name's extension, and what may be
// in them, the usual first.
var (
	filmCodecs = map[string][]string{
		".mp4":  {"h264", "h265", "av1", "vp9", "mpeg4", "copy"},
		".webm": {"vp9", "av1", "copy"},
	}
	filmSounds = map[string][]string{
		".mp4":  {"aac", "opus", "copy", "none"},
		".webm": {"opus", "copy", "none"},
	}
	soundCodecs = map[string][]string{
		".mp3": {"mp3", "copy"}, ".m4a": {"aac", "copy"}, ".opus": {"opus", "copy"}, ".ogg": {"opus", "copy"}, ".flac": {"flac", "copy"},
	}
	pictures = []string{".jpg", ".jpeg", ".png", ".webp"}
)

// Codec is that of the pictures: what is said, or what the name's extension stands for.
func (e Encode) CodecIn(name string) string {
	if e.Codec == "" {
		return first(filmCodecs[extension(name)])
	}
	return e.Codec
}

// AudioIn is the codec of a film's sound.
func (e Encode) AudioIn(name string) string {
	if e.Audio == "" {
		return first(filmSounds[extension(name)])
	}
	return e.Audio
}

// CodecIn is that of sound: what is said, or what the name's extension stands for.
func (s Sound) CodecIn(name string) string {
	if s.Codec == "" {
		return first(soundCodecs[extension(name)])
	}
	return s.Codec
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

// The order in which steps stand, since they are done in it; equal numbers may
// change places.
var (
	filmOrder  = map[string]int{"clip": 0, "rotate": 1, "resize": 1, "loudness": 2, "encode": 3, "hls": 3, "poster": 3, "sheet": 3, "tags": 4}
	soundOrder = map[string]int{"assemble": 0, "clip": 1, "loudness": 2, "encode": 3, "tags": 4, "cover": 4}
)

// checkAV checks the steps of a film or of sound together.
func (o *Output) checkAV(r *strict.Report) {
	var video, audio []string
	for _, s := range o.Video {
		video = append(video, s.Do)
	}
	for _, s := range o.Audio {
		audio = append(audio, s.Do)
	}
	checkOrder(r, "video", video, filmOrder)
	checkOrder(r, "audio", audio, soundOrder)
	if o.Video != nil && r.Sound("video", "name") {
		o.checkFilm(r, video)
	}
	if o.Audio != nil && r.Sound("audio", "name") {
		o.checkSound(r, audio)
	}
}

func checkOrder(r *strict.Report, medium string, names []string, order map[string]int) {
	for i, n := range names {
		at := fmt.Sprintf("%s[%d].do", medium, i)
		switch {
		case !r.Sound(at):
		case slices.Contains(names[:i], n):
			r.Bad(at, n, "is there already; each step is done once")
		case i > 0 && order[names[i-1]] > order[n]:
			r.Bad(at, n, "comes after %s; put it before", names[i-1])
		}
	}
}

// checkFilm wants one way of writing, which fits the name.
func (o *Output) checkFilm(r *strict.Report, steps []string) {
	ways := slices.DeleteFunc(slices.Clone(steps), func(s string) bool { return filmOrder[s] != 3 })
	if len(ways) > 1 {
		r.Bad("video", nil, "has both %s and %s; make two outputs", ways[0], ways[1])
		return
	}
	ext, way := extension(o.Name), "encode"
	if len(ways) == 1 {
		way = ways[0]
	}
	switch {
	case way == "encode" && filmCodecs[ext] == nil:
		r.Bad("name", o.Name, "is not a film's; write it like video.mp4 or video.webm, or give poster, sheet or hls")
	case way == "hls" && ext != ".m3u8":
		r.Bad("name", o.Name, "is not a playlist's; write it like hls/index.m3u8")
	case (way == "poster" || way == "sheet") && !slices.Contains(pictures, ext):
		r.Bad("name", o.Name, "is not a picture's; write it like %s.jpg, .png or .webp", way)
	}
	for i, s := range o.Video {
		switch spec := s.Spec.(type) {
		case *Encode:
			o.checkEncode(r, fmt.Sprintf("video[%d].", i), spec, steps)
		case *Loudness:
			if way == "poster" || way == "sheet" {
				r.Bad(fmt.Sprintf("video[%d].do", i), s.Do, "changes sound, and a picture has none; leave it out")
			}
		}
	}
}

func (o *Output) checkEncode(r *strict.Report, at string, e *Encode, steps []string) {
	ext := extension(o.Name)
	if codecs := filmCodecs[ext]; e.Codec != "" && codecs != nil && !slices.Contains(codecs, e.Codec) {
		r.Bad(at+"codec", e.Codec, "does not go into %s; it takes %s", ext, strings.Join(codecs, ", "))
	}
	if sounds := filmSounds[ext]; e.Audio != "" && sounds != nil && !slices.Contains(sounds, e.Audio) {
		r.Bad(at+"audio", e.Audio, "does not go into %s; it takes %s", ext, strings.Join(sounds, ", "))
	}
	if e.CRF != 0 && e.Bitrate != 0 {
		r.Bad(at+"crf", e.CRF, "and bitrate exclude each other; give one")
	}
	if e.Codec == "copy" && (slices.Contains(steps, "resize") || slices.Contains(steps, "rotate") || e.FPS != 0) {
		r.Bad(at+"codec", e.Codec, "leaves the pictures as they are; leave out resize, rotate and fps, or give a codec")
	}
	if e.Audio == "copy" && slices.Contains(steps, "loudness") {
		r.Bad(at+"audio", e.Audio, "leaves the sound as it is; leave out loudness, or give a codec")
	}
	if why := badPreset(e.CodecIn(o.Name), e.Preset); why != "" {
		r.Bad(at+"preset", e.Preset, "%s", why)
	}
}

// x264 and x265 have the same. https://trac.ffmpeg.org/wiki/Encode/H.264
var presets = []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}

func badPreset(codec, preset string) string {
	if preset == "" {
		return ""
	}
	switch codec {
	case "h264", "h265":
		if !slices.Contains(presets, preset) {
			return "is not one of x264's and x265's; they are " + strings.Join(presets, ", ")
		}
	case "vp9", "av1":
		most := map[string]int{"vp9": 8, "av1": 13}[codec]
		if n, err := strconv.Atoi(preset); err != nil || n < 0 || n > most {
			return fmt.Sprintf("is not one of %s's; write a number in quotes, from \"%d\" (fast) to \"0\" (small)", codec, most)
		}
	default:
		return "has no meaning for " + codec + "; leave it out"
	}
	return ""
}

// checkSound wants a codec that fits the name, and no more than a file can hold.
func (o *Output) checkSound(r *strict.Report, steps []string) {
	ext := extension(o.Name)
	codecs := soundCodecs[ext]
	if codecs == nil {
		r.Bad("name", o.Name, "is not a sound's; write it like episode.mp3, .m4a, .opus, .ogg or .flac")
		return
	}
	for i, s := range o.Audio {
		at := fmt.Sprintf("audio[%d].", i)
		switch spec := s.Spec.(type) {
		case *Sound:
			if spec.Codec != "" && !slices.Contains(codecs, spec.Codec) {
				r.Bad(at+"codec", spec.Codec, "does not go into %s; it takes %s", ext, strings.Join(codecs, ", "))
			}
			if spec.Codec == "copy" && (slices.Contains(steps, "loudness") || slices.Contains(steps, "assemble")) {
				r.Bad(at+"codec", spec.Codec, "leaves the sound as it is; leave out loudness and assemble, or give a codec")
			}
		case *Cover:
			if ext == ".opus" || ext == ".ogg" {
				r.Bad(at+"do", s.Do, "cannot be put into %s; .mp3, .m4a and .flac take one", ext)
			}
		case *Clip:
			if slices.Contains(steps, "assemble") {
				r.Bad(at+"do", s.Do, "cannot stand beside assemble; make two outputs, one from the other")
			}
		}
	}
}

// Validate wants a size.
func (s *Scale) Validate(r *strict.Report) {
	switch {
	case s.Width == 0 && s.Height == 0 && r.Sound("width", "height"):
		r.Bad("", nil, "has no size; give width, height or both")
	case s.Fit != "fit" && (s.Width == 0 || s.Height == 0) && r.Sound("width", "height", "fit"):
		r.Bad("fit", s.Fit, "needs both width and height; give both")
	}
}

// Validate wants a quarter turn.
func (t *Turn) Validate(r *strict.Report) {
	if r.Sound("degrees") && t.Degrees != 90 && t.Degrees != 180 && t.Degrees != 270 {
		r.Bad("degrees", t.Degrees, "is not a quarter turn; write 90, 180 or 270")
	}
}

// Validate wants something to take away.
func (c *Clip) Validate(r *strict.Report) {
	if c.From == 0 && c.For == 0 && r.Sound("from", "for") {
		r.Bad("", nil, "takes all of it; give from, for or both")
	}
}

const (
	mostRungs = 10 // of a ladder
	mostParts = 64 // of an assembly
	mostTags  = 32 // of a file
)

// Validate wants a ladder that goes down, and segments as players expect them.
func (h *HLS) Validate(r *strict.Report) {
	if !r.Sound("renditions", "segment", "preset") {
		return
	}
	if n := len(h.Renditions); n == 0 || n > mostRungs {
		r.Bad("renditions", nil, "has %d; give one to %d", n, mostRungs)
	}
	for i := 1; i < len(h.Renditions); i++ {
		if h.Renditions[i].Height >= h.Renditions[i-1].Height {
			r.Bad(fmt.Sprintf("renditions[%d].height", i), h.Renditions[i].Height, "is not below the one before (%d); put the largest first", h.Renditions[i-1].Height)
		}
	}
	if s := h.Segment.Std().Seconds(); s < 1 || s > 30 {
		r.Bad("segment", h.Segment, "is not a length that players expect; write 1s to 30s, usually 6s")
	}
	if why := badPreset("h264", h.Preset); why != "" {
		r.Bad("preset", h.Preset, "%s", why)
	}
}

// Validate wants parts to join.
func (a *Assemble) Validate(r *strict.Report) {
	if n := len(a.Parts); r.Sound("parts") && (n == 0 || n > mostParts) {
		r.Bad("parts", nil, "has %d; give one to %d", n, mostParts)
	}
	if r.Sound("cross_fade") && a.CrossFade.Std().Seconds() > 60 {
		r.Bad("cross_fade", a.CrossFade, "is too long; write at most 1m")
	}
}

var tagName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)

// Validate wants names that every format takes.
func (t *Tags) Validate(r *strict.Report) {
	if r.Sound("set") && len(t.Set) > mostTags {
		r.Bad("set", nil, "has %d; give at most %d", len(t.Set), mostTags)
	}
	for i, tag := range t.Set {
		if at := fmt.Sprintf("set[%d].name", i); r.Sound(at) && !tagName.MatchString(tag.Name) {
			r.Bad(at, tag.Name, "is not a tag's name; write it like title, artist or album")
		}
	}
}

// checkUses wants what steps use besides their source to exist: inputs, outputs
// before, and for a cover also the URL of a picture.
func (o Output) checkUses(r *strict.Report, at string, known []string) {
	for i, s := range o.Audio {
		switch spec := s.Spec.(type) {
		case *Assemble:
			for k, part := range spec.Parts {
				if p := fmt.Sprintf("%s.audio[%d].parts[%d]", at, i, k); r.Sound(p) && !slices.Contains(known, part) {
					r.Unknown(p, part, "input or output before it", known)
				}
			}
		case *Cover:
			if p := fmt.Sprintf("%s.audio[%d].image", at, i); r.Sound(p) && !strings.Contains(spec.Image, "://") && !slices.Contains(known, spec.Image) {
				r.Unknown(p, spec.Image, "input or output before it, nor a URL", known)
			}
		}
	}
}
