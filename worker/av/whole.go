package av

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // for DecodeConfig
	_ "image/png"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"skynet/worker/recipe"
)

// check compares what was made with what it was made of: a source that is cut
// short ends ffmpeg without an error, and with less than promised.
func (b *bench) check(ctx context.Context, p *piece) ([]recipe.Made, error) {
	one := recipe.Made{Name: p.Name, Type: mediaTypes[extension(p.Name)]}
	var err error
	switch {
	case p.hls != nil:
		return b.checkLadder(p)
	case p.still():
		err = b.checkStill(p, &one)
	default:
		err = b.checkMedia(ctx, p, &one)
	}
	return []recipe.Made{one}, err
}

func (b *bench) checkMedia(ctx context.Context, p *piece, one *recipe.Made) error {
	if !filled(b.file(p.Name)) {
		return errors.New("nothing could be decoded")
	}
	is, err := b.probe(ctx, b.file(p.Name))
	if err != nil {
		return fmt.Errorf("what was made of it cannot be read: %w", err)
	}
	one.Seconds = is.seconds
	if p.sound == nil {
		if is.w <= 0 {
			return errors.New("no picture could be decoded")
		}
		up := is.upright()
		one.Width, one.Height = up.w, up.h
		return p.short(is.seconds)
	}
	if is.channels <= 0 || is.sounds == 0 && is.seconds == 0 && !is.guessed(b.file(p.Name)) {
		return errors.New("no sound could be decoded")
	}
	one.Seconds = is.sounds
	if one.Seconds == 0 {
		return nil // of unknown length
	}
	return p.short(one.Seconds)
}

// short refuses what lacks more than a second, and more than a hundredth.
func (p *piece) short(is float64) error {
	if lack := p.length - is; lack > max(1, p.length/100) {
		return fmt.Errorf("truncated: %.1f s of %.1f s could be decoded", is, p.length)
	}
	return nil
}

func (b *bench) checkStill(p *piece, one *recipe.Made) error {
	_, size := chain(p.of, p.shape)
	if p.sheet != nil {
		size = p.sheetSize()
	}
	one.Width, one.Height = size.w, size.h
	f, err := os.Open(b.file(p.Name))
	if err != nil {
		return errors.New("no picture could be decoded")
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return errors.New("no picture could be decoded")
	}
	if extension(p.Name) == ".webp" {
		return nil
	}
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return fmt.Errorf("check the output: %w", err)
	}
	one.Width, one.Height = c.Width, c.Height
	return nil
}

// checkLadder wants all renditions to be as long as the film, and lists every file:
// the master playlist last, as it is the one that makes the others found.
func (b *bench) checkLadder(p *piece) (made []recipe.Made, err error) {
	_, full := chain(p.of, p.shape)
	for _, g := range p.rungs() {
		name := path.Join(path.Dir(p.Name), fmt.Sprintf("%dp", g.Height))
		is, err := b.listed(name)
		if err != nil {
			return nil, err
		}
		if err := p.short(is); err != nil {
			return nil, err
		}
		_, size := scale(full, recipe.Scale{Height: g.Height, Fit: "fit"})
		files, err := b.files(name)
		if err == nil && len(files) == 0 {
			err = errors.New("no picture could be decoded")
		}
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			one := recipe.Made{Name: f, Type: mediaTypes[extension(f)]}
			if extension(f) == ".m3u8" {
				one.Width, one.Height, one.Seconds = size.w, size.h, is
			}
			made = append(made, one)
		}
	}
	if !filled(b.file(p.Name)) {
		return nil, errors.New("ffmpeg wrote no master playlist")
	}
	_, size := scale(full, recipe.Scale{Height: p.rungs()[0].Height, Fit: "fit"})
	return append(made, recipe.Made{Name: p.Name, Type: mediaTypes[".m3u8"], Width: size.w, Height: size.h, Seconds: made[len(made)-1].Seconds}), nil
}

// listed is how long a rendition is by its playlist, s, which must be a whole one.
func (b *bench) listed(folder string) (total float64, err error) {
	f, err := os.Open(b.file(folder + "/index.m3u8"))
	if err != nil {
		return 0, errors.New("no picture could be decoded")
	}
	defer f.Close()
	whole := false
	s := bufio.NewScanner(f)
	for s.Scan() {
		if length, ok := strings.CutPrefix(s.Text(), "#EXTINF:"); ok {
			total += number(strings.TrimSuffix(length, ","))
		}
		whole = whole || s.Text() == "#EXT-X-ENDLIST"
	}
	if err := s.Err(); err != nil {
		return 0, fmt.Errorf("check the playlist: %w", err)
	}
	if !whole {
		return 0, errors.New("ffmpeg did not end the playlist")
	}
	return total, nil
}

// files are those of a folder, by their names as outputs, playlists last.
func (b *bench) files(folder string) (names []string, err error) {
	err = filepath.WalkDir(b.file(folder), func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		names = append(names, path.Join(folder, d.Name()))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check the renditions: %w", err)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return strings.Compare(extension(b), extension(a)) // .ts before .m3u8
	})
	return names, nil
}
