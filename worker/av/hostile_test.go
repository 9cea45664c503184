package av_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/worker/recipe"
)

const oneFilm = `{name: video.mp4, video: [{do: encode, preset: ultrafast}]}`
const oneSound = `{name: audio.mp3, audio: [{do: loudness}, {do: encode}]}`

// head is the first part of a file.
func head(t *testing.T, file string, share float64) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, string(b[:int(float64(len(b))*share)]))
}

// TestHostile is what strangers send. Each is refused, within limits, with a
// reason that tells nothing of this machine.
func TestHostile(t *testing.T) {
	part := film(t, "s.ts", "-f", "lavfi", "-i", "testsrc=s=64x48:d=1")
	tune := film(t, "song.mp3", "-f", "lavfi", "-i", "sine=d=1")
	picture := film(t, "cover.jpg", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.04", "-frames:v", "1")
	whole := film(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:d=6", "-preset", "ultrafast", "-movflags", "+faststart")
	for name, c := range map[string]struct{ file, outputs, want string }{
		"empty":              {text(t, ""), oneFilm, "not a video: "},
		"text":               {text(t, strings.Repeat("this is no film\n", 100)), oneFilm, "not a video: "},
		"playlist":           {text(t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"), oneFilm, "not a video: "},
		"good list":          {text(t, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"+part+"\n#EXT-X-ENDLIST\n"), oneFilm, "not a video: "},
		"concat":             {text(t, "ffconcat version 1.0\nfile "+part+"\n"), oneFilm, "not a video: "},
		"network":            {text(t, "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n"), oneFilm, "not a video: "},
		"session":            {text(t, "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"), oneFilm, "not a video: "},
		"subtitles":          {text(t, "1\n00:00:00,000 --> 00:00:10,000\nhello\n"), oneFilm, "not a video: "},
		"vector picture":     {text(t, `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>`), oneFilm, "not a video: "},
		"manifest":           {text(t, `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>`), oneFilm, "not a video: "},
		"photo":              {picture, oneFilm, "not a video: "},
		"song":               {tune, oneFilm, "not a video: "},
		"sound only":         {film(t, "a.m4a", "-f", "lavfi", "-i", "sine=d=1"), oneFilm, "not a video: no video stream"},
		"song, cover":        {film(t, "b.mp4", "-i", tune, "-i", picture, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"), oneFilm, "not a video: no video stream"},
		"cut short":          {head(t, whole, 0.5), oneFilm, "video.mp4: truncated: "},
		"cut short, ladder":  {head(t, whole, 0.5), `{name: index.m3u8, video: [{do: hls, preset: ultrafast, renditions: [{height: 60, bitrate: 100k}]}]}`, "index.m3u8: truncated: "},
		"only a head":        {head(t, whole, 0.01), oneFilm, ""},
		"many streams":       {manyStreams(t), oneFilm, "not a video: 70 streams: at most 64 are accepted"},
		"sound of text":      {text(t, strings.Repeat("la la la\n", 100)), oneSound, "not a sound: "},
		"sound of a film":    {film(t, "s.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:d=0.5"), oneSound, "not a sound: no sound in it"},
		"sound cut short":    {head(t, film(t, "long.m4a", "-f", "lavfi", "-i", "sine=d=10", "-movflags", "+faststart"), 0.4), oneSound, "audio.mp3: truncated: "},
		"song cut short":     {head(t, film(t, "long.mp3", "-f", "lavfi", "-i", "sine=d=10"), 0.4), oneSound, "audio.mp3: truncated: "},
		"sound of nothing":   {film(t, "none.wav", "-f", "lavfi", "-i", "anullsrc=d=1", "-t", "0"), oneSound, ""},
		"a cover of text":    {tune, `{name: a.mp3, audio: [{do: encode}, {do: cover, image: cover}]}`, "a.mp3: cover: not a JPEG, PNG or WebP"},
		"assembly with text": {tune, `{name: a.mp3, audio: [{do: assemble, parts: [input, cover]}, {do: encode}]}`, "part cover: not a sound: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			in := input(c.file)
			in["cover"] = text(t, "#EXTM3U\nfile:///etc/passwd\n")
			_, made, err := tryWork(t, newMaker(t), recipe.Job{Inputs: in, Outputs: outputs(t, c.outputs)})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("made %+v, %v, want %q", made, err, c.want)
			}
			if s := err.Error(); len(s) > 700 || strings.Contains(s, "root:") || strings.Contains(s, os.TempDir()) {
				t.Errorf("reason: %s", s)
			}
			t.Log(err, time.Since(begin))
		})
	}
}

// manyStreams has 70 sounds in one file.
func manyStreams(t *testing.T) string {
	args := []string{"-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2", "-map", "0"}
	for range 69 {
		args = append(args, "-map", "1")
	}
	return film(t, "many.mkv", slices.Concat(args, []string{"-c:v", "ffv1", "-c:a", "pcm_s16le"})...)
}

// lying changes an MP4 so that it claims to be 1000 times as long.
func lying(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.Clone(b)
	for _, box := range []struct {
		name string
		at   int // of the duration, behind the name
	}{{"mvhd", 20}, {"tkhd", 24}, {"mdhd", 20}, {"elst", 12}} {
		for i := 0; ; {
			n := bytes.Index(b[i:], []byte(box.name))
			if n < 0 {
				break
			}
			i += n + box.at
			binary.BigEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:])*1000)
		}
	}
	return text(t, string(b))
}

// TestBombs are small files that become large, or long.
func TestBombs(t *testing.T) {
	for name, c := range map[string]struct {
		file, outputs string
		limits        recipe.Limits
		want          string
	}{
		"more than the disk": {film(t, "noise.mkv", "-f", "lavfi", "-i", "nullsrc=s=320x240:r=12:d=2,geq=random(1)*255:128:128", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "45"),
			`{name: a.mp4, video: [{do: encode, codec: mpeg4, bitrate: 100M}]}`, recipe.Limits{Disk: 50 << 10}, "encode: "},
		"more than memory": {film(t, "big.mkv", "-f", "lavfi", "-i", "color=s=2000x2000:r=4:d=1", "-c:v", "libx264", "-preset", "ultrafast"),
			`{name: a.mp4, video: [{do: encode}]}`, recipe.Limits{Memory: 60 << 20}, ""},
		"more pixels, PNG": {film(t, "huge.mkv", "-f", "lavfi", "-i", "color=s=400x300:d=0.04", "-c:v", "png"), oneFilm, recipe.Limits{Pixels: 1000},
			"not a video: its pictures cannot be read, or have more than 1000 pixels"},
		"more pixels":    {clip(t, "320x180", 4), oneFilm, recipe.Limits{Pixels: 1000}, "not a video: 320 × 180 pixels: at most 1000 are accepted"},
		"more than time": {slow(t), `{name: a.mp4, video: [{do: encode, preset: veryslow}]}`, recipe.Limits{Time: strict.Duration(500 * time.Millisecond)}, "film or sound took longer than 500ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, made, err := tryWork(t, newMaker(t), recipe.Job{Inputs: input(c.file), Outputs: outputs(t, c.outputs), Limits: c.limits})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("made %+v, %v, want %q", made, err, c.want)
			}
			t.Log(err)
		})
	}
}

// TestABombOfACover: a picture of few bytes and many pixels.
func TestABombOfACover(t *testing.T) {
	bomb := film(t, "bomb.png", "-f", "lavfi", "-i", "color=s=300x300:d=0.04", "-frames:v", "1")
	_, _, err := tryWork(t, newMaker(t), recipe.Job{Limits: recipe.Limits{Pixels: 10_000}, Inputs: map[string]string{recipe.Main: song(t, "song.wav", 1), "cover": bomb},
		Outputs: outputs(t, `{name: a.mp3, audio: [{do: encode}, {do: cover, image: cover}]}`)})
	if err == nil || !strings.Contains(err.Error(), "cover") || !strings.Contains(err.Error(), "more than 10000 pixels") {
		t.Error(err)
	}
}

// TestOddButHonest are files that are strange and good.
func TestOddButHonest(t *testing.T) {
	for name, c := range map[string]struct{ file, outputs string }{
		"1000 pictures a second": {film(t, "fast.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:r=1000:d=1", "-c:v", "libx264", "-preset", "ultrafast"), oneFilm},
		"a length of a lie":      {lying(t, clip4(t)), oneFilm},
		"raw sound":              {film(t, "raw.aac", "-f", "lavfi", "-i", "sine=d=3"), oneSound},
		"of changing bitrate":    {film(t, "vbr.mp3", "-f", "lavfi", "-i", "sine=d=3", "-q:a", "9", "-write_xing", "0"), oneSound},
		"mislabelled":            {text(t, string(must(os.ReadFile(clip(t, "320x180", 4))))), oneFilm}, // Matroska by the name of MP4
		"six channels":           {film(t, "six.wav", "-f", "lavfi", "-i", "sine=d=1", "-ac", "6"), oneSound},
		"8 kHz":                  {film(t, "phone.wav", "-f", "lavfi", "-i", "sine=d=1:r=8000"), oneSound},
		"odd rate":               {film(t, "odd.wav", "-f", "lavfi", "-i", "sine=d=1:r=37800"), `{name: a.m4a, audio: [{do: encode}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, made := work(t, recipe.Job{Inputs: input(c.file), Outputs: outputs(t, c.outputs)})
			p := probe(t, filepath.Join(folder, made[0].Name))
			if p.seconds() < 0.9 || p.Streams[0].FPS == "1000/1" {
				t.Errorf("%+v", p)
			}
		})
	}
}

func clip4(t *testing.T) string {
	return film(t, "clip.mp4", "-i", clip(t, "320x180", 4), "-c", "copy")
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(fmt.Sprintf("the corpus: %v", err))
	}
	return b
}
