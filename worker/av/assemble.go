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
)

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
