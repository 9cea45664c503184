// Package image makes renditions of photographs with libvips, as recipes say.
//
// All outputs of an item are planned together (see plan.go): the source is decoded once,
// at the smallest size that suffices, what several outputs begin with is done once, and a
// small rendition is made of a larger one's pixels. What comes out is what each output
// would be by itself, but for differences that nobody sees.
//
// Memory: where nothing is shared, pixels pass through a few lines at a time. What is shared
// is kept: width × height × 3 bytes (4 with transparency) of what was decoded, [Maker.MaxMemory]
// at most, and of each rendition that another is made of, at most 1/2.25 of the one before it.
// So a slot holds at most 1.8 × MaxMemory of pixels, and for a JPEG of 12 megapixels of which
// 1024 px and less are made about 3 MB. WebP, HEIC, AVIF, GIF and the interlaced kinds of
// JPEG and PNG are decoded whole, whatever becomes of them: 4 to 8 bytes a pixel more, of
// [Maker.MaxPixels]. Of the C library's arenas the package lets malloc keep two.
package image

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"skynet/worker/image/libvips"
	"skynet/worker/recipe"
)

// Maker makes renditions of photographs. Its zero value is not ready: see New. What a
// recipe or an item asks for can lower the limits, but not raise them.
type Maker struct {
	MaxPixels int           // of the source and of each output, width × height
	MaxBytes  int64         // of the source's file
	MaxFrames int           // pages or frames of the source, of which the first is taken
	MaxRatio  int           // pixels for each byte of the file, of sources of more than 25 megapixels
	MaxMemory int64         // bytes of decoded pixels that are kept for several outputs
	Timeout   time.Duration // for one item; 0 for none
}

// New starts libvips, once for the process, and returns a Maker for sources of up to 100
// megapixels and 256 MiB, which gives up on one that takes longer than two minutes.
func New() (*Maker, error) {
	if err := libvips.Start(); err != nil {
		return nil, fmt.Errorf("start libvips: %w", err)
	}
	return &Maker{
		MaxPixels: 100e6, MaxBytes: 256 << 20, MaxFrames: 10_000, MaxRatio: 500,
		MaxMemory: 400 << 20, Timeout: 2 * time.Minute,
	}, nil
}

// Check sees that this worker can make such outputs: what its libvips was built without
// is better told at start than by every item failing.
func (m *Maker) Check(outputs []recipe.Output) error {
	var errs []error
	for _, o := range outputs {
		if o.Medium() == recipe.ByImage {
			errs = append(errs, able(o))
		}
	}
	return errors.Join(errs...)
}

// Work makes the outputs of a job. None is made if one cannot be, though files of some
// may be left in the folder. It ends soon after ctx does.
func (m *Maker) Work(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := m.Check(job.Outputs); err != nil {
		return nil, err
	}
	trees, err := plan(job)
	if err != nil {
		return nil, err
	}
	limits := m.within(job.Limits)
	w := &work{Maker: limits, job: job, made: make([]recipe.Made, len(job.Outputs))}
	w.watch = libvips.NewWatch(ctx, limits.Timeout)
	defer w.watch.Close()
	for _, t := range trees {
		if err := w.source(t); err != nil {
			return nil, w.why(ctx, err)
		}
	}
	return w.made, nil
}

// within is the maker with a recipe's limits, where these are lower.
func (m *Maker) within(l recipe.Limits) *Maker {
	low := *m
	low.MaxPixels = recipe.Tighter(low.MaxPixels, l.Pixels)
	low.MaxMemory = recipe.Tighter(low.MaxMemory, int64(l.Memory))
	low.Timeout = recipe.Tighter(low.Timeout, l.Time.Std())
	return &low
}

// work is one job in the making.
type work struct {
	*Maker
	job   recipe.Job
	made  []recipe.Made // by the index of the output
	watch *libvips.Watch
}

// why is the reason of an error: of one that was ordered, the order.
func (w *work) why(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case w.watch.Late():
		return fmt.Errorf("photo took longer than %s", w.Timeout)
	}
	return w.plain(err)
}

// plain is an error without the names of scratch files, which libvips puts before its
// words and which mean nothing to anybody.
func (w *work) plain(err error) error {
	said := err.Error()
	for name, file := range w.job.Inputs {
		said = strings.ReplaceAll(strings.ReplaceAll(said, file+": ", ""), file, name)
	}
	said = strings.ReplaceAll(said, w.job.Folder+string(filepath.Separator), "")
	if said == err.Error() {
		return err
	}
	return errors.New(said)
}

// file is where an output is written, and the name it has until it is whole.
func (w *work) file(o recipe.Output) (file, part string) {
	file = filepath.Join(w.job.Folder, filepath.FromSlash(o.Name))
	return file, file + ".part"
}

// names lists outputs in a reason.
func (w *work) names(outputs []int) string {
	const most = 3
	var list []string
	for _, i := range outputs[:min(len(outputs), most)] {
		list = append(list, w.job.Outputs[i].Name)
	}
	if more := len(outputs) - most; more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}
