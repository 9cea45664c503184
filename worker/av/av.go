// Package av makes films, pictures of films and sound as recipes say, with ffmpeg
// as a process of its own: Debian's build is under the GPL, and what strangers send
// crashes decoders now and then. It runs confined (see worker/confine).
//
// All outputs of one film are made in one run, so that it is decoded once. Sound
// whose loudness is to change is decoded once more before, to measure it.
package av

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skynet/worker/recipe"
)

// Maker makes what the steps of recipe.VideoStep and recipe.AudioStep say.
type Maker struct {
	FFmpeg    string        // path or name of the program
	FFprobe   string        // path or name of the program
	MaxPixels int           // of a source's frame
	Memory    int64         // bytes, of each program
	Disk      int64         // bytes, of all that is made of one item
	Threads   int           // for one item; 0 leaves it to ffmpeg
	Timeout   time.Duration // for one item; 0 for none
	Stall     time.Duration // without a new frame, after which ffmpeg is stuck; 0 for none
}

// New returns a Maker for films of up to 8192 × 4320, which gives up on one
// that takes longer than an hour, stands still for two minutes, needs more than
// 4 GiB of memory or makes more than 64 GiB.
func New() *Maker {
	return &Maker{
		FFmpeg: "ffmpeg", FFprobe: "ffprobe", MaxPixels: 8192 * 4320,
		Memory: 4 << 30, Disk: 64 << 30, Timeout: time.Hour, Stall: 2 * time.Minute,
	}
}

// within is the Maker with an item's limits, which can only be lower.
func (m Maker) within(l recipe.Limits) *Maker {
	m.Memory = recipe.Tighter(m.Memory, int64(l.Memory))
	m.Disk = recipe.Tighter(m.Disk, int64(l.Disk))
	m.MaxPixels = recipe.Tighter(m.MaxPixels, l.Pixels)
	m.Timeout = recipe.Tighter(m.Timeout, l.Time.Std())
	return &m
}

// Work makes all outputs of a job, or none: a file under an output's name is whole.
func (m *Maker) Work(ctx context.Context, job recipe.Job) (made []recipe.Made, err error) {
	m = m.within(job.Limits)
	if m.Timeout > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("film or sound took longer than %s", m.Timeout)
		ctx, cancel = context.WithTimeoutCause(ctx, m.Timeout, late)
		defer cancel()
	}
	b, err := m.bench(job)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.clear()) }()
	runs, err := b.plan()
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if err := r.make(ctx); err != nil {
			return nil, err
		}
	}
	return b.hand(ctx)
}

// bench is where one job is worked on: a folder whose files are no outputs yet.
type bench struct {
	*Maker
	job    recipe.Job
	folder string
	known  map[string]film // what was probed, by its file
	pieces []*piece
}

func (m *Maker) bench(job recipe.Job) (*bench, error) {
	folder, err := os.MkdirTemp(job.Folder, ".making-*.part")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	return &bench{Maker: m, job: job, folder: folder, known: map[string]film{}}, nil
}

func (b *bench) clear() error {
	if err := os.RemoveAll(b.folder); err != nil {
		return fmt.Errorf("clear the scratch folder: %w", err)
	}
	return nil
}

// file is where an output, or what belongs to it, is made.
func (b *bench) file(name string) string { return filepath.Join(b.folder, filepath.FromSlash(name)) }

// source is the file that an output is made of: an input, or an output made before.
func (b *bench) source(name string) (string, error) {
	if name == "" {
		name = recipe.Main
	}
	if in, ok := b.job.Inputs[name]; ok {
		return in, nil
	}
	for _, o := range b.job.Outputs {
		if o.Name == name {
			return b.file(name), nil
		}
	}
	return "", fmt.Errorf("there is no input %s", name)
}

// probed is what ffprobe says of a source, asked once.
func (b *bench) probed(ctx context.Context, file string) (film, error) {
	if f, ok := b.known[file]; ok {
		return f, nil
	}
	f, err := b.probe(ctx, file)
	if err == nil {
		b.known[file] = f
	}
	return f, err
}

// hand gives what was made its names, once all of it is whole.
func (b *bench) hand(ctx context.Context) (made []recipe.Made, err error) {
	for _, p := range b.pieces {
		ms, err := b.check(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		made = append(made, ms...)
	}
	for _, m := range made {
		to := filepath.Join(b.job.Folder, filepath.FromSlash(m.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, fmt.Errorf("name %s: %w", m.Name, err)
		}
		if err := os.Rename(b.file(m.Name), to); err != nil {
			return nil, fmt.Errorf("name %s: %w", m.Name, err)
		}
	}
	return made, nil
}
