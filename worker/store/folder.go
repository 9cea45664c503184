package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// folder is a file store. All that it does goes through an [os.Root], which looks at
// every part of a path as it goes: of whoever swaps a folder for a symbolic link in
// between, nothing leads out. Temporary files lie beside their targets, so that
// renaming one into place is atomic on every file system; there are no sidecar files,
// which would look like outputs. It is not left to gocloud.dev's driver, which opens
// paths, writes some names otherwise than they are, and of two that create one thing
// may tell both true.
type folder struct{ root *os.Root }

// openFile opens a file, never waits for a pipe's other end, and takes nothing but
// plain files.
func (f folder) openFile(key string) (*os.File, fs.FileInfo, error) {
	file, err := f.root.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errMissing
	}
	if err != nil {
		return nil, nil, err
	}
	about, err := file.Stat()
	if err == nil && about.IsDir() {
		err = errMissing
	} else if err == nil && !about.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", key)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, about, nil
}

func (f folder) open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	file, about, err := f.openFile(key)
	if err != nil {
		return nil, 0, err
	}
	return file, about.Size(), nil
}

func (f folder) put(ctx context.Context, key string, from *os.File) (n int64, err error) {
	draft, n, err := f.draft(ctx, key, from)
	if err != nil {
		return 0, err
	}
	if err := f.root.Rename(draft, key); err != nil {
		return 0, errors.Join(err, f.root.Remove(draft))
	}
	return n, nil
}

// draft writes a file beside its place, through to the disk: the item is deleted once
// its outputs are stored, and a rename may outlive what it renames.
func (f folder) draft(ctx context.Context, key string, from io.Reader) (draft string, n int64, err error) {
	if err := f.root.MkdirAll(path.Dir(key), 0o777); err != nil {
		return "", 0, err
	}
	draft = path.Join(path.Dir(key), rand.Text()+".tmp") // a name as long as names may be has no room for more
	to, err := f.root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", 0, err
	}
	n, err = io.Copy(to, until{ctx, from})
	if err = errors.Join(err, ctx.Err()); err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return "", 0, errors.Join(err, f.root.Remove(draft))
	}
	return draft, n, nil
}

// until is a reader that ends with a context.
type until struct {
	ctx context.Context //nolint:containedctx // for one copy
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

func (f folder) size(_ context.Context, key string) (int64, error) {
	about, err := f.root.Stat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && about.IsDir():
		return 0, errMissing
	case err != nil:
		return 0, err
	case !about.Mode().IsRegular():
		return 0, fmt.Errorf("%s is not a file", key)
	}
	return about.Size(), nil
}

func (f folder) remove(_ context.Context, key string) error {
	about, err := f.root.Lstat(key)
	if err == nil && !about.IsDir() {
		err = f.root.Remove(key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f folder) Close() error { return f.root.Close() }

// create gives what was written beside it its name by a link, which fails where there
// is one: of several at once one passes, and nobody reads half of it.
func (f folder) create(ctx context.Context, key string, content []byte) (created bool, err error) {
	draft, _, err := f.draft(ctx, key, bytes.NewReader(content))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.root.Remove(draft)) }()
	err = f.root.Link(draft, key)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// list does not follow symbolic links to folders.
func (f folder) list(ctx context.Context, prefix string, visit Visit) error {
	from := path.Clean(strings.TrimSuffix(prefix, "/"))
	return fs.WalkDir(f.root.FS(), from, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || d.Type() != 0 && d.Type() != fs.ModeSymlink):
			return ctx.Err() // gone meanwhile, or nothing to be read
		case err != nil:
			return err
		}
		about, err := f.root.Stat(name)
		if err != nil || !about.Mode().IsRegular() {
			return ctx.Err() // a link to a folder, to nowhere or out of the store
		}
		if err := visit(name, about.Size(), about.ModTime()); err != nil {
			return err
		}
		return ctx.Err()
	})
}
