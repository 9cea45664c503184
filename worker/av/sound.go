package av

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// soundEncoders are ffmpeg's by our names.
var soundEncoders = map[string]string{"mp3": "libmp3lame", "aac": "aac", "opus": "libopus", "flac": "flac"}

// rates that encoders take, samples a second, by our names for them; flac takes all.
var rates = map[string][]int{
	"mp3":  {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000},
	"aac":  {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000},
	"opus": {48000},
}

const mostRate = 48000 // unless more is asked for

// rate is the lowest that an encoder takes and that loses nothing of what is wanted.
func rate(codec string, is, want int) int {
	if want == 0 {
		want = min(max(is, 8000), mostRate)
	}
	list := rates[codec]
	if len(list) == 0 {
		return want
	}
	i, _ := slices.BinarySearch(list, want)
	return list[min(i, len(list)-1)]
}

// layout is of one or two channels.
func layout(is, want int) string {
	if want == 1 || want == 0 && is == 1 {
		return "mono"
	}
	return "stereo"
}

func soundFilters(layout string, rate int, gain string) string {
	form := "aformat=channel_layouts=" + layout
	// The rate last, since what changes loudness may need more samples; the layout
	// once more, since loudnorm loses it.
	last := fmt.Sprintf("aformat=sample_rates=%d:channel_layouts=%s", rate, layout)
	return strings.Join(slices.DeleteFunc([]string{form, gain, last}, func(s string) bool { return s == "" }), ",")
}

// usualBits are bits a second, for two channels.
var usualBits = map[string]int64{"mp3": 128e3, "aac": 128e3, "opus": 64e3}

// music is sound's share of the command line.
func (r *batch) music(ctx context.Context, p *piece, from, gain string) ([]string, error) {
	codec := p.sound.CodecIn(p.Name)
	args := []string{"-map", from}
	switch codec {
	case "copy":
		args = append(args, "-c:a", "copy")
	default:
		args = append(args, "-c:a", soundEncoders[codec],
			"-af", soundFilters(layout(p.of.channels, p.sound.Channels), rate(codec, p.of.rate, p.sound.Rate), gain))
		if codec != "flac" {
			args = append(args, "-b:a", bits(p.sound.Bitrate, usualBits[codec]))
		}
	}
	if p.cover == nil {
		return append(args, "-vn"), nil
	}
	n, err := r.coverInput(ctx, p.cover.Image)
	return append(args, coverArgs(n)...), err
}

// coverSide is what a cover is brought down to, px: Apple asks for 1400 at least,
// and files grow with it. https://podcasters.apple.com/support/896-artwork-requirements
const coverSide = 1400

func coverArgs(input int) []string {
	scale := fmt.Sprintf("scale='min(%d,iw)':'min(%[1]d,ih)':force_original_aspect_ratio=decrease", coverSide)
	return []string{
		"-map", strconv.Itoa(input) + ":v:0", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-frames:v", "1",
		"-vf", scale, "-disposition:v:0", "attached_pic", "-metadata:s:v", "title=Album cover", "-metadata:s:v", "comment=Cover (front)",
	}
}

// coverInput takes a picture among the inputs, after a look at it.
func (r *batch) coverInput(ctx context.Context, name string) (number int, err error) {
	file, err := r.source(name)
	if err != nil {
		return 0, fmt.Errorf("cover: %w", err)
	}
	p, err := r.ask(ctx, file, covers)
	if err != nil && ctx.Err() == nil {
		return 0, fmt.Errorf("cover: not a JPEG, PNG or WebP: %w", err)
	}
	if err != nil {
		return 0, err
	}
	if len(p.Streams) != 1 || p.Streams[0].Width <= 0 || p.Streams[0].Height <= 0 {
		return 0, fmt.Errorf("cover: not a picture that can be read, or one of more than %s pixels", r.maxPixels())
	}
	if s := p.Streams[0]; r.MaxPixels > 0 && s.Width > r.MaxPixels/s.Height {
		return 0, fmt.Errorf("cover of %d × %d pixels: at most %d are accepted", s.Width, s.Height, r.MaxPixels)
	}
	r.covers = append(r.covers, file)
	return len(r.covers), nil // the source is 0
}
