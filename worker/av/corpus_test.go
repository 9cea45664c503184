package av_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"skynet/worker/av"
	"skynet/worker/recipe"
)

// corpus is where the tests' films are, each made once.
var corpus struct {
	folder string
	mu     sync.Mutex
	made   map[string]func() (string, error)
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "skynet-av-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	corpus.folder, corpus.made = folder, map[string]func() (string, error){}
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// film has ffmpeg make a test file.
func film(t testing.TB, name string, args ...string) string {
	t.Helper()
	key := strings.Join(append(args, name), " ")
	corpus.mu.Lock()
	one, ok := corpus.made[key]
	if !ok {
		file := filepath.Join(corpus.folder, strconv.Itoa(len(corpus.made)), name)
		one = sync.OnceValues(func() (string, error) {
			if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
				return "", err
			}
			out, err := exec.Command("ffmpeg", slices.Concat([]string{"-nostdin", "-v", "error", "-y"}, args, []string{file})...).CombinedOutput()
			if err != nil {
				return "", fmt.Errorf("these tests need ffmpeg: %w: %s", err, out)
			}
			return file, nil
		})
		corpus.made[key] = one
	}
	corpus.mu.Unlock()
	file, err := one()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

const fast = "-c:v libx264 -preset ultrafast"

// clip is a film of pictures that move and of sound.
func clip(t testing.TB, size string, seconds float64) string {
	d := fmt.Sprintf("%g", seconds)
	return film(t, "clip.mkv", slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=" + size + ":d=" + d, "-f", "lavfi", "-i", "sine=d=" + d}, strings.Fields(fast))...)
}

// song is sound of a loudness that goes up and down.
func song(t testing.TB, name string, seconds float64, args ...string) string {
	return film(t, name, slices.Concat([]string{"-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=d=%g:c=pink:a=0.3:seed=7", seconds), "-af", "volume='0.5+0.4*sin(2*PI*t/2)':eval=frame"}, args)...)
}

func text(t *testing.T, s string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "input.mp4")
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checked is looked for once: it takes a run of ffmpeg.
var checked = sync.OnceValues(func() (av.Maker, error) {
	m := av.New()
	m.Threads = 2
	return *m, m.Check(context.Background())
})

func newMaker(t testing.TB) *av.Maker {
	t.Helper()
	m, err := checked()
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// outputs reads outputs as they stand in a recipe.
func outputs(t testing.TB, yaml string) []recipe.Output {
	t.Helper()
	b, err := recipe.Read("test.yaml", []byte("recipes: [{name: test, inputs: [intro, outro, cover], outputs: ["+yaml+"]}]"))
	if err != nil {
		t.Fatal(err)
	}
	return b.Recipes()[0].Outputs
}

// work makes outputs of a file and returns where they are.
func work(t testing.TB, job recipe.Job) (folder string, made []recipe.Made) {
	t.Helper()
	folder, made, err := tryWork(t, newMaker(t), job)
	if err != nil {
		t.Fatal(err)
	}
	return folder, made
}

func tryWork(t testing.TB, m *av.Maker, job recipe.Job) (folder string, made []recipe.Made, err error) {
	t.Helper()
	job.Folder = t.TempDir()
	made, err = m.Work(t.Context(), job)
	wantOnly(t, job.Folder, made)
	return job.Folder, made, err
}

// wantOnly wants nothing in the folder but what was made, and nothing empty.
func wantOnly(t testing.TB, folder string, made []recipe.Made) {
	t.Helper()
	left := map[string]bool{}
	for _, m := range made {
		left[m.Name] = true
		if m.Type == "" {
			t.Errorf("%s has no media type", m.Name)
		}
	}
	err := filepath.WalkDir(folder, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(folder, file)
		if info, err := d.Info(); !left[name] || err != nil || info.Size() == 0 {
			t.Errorf("%s is there, %v", name, err)
		}
		delete(left, name)
		return nil
	})
	if err != nil || len(left) > 0 {
		t.Errorf("%v is not there, %v", left, err)
	}
}

func input(file string) map[string]string { return map[string]string{recipe.Main: file} }

type stream struct {
	Type     string `json:"codec_type"`
	Codec    string `json:"codec_name"`
	Pixels   string `json:"pix_fmt"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	SAR      string `json:"sample_aspect_ratio"`
	Channels int    `json:"channels"`
	Rate     string `json:"sample_rate"`
	FPS      string `json:"avg_frame_rate"`
	Tags     map[string]string
}

type probed struct {
	Streams []stream
	Format  struct {
		Duration string
		Tags     map[string]string
	}
}

func probe(t testing.TB, file string) (p probed) {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", file).Output()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p probed) seconds() float64 {
	s, _ := strconv.ParseFloat(p.Format.Duration, 64)
	return s
}

// loudness measures a file's integrated loudness, LUFS, and true peak, dBTP.
func loudness(t testing.TB, file string) (integrated, peak float64) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command("ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-i", file, "-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-")
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	_, summary, _ := strings.Cut(said.String(), "Summary:")
	for line := range strings.Lines(summary) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, _ := strconv.ParseFloat(strings.Fields(value + " x")[0], 64)
		switch key {
		case "I":
			integrated = n
		case "Peak":
			peak = n
		}
	}
	return integrated, peak
}

func near(a, b, by float64) bool { return a-b <= by && b-a <= by }
