package av_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

// example reads a recipe out of config/examples, with values in its names.
func example(t *testing.T, file, name string, values map[string]string) recipe.Job {
	t.Helper()
	b, err := recipe.Load(filepath.Join("../../config/examples", file))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := b.Find(name)
	if !ok {
		t.Fatalf("%s has no recipe %s", file, name)
	}
	j := recipe.Job{Values: values, Limits: r.Limits}
	for _, o := range r.Outputs {
		if o, err = o.Named(values); err != nil {
			t.Fatal(err)
		}
		// The tests need no good compression.
		for _, s := range o.Video {
			switch spec := s.Spec.(type) {
			case *recipe.Encode:
				if spec.Preset != "" {
					spec.Preset = "ultrafast"
				}
			case *recipe.HLS:
				spec.Preset = "ultrafast"
			}
		}
		j.Outputs = append(j.Outputs, o)
	}
	return j
}

// TestExamplesFindTheirEncoders: this machine's ffmpeg can do all of them.
func TestExamplesFindTheirEncoders(t *testing.T) {
	var all []recipe.Recipe
	for _, file := range []string{"conversion", "streaming", "podcast"} {
		b, err := recipe.Load("../../config/examples/" + file + ".recipes.yaml")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.Recipes()...)
	}
	if err := newMaker(t).Check(t.Context(), all...); err != nil {
		t.Error(err)
	}
}

func TestConversionExample(t *testing.T) {
	avi := film(t, "party.avi", "-f", "lavfi", "-i", "testsrc2=s=352x288:r=25:d=3", "-f", "lavfi", "-i", "sine=d=3", "-c:v", "mpeg4", "-q:v", "3", "-c:a", "mp3")
	j := example(t, "conversion.recipes.yaml", "convert", map[string]string{"name": "party"})
	j.Inputs = input(avi)
	folder, made := work(t, j)
	for i, want := range []struct {
		name, codec string
		w, h        int
	}{{"party.mp4", "h264", 352, 288}, {"party.player.mp4", "mpeg4", 320, 240}} {
		p := probe(t, filepath.Join(folder, want.name))
		v := p.Streams[0]
		if made[i].Name != want.name || v.Codec != want.codec || v.Width != want.w || v.Height != want.h || !near(p.seconds(), 3, 0.15) || p.Streams[1].Codec != "aac" {
			t.Errorf("%+v, %+v", made[i], p)
		}
	}
	wantAlike(t, filepath.Join(folder, "poster.jpg"), frameAt(t, avi, "0.3"))
}

func TestStreamingExample(t *testing.T) {
	file := film(t, "film.mkv", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=10:d=8", "-f", "lavfi", "-i", "anoisesrc=d=8:c=pink:a=0.05:seed=3", "-c:v", "libx264", "-preset", "ultrafast")
	j := example(t, "streaming.recipes.yaml", "stream", nil)
	j.Inputs = input(file)
	folder, made := work(t, j)
	p := probe(t, filepath.Join(folder, "hls/index.m3u8"))
	if len(p.Streams) != 2 || p.Streams[0].Height != 360 || !near(p.seconds(), 8, 0.2) {
		t.Errorf("%+v", p)
	}
	if got, _ := loudness(t, filepath.Join(folder, "hls/360p/index.m3u8")); !near(got, -16, 1) {
		t.Errorf("%v LUFS", got)
	}
	wantAlike(t, filepath.Join(folder, "poster.jpg"), frameAt(t, file, "5"))
	i := slices.IndexFunc(made, func(m recipe.Made) bool { return m.Name == "sheet.jpg" })
	if made[i].Width != 5*240 || made[i].Height != 4*134 {
		t.Errorf("%+v", made[i])
	}
}

func TestPodcastExample(t *testing.T) {
	parts := map[string]string{}
	for name, file := range map[string]string{
		"intro": song(t, "intro.mp3", 4, "-ar", "22050", "-ac", "1"),
		"body":  film(t, "body.wav", "-f", "lavfi", "-i", "anoisesrc=d=9:c=brown:a=0.02:seed=5", "-ac", "2", "-ar", "48000"),
		"outro": song(t, "outro.m4a", 3, "-ac", "2"),
	} {
		j := example(t, "podcast.recipes.yaml", "part", nil)
		j.Inputs = input(file)
		folder, _ := work(t, j)
		parts[name] = filepath.Join(folder, "part.flac")
		if name == "body" {
			if got, _ := loudness(t, parts[name]); !near(got, -16, 1) {
				t.Errorf("%s has %v LUFS", name, got)
			}
		}
	}
	values := map[string]string{"show": "Sunday Radio", "title": "Episode 12", "number": "12"}
	j := example(t, "podcast.recipes.yaml", "episode", values)
	parts[recipe.Main] = parts["intro"]
	j.Inputs = parts
	folder, made := work(t, j)
	for _, m := range made {
		file := filepath.Join(folder, m.Name)
		if !near(m.Seconds, 4+9+3-2-1.5, 0.3) {
			t.Errorf("%+v", m)
		}
		p := probe(t, file)
		if title := p.Format.Tags["title"] + p.Streams[0].Tags["title"]; m.Name != "episode.flac" && title != "Episode 12" {
			t.Errorf("%s is titled %q", m.Name, title)
		}
	}
	if got, _ := loudness(t, filepath.Join(folder, "episode.mp3")); !near(got, -16, 1) {
		t.Errorf("%v LUFS", got)
	}
}

func TestSingleExample(t *testing.T) {
	j := example(t, "podcast.recipes.yaml", "single", map[string]string{"name": "talk", "show": "Sunday Radio", "title": "A talk"})
	j.Inputs = map[string]string{recipe.Main: song(t, "quiet.wav", 6, "-ac", "2"), "cover": cover(t, "64x64")}
	folder, _ := work(t, j)
	p := probe(t, filepath.Join(folder, "talk.mp3"))
	if len(p.Streams) != 2 || p.Format.Tags["artist"] != "Sunday Radio" || !strings.Contains(p.Streams[1].Tags["comment"], "Cover") {
		t.Errorf("%+v", p)
	}
	if got, _ := loudness(t, filepath.Join(folder, "talk.mp3")); !near(got, -16, 1) {
		t.Errorf("%v LUFS", got)
	}
}
