package av

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// encode runs ffmpeg once for both outputs, so that the film is decoded once.
func (m *Maker) encode(ctx context.Context, f film, input, folder string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe for ffmpeg's progress: %w", err)
	}
	ended := make(chan bool, 1)
	go func() { ended <- m.follow(r, cancel) }()
	err = run(ctx, m.FFmpeg, m.args(f, input, folder), folder, io.Discard, w)
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(time.Second)) // should anything else still hold its other end
	whole := <-ended
	_ = r.Close()
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return err
	case err != nil:
		return fmt.Errorf("encode: %w", err)
	case !whole:
		return fmt.Errorf("encode: ffmpeg ended without saying that it was done")
	}
	return nil
}

// follow reads ffmpeg's progress until it ends, gives up on one that stands
// still, and reports whether it said that it came to its end.
func (m *Maker) follow(r io.Reader, cancel context.CancelCauseFunc) (whole bool) {
	stuck := func() { cancel(fmt.Errorf("ffmpeg stood still for %s", m.Stall)) }
	alarm := time.AfterFunc(365*24*time.Hour, stuck)
	defer alarm.Stop()
	if m.Stall > 0 {
		alarm.Reset(m.Stall)
	}
	var furthest int64
	for s := bufio.NewScanner(r); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), "=")
		switch key {
		case "out_time_us": // out_time_ms holds microseconds as well
			at, _ := strconv.ParseInt(value, 10, 64)
			if at > furthest && m.Stall > 0 {
				furthest = at
				alarm.Reset(m.Stall)
			}
		case "progress":
			whole = value == "end"
		}
	}
	return whole
}

// args is ffmpeg's command line: the film and its poster from one decoding.
func (m *Maker) args(f film, input, folder string) []string {
	args := []string{"-nostdin", "-hide_banner", "-v", "error", "-nostats", "-progress", "pipe:3", "-y"}
	args = append(args, sandbox...)
	if m.Threads > 0 {
		args = append(args, "-threads", strconv.Itoa(m.Threads), "-filter_threads", strconv.Itoa(m.Threads))
	}
	args = append(args, "-i", "file:"+input)
	// V is video that is no cover picture; sound is taken if there is any.
	args = append(args, "-map", "0:V:0", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1",
		"-vf", m.scale(), "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-profile:v", "high",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", "-max_muxing_queue_size", "4096")
	if m.Threads > 0 {
		args = append(args, "-threads", strconv.Itoa(m.Threads))
	}
	args = append(args, "-movflags", "+faststart", "-f", "mp4", "file:"+part(folder, video))
	// The first picture, written over by the one at the time wanted: a film may
	// have none so late, whatever it says of its length.
	at := strconv.FormatFloat(posterAt(f.seconds), 'f', 3, 64)
	pick := "select='eq(n,0)+gte(t," + at + ")*not(gte(prev_selected_t," + at + "))'"
	return append(args, "-map", "0:V:0", "-map_metadata", "-1", "-vf", pick+","+m.scale(), "-fps_mode", "passthrough",
		"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3", "-f", "image2", "-update", "1", "file:"+part(folder, poster))
}

// scale brings pictures to square pixels, at most MaxWidth wide and even in
// both directions, as H.264 in 4:2:0 needs it. Rotated films are upright here.
func (m *Maker) scale() string {
	return fmt.Sprintf(`scale=w='max(2,trunc(min(%d,iw*sar)/2)*2)':h='max(2,trunc(ow/dar/2)*2)',setsar=1`, m.MaxWidth)
}
