package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// source is one file to make items of.
type source struct {
	path string // absolute
	kind string // photo or video
}

var kinds = map[string]string{
	".jpg": "photo", ".jpeg": "photo", ".png": "photo", ".webp": "photo", ".tif": "photo", ".tiff": "photo",
	".heic": "photo", ".mp4": "video", ".mov": "video", ".mkv": "video", ".webm": "video", ".avi": "video", ".m4v": "video",
}

// gather finds the user's media, or makes some.
func (d *demo) gather(ctx context.Context, say func(string)) ([]source, error) {
	if d.media == "" {
		say("making photographs and clips with ffmpeg …")
		if err := makeMedia(ctx, d.mediaFolder()); err != nil {
			return nil, err
		}
	}
	list, err := find(d.mediaFolder())
	if err != nil {
		return nil, fmt.Errorf("--media: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--media %s: no photographs or clips in it (looked for %s)", d.media, strings.Join(endings(), ", "))
	}
	return list, nil
}

func endings() []string {
	var list []string
	for e := range kinds {
		list = append(list, e)
	}
	slices.Sort(list)
	return list
}

// find lists the media below a folder, in the order of their names.
func find(folder string) (list []source, err error) {
	err = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if kind := kinds[strings.ToLower(filepath.Ext(path))]; kind != "" && e.Type().IsRegular() {
			list = append(list, source{path, kind})
		}
		return nil
	})
	return list, err
}

// makeMedia makes a few photographs of 12 megapixels and short clips, with the
// detail and noise that a camera's have: flat colour would cost a codec nothing.
func makeMedia(ctx context.Context, folder string) error {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return errors.New("ffmpeg is missing: install it (apt-get install ffmpeg), or give --media a folder of your own")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make media: %w", err)
	}
	if err := makePhotos(ctx, folder); err != nil {
		return err
	}
	return makeClips(ctx, folder)
}

// makePhotos computes one fractal and takes six pictures of it: the fractal is
// what takes time.
func makePhotos(ctx context.Context, folder string) error {
	looks := []string{"hue=h=0", "hue=h=60,hflip", "hue=h=130,vflip", "hue=h=200,transpose=1", "hue=h=270:s=0.4", "hue=s=0,transpose=2"}
	var graph, labels strings.Builder
	args := []string{"-f", "lavfi", "-i", "mandelbrot=s=4000x3000:maxiter=96:start_scale=0.02:start_x=-0.7436:start_y=0.1318:rate=1"}
	for i, look := range looks {
		fmt.Fprintf(&labels, "[s%d]", i)
		fmt.Fprintf(&graph, ";[s%d]%s,noise=alls=8[p%d]", i, look, i)
	}
	args = append(args, "-filter_complex", fmt.Sprintf("[0]split=%d%s%s", len(looks), labels.String(), graph.String()))
	for i := range looks {
		args = append(args, "-map", fmt.Sprintf("[p%d]", i), "-frames:v", "1", "-q:v", "4",
			filepath.Join(folder, fmt.Sprintf("photo-%d.jpg", i+1)))
	}
	return ffmpeg(ctx, args...)
}

func makeClips(ctx context.Context, folder string) error {
	for i, tone := range []int{220, 330} {
		err := ffmpeg(ctx,
			"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=1280x720:rate=25:duration=%d,noise=alls=10:allf=t", 4+2*i),
			"-f", "lavfi", "-i", fmt.Sprintf("sine=f=%d:r=44100", tone), "-shortest",
			"-c:v", "mpeg4", "-q:v", "5", "-c:a", "aac", filepath.Join(folder, fmt.Sprintf("clip-%d.mov", i+1)))
		if err != nil {
			return err
		}
	}
	return nil
}

func ffmpeg(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil {
		return finding{fmt.Errorf("make media: ffmpeg: %w: %s", err, strings.TrimSpace(string(out)))}
	}
	return nil
}
