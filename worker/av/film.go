package av

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"skynet/worker/recipe"
)

// mostFPS is what a film is brought down to that has more pictures a second.
const mostFPS = 60

// film is a film's share of the command line.
func (r *batch) film(p *piece, gain string) []string {
	e := p.encode
	args := []string{"-map", "0:V:0"}
	if codec := e.CodecIn(p.Name); codec == "copy" {
		args = append(args, "-c:v", "copy")
	} else {
		filters, _ := chain(p.of, p.shape)
		args = append(args, "-vf", strings.Join(append(filters, rateOf(p.of.fps, e.FPS)...), ","), "-pix_fmt", "yuv420p")
		args = append(args, r.encoder(codec, *e)...)
	}
	if !p.hears() {
		return append(args, "-an")
	}
	args = append(args, "-map", "0:a:0")
	if e.AudioIn(p.Name) == "copy" {
		return append(args, "-c:a", "copy")
	}
	codec := e.AudioIn(p.Name)
	return append(args, "-c:a", soundEncoders[codec], "-b:a", bits(e.AudioBitrate, 128e3),
		"-af", soundFilters(layout(p.of.channels, 0), rate(codec, p.of.rate, 0), gain))
}

// rateOf brings pictures a second to what is wanted, or to what is bearable.
func rateOf(is, want float64) []string {
	switch {
	case want > 0:
		return []string{"fps=" + strconv.FormatFloat(want, 'f', -1, 64)}
	case is > mostFPS:
		return []string{"fps=" + strconv.Itoa(mostFPS)}
	}
	return nil
}

func bits(b recipe.Bitrate, otherwise int64) string {
	if b > 0 {
		otherwise = int64(b)
	}
	return strconv.FormatInt(otherwise, 10)
}

