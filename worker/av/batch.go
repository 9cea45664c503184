package av

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"skynet/worker/recipe"
)

// batch is what one run of ffmpeg makes: all outputs of one part of one source.
type batch struct {
	*bench
	file         string
	from, length float64 // s of the source; length 0 is to its end
	pieces       []*piece
	covers       []string // further inputs, behind the source
}

// plan puts outputs of the same part of the same source together, in an order in
// which sources are made before they are used.
func (b *bench) plan() (runs []*batch, err error) {
	for _, o := range b.job.Outputs {
		p, err := newPiece(o)
		if err != nil {
			return nil, err
		}
		if p.file, err = b.source(o.From); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		b.pieces = append(b.pieces, p)
		from, length := p.window()
		i := slices.IndexFunc(runs, func(r *batch) bool { return r.takes(p, from, length) })
		if i < 0 {
			i, runs = len(runs), append(runs, &batch{bench: b, file: p.file, from: from, length: length})
		}
		runs[i].pieces = append(runs[i].pieces, p)
	}
	return runs, nil
}

func (r *batch) takes(p *piece, from, length float64) bool {
	return p.assemble == nil && r.pieces[0].assemble == nil && r.file == p.file && r.from == from && r.length == length
}

// make runs ffmpeg for the batch.
func (r *batch) make(ctx context.Context) error {
	if r.pieces[0].assemble != nil {
		return r.join(ctx, r.pieces[0])
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	gains, err := r.gains(ctx)
	if err != nil {
		return err
	}
	args, err := r.args(ctx, gains)
	if err != nil {
		return err
	}
	if err := r.encode(ctx, args, append(r.covers, r.file)); err != nil {
		return err
	}
	return r.secondLook(ctx, gains)
}

// look probes the source and refuses what cannot be made of it.
func (r *batch) look(ctx context.Context) error {
	what := "video"
	if r.pieces[0].sound != nil {
		what = "sound"
	}
	f, err := r.probed(ctx, r.file)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("not a %s: %w", what, err)
	}
	if err != nil {
		return err
	}
	for _, p := range r.pieces {
		if p.of = f; p.sound == nil {
			err = r.acceptable(f)
		} else if f.channels == 0 {
			err = errors.New("not a sound: no sound in it")
		}
		if err != nil {
			return err
		}
		if err := p.expect(); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(r.bench.file(p.Name)), 0o700); err != nil {
			return fmt.Errorf("make a folder for %s: %w", p.Name, err)
		}
	}
	return nil
}

// acceptable refuses what is no film, or a bigger one than we take.
func (m *Maker) acceptable(f film) error {
	switch {
	case f.sightless:
		return fmt.Errorf("not a video: its pictures cannot be read, or have more than %s pixels", m.maxPixels())
	case f.w <= 0 || f.h <= 0:
		return errors.New("not a video: no video stream")
	case m.MaxPixels > 0 && f.w > m.MaxPixels/f.h:
		return fmt.Errorf("video of %d × %d pixels: at most %d are accepted", f.w, f.h, m.MaxPixels)
	}
	return nil
}

// onlyStills reports a batch for which a few pictures of the film will do.
func (r *batch) onlyStills() bool {
	return !slices.ContainsFunc(r.pieces, func(p *piece) bool { return !p.still() })
}

// onlyPosters reports one that can begin where its one picture is.
func (r *batch) onlyPosters() bool { return len(r.pieces) == 1 && r.pieces[0].poster != nil }

// head is the beginning of each command line.
func (b *bench) head() []string {
	return append([]string{"-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:3", "-y"}, b.threads()...)
}

func (m *Maker) threads() []string {
	if m.Threads <= 0 {
		return nil
	}
	n := strconv.Itoa(m.Threads)
	return []string{"-filter_threads", n, "-filter_complex_threads", n}
}

// coders bounds the threads of what is read or written next.
func (m *Maker) coders() []string {
	if m.Threads <= 0 {
		return nil
	}
	return []string{"-threads", strconv.Itoa(m.Threads)}
}

// input is how a file is read.
func (m *Maker) input(file string, from, length float64) []string {
	args := slices.Concat(only(films+","+sounds), []string{"-max_pixels", m.maxPixels()}, m.coders())
	if from > 0 {
		args = append(args, "-ss", seconds(from))
	}
	if length > 0 {
		args = append(args, "-t", seconds(length))
	}
	return append(args, "-i", "file:"+file)
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }

