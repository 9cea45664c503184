package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"skynet/worker/recipe"
)

const checkLimit = 10 * time.Second

// Check finds the programs and sees that ffmpeg has the encoders that these
// recipes need: once at start, rather than by every item failing.
func (m *Maker) Check(ctx context.Context, recipes ...recipe.Recipe) error {
	if runtime.GOOS != "linux" {
		return errors.New("video: ffmpeg is confined and ended with its parent, which is possible on Linux only; run the worker there")
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	const cure = "install it (Debian: apt install ffmpeg) or set where it is"
	var errs []error
	for _, p := range []*string{&m.FFmpeg, &m.FFprobe} {
		found, err := exec.LookPath(*p)
		if err != nil {
			errs = append(errs, fmt.Errorf("video: %s is missing: %s", *p, cure))
			continue
		}
		*p = found
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return m.checkEncoders(ctx, recipes)
}

func (m *Maker) checkEncoders(ctx context.Context, recipes []recipe.Recipe) error {
	var out bytes.Buffer
	if err := m.run(ctx, program{path: m.FFmpeg, args: []string{"-hide_banner", "-v", "error", "-encoders"}, stdout: &out}); err != nil {
		return fmt.Errorf("video: %s does not run: %w", m.FFmpeg, err)
	}
	has := func(encoder string) bool { return strings.Contains(out.String(), " "+encoder+" ") }
	var errs []error
	for _, e := range []string{"libx264", "aac", "mjpeg"} {
		if !has(e) {
			errs = append(errs, fmt.Errorf("video: %s was built without the encoder %s: install one with it (Debian's has it)", m.FFmpeg, e))
		}
	}
	for _, r := range recipes {
		for _, o := range r.Outputs {
			for _, e := range encodersOf(o) {
				if !has(e) {
					errs = append(errs, fmt.Errorf("recipe %s: %s: %s was built without the encoder %s: install one with it, or choose another codec", r.Name, o.Name, m.FFmpeg, e))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// encodersOf are ffmpeg's names of the encoders that an output needs, each once.
func encodersOf(o recipe.Output) (names []string) {
	p, err := newPiece(o)
	if err != nil {
		return nil // other makers' outputs
	}
	add := func(encoder string) {
		if encoder != "" && !slices.Contains(names, encoder) {
			names = append(names, encoder)
		}
	}
	switch {
	case p.encode != nil:
		add(videoEncoders[p.encode.CodecIn(o.Name)])
		add(soundEncoders[p.encode.AudioIn(o.Name)])
	case p.hls != nil:
		add("libx264")
		add("aac")
	case p.sound != nil:
		add(soundEncoders[p.sound.CodecIn(o.Name)])
	case p.still():
		add(map[string]string{".png": "png", ".webp": "libwebp"}[extension(o.Name)])
	}
	if p.cover != nil {
		add("mjpeg")
	}
	return names
}
