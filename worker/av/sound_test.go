package av_test

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

func cover(t testing.TB, size string) string {
	return film(t, "cover.png", "-f", "lavfi", "-i", "testsrc=s="+size+":d=0.04", "-frames:v", "1")
}

func TestSounds(t *testing.T) {
	job := recipe.Job{
		Inputs: map[string]string{recipe.Main: song(t, "song.wav", 5, "-ac", "2", "-ar", "44100"), "cover": cover(t, "1600x200")},
		Values: map[string]string{"title": "Ümläut; -i 'x' \\ {braces}\nnext", "n": "3"},
		Outputs: outputs(t, `
			{name: a.mp3, audio: [{do: encode, bitrate: 96k}, {do: tags, set: [{name: title, value: "{title}"}, {name: track, value: "{n}"}]}, {do: cover, image: cover}]},
			{name: a.m4a, audio: [{do: encode, channels: 1}, {do: tags, set: [{name: title, value: "{title}"}]}, {do: cover, image: cover}]},
			{name: a.opus, audio: [{do: encode}, {do: tags, set: [{name: title, value: "{title}"}]}]},
			{name: a.ogg, audio: [{do: encode, bitrate: 32k}]},
			{name: a.flac, audio: [{do: clip, from: 1s, for: 2s}, {do: encode, rate: 32000}, {do: cover, image: cover}]}`),
	}
	folder, made := work(t, job)
	for i, want := range []struct {
		codec    string
		channels int
		rate     string
		seconds  float64
		cover    bool
	}{
		{"mp3", 2, "44100", 5, true}, {"aac", 1, "44100", 5, true}, {"opus", 2, "48000", 5, false}, {"opus", 2, "48000", 5, false}, {"flac", 2, "32000", 2, true},
	} {
		p := probe(t, filepath.Join(folder, made[i].Name))
		s := p.Streams[0]
		if s.Codec != want.codec || s.Channels != want.channels || s.Rate != want.rate || !near(made[i].Seconds, want.seconds, 0.1) {
			t.Errorf("%+v, %+v", made[i], s)
		}
		if len(p.Streams) == 2 != want.cover || want.cover && p.Streams[1].Width != 1400 {
			t.Errorf("%s: cover %+v", made[i].Name, p.Streams[1:])
		}
		title := p.Format.Tags["title"] + s.Tags["title"] + s.Tags["TITLE"]
		if i < 3 && title != job.Values["title"] {
			t.Errorf("%s: titled %q", made[i].Name, title)
		}
	}
}

func TestLoudness(t *testing.T) {
	quiet := song(t, "quiet.wav", 6, "-ac", "2")
	// Knocks on a hum: a gain that brings that to -16 LUFS lifts them beyond the peak.
	knocks := film(t, "knocks.wav", "-f", "lavfi", "-i", "aevalsrc='0.9*lt(mod(t,1),0.01)*sin(2000*t)+0.1*sin(900*t)':d=8:s=48000")
	for name, c := range map[string]struct {
		file, steps  string
		target, peak float64
	}{
		"one gain":    {quiet, "{do: loudness, target: -16}, {do: encode}", -16, -1.5},
		"to one":      {quiet, "{do: loudness, target: -19}, {do: encode, channels: 1}", -19, -1.5},
		"high peaks":  {knocks, "{do: loudness, target: -16}, {do: encode}", -16, -1},
		"of a part":   {quiet, "{do: clip, from: 2s, for: 3s}, {do: loudness, target: -16}, {do: encode}", -16, -1.5},
		"wide ranges": {quiet, "{do: loudness, target: -16, range: 1}, {do: encode}", -16, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, _ := work(t, recipe.Job{Inputs: input(c.file), Outputs: outputs(t, "{name: a.flac, audio: ["+c.steps+"]}")})
			got, peak := loudness(t, filepath.Join(folder, "a.flac"))
			if !near(got, c.target, 1) || peak > c.peak+0.1 {
				t.Errorf("%.1f LUFS with peaks of %.1f dBTP, want %v and %v", got, peak, c.target, c.peak)
			}
		})
	}
}

func TestSilenceStaysSilent(t *testing.T) {
	silent := film(t, "silent.wav", "-f", "lavfi", "-i", "anullsrc=d=2")
	folder, made := work(t, recipe.Job{Inputs: input(silent), Outputs: outputs(t, "{name: a.flac, audio: [{do: loudness}, {do: encode}]}")})
	if got, peak := loudness(t, filepath.Join(folder, "a.flac")); got > -70 || peak > -90 || made[0].Seconds < 1.9 {
		t.Errorf("%v LUFS, %v dBTP, %+v", got, peak, made)
	}
}

