package store

import (
	"context"
	"io"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// shelf is where a store's objects lie.
type shelf interface {
	// open returns an object's content and size in bytes. The error is
	// fs.ErrNotExist if there is none.
	open(ctx context.Context, key string) (io.ReadCloser, int64, error)
	// put writes a file as an object, which appears whole or not at all.
	put(ctx context.Context, key string, f *os.File) (n int64, err error)
	// list visits the objects whose keys begin with prefix, by their keys.
	list(ctx context.Context, prefix string, visit Visit) error
	// create writes a small object that must not be there: of several writers at once
	// one is told true.
	create(ctx context.Context, key string, content []byte) (bool, error)
	// size is an object's size in bytes. The error is fs.ErrNotExist if there is none.
	size(ctx context.Context, key string) (int64, error)
	// remove removes an object; one that is not there is no error.
	remove(ctx context.Context, key string) error
	Close() error
}

// blobs lie where gocloud.dev has a driver for: in memory.
type blobs struct{ *blob.Bucket }

func (b blobs) open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	r, err := b.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, 0, errMissing
	}
	if err != nil {
		return nil, 0, err
	}
	return r, r.Size(), nil
}

// put writes one object. If anything goes wrong, the context is cancelled before
// the writer is closed: closing is what makes the object appear.
func (b blobs) put(ctx context.Context, key string, f *os.File) (n int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType:                 contentType(key),
		DisableContentTypeDetection: true,
	})
	if err != nil {
		return 0, err
	}
	if n, err = io.Copy(w, f); err == nil {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		_ = w.Close() // an error by intent: nothing is to appear
		return 0, err
	}
	return n, w.Close()
}
