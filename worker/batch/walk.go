package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// local finds files of this machine.
func (f *Finder) local(ctx context.Context, arg string, patterns bool) error {
	full, err := filepath.Abs(arg)
	if err != nil {
		return err
	}
	about, err := os.Stat(full)
	switch {
	case err == nil && about.IsDir():
		return f.folder(ctx, full, inside(arg), func(string) bool { return true })
	case err == nil && about.Mode().IsRegular():
		return f.take(ctx, Input{URL: fileURL(full), Rel: filepath.Base(full), Bytes: about.Size()})
	case err == nil:
		return fmt.Errorf("%s is neither a file nor a folder", arg)
	case !patterns || !Wild(arg):
		return fmt.Errorf("%s: no such file or folder", arg)
	}
	at, wild := fixed(arg)
	p, err := ParsePattern(wild)
	if err != nil {
		return err
	}
	if full, err = filepath.Abs(at); err != nil {
		return err
	}
	before := len(f.Found) + f.Omitted.Twice + f.Omitted.Filtered
	if err := f.folder(ctx, full, "", p.fitsOrBelow); err != nil {
		return err
	}
	if len(f.Found)+f.Omitted.Twice+f.Omitted.Filtered == before {
		return fmt.Errorf("%s fits no file", arg)
	}
	return nil
}

// inside is what paths in a folder begin with: its name, but not if it is written
// with a slash at its end, or as a dot.
func inside(arg string) string {
	if base := filepath.Base(arg); !strings.HasSuffix(arg, "/") && base != "." && base != ".." {
		return base
	}
	return ""
}

// folder takes what is in a folder of this machine and fits. It does not follow
// symbolic links to folders.
func (f *Finder) folder(ctx context.Context, root, under string, fits func(rel string) bool) error {
	if err := f.Store.Check(fileURL(root)); err != nil {
		return err // once, rather than for each file
	}
	return filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			return f.enter(fileURL(name), d.Name(), place(fileURL(root)))
		}
		if !fits(filepath.ToSlash(rel)) {
			return nil
		}
		about, err := os.Stat(name) // of what a link leads to
		if err != nil || !about.Mode().IsRegular() {
			f.Omitted.Links++
			return nil //nolint:nilerr // it is told as one of these
		}
		in := Input{URL: fileURL(name), Rel: path.Join(under, filepath.ToSlash(rel)), Bytes: about.Size()}
		return f.walked(ctx, in, filepath.ToSlash(rel), place(fileURL(root)))
	})
}

// enter says whether a folder is gone into. What is hidden counts as one.
func (f *Finder) enter(folder, name, root string) error {
	if strings.HasPrefix(name, ".") {
		f.Omitted.Hidden++
		return filepath.SkipDir
	}
	if f.made(place(folder), root) {
		f.Omitted.Made++
		return filepath.SkipDir
	}
	return nil
}

// walked takes an input that was come across as rel in the folder root.
func (f *Finder) walked(ctx context.Context, in Input, rel, root string) error {
	hidden := slices.ContainsFunc(strings.Split(rel, "/"), func(s string) bool { return strings.HasPrefix(s, ".") })
	switch {
	case hidden:
		f.Omitted.Hidden++
		return nil
	case f.made(place(in.URL), root):
		f.Omitted.Made++
		return nil
	}
	return f.take(ctx, in)
}

// made reports whether something found in root lies in a folder for outputs that
// is itself in root: what was made would be the next input.
func (f *Finder) made(at, root string) bool {
	return slices.ContainsFunc(f.Made, func(folder string) bool {
		m := place(folder)
		return m != "" && m != root && holds(root, m) && holds(m, at)
	})
}