// tone is the loudness of one frequency over time, in tenths of a second: it tells
// where a part of an assembly sounds.
func tone(t *testing.T, file string, hertz int, from, length float64) float64 {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-ss", fmt.Sprint(from), "-t", fmt.Sprint(length), "-i", file, "-af",
		fmt.Sprintf("bandpass=f=%d:width_type=h:w=50,astats=metadata=1:reset=0,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-", hertz), "-f", "null", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(out)[strings.LastIndex(string(out), "RMS_level"):], "=")
	var level float64
	if _, err := fmt.Sscan(last, &level); err != nil {
		return math.Inf(-1)
	}
	return level
}

// TestAssembly joins parts of different rates and channels, of which the outro is
// a film's sound.
func TestAssembly(t *testing.T) {
	intro := film(t, "intro.mp3", "-f", "lavfi", "-i", "sine=f=300:d=3:r=22050", "-ac", "1")
	body := film(t, "body.wav", "-f", "lavfi", "-i", "sine=f=1000:d=6:r=44100", "-ac", "2")
	outro := film(t, "outro.mp4", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=4", "-f", "lavfi", "-i", "sine=f=3000:d=4:r=48000", "-preset", "ultrafast")
	folder, made := work(t, recipe.Job{
		Inputs: map[string]string{recipe.Main: body, "intro": intro, "outro": outro, "cover": cover(t, "64x64")},
		Outputs: outputs(t, `
			{name: episode.flac, audio: [{do: assemble, parts: [intro, input, outro], cross_fade: 1s}, {do: loudness, target: -16}, {do: encode}, {do: cover, image: cover}]},
			{name: plain.mp3, audio: [{do: assemble, parts: [intro, intro]}, {do: encode}]},
			{name: episode.mp3, from: episode.flac, audio: [{do: encode}]}`),
	})
	for i, want := range []float64{3 + 6 + 4 - 2, 6, 11} {
		if !near(made[i].Seconds, want, 0.15) {
			t.Errorf("%s is %v s long, want %v", made[i].Name, made[i].Seconds, want)
		}
	}
	file := filepath.Join(folder, "episode.flac")
	if got, _ := loudness(t, file); !near(got, -16, 1) {
		t.Errorf("%v LUFS", got)
	}
	if p := probe(t, file); p.Streams[0].Rate != "48000" || p.Streams[0].Channels != 2 || len(p.Streams) != 2 {
		t.Errorf("%+v", p.Streams)
	}
	for _, c := range []struct {
		at     float64
		sounds [3]bool // 300, 1000 and 3000 Hz
	}{{2.3, [3]bool{true, true, false}}, {7.3, [3]bool{false, true, true}}, {9, [3]bool{false, false, true}}} {
		for k, hertz := range []int{300, 1000, 3000} {
			if got := tone(t, file, hertz, c.at, 0.4); got > -40 != c.sounds[k] {
				t.Errorf("at %v s, %d Hz has %v dB", c.at, hertz, got)
			}
		}
	}
}

// TestPartsShorterThanTheFade give half of themselves.
func TestPartsShorterThanTheFade(t *testing.T) {
	ping := film(t, "ping.wav", "-f", "lavfi", "-i", "sine=d=0.5")
	_, made := work(t, recipe.Job{Inputs: map[string]string{recipe.Main: song(t, "song.wav", 5), "intro": ping, "outro": ping},
		Outputs: outputs(t, "{name: a.flac, audio: [{do: assemble, parts: [intro, input, outro], cross_fade: 10s}, {do: encode}]}")})
	if !near(made[0].Seconds, 5.5, 0.1) {
		t.Errorf("%v s", made[0].Seconds)
	}
}

func TestFilmsSound(t *testing.T) {
	folder, made := work(t, recipe.Job{Inputs: input(clip(t, "64x48", 2)), Outputs: outputs(t, "{name: a.mp3, audio: [{do: encode}]}")})
	if p := probe(t, filepath.Join(folder, "a.mp3")); len(p.Streams) != 1 || p.Streams[0].Codec != "mp3" || !near(made[0].Seconds, 2, 0.1) {
		t.Errorf("%+v", p)
	}
}
