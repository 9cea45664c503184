// Package av makes a film that plays everywhere, and a poster of it, with
// ffmpeg as a process of its own: Debian's build is under the GPL, and what
// strangers send crashes decoders now and then.
package av

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

// The outputs.
const (
	video  = "video.mp4"
	poster = "poster.jpg"
)

// Maker makes video.mp4 (H.264, AAC, ready to stream) and poster.jpg of a film.
type Maker struct {
	FFmpeg    string        // path or name of the program
	FFprobe   string        // path or name of the program
	MaxWidth  int           // px of the outputs; a film is never enlarged
	MaxPixels int           // of a source's frame
	Threads   int           // for one item; 0 leaves it to ffmpeg
	Timeout   time.Duration // for one item; 0 for none
	Stall     time.Duration // without a new frame, after which ffmpeg is stuck; 0 for none
}

// New returns a Maker for films of up to 8192 × 4320, which gives up on one
// that takes longer than an hour or stands still for two minutes. Its outputs
// are at most 1280 px wide.
func New() *Maker {
	return &Maker{
		FFmpeg: "ffmpeg", FFprobe: "ffprobe", MaxWidth: 1280, MaxPixels: 8192 * 4320,
		Timeout: time.Hour, Stall: 2 * time.Minute,
	}
}

// Make makes the outputs of the film in the file input in folder, in one run
// of ffmpeg, and checks that they are whole.
func (m *Maker) Make(ctx context.Context, input, folder string) (names []string, err error) {
	if m.Timeout > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("video took longer than %s", m.Timeout)
		ctx, cancel = context.WithTimeoutCause(ctx, m.Timeout, late)
		defer cancel()
	}
	source, err := m.probe(ctx, input)
	if err != nil {
		return nil, err
	}
	if err := m.acceptable(source); err != nil {
		return nil, err
	}
	if err := m.encode(ctx, source, input, folder); err != nil {
		return nil, err
	}
	if err := m.checkOutputs(ctx, source, folder); err != nil {
		return nil, err
	}
	// Names that end in .part are not outputs, whatever happens to this process.
	for _, n := range []string{video, poster} {
		if err := os.Rename(part(folder, n), filepath.Join(folder, n)); err != nil {
			return nil, fmt.Errorf("name %s: %w", n, err)
		}
	}
	return []string{video, poster}, nil
}

func part(folder, name string) string { return filepath.Join(folder, name+".part") }

// acceptable refuses what is no film, or a bigger one than we take.
func (m *Maker) acceptable(f film) error {
	switch {
	case f.width <= 0 || f.height <= 0:
		return errors.New("not a video: no video stream")
	case f.width*f.height > m.MaxPixels:
		return fmt.Errorf("video of %d × %d pixels: at most %d million are accepted", f.width, f.height, m.MaxPixels/1_000_000)
	}
	return nil
}

// checkOutputs compares what was made with what it was made of: a source that
// is cut short ends ffmpeg without an error, and with less film than promised.
func (m *Maker) checkOutputs(ctx context.Context, source film, folder string) error {
	made, err := m.probe(ctx, part(folder, video))
	if err != nil {
		return fmt.Errorf("check the output: %w", err)
	}
	if made.width <= 0 {
		return errors.New("no picture could be decoded")
	}
	if short := source.seconds - made.seconds; short > max(1, source.seconds/100) {
		return fmt.Errorf("truncated: %.1f s of %.1f s could be decoded", made.seconds, source.seconds)
	}
	if info, err := os.Stat(part(folder, poster)); err != nil || info.Size() == 0 {
		return errors.New("no picture for a poster could be decoded")
	}
	return nil
}

// posterAt is where the poster is taken, s: a second in, sooner in a short film.
func posterAt(seconds float64) float64 { return math.Min(1, seconds/10) }
