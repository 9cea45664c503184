package av_test

import (
	"image"
	_ "image/png"
	"math"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

func TestManyOutputsOfOneFilm(t *testing.T) {
	folder, made := work(t, recipe.Job{Inputs: input(clip(t, "320x180", 4)), Outputs: outputs(t, `
		{name: full.mp4, video: [{do: encode, preset: ultrafast}]},
		{name: small.mp4, video: [{do: resize, height: 90}, {do: encode, preset: ultrafast, bitrate: 200k, fps: 10, audio: none}]},
		{name: square.mp4, video: [{do: resize, width: 100, height: 100, fit: cover}, {do: encode, preset: ultrafast}]},
		{name: boxed.mp4, video: [{do: rotate, degrees: 90}, {do: resize, width: 128, height: 72, fit: pad}, {do: encode, preset: ultrafast}]},
		{name: pictures/poster.png, video: [{do: resize, width: 160}, {do: poster, at: 3s}]},
		{name: sheet.jpg, video: [{do: sheet, columns: 3, rows: 2, width: 64}]},
		{name: late.webp, from: full.mp4, video: [{do: poster, at: 1h}]}`)})
	for i, want := range []recipe.Made{
		{Name: "full.mp4", Type: "video/mp4", Width: 320, Height: 180, Seconds: 4},
		{Name: "small.mp4", Type: "video/mp4", Width: 160, Height: 90, Seconds: 4},
		{Name: "square.mp4", Type: "video/mp4", Width: 100, Height: 100, Seconds: 4},
		{Name: "boxed.mp4", Type: "video/mp4", Width: 128, Height: 72, Seconds: 4},
		{Name: "pictures/poster.png", Type: "image/png", Width: 160, Height: 90},
		{Name: "sheet.jpg", Type: "image/jpeg", Width: 192, Height: 72},
		{Name: "late.webp", Type: "image/webp", Width: 320, Height: 180},
	} {
		got := made[i]
		if !near(got.Seconds, want.Seconds, 0.2) {
			t.Errorf("%s is %v s long", got.Name, got.Seconds)
		}
		if got.Seconds = want.Seconds; got != want {
			t.Errorf("made %+v, want %+v", got, want)
		}
	}
	if s := probe(t, filepath.Join(folder, "small.mp4")).Streams; len(s) != 1 || s[0].FPS != "10/1" {
		t.Errorf("small.mp4: %+v", s)
	}
	wantAlike(t, filepath.Join(folder, "pictures/poster.png"), frameAt(t, clip(t, "320x180", 4), "3"))
	wantNearer(t, filepath.Join(folder, "pictures/poster.png"), frameAt(t, clip(t, "320x180", 4), "3"), frameAt(t, clip(t, "320x180", 4), "0"))
}

// frameAt takes a picture out of a film by another way.
func frameAt(t *testing.T, file, seconds string) string {
	return film(t, "frame-"+seconds+".png", "-ss", seconds, "-i", file, "-frames:v", "1")
}

// hash is a perceptual hash: whether each of 8 × 8 parts of the picture is darker
// than its neighbour on the right (dHash,
// https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
func hash(t *testing.T, file string) (h uint64) {
	t.Helper()
	p := decode(t, file)
	for y := range 8 {
		for x := range 8 {
			h <<= 1
			if grey(p, x, y) < grey(p, x+1, y) {
				h |= 1
			}
		}
	}
	return h
}

func decode(t *testing.T, file string) image.Image {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// grey is the mean of one of 9 × 8 parts.
func grey(p image.Image, x, y int) float64 {
	b := p.Bounds()
	sum, n := 0.0, 0.0
	for v := b.Min.Y + y*b.Dy()/8; v < b.Min.Y+(y+1)*b.Dy()/8; v++ {
		for u := b.Min.X + x*b.Dx()/9; u < b.Min.X+(x+1)*b.Dx()/9; u++ {
			r, g, b, _ := p.At(u, v).RGBA()
			sum, n = sum+0.299*float64(r)+0.587*float64(g)+0.114*float64(b), n+1
		}
	}
	return sum / n
}

func distance(t *testing.T, a, b string) int {
	t.Helper()
	return bits.OnesCount64(hash(t, a) ^ hash(t, b))
}

// wantAlike wants pictures that look the same: a perceptual hash of 64 bits
// differs in a few at most.
func wantAlike(t *testing.T, a, b string) {
	t.Helper()
	if d := distance(t, a, b); d > 6 {
		t.Errorf("%s looks unlike %s: %d of 64 bits", a, b, d)
	}
}

// wantNearer wants a picture to differ less from one than from another.
func wantNearer(t *testing.T, picture, one, other string) {
	t.Helper()
	if a, b := difference(t, picture, one), difference(t, picture, other); a > b/2 {
		t.Errorf("%s differs by %.0f from %s, by %.0f from %s", picture, a, one, b, other)
	}
}

func difference(t *testing.T, a, b string) (sum float64) {
	t.Helper()
	p, q := decode(t, a), decode(t, b)
	for y := range 8 {
		for x := range 9 {
			sum += math.Abs(grey(p, x, y) - grey(q, x, y))
		}
	}
	return sum
}

func TestCodecs(t *testing.T) {
	file := clip(t, "128x72", 1)
	for name, c := range map[string]struct{ output, picture, sound string }{
		"h265":     {`{name: a.mp4, video: [{do: encode, codec: h265, preset: ultrafast}]}`, "hevc", "aac"},
		"vp9":      {`{name: a.webm, video: [{do: encode, preset: "8", bitrate: 200k}]}`, "vp9", "opus"},
		"av1":      {`{name: a.webm, video: [{do: encode, codec: av1, preset: "12"}]}`, "av1", "opus"},
		"av1, mp4": {`{name: a.mp4, video: [{do: encode, codec: av1, preset: "12", audio: opus}]}`, "av1", "opus"},
		"mpeg4":    {`{name: a.mp4, video: [{do: encode, codec: mpeg4, bitrate: 500k}]}`, "mpeg4", "aac"},
		"copied":   {`{name: a.mp4, video: [{do: encode, codec: copy, audio: none}]}`, "h264", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := recipe.Job{Inputs: input(file), Outputs: outputs(t, c.output)}
			folder, made := work(t, job)
			got := probe(t, filepath.Join(folder, made[0].Name))
			sound := ""
			if len(got.Streams) > 1 {
				sound = got.Streams[1].Codec
			}
			if got.Streams[0].Codec != c.picture || sound != c.sound || !near(got.seconds(), 1, 0.2) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestLadder(t *testing.T) {
	folder, made := work(t, recipe.Job{Inputs: input(clip(t, "320x180", 4)), Outputs: outputs(t, `
		{name: hls/index.m3u8, video: [{do: hls, segment: 1s, preset: ultrafast, renditions: [
			{height: 720, bitrate: 2M}, {height: 180, bitrate: 300k}, {height: 90, bitrate: 100k, audio_bitrate: 64k}]}]},
		{name: poster.jpg, video: [{do: poster}]}`)})
	if last := made[len(made)-2]; last.Name != "hls/index.m3u8" || last.Width != 320 || last.Height != 180 || !near(last.Seconds, 4, 0.1) {
		t.Errorf("made %+v", made)
	}
	master, err := os.ReadFile(filepath.Join(folder, "hls/index.m3u8"))
	if err != nil || strings.Contains(string(master), "720p") || !strings.Contains(string(master), "RESOLUTION=160x90") {
		t.Errorf("%s, %v", master, err)
	}
	// Any player finds all of it from the master playlist.
	p := probe(t, filepath.Join(folder, "hls/index.m3u8"))
	if len(p.Streams) != 4 || !near(p.seconds(), 4, 0.1) {
		t.Errorf("%+v", p)
	}
	for _, rendition := range []string{"180p", "90p"} {
		for i, s := range []string{"00000", "00001", "00002", "00003"} {
			out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", "-read_intervals", "%+#1",
				filepath.Join(folder, "hls", rendition, s+".ts")).Output()
			at, flags, _ := strings.Cut(strings.TrimSpace(string(out)), ",")
			if err != nil || !strings.HasPrefix(flags, "K") {
				t.Errorf("%s, segment %d begins at %s with %s, %v", rendition, i, at, flags, err)
			}
		}
	}
}

func TestLadderOfASmallSilentFilm(t *testing.T) {
	folder, made := work(t, recipe.Job{Inputs: input(film(t, "s.mkv", "-f", "lavfi", "-i", "testsrc=s=64x48:d=1.5", "-c:v", "ffv1")), Outputs: outputs(t, `
		{name: index.m3u8, video: [{do: hls, preset: ultrafast, renditions: [{height: 720, bitrate: 2M}, {height: 360, bitrate: 300k}]}]}`)})
	if p := probe(t, filepath.Join(folder, "index.m3u8")); len(p.Streams) != 1 || p.Streams[0].Height != 48 || len(made) != 3 {
		t.Errorf("%+v of %+v", p, made)
	}
}

func TestClips(t *testing.T) {
	file := clip(t, "128x72", 6)
	folder, made := work(t, recipe.Job{Inputs: input(file), Outputs: outputs(t, `
		{name: middle.mp4, video: [{do: clip, from: 2s, for: 1500ms}, {do: encode, preset: ultrafast}]},
		{name: end.mp4, video: [{do: clip, from: 4s}, {do: encode, preset: ultrafast}]},
		{name: over.mp4, video: [{do: clip, from: 5s, for: 1h}, {do: encode, preset: ultrafast}]},
		{name: middle.jpg, video: [{do: clip, from: 2s, for: 1500ms}, {do: poster, at: 1s}]}`)})
	for i, want := range []float64{1.5, 2, 1, 0} {
		if !near(made[i].Seconds, want, 0.15) {
			t.Errorf("%s is %v s long, want %v", made[i].Name, made[i].Seconds, want)
		}
	}
	wantAlike(t, filepath.Join(folder, "middle.jpg"), frameAt(t, file, "3"))
	_, _, err := tryWork(t, newMaker(t), recipe.Job{Inputs: input(file), Outputs: outputs(t, `{name: a.mp4, video: [{do: clip, from: 10s}, {do: encode}]}`)})
	if err == nil || err.Error() != "a.mp4: the clip begins at 10 s, and there are 6.0 s" {
		t.Error(err)
	}
}

func TestFilmsLoudnessAndTags(t *testing.T) {
	loud := film(t, "loud.mkv", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=6", "-f", "lavfi", "-i", "anoisesrc=d=6:c=pink:a=0.05:seed=7", "-c:v", "libx264", "-preset", "ultrafast")
	folder, _ := work(t, recipe.Job{Inputs: input(loud), Values: map[string]string{"title": "A \"film\"; it's = 1"}, Outputs: outputs(t, `
		{name: a.mp4, video: [{do: loudness, target: -16}, {do: encode, preset: ultrafast}, {do: tags, set: [{name: title, value: "{title}"}]}]},
		{name: b.mp4, video: [{do: loudness, target: -23}, {do: encode, preset: ultrafast}]}`)})
	for name, want := range map[string]float64{"a.mp4": -16, "b.mp4": -23} {
		if got, peak := loudness(t, filepath.Join(folder, name)); !near(got, want, 1) || peak > -1 {
			t.Errorf("%s has %v LUFS, %v dBTP", name, got, peak)
		}
	}
	if got := probe(t, filepath.Join(folder, "a.mp4")).Format.Tags["title"]; got != "A \"film\"; it's = 1" {
		t.Errorf("titled %q", got)
	}
}

// TestNothingOfTheSourceIsToldOn: where a film was taken is nobody's business.
func TestNothingOfTheSourceIsToldOn(t *testing.T) {
	file := film(t, "told.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.5", "-metadata", "location=+48.2+016.3/", "-metadata", "title=secret")
	folder, _ := work(t, recipe.Job{Inputs: input(file), Outputs: outputs(t, `{name: a.mp4, video: [{do: encode, preset: ultrafast}]}`)})
	for k, v := range probe(t, filepath.Join(folder, "a.mp4")).Format.Tags {
		if strings.Contains(k, "location") || v == "secret" {
			t.Errorf("says %s=%s", k, v)
		}
	}
}
