package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// Visit is told of one object: its URL, its size in bytes, and when it was last
// written. An error ends the listing.
type Visit = func(url string, bytes int64, written time.Time) error

// List visits all objects below the folder at the URL, however deep, in no order
// that could be relied on. A folder that does not exist holds none. What is being
// written at the same time may be there or not.
func (s *Stores) List(ctx context.Context, raw string, visit Visit) error {
	st, folder, err := s.locate(strings.TrimSuffix(raw, "/"))
	if err != nil {
		return err
	}
	if folder != "" {
		if err := st.inside(folder); err != nil {
			return fmt.Errorf("%s: %w", raw, err)
		}
		folder += "/"
	}
	each := func(key string, bytes int64, written time.Time) error { return visit(st.url(key), bytes, written) }
	if err := st.list(ctx, folder, each); err != nil {
		return fmt.Errorf("list %s: %w", raw, err)
	}
	return nil
}

// list visits the keys that begin with a folder, which ends with a slash or is "".
func (st *store) list(ctx context.Context, folder string, visit Visit) error {
	return st.shelf.list(ctx, st.prefix+folder, func(key string, bytes int64, written time.Time) error {
		return visit(strings.TrimPrefix(key, st.prefix), bytes, written)
	})
}

func (b blobs) list(ctx context.Context, prefix string, visit Visit) error {
	all := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := all.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(o.Key, o.Size, o.ModTime)
		}
		if err != nil {
			return err
		}
	}
}

// list asks for a thousand objects at a time, which is the most that S3 tells.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (o *objects) list(ctx context.Context, prefix string, visit Visit) error {
	pages := s3.NewListObjectsV2Paginator(o.client, &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return plainList(err)
		}
		for _, x := range page.Contents {
			if strings.HasSuffix(*x.Key, "/") {
				continue // what consoles write to show a folder
			}
			if err := visit(*x.Key, aws.ToInt64(x.Size), aws.ToTime(x.LastModified)); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainList is plain, for a call that needs another right.
func plainList(err error) error {
	if said := plain(err); said != nil && strings.HasPrefix(said.Error(), "access is denied") {
		return fmt.Errorf("access is denied; who lists needs s3:ListBucket: %w", err)
	}
	return plain(err)
}

// Read returns the content of the object at the URL, of at most that many bytes.
// The error is fs.ErrNotExist if there is no such object.
func (s *Stores) Read(ctx context.Context, raw string, most int64) ([]byte, error) {
	st, key, err := s.object(raw)
	if err != nil {
		return nil, err
	}
	ctx, watched := watch(ctx, s.Stall)
	defer watched.stop()
	r, size, err := st.shelf.open(ctx, st.prefix+key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", raw, watched.why(err))
	}
	defer r.Close()
	if size > most {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are read", raw, size, most)
	}
	content, err := io.ReadAll(io.LimitReader(watched.reading(r), most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", raw, watched.why(err))
	}
	return content, nil
}

// Write makes content the object at the URL, over what may be there: whole or not
// at all.
func (s *Stores) Write(ctx context.Context, raw string, content []byte) error {
	st, key, err := s.object(raw)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "skynet-write-")
	if err != nil {
		return fmt.Errorf("write %s: %w", raw, err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return fmt.Errorf("write %s: %w", raw, err)
	}
	if _, err = f.Write(content); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = st.shelf.put(ctx, st.prefix+key, f)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", raw, err)
	}
	return nil
}

// object finds the store and the key of an object.
func (s *Stores) object(raw string) (*store, string, error) {
	st, key, err := s.locate(raw)
	if err != nil {
		return nil, "", err
	}
	if key == "" {
		return nil, "", fmt.Errorf("%s: a store is not an object", raw)
	}
	if err := st.inside(key); err != nil {
		return nil, "", fmt.Errorf("%s: %w", raw, err)
	}
	return st, key, nil
}

// Check says why items may not name a URL: nil if it lies in one of the stores.
// Whether there is anything at it is not looked at.
func (s *Stores) Check(raw string) error {
	_, _, err := s.locate(raw)
	return err
}
