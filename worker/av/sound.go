package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"skynet/worker/recipe"
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

// level is what EBU R128 says of sound.
type level struct {
	integrated float64 // LUFS, -70 and less for silence
	peak       float64 // dBTP, -Inf for silence
	span       float64 // loudness range, LU
	threshold  float64 // LUFS, of the gate
}

// gains finds for each piece with a loudness what brings it there, "" where
// nothing must change. What is made of the same channels is measured once.
func (r *batch) gains(ctx context.Context) (map[*piece]string, error) {
	gains, measured := map[*piece]string{}, map[string]level{}
	of := stretch{r.file, r.from, r.length}
	for _, p := range r.pieces {
		if p.loudness == nil || !p.hears() {
			continue
		}
		form := layout(p.of.channels, channelsOf(p))
		l, known := measured[form]
		if !known {
			var err error
			if l, err = r.measure(ctx, of, form, ""); err != nil {
				return nil, err
			}
			measured[form] = l
		}
		gain, err := r.bring(ctx, of, form, l, *p.loudness)
		if err != nil {
			return nil, err
		}
		gains[p] = gain
	}
	return gains, nil
}

func channelsOf(p *piece) int {
	if p.sound != nil {
		return p.sound.Channels
	}
	return 0
}

// stretch is a part of a file; length 0 is to its end.
type stretch struct {
	file         string
	from, length float64 // s
}

// measure is the first of the two passes, through a filter if one is given.
func (b *bench) measure(ctx context.Context, of stretch, form, filter string) (level, error) {
	if filter != "" {
		filter += ","
	}
	args := slices.Concat(b.head(), []string{"-v", "info"}, b.input(of.file, of.from, of.length),
		[]string{"-map", "0:a:0", "-vn", "-af", "aformat=channel_layouts=" + form + "," + filter + "ebur128=peak=true:framelog=verbose", "-f", "null", "-"})
	var said bytes.Buffer
	p := program{path: b.FFmpeg, args: args, read: []string{of.file}, folder: b.folder, said: &said}
	if err := b.follows(ctx, p); err != nil {
		if ctx.Err() != nil {
			return level{}, err
		}
		return level{}, fmt.Errorf("measure loudness: %w", err)
	}
	return readLevel(said.String())
}

// readLevel reads the last thing that the filter says. What a file's own metadata
// say comes before. https://ffmpeg.org/ffmpeg-filters.html#ebur128-1
func readLevel(said string) (l level, err error) {
	i := strings.LastIndex(said, "Summary:")
	if i < 0 {
		return l, errors.New("measure loudness: ffmpeg did not say it")
	}
	found := map[string]float64{}
	for line := range strings.Lines(said[i:]) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, err := strconv.ParseFloat(number, 64)
		if _, again := found[key]; err == nil && !math.IsNaN(n) && !again { // the range has a threshold of its own
			found[key] = n
		}
	}
	for key, to := range map[string]*float64{"I": &l.integrated, "Threshold": &l.threshold, "LRA": &l.span, "Peak": &l.peak} {
		n, ok := found[key]
		if !ok {
			return l, fmt.Errorf("measure loudness: ffmpeg did not say %s", key)
		}
		*to = n
	}
	return l, nil
}

// The quietest that is made louder: what is below is silence to EBU R128's gate,
// and would become noise.
const silence = -70

// bring finds the filter that brings sound of a level to a loudness. Where the same
// gain for all of it would lift peaks too far these are limited, and since that
// takes loudness away, the gain is found by trying.
func (b *bench) bring(ctx context.Context, of stretch, form string, is level, want recipe.Loudness) (string, error) {
	const tries, close = 4, 0.3 // LU
	gain := want.Target - is.integrated
	switch {
	case !(is.integrated > silence):
		return "", nil
	case want.Range > 0 && is.span > want.Range:
		return is.narrowed(want), nil
	case is.peak+gain <= want.Peak:
		return volume(gain), nil
	}
	for range tries {
		after, err := b.measure(ctx, of, form, limited(gain, want.Peak))
		if err != nil {
			return "", err
		}
		lack := want.Target - after.integrated
		if math.Abs(lack) <= close {
			break
		}
		gain += clampTo(lack, -20, 20)
	}
	return limited(gain, want.Peak), nil
}

// level measures sound and finds the filter that brings it to a loudness.
func (b *bench) level(ctx context.Context, of stretch, form string, want recipe.Loudness) (string, error) {
	l, err := b.measure(ctx, of, form, "")
	if err != nil {
		return "", err
	}
	return b.bring(ctx, of, form, l, want)
}

func volume(gain float64) string { return fmt.Sprintf("volume=%.2fdB", gain) }

// limited is a gain after which nothing exceeds a peak, also between the samples:
// they are looked at four times as densely. https://ffmpeg.org/ffmpeg-filters.html#alimiter
func limited(gain, peak float64) string {
	const reserve = 0.3 // dB, for what the last change of rate adds
	return fmt.Sprintf("%s,aresample=192000,alimiter=level=disabled:limit=%.4f:attack=5:release=50", volume(gain), math.Pow(10, (peak-reserve)/20))
}

