package av

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"skynet/worker/recipe"
)

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
