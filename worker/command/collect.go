package command

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"skynet/worker/recipe"
)

// collect takes the files that fit a name or pattern out of the program's folder.
// What else it left there is dropped.
func (m *Maker) collect(pattern, out, to string) (made []recipe.Made, err error) {
	err = filepath.WalkDir(out, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("look for outputs: %w", unwrapped(err))
		}
		name, err := filepath.Rel(out, file)
		if err != nil || !fits(pattern, filepath.ToSlash(name)) {
			return err
		}
		name = filepath.ToSlash(name)
		if err := acceptable(name, d); err != nil {
			return fmt.Errorf("output %.100q %w", name, err)
		}
		if len(made) == m.Outputs {
			return fmt.Errorf("more than %d files fit %s: make fewer, such as an archive of them", m.Outputs, pattern)
		}
		made = append(made, recipe.Made{Name: name, Type: mediaType(name)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(made) == 0 {
		return nil, fmt.Errorf("the program ended well and left no file that fits %s in its folder out", pattern)
	}
	for _, one := range made {
		if err := move(filepath.Join(out, filepath.FromSlash(one.Name)), filepath.Join(to, filepath.FromSlash(one.Name))); err != nil {
			return nil, fmt.Errorf("output %s: %w", one.Name, err)
		}
	}
	return made, nil
}

// unwrapped is without our paths.
func unwrapped(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// acceptable refuses what is no file of its own, and names that others could
// stumble over.
func acceptable(name string, d fs.DirEntry) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }):
		return errors.New("holds characters that names of files should not")
	case recipe.Reserved(name):
		return errors.New("is written by the worker itself")
	case d.Type()&fs.ModeSymlink != 0:
		return errors.New("is a link, and only files are taken")
	case !d.Type().IsRegular():
		return errors.New("is a folder or a device, and only files are taken")
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return errors.New("is a hard link, and may be somebody else's file too")
	}
	return nil
}

func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Chmod(from, 0o600); err != nil { // the program may have made it unreadable
		return unwrapped(err)
	}
	return os.Rename(from, to)
}

// mediaType is by the extension; what nobody knows is octets.
func mediaType(name string) string {
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		t, _, _ = strings.Cut(t, ";")
		return t
	}
	return "application/octet-stream"
}
