package av_test

import (
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/worker"
	"skynet/worker/av"
	"skynet/worker/recipe"
)

var _ worker.Maker = (*av.Maker)(nil)

const usualOutputs = `{name: video.mp4, video: [{do: resize, width: 1280}, {do: encode, preset: ultrafast}]},
	{name: poster.jpg, video: [{do: resize, width: 1280}, {do: poster}]}`

func TestFilms(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		w, h  int
		sound bool
	}{
		"sound":       {clip(t, "320x240", 1.5), 320, 240, true},
		"odd, 10 bit": {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=321x241:d=0.4", "-c:v", "ffv1", "-pix_fmt", "yuv422p10le"), 320, 240, false},
		"large":       {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=1920x1080:d=0.2"), 1280, 720, false},
		"one frame":   {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=1:d=1"), 64, 48, false},
		"tiny":        {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-vf", "scale=1:1", "-c:v", "ffv1"), 2, 2, false},
		"wide dots":   {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=360x288:d=0.5", "-vf", "setsar=16/15"), 384, 288, false},
		"turned":      {turned(t), 240, 320, false},
		"mpegts":      {film(t, "a.ts", "-f", "lavfi", "-i", "testsrc=s=320x240:d=1"), 320, 240, false},
		"webm":        {film(t, "a.webm", "-f", "lavfi", "-i", "testsrc=s=320x240:d=0.5", "-cpu-used", "8"), 320, 240, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, made := work(t, recipe.Job{Outputs: outputs(t, usualOutputs), Inputs: input(c.file)})
			if len(made) != 2 || made[0].Name != "video.mp4" || made[0].Width != c.w || made[0].Height != c.h || made[0].Seconds == 0 {
				t.Errorf("made %+v", made)
			}
			wantFilm(t, folder, c.w, c.h, c.sound)
		})
	}
}

func turned(t *testing.T) string {
	upright := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:d=0.5")
	return film(t, "b.mp4", "-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=90")
}

func wantFilm(t *testing.T, folder string, w, h int, sound bool) {
	t.Helper()
	got := probe(t, filepath.Join(folder, "video.mp4")).Streams
	if len(got) == 0 || len(got) > 2 || sound != (len(got) == 2) {
		t.Fatalf("streams %+v", got)
	}
	v := got[0]
	if v.Codec != "h264" || v.Pixels != "yuv420p" || v.Width != w || v.Height != h || v.SAR != "1:1" {
		t.Errorf("video %+v, want %d × %d", v, w, h)
	}
	if sound && got[1].Codec != "aac" {
		t.Errorf("sound %+v", got[1])
	}
	f, err := os.Open(filepath.Join(folder, "poster.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := jpeg.Decode(f)
	if err != nil || p.Bounds().Dx() != w || p.Bounds().Dy() != h {
		t.Errorf("poster: %v", err)
	}
	wantFastStart(t, filepath.Join(folder, "video.mp4"))
}

// wantFastStart wants the index before the pictures, so that it plays while it loads.
func wantFastStart(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Index(s, "moov") > strings.Index(s, "mdat") {
		t.Error("the index comes last")
	}
}

// slow is a film that takes long to encode: many pictures in few bytes.
func slow(t *testing.T) string {
	return film(t, "slow.mkv", "-f", "lavfi", "-i", "color=s=16x16:r=50:d=200", "-c:v", "libx264", "-preset", "ultrafast")
}

func TestStopsAtOnceWithItsWholeGroup(t *testing.T) {
	m := newMaker(t)
	file := slow(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(400*time.Millisecond, func() { cancel(context.DeadlineExceeded) })
	begin := time.Now()
	_, err := m.Work(ctx, recipe.Job{Outputs: outputs(t, `{name: a.mp4, video: [{do: encode, preset: veryslow}]}`), Inputs: input(file), Folder: t.TempDir()})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err %v, want the cause", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if n := running(t, file); n != 0 {
		t.Errorf("%d processes still work on it", n)
	}
}

// running counts the processes that were given the file.
func running(t *testing.T, file string) (n int) {
	t.Helper()
	cmds, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cmds {
		if b, _ := os.ReadFile(c); strings.Contains(string(b), file) {
			n++
		}
	}
	return n
}

func TestTimeout(t *testing.T) {
	m := newMaker(t)
	job := recipe.Job{Outputs: outputs(t, `{name: a.mp4, video: [{do: encode, preset: veryslow}]}`), Inputs: input(slow(t))}
	job.Limits.Time = strict.Duration(300 * time.Millisecond)
	if _, _, err := tryWork(t, m, job); err == nil || err.Error() != "film or sound took longer than 300ms" {
		t.Error(err)
	}
}

// script puts a program of ours in ffmpeg's place.
func script(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFFmpegMisbehaves(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	long := fmt.Sprintf("61.%d", os.Getpid()) // found again by its length
	file := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2")
	for name, c := range map[string]struct{ body, want string }{
		"stands still":     {"sleep " + long + " & sleep " + long, "encode: ffmpeg stood still for 500ms"},
		"fails":            {"for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; done; exit 1", "encode: line 7; line 8; line 9"},
		"crashes":          {"sh -c 'kill -SEGV $$'", "encode: Segmentation fault"},
		"talks for ever":   {"yes 2>/dev/null | head -c 10000000 >&2; exit 1", "encode: y"},
		"ends too early":   {"exit 0", "encode: ffmpeg ended without saying"},
		"makes nothing":    {"echo progress=end >&3", "video.mp4: nothing could be decoded"},
		"sees our secrets": {"echo got:$AWS_SECRET_ACCESS_KEY: >&2; exit 1", "encode: got::"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t)
			m.FFmpeg, m.Stall = script(t, c.body), 500*time.Millisecond
			_, _, err := tryWork(t, m, recipe.Job{Outputs: outputs(t, usualOutputs), Inputs: input(file)})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if n := running(t, long); n != 0 {
				t.Errorf("%d of its children still run", n)
			}
		})
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	m := av.New()
	m.FFmpeg, m.FFprobe = "no-ffmpeg", "/nowhere/ffprobe"
	err := m.Check(t.Context())
	for _, want := range []string{"no-ffmpeg is missing", "/nowhere/ffprobe is missing", "apt install ffmpeg"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	m = av.New()
	m.FFmpeg = script(t, "echo ' V..... libx264  '; echo ' A.... aac '; echo ' V.... mjpeg '")
	if err := m.Check(t.Context(), recipe.Recipe{Name: "film", Outputs: outputs(t, usualOutputs)}); err != nil {
		t.Error(err)
	}
	err = m.Check(t.Context(), recipe.Recipe{Name: "film", Outputs: outputs(t, `{name: a.webm, video: [{do: encode, codec: av1}]}, {name: a.mp3, audio: [{do: encode}]}`)})
	for _, want := range []string{"recipe film: a.webm: ", "the encoder libsvtav1", "the encoder libopus", "recipe film: a.mp3: ", "the encoder libmp3lame"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}
