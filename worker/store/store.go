// Package store keeps a worker to the buckets it was given: items name inputs
// and outputs by URL, anybody who may send items chooses those URLs, and none
// of them may lead outside.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"

	_ "gocloud.dev/blob/memblob" // mem:// for tests and trials

	"skynet/config/redact"
)

// MaxInput is the default limit on the size of an input, in bytes.
const MaxInput = 20 << 30

const fileScheme = "file"

// Stall is the default time without a byte of an input.
const Stall = time.Minute

// Stores are the buckets a worker may read from and write to.
type Stores struct {
	MaxInput int64         // bytes; larger inputs are refused
	Stall    time.Duration // without a byte of an input, after which its store is given up on; 0 for none
	all      []*store
}

// store is one bucket, or the part of one below a path.
type store struct {
	scheme, host string
	root         string // path of the bucket's URL, "" or "/srv/media"
	prefix       string // of keys in the bucket: "" or "media/", where the driver has no paths
	shelf        shelf
	dir          *os.Root // of a file store: refuses symbolic links that lead out
}

// Open opens buckets by their URLs: file:///srv/media, s3://bucket/path (with
// ?region=… where it is not in ours), mem://. File stores are created where they
// do not exist.
func Open(ctx context.Context, urls ...string) (*Stores, error) {
	s := &Stores{MaxInput: MaxInput, Stall: Stall}
	var errs []error
	for _, u := range urls {
		if err := s.open(ctx, u); err != nil {
			errs = append(errs, fmt.Errorf("store %s: %w", redact.URL(u), err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stores) open(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return errors.New("want a URL like file:///srv/media or s3://bucket")
	}
	switch u.Scheme {
	case fileScheme:
		return s.openFolder(u)
	case "s3":
		return s.openBucket(ctx, u)
	}
	st := newStore(u)
	st.prefix = strings.TrimPrefix(st.root+"/", "/")
	u.Path, u.RawPath = "", ""
	bucket, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return err
	}
	st.shelf = blobs{bucket}
	s.all = append(s.all, st)
	return nil
}

// openFolder opens a file store, and makes its folder if need be.
func (s *Stores) openFolder(u *url.URL) error {
	st := newStore(u)
	if st.host != "" || u.RawQuery != "" || !path.IsAbs(u.Path) {
		return errors.New("want file:// and an absolute path, without options")
	}
	if err := os.MkdirAll(u.Path, 0o777); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	var err error
	if st.dir, err = os.OpenRoot(u.Path); err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	st.shelf = folder{st.dir}
	s.all = append(s.all, st)
	return nil
}

func newStore(u *url.URL) *store {
	return &store{scheme: u.Scheme, host: host(u), root: strings.TrimSuffix(path.Clean("/"+u.Path), "/")}
}

// host is a URL's host; a file's is this machine, however it is written.
func host(u *url.URL) string {
	if u.Scheme == fileScheme && u.Host == "localhost" {
		return ""
	}
	return u.Host
}

// closing is how long stores that are in use are waited for at the end.
const closing = 5 * time.Second

// Close closes all buckets. Whoever stands in the midst of one that does not answer
// (a folder of a file server that is away) is waited for only so long: a worker that
// is told to end must end.
func (s *Stores) Close() error {
	done := make(chan error, 1)
	go func() { done <- s.closeAll() }()
	late := time.NewTimer(closing)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("a store is still in use %s after the end: it does not answer", closing)
	}
}

func (s *Stores) closeAll() error {
	var errs []error
	for _, st := range s.all {
		errs = append(errs, st.shelf.Close())
	}
	return errors.Join(errs...)
}

// Fetch copies the object at the URL into a new file and returns its size in
// bytes. The error is fs.ErrNotExist if there is no such object.
func (s *Stores) Fetch(ctx context.Context, raw, file string) (n int64, err error) {
	st, key, err := s.locate(raw)
	if err != nil {
		return 0, err
	}
	if key == "" {
		return 0, fmt.Errorf("%s: a store is not an object", raw)
	}
	if err := st.inside(key); err != nil {
		return 0, fmt.Errorf("%s: %w", raw, err)
	}
	ctx, watched := watch(ctx, s.Stall)
	defer watched.stop()
	r, size, err := st.shelf.open(ctx, st.prefix+key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", raw, watched.why(err))
	}
	defer r.Close()
	if size > s.MaxInput {
		return 0, fmt.Errorf("%s: %d bytes, at most %d are accepted", raw, size, s.MaxInput)
	}
	if n, err = save(file, watched.reading(r), size); err != nil {
		return n, fmt.Errorf("fetch %s: %w", raw, watched.why(err))
	}
	return n, nil
}

// save writes what r holds to a new file; less or more than size is an error.
func save(file string, r io.Reader, size int64) (n int64, err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err = io.Copy(f, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = fmt.Errorf("read %d bytes of %d: it changed, or was cut short", n, size)
	}
	return n, err
}

// Put copies a file into the folder at the URL, over what may be there, under a
// name that may hold folders. It appears whole or not at all.
func (s *Stores) Put(ctx context.Context, raw, name, file string) (at string, bytes int64, err error) {
	st, key, err := s.target(raw, name)
	if err != nil {
		return "", 0, err
	}
	n, err := st.put(ctx, key, file)
	if err != nil {
		return "", 0, fmt.Errorf("write %s: %w", st.url(key), err)
	}
	return st.url(key), n, nil
}

// target is where a name in a folder leads.
func (s *Stores) target(raw, name string) (*store, string, error) {
	st, folder, err := s.locate(strings.TrimSuffix(raw, "/"))
	if err != nil {
		return nil, "", err
	}
	if !filepath.IsLocal(name) || path.Clean(name) != name {
		return nil, "", fmt.Errorf("%s: %q is not a name in a folder", raw, name)
	}
	key := path.Join(folder, name)
	if err := errors.Join(checkLength(key), st.inside(key)); err != nil {
		return nil, "", fmt.Errorf("%s: %w", raw, err)
	}
	return st, key, nil
}

func (st *store) url(key string) string {
	u := url.URL{Scheme: st.scheme, Host: st.host, Path: st.root + "/" + key}
	if st.scheme == fileScheme {
		return "file://" + u.EscapedPath() // url.URL would leave out the empty host
	}
	return u.String()
}

// put writes one object.
func (st *store) put(ctx context.Context, key, file string) (n int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return st.shelf.put(ctx, st.prefix+key, f)
}

func contentType(key string) string {
	switch path.Ext(key) {
	case ".mp4":
		return "video/mp4" // not in every system's table
	case ".jpg":
		return "image/jpeg"
	}
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		return t
	}
	return "application/octet-stream"
}
