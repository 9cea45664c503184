package store

import (
	"context"
	"strings"
	"time"
)

// Place is a folder for what workers share besides items, such as new versions of
// themselves: file:///srv/bundles or s3://BUCKET/bundles. Names in it are paths with
// slashes.
type Place struct {
	stores *Stores
	base   string // its URL, without a slash at the end
}

const mostSmall = 1 << 20 // bytes that Get reads

// OpenPlace opens a place. Nothing is asked of it yet.
func OpenPlace(ctx context.Context, url string) (Place, error) {
	s, err := Open(ctx, url)
	base, _, _ := strings.Cut(url, "?")
	return Place{s, strings.TrimSuffix(base, "/")}, err
}

// Close closes it.
func (p Place) Close() error { return p.stores.Close() }

func (p Place) url(name string) string { return p.base + "/" + name }

// Get reads a small thing. The error is fs.ErrNotExist if it is not there.
func (p Place) Get(ctx context.Context, name string) ([]byte, error) {
	return p.stores.Read(ctx, p.url(name), mostSmall)
}

// Fetch copies a thing of any size into a new file.
func (p Place) Fetch(ctx context.Context, name, file string) error {
	_, err := p.stores.Fetch(ctx, p.url(name), file)
	return err
}

// Put writes a file as a thing, over what may be there, whole or not at all.
func (p Place) Put(ctx context.Context, name, file string) error {
	_, _, err := p.stores.Put(ctx, p.base, name, file)
	return err
}

// Create writes a thing that must not be there; of several that try at once one is
// told true.
func (p Place) Create(ctx context.Context, name string, body []byte) (bool, error) {
	return p.stores.Create(ctx, p.url(name), body)
}

// Remove removes a thing; one that is not there is no error.
func (p Place) Remove(ctx context.Context, name string) error {
	return p.stores.Remove(ctx, p.url(name))
}

// List returns the names of all things below a folder.
func (p Place) List(ctx context.Context, folder string) (names []string, err error) {
	err = p.stores.List(ctx, p.url(folder), func(url string, _ int64, _ time.Time) error {
		names = append(names, strings.TrimPrefix(url, p.base+"/"))
		return nil
	})
	return names, err
}
