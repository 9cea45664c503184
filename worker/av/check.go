package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const checkLimit = 10 * time.Second

// Check finds the programs and sees that ffmpeg has the encoders that are
// needed: once at start, rather than by every item failing.
func (m *Maker) Check(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return errors.New("video: ffmpeg is ended with its parent, which is possible on Linux only; run the worker there")
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
	return m.checkEncoders(ctx)
}

func (m *Maker) checkEncoders(ctx context.Context) error {
	var out bytes.Buffer
	if err := run(ctx, m.FFmpeg, []string{"-hide_banner", "-v", "error", "-encoders"}, os.TempDir(), &out, nil); err != nil {
		return fmt.Errorf("video: %s does not run: %w", m.FFmpeg, err)
	}
	var errs []error
	for _, e := range []string{"libx264", "aac", "mjpeg"} {
		if !strings.Contains(out.String(), " "+e+" ") {
			errs = append(errs, fmt.Errorf("video: %s was built without the encoder %s: install one with it (Debian's has it)", m.FFmpeg, e))
		}
	}
	return errors.Join(errs...)
}
