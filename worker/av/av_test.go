package av_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/worker"
	"skynet/worker/av"
)

var _ worker.Maker = (*av.Maker)(nil)

func newMaker(t *testing.T) *av.Maker {
	t.Helper()
	m := av.New()
	if err := m.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// film has ffmpeg make a test file.
func film(t *testing.T, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("ffmpeg", slices.Concat([]string{"-nostdin", "-v", "error", "-y"}, args, []string{file})...).CombinedOutput()
	if err != nil {
		t.Fatalf("these tests need ffmpeg: %v: %s", err, out)
	}
	return file
}

func text(t *testing.T, s string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "input.mp4")
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type stream struct {
	Type   string `json:"codec_type"`
	Codec  string `json:"codec_name"`
	Pixels string `json:"pix_fmt"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	SAR    string `json:"sample_aspect_ratio"`
}

func streams(t *testing.T, file string) []stream {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_streams", "-of", "json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Streams []stream }
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p.Streams
}

func TestFilms(t *testing.T) {
	m := newMaker(t)
	for name, c := range map[string]struct {
		file  string
		w, h  int
		sound bool
	}{
		"sound":     {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:d=2", "-f", "lavfi", "-i", "sine=d=2", "-shortest"), 320, 240, true},
		"silent":    {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=320x240:d=2"), 320, 240, false},
		"odd":       {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=321x241:d=1", "-c:v", "ffv1"), 320, 240, false},
		"large":     {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=1920x1080:d=0.3"), 1280, 720, false},
		"one frame": {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:r=1:d=1"), 64, 48, false},
		"tiny":      {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-vf", "scale=1:1", "-c:v", "ffv1"), 2, 2, false},
		"wide dots": {film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=360x288:d=0.5", "-vf", "setsar=16/15"), 384, 288, false},
		"10 bit":    {film(t, "a.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.5", "-c:v", "ffv1", "-pix_fmt", "yuv422p10le"), 64, 48, false},
		"turned":    {turned(t), 240, 320, false},
		"mpegts":    {film(t, "a.ts", "-f", "lavfi", "-i", "testsrc=s=320x240:d=1"), 320, 240, false},
		"webm":      {film(t, "a.webm", "-f", "lavfi", "-i", "testsrc=s=320x240:d=0.5"), 320, 240, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			names, err := m.Make(t.Context(), c.file, dir)
			if err != nil {
				t.Fatal(err)
			}
			wantOutputs(t, dir, names, c.w, c.h, c.sound)
		})
	}
}

func turned(t *testing.T) string {
	upright := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:d=0.5")
	return film(t, "b.mp4", "-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=90")
}

func wantOutputs(t *testing.T, dir string, names []string, w, h int, sound bool) {
	t.Helper()
	if !slices.Equal(names, []string{"video.mp4", "poster.jpg"}) {
		t.Fatalf("made %q", names)
	}
	got := streams(t, filepath.Join(dir, "video.mp4"))
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
	f, err := os.Open(filepath.Join(dir, "poster.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := jpeg.Decode(f)
	if err != nil || p.Bounds().Dx() != w || p.Bounds().Dy() != h {
		t.Errorf("poster: %v", err)
	}
	wantFastStart(t, filepath.Join(dir, "video.mp4"))
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

func TestWhatIsNoFilmFailsWithAClearReason(t *testing.T) {
	m := newMaker(t)
	whole := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:d=20", "-movflags", "+faststart")
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	part := film(t, "s.ts", "-f", "lavfi", "-i", "testsrc=s=64x48:d=1")
	song := film(t, "song.mp3", "-f", "lavfi", "-i", "sine=d=1")
	cover := film(t, "cover.jpg", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.04", "-frames:v", "1")
	for name, c := range map[string]struct{ file, want string }{
		"empty":       {text(t, ""), "not a video: "},
		"text":        {text(t, strings.Repeat("this is no film\n", 100)), "not a video: "},
		"playlist":    {text(t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), "not a video: "},
		"good list":   {text(t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"+part+"\n#EXT-X-ENDLIST\n"), "not a video: "},
		"concat":      {text(t, "ffconcat version 1.0\nfile "+part+"\n"), "not a video: "},
		"network":     {text(t, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n"), "not a video: "},
		"photo":       {cover, "not a video: "},
		"song":        {song, "not a video: "},
		"sound only":  {film(t, "a.m4a", "-f", "lavfi", "-i", "sine=d=1"), "not a video: no video stream"},
		"song, cover": {film(t, "b.mp4", "-i", song, "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"), "not a video: no video stream"},
		"cut short":   {text(t, string(b[:len(b)/2])), "truncated: "},
		"only a head": {text(t, string(b[:100])), "not a video: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			names, err := m.Make(t.Context(), c.file, dir)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("made %q, %v, want %q", names, err, c.want)
			}
			if s := err.Error(); len(s) > 500 || strings.Contains(s, "root:") {
				t.Errorf("reason: %s", s)
			}
			t.Log(err)
			for _, n := range []string{"video.mp4", "poster.jpg"} {
				if _, err := os.Stat(filepath.Join(dir, n)); err == nil {
					t.Errorf("%s looks like an output", n)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	m := newMaker(t)
	m.MaxPixels = 1000
	_, err := m.Make(t.Context(), film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.1"), t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), "video of 64 × 48 pixels") {
		t.Error(err)
	}
}

// slow is a film that takes long to encode: many pictures in few bytes.
func slow(t *testing.T) string {
	return film(t, "slow.mkv", "-f", "lavfi", "-i", "color=s=16x16:r=1000:d=2000", "-c:v", "libx264", "-preset", "ultrafast", "-t", "100")
}

func TestStopsAtOnceWithItsWholeGroup(t *testing.T) {
	m := newMaker(t)
	input := slow(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(400*time.Millisecond, func() { cancel(context.DeadlineExceeded) })
	begin := time.Now()
	_, err := m.Make(ctx, input, t.TempDir())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err %v, want the cause", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if n := running(t, input); n != 0 {
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
	m.Timeout = 300 * time.Millisecond
	_, err := m.Make(t.Context(), slow(t), t.TempDir())
	if err == nil || err.Error() != "video took longer than 300ms" {
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
	long := fmt.Sprintf("61.%d", os.Getpid()) // found again by its length
	input := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2")
	for name, c := range map[string]struct{ body, want string }{
		"stands still":     {"sleep " + long + " & sleep " + long, "ffmpeg stood still for 500ms"},
		"fails":            {"for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; done; exit 1", "encode: line 7; line 8; line 9"},
		"crashes":          {"kill -SEGV $$", "encode: signal: segmentation fault"},
		"talks for ever":   {"yes 2>/dev/null | head -c 10000000 >&2; exit 1", "encode: y"},
		"ends too early":   {"exit 0", "encode: ffmpeg ended without saying"},
		"makes nothing":    {"echo progress=end >&3", "check the output: not a video: "},
		"sees our secrets": {"echo got:$AWS_SECRET_ACCESS_KEY: >&2; exit 1", "encode: got::"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
			m := newMaker(t)
			m.FFmpeg, m.Stall = script(t, c.body), 500*time.Millisecond
			_, err := m.Make(t.Context(), input, t.TempDir())
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
	m.FFmpeg = script(t, "echo ' V..... mpeg4  '")
	if err := m.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "without the encoder libx264") {
		t.Error(err)
	}
}
