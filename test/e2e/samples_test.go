package e2e

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// samples are paths of media, and of files that only look like it.
type samples struct {
	good  string // folder with the first two, for a demo
	photo string // 1.6 megapixels
	clip  string // two seconds, with sound

	text     string // text in a .jpg
	empty    string // nothing in a .jpg
	cut      string // half of an MP4 with its index at the end: the index is missing
	cutFilm  string // half of an MP4 with its index in front: the film is missing
	cutPhoto string // half of a JPEG
}

func makeSamples(dir string) (s samples, err error) {
	in := func(name string) string { return filepath.Join(dir, name) }
	s = samples{
		good: in("good"), photo: in("good/photo.jpg"), clip: in("good/clip.mp4"),
		text: in("text.jpg"), empty: in("empty.jpg"), cut: in("cut.mp4"), cutFilm: in("cut-film.mp4"), cutPhoto: in("cut-photo.jpg"),
	}
	if err := os.MkdirAll(s.good, 0o755); err != nil {
		return s, err
	}
	picture := "testsrc2=s=640x360:rate=25:duration=2,noise=alls=10:allf=t"
	tone := []string{"-f", "lavfi", "-i", "sine=f=220:r=44100", "-shortest", "-c:v", "mpeg4", "-q:v", "5", "-c:a", "aac"}
	film := append([]string{"-f", "lavfi", "-i", picture}, tone...)
	front := in("front.mp4")
	for _, args := range [][]string{
		{"-f", "lavfi", "-i", "testsrc2=s=1600x1000:rate=1,noise=alls=20", "-frames:v", "1", "-q:v", "4", s.photo},
		append(film[:len(film):len(film)], s.clip),
		append(film[:len(film):len(film)], "-movflags", "+faststart", front),
	} {
		if err := ffmpeg(args...); err != nil {
			return s, err
		}
	}
	if err := os.WriteFile(s.text, []byte(strings.Repeat("This is no photograph.\n", 50)), 0o644); err != nil {
		return s, err
	}
	if err := os.WriteFile(s.empty, nil, 0o644); err != nil {
		return s, err
	}
	for from, to := range map[string]string{s.clip: s.cut, front: s.cutFilm, s.photo: s.cutPhoto} {
		if err := half(from, to); err != nil {
			return s, err
		}
	}
	return s, nil
}

func half(from, to string) error {
	whole, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, whole[:len(whole)/2], 0o644)
}

func ffmpeg(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		return fmt.Errorf("ffmpeg %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// whole reports what is wrong with the results of one item: it has those of a
// photograph or those of a clip and their manifest, nothing else, and they can be
// read to their end.
func whole(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "manifest.json" {
			names = append(names, e.Name())
		}
	}
	if len(names) == len(entries) {
		return fmt.Errorf("%s has no manifest", folder)
	}
	switch strings.Join(names, " ") {
	case "1024.jpg 150.jpg":
		return firstError(pictured(filepath.Join(folder, names[0]), 1024), pictured(filepath.Join(folder, names[1]), 150))
	case "poster.jpg video.mp4":
		return firstError(pictured(filepath.Join(folder, names[0]), 640), ffmpeg("-i", filepath.Join(folder, names[1]), "-f", "null", "-"))
	}
	return fmt.Errorf("%s holds %v", folder, names)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pictured reports what is wrong with a JPEG that is to be so wide or high.
func pictured(path string, long int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if b := p.Bounds(); max(b.Dx(), b.Dy()) != long {
		return fmt.Errorf("%s is %d × %d, want %d along the longer side", path, b.Dx(), b.Dy(), long)
	}
	return nil
}