// videoEncoders are ffmpeg's by our names.
var videoEncoders = map[string]string{"h264": "libx264", "h265": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mpeg4": "mpeg4"}

// usual are the constant qualities and presets that give about the same picture.
var usual = map[string]struct {
	crf    int
	preset string
}{"h264": {23, "medium"}, "h265": {28, "medium"}, "vp9": {32, "4"}, "av1": {35, "10"}, "mpeg4": {4, ""}}

// encoder says how pictures are written.
func (m *Maker) encoder(codec string, e recipe.Encode) []string {
	args := []string{"-c:v", videoEncoders[codec]}
	crf, preset := usual[codec].crf, usual[codec].preset
	if e.CRF > 0 {
		crf = e.CRF
	}
	if e.Preset != "" {
		preset = e.Preset
	}
	switch codec {
	case "h264":
		args = append(args, "-preset", preset, "-profile:v", "high")
	case "h265":
		args = append(args, "-preset", preset, "-tag:v", "hvc1", "-x265-params", "log-level=error"+m.pools())
	case "vp9":
		args = append(args, "-deadline", "good", "-cpu-used", preset, "-row-mt", "1")
	case "av1":
		args = append(args, "-preset", preset)
		if m.Threads > 0 {
			args = append(args, "-svtav1-params", "lp="+strconv.Itoa(m.Threads))
		}
	}
	return append(args, quality(codec, crf, e.Bitrate)...)
}

func (m *Maker) pools() string {
	if m.Threads <= 0 {
		return ""
	}
	return ":pools=" + strconv.Itoa(m.Threads)
}

// quality is by bits a second where they are given, else by constant quality.
func quality(codec string, crf int, rate recipe.Bitrate) []string {
	n := strconv.Itoa(crf)
	switch {
	case rate > 0 && (codec == "h264" || codec == "h265"):
		return append([]string{"-b:v", bits(rate, 0)}, bounded(rate)...)
	case rate > 0:
		return []string{"-b:v", bits(rate, 0)}
	case codec == "mpeg4":
		return []string{"-q:v", strconv.Itoa(min(crf, 31))}
	case codec == "vp9":
		return []string{"-crf", n, "-b:v", "0"}
	case codec == "h264" || codec == "h265":
		n = strconv.Itoa(min(crf, 51))
	}
	return []string{"-crf", n}
}

// bounded keeps a bitrate's peaks to half as much again over two seconds, as
// players' buffers expect it.
func bounded(rate recipe.Bitrate) []string {
	return []string{"-maxrate", bits(rate*3/2, 0), "-bufsize", bits(rate*2, 0)}
}

// posterAt is where the poster is taken, s into the part.
func (p *piece) posterAt() float64 {
	if at := p.poster.At.Std().Seconds(); at > 0 && (p.length == 0 || at < p.length) {
		return at
	}
	return math.Min(1, p.length/10)
}

// poster is one picture: where others are made of the film too it is picked out
// of all; the first one is written before, since a film may have none so late.
func (r *batch) poster(p *piece) []string {
	filters, _ := chain(p.of, p.shape)
	if r.onlyPosters() {
		return picture(p, filters, p.poster.Quality, "-frames:v", "1")
	}
	at := seconds(p.posterAt())
	pick := "select='eq(n,0)+gte(t," + at + ")*not(gte(prev_selected_t," + at + "))'"
	return picture(p, append([]string{pick}, filters...), p.poster.Quality)
}

// apart is the distance of a sheet's pictures, s.
func (p *piece) apart() float64 {
	if p.sheet == nil {
		return 0
	}
	return p.length / float64(p.sheet.Columns*p.sheet.Rows)
}

// sheet takes pictures at the middle of equal parts of the film.
func (r *batch) sheet(p *piece) []string {
	filters, _ := chain(p.of, append(p.shape, &recipe.Scale{Width: p.sheet.Width, Fit: "fit", Enlarge: true}))
	n := p.sheet.Columns * p.sheet.Rows
	pick := "select=1" // of unknown length: the first ones
	if apart := p.apart(); apart > 0 {
		pick = fmt.Sprintf("select='gte(t,(selected_n+0.5)*%.6f)'", apart)
	}
	filters = append(append([]string{pick}, filters...), fmt.Sprintf("tile=%dx%d:nb_frames=%d", p.sheet.Columns, p.sheet.Rows, n))
	return picture(p, filters, p.sheet.Quality, "-frames:v", "1")
}

// sheetSize is that of the whole sheet.
func (p *piece) sheetSize() frame {
	_, one := chain(p.of, append(p.shape, &recipe.Scale{Width: p.sheet.Width, Fit: "fit", Enlarge: true}))
	return frame{one.w * p.sheet.Columns, one.h * p.sheet.Rows}
}

func picture(p *piece, filters []string, quality int, more ...string) []string {
	args := append([]string{"-map", "0:V:0", "-an", "-vf", strings.Join(filters, ","), "-fps_mode", "passthrough"}, more...)
	switch extension(p.Name) {
	case ".png":
		return append(args, "-c:v", "png", "-pix_fmt", "rgb24")
	case ".webp":
		return append(args, "-c:v", "libwebp", "-pix_fmt", "yuv420p", "-quality", strconv.Itoa(quality))
	}
	return append(args, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", strconv.Itoa(jpegScale(quality)))
}

// jpegScale is ffmpeg's scale for a JPEG, from 2 (good) to 31, which grows faster
// the less is wanted: 100 is 2, 85 is 3, 50 is 9.
func jpegScale(quality int) int {
	lost := float64(100-quality) / 99
	return min(31, 2+int(math.Round(29*lost*lost)))
}

// ladder is a streaming ladder's share of the command line: renditions of one
// picture, cut at the same places.
func (r *batch) ladder(p *piece, gain string) (args []string) {
	rungs := p.rungs()
	for i, g := range rungs {
		filters, _ := chain(p.of, append(p.shape, &recipe.Scale{Height: g.Height, Fit: "fit"}))
		filters = append(filters, rateOf(p.of.fps, 0)...)
		v := strconv.Itoa(i)
		args = append(args, "-map", "0:V:0", "-filter:v:"+v, strings.Join(filters, ","),
			"-b:v:"+v, bits(g.Bitrate, 0), "-maxrate:v:"+v, bits(g.Bitrate*3/2, 0), "-bufsize:v:"+v, bits(g.Bitrate*2, 0))
	}
	every := seconds(p.hls.Segment.Std().Seconds())
	args = append(args, "-c:v", "libx264", "-preset", p.hls.Preset, "-profile:v", "high", "-pix_fmt", "yuv420p",
		"-sc_threshold", "0", "-force_key_frames", "expr:gte(t,n_forced*"+every+")")
	if !p.hears() {
		return append(args, "-an")
	}
	for i, g := range rungs {
		args = append(args, "-map", "0:a:0", "-b:a:"+strconv.Itoa(i), bits(g.AudioBitrate, 128e3))
	}
	return append(args, "-c:a", "aac", "-af", soundFilters(layout(p.of.channels, 0), rate("aac", p.of.rate, 0), gain))
}

// rungs are the renditions that are no larger than the film, or the smallest one.
func (p *piece) rungs() []recipe.Rendition {
	_, size := chain(p.of, p.shape)
	all := p.hls.Renditions
	for i, g := range all {
		if g.Height <= size.h+1 || i == len(all)-1 { // its sides were made even
			return all[i:]
		}
	}
	return all
}

// segments is how a ladder is written: the master playlist under the output's
// name, each rendition in a folder beside it.
func (r *batch) segments(p *piece) []string {
	var streams []string
	for i, g := range p.rungs() {
		s := fmt.Sprintf("v:%d", i)
		if p.hears() {
			s += fmt.Sprintf(",a:%d", i)
		}
		streams = append(streams, fmt.Sprintf("%s,name:%dp", s, g.Height))
	}
	folder := r.bench.file(path.Dir(p.Name))
	return []string{
		"-f", "hls", "-hls_time", seconds(p.hls.Segment.Std().Seconds()), "-hls_playlist_type", "vod", "-hls_list_size", "0",
		"-hls_flags", "independent_segments", "-hls_segment_filename", folder + "/%v/%05d.ts",
		"-master_pl_name", path.Base(p.Name), "-var_stream_map", strings.Join(streams, " "), folder + "/%v/index.m3u8",
	}
}