// narrowed is a filter that changes gain over time to narrow the loudness range.
// https://ffmpeg.org/ffmpeg-filters.html#loudnorm
func (l level) narrowed(want recipe.Loudness) string {
	return fmt.Sprintf("loudnorm=I=%g:TP=%g:LRA=%g:measured_I=%g:measured_TP=%g:measured_LRA=%g:measured_thresh=%g:linear=false",
		want.Target, want.Peak, want.Range, clampTo(l.integrated, -99, 0), clampTo(l.peak, -99, 99), clampTo(l.span, 0, 99), clampTo(l.threshold, -99, 0))
}

func clampTo(x, least, most float64) float64 { return min(max(x, least), most) }

// join makes one sound of several, in their order.
func (r *batch) join(ctx context.Context, p *piece) error {
	if err := os.MkdirAll(filepath.Dir(r.bench.file(p.Name)), 0o700); err != nil {
		return fmt.Errorf("make a folder for %s: %w", p.Name, err)
	}
	parts, err := r.parts(ctx, p)
	if err != nil {
		return err
	}
	codec := p.sound.CodecIn(p.Name)
	p.of = widest(parts)
	rate := rate(codec, p.of.rate, p.sound.Rate)
	form := layout(p.of.channels, p.sound.Channels)
	args, read := r.head(), []string(nil)
	var graph []string
	for i, part := range parts {
		gain := ""
		if p.loudness != nil {
			if gain, err = r.level(ctx, stretch{file: part.file}, form, *p.loudness); err != nil {
				return fmt.Errorf("part %s: %w", part.name, err)
			}
		}
		args, read = append(args, r.input(part.file, 0, 0)...), append(read, part.file)
		graph = append(graph, fmt.Sprintf("[%d:a:0]%s:sample_fmts=fltp[p%[1]d]", i, soundFilters(form, rate, gain)))
	}
	joined, length := joints(parts, p.assemble.CrossFade.Std().Seconds())
	p.length = length
	graph = append(graph, joined...)
	// The cover comes behind the parts.
	r.covers = make([]string, len(parts)-1)
	music, err := r.music(ctx, p, "[all]", "")
	if err != nil {
		return err
	}
	for _, c := range r.covers[len(parts)-1:] {
		args, read = append(args, slices.Concat(only(covers), []string{"-max_pixels", r.maxPixels(), "-i", "file:" + c})...), append(read, c)
	}
	tags, err := p.metadata(r.job.Values)
	if err != nil {
		return err
	}
	// What comes out of a graph can have no filters of its own, and needs none.
	music = without(music, "-af")
	args = slices.Concat(args, []string{"-filter_complex", strings.Join(graph, ";")}, music,
		strings.Fields(everywhere), tags, r.coders(), r.container(p))
	return r.encode(ctx, args, read)
}

// without takes an option and its value out.
func without(args []string, option string) []string {
	if i := slices.Index(args, option); i >= 0 {
		return slices.Delete(slices.Clone(args), i, i+2)
	}
	return args
}

// part is one of an assembly.
type part struct {
	name, file string
	film
}

func (r *batch) parts(ctx context.Context, p *piece) (parts []part, err error) {
	for _, name := range p.assemble.Parts {
		file, err := r.source(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		f, err := r.probed(ctx, file)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err == nil && f.channels == 0 {
			err = errors.New("no sound in it")
		}
		if err != nil {
			return nil, fmt.Errorf("part %s: not a sound: %w", name, err)
		}
		parts = append(parts, part{name, file, f})
	}
	return parts, nil
}

// widest is what loses nothing of any part.
func widest(parts []part) (f film) {
	for _, p := range parts {
		f.channels, f.rate = max(f.channels, p.channels), max(f.rate, p.rate)
	}
	return f
}

// joints joins parts p0, p1, … into all, and says how long that will be, s; 0 if
// that is unknown. A part gives at most half of itself to each fade.
func joints(parts []part, fade float64) (graph []string, length float64) {
	before, unknown := "p0", false
	length = parts[0].sounds
	for i := 1; i < len(parts); i++ {
		a, b := parts[i-1].sounds, parts[i].sounds
		unknown = unknown || a == 0 || b == 0
		here := fade
		if a > 0 && b > 0 {
			here = min(fade, a/2, b/2)
		}
		name := "j" + strconv.Itoa(i)
		if here < 0.001 {
			graph = append(graph, fmt.Sprintf("[%s][p%d]concat=n=2:v=0:a=1[%s]", before, i, name))
			here = 0
		} else {
			graph = append(graph, fmt.Sprintf("[%s][p%d]acrossfade=d=%.3f:c1=qsin:c2=qsin[%s]", before, i, here, name))
		}
		length += b - here
		before = name
	}
	if unknown || parts[0].sounds == 0 {
		length = 0
	}
	return append(graph, "["+before+"]anull[all]"), length
}