const (
	// farApart is the distance of a sheet's pictures from which key frames, of which
	// films have one in ten seconds or more, are near enough.
	farApart = 20
	// everywhere: no chapters and metadata of the source, some of which tell where a
	// film was taken.
	everywhere = "-map_metadata -1 -map_chapters -1 -max_muxing_queue_size 4096"
)

// args is ffmpeg's command line: every output from one decoding.
func (r *batch) args(ctx context.Context, gains map[*piece]string) ([]string, error) {
	args := r.head()
	from, length := r.from, r.length
	if r.onlyPosters() {
		from += r.pieces[0].posterAt()
	}
	if r.onlyStills() && !r.onlyPosters() && r.pieces[0].apart() > farApart {
		args = append(args, "-skip_frame", "nokey")
	}
	args = append(args, r.input(r.file, from, length)...)
	var outs []string
	for _, p := range r.pieces {
		out, err := r.output(ctx, p, gains[p])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		outs = append(outs, out...)
	}
	for _, c := range r.covers {
		args = append(args, slices.Concat(only(covers), []string{"-max_pixels", r.maxPixels(), "-i", "file:" + c})...)
	}
	args = append(args, outs...)
	if r.onlyStills() {
		// Pictures come late or once: this tells how far ffmpeg is, at no cost.
		args = append(args, "-map", "0:V:0", "-c", "copy", "-f", "null", "-")
	}
	return args, nil
}

// output is what one output adds to the command line.
func (r *batch) output(ctx context.Context, p *piece, gain string) ([]string, error) {
	common := append(strings.Fields(everywhere), r.coders()...)
	tags, err := p.metadata(r.job.Values)
	if err != nil {
		return nil, err
	}
	common = append(common, tags...)
	switch {
	case p.encode != nil:
		return append(r.film(p, gain), append(common, r.container(p)...)...), nil
	case p.hls != nil:
		return append(r.ladder(p, gain), append(common, r.segments(p)...)...), nil
	case p.poster != nil:
		return append(r.poster(p), append(common, "-f", "image2", "-update", "1", "file:"+r.bench.file(p.Name))...), nil
	case p.sheet != nil:
		return append(r.sheet(p), append(common, "-f", "image2", "-update", "1", "file:"+r.bench.file(p.Name))...), nil
	}
	music, err := r.music(ctx, p, "0:a:0", gain)
	return append(music, append(common, r.container(p)...)...), err
}

// metadata are the tags with the item's values put in.
func (p *piece) metadata(values map[string]string) (args []string, err error) {
	if p.tags == nil {
		return nil, nil
	}
	for _, t := range p.tags.Set {
		text, err := recipe.Expand(t.Value, values)
		if err != nil {
			return nil, fmt.Errorf("tag %s: %w", t.Name, err)
		}
		args = append(args, "-metadata", t.Name+"="+tagText(text))
	}
	return args, nil
}

const mostTag = 4096 // runes of one tag

// tagText takes out what files and command lines cannot hold.
func tagText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > mostTag {
		return string(r[:mostTag])
	}
	return s
}

// container is the format of an output, whole or not there, and its file.
func (r *batch) container(p *piece) []string {
	format := map[string]string{
		".mp4": "mp4", ".webm": "webm", ".mp3": "mp3", ".m4a": "ipod", ".opus": "opus", ".ogg": "ogg", ".flac": "flac",
	}[extension(p.Name)]
	args := []string{"-f", format, "file:" + r.bench.file(p.Name)}
	switch format {
	case "mp4", "ipod":
		return append([]string{"-movflags", "+faststart"}, args...)
	case "mp3":
		return append([]string{"-id3v2_version", "3"}, args...)
	}
	return args
}

// secondLook takes the first picture where there is none at a poster's time: a
// film may be shorter than it says.
func (r *batch) secondLook(ctx context.Context, gains map[*piece]string) error {
	if !r.onlyPosters() || filled(r.bench.file(r.pieces[0].Name)) {
		return nil
	}
	first := *r.pieces[0]
	first.Output.Video, first.poster = nil, &recipe.Poster{Quality: first.poster.Quality}
	again := *r
	first.of.pictures = 0 // at once
	again.pieces = []*piece{&first}
	args, err := again.args(ctx, gains)
	if err != nil {
		return err
	}
	return r.encode(ctx, args, []string{r.file})
}

func filled(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() > 0
}
