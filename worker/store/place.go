package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Place is a folder for small things that workers share, such as who of them takes
// a new version: file:///srv/bundles or s3://BUCKET/bundles. Names in it are paths
// with slashes.
type Place interface {
	// Get reads a thing. The error is fs.ErrNotExist if it is not there.
	Get(ctx context.Context, name string) ([]byte, error)
	// Fetch copies a thing of any size into a new file.
	Fetch(ctx context.Context, name, file string) error
	// Put writes a file as a thing, over what may be there, whole or not at all.
	Put(ctx context.Context, name string, f *os.File) error
	// Create writes a thing that must not be there; of several that try at once one
	// is told true.
	Create(ctx context.Context, name string, body []byte) (bool, error)
	// Remove removes a thing; one that is not there is no error.
	Remove(ctx context.Context, name string) error
	// List returns the names of all things below a folder.
	List(ctx context.Context, folder string) ([]string, error)
}

// OpenPlace opens a place. Nothing is asked of it yet.
func OpenPlace(ctx context.Context, raw string) (Place, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		return nil, fmt.Errorf("%.200q is not a URL; write file:///srv/bundles or s3://BUCKET/bundles", raw)
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !path.IsAbs(u.Path) {
			return nil, fmt.Errorf("%s: want file:// and an absolute path", raw)
		}
		return folder(u.Path), nil
	case "s3":
		var s Stores
		if err := s.openBucket(ctx, u); err != nil {
			return nil, fmt.Errorf("%s: %w", redacted(raw), err)
		}
		st := s.all[0]
		bucket, ok := st.shelf.(*objects)
		if !ok {
			return nil, fmt.Errorf("%s: not a bucket", redacted(raw))
		}
		return place{bucket, st.prefix}, nil
	}
	return nil, fmt.Errorf("%.200q: want file:///srv/bundles or s3://BUCKET/bundles", redacted(raw))
}

// folder is a place on this machine.
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

func (f folder) Get(_ context.Context, name string) ([]byte, error) { return os.ReadFile(f.file(name)) }

func (f folder) Fetch(_ context.Context, name, file string) error {
	in, err := os.Open(f.file(name))
	if err != nil {
		return err
	}
	defer in.Close()
	return writeNew(file, in)
}

func writeNew(file string, in io.Reader) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func (f folder) Put(_ context.Context, name string, in *os.File) error {
	draft, err := f.draft(name, in)
	if err != nil {
		return err
	}
	return os.Rename(draft, f.file(name))
}

// draft writes what is to be a thing beside it, under a name of its own.
func (f folder) draft(name string, in io.Reader) (string, error) {
	target := f.file(name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	draft, err := os.CreateTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(draft, in)
	if err = errors.Join(err, draft.Chmod(0o644), draft.Sync(), draft.Close()); err != nil {
		return "", errors.Join(err, os.Remove(draft.Name()))
	}
	return draft.Name(), nil
}

// Create gives the draft its name by a link, which fails where there is one, and
// shows nobody half of it.
func (f folder) Create(_ context.Context, name string, body []byte) (bool, error) {
	draft, err := f.draft(name, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	err = os.Link(draft, f.file(name))
	gone := os.Remove(draft)
	if errors.Is(err, fs.ErrExist) {
		return false, gone
	}
	return err == nil, errors.Join(err, gone)
}

func (f folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(f.file(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f folder) List(_ context.Context, below string) (names []string, err error) {
	root := f.file(below)
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".new-") {
			return err
		}
		rel, err := filepath.Rel(string(f), p)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}

// place is one in a bucket.
type place struct {
	*objects
	prefix string
}

func (p place) Get(ctx context.Context, name string) ([]byte, error) {
	r, _, err := p.open(ctx, p.prefix+name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	const most = 1 << 20
	return io.ReadAll(io.LimitReader(r, most))
}

func (p place) Fetch(ctx context.Context, name, file string) error {
	r, _, err := p.open(ctx, p.prefix+name)
	if err != nil {
		return err
	}
	defer r.Close()
	return writeNew(file, r)
}

func (p place) Put(ctx context.Context, name string, f *os.File) error {
	_, err := p.put(ctx, p.prefix+name, f)
	return err
}

// Create writes if there is none: of several writers at once S3 lets one pass.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (p place) Create(ctx context.Context, name string, body []byte) (bool, error) {
	_, err := p.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &p.bucket, Key: new(p.prefix + name), Body: bytes.NewReader(body), IfNoneMatch: new("*"), ContentType: new(contentType(name)),
	})
	answer, ok := errors.AsType[*awshttp.ResponseError](err)
	if ok && (answer.HTTPStatusCode() == http.StatusPreconditionFailed || answer.HTTPStatusCode() == http.StatusConflict) {
		return false, nil
	}
	return err == nil, plain(err)
}

func (p place) Remove(ctx context.Context, name string) error {
	_, err := p.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: new(p.prefix + name)})
	return plain(err)
}

func (p place) List(ctx context.Context, below string) (names []string, err error) {
	pages := s3.NewListObjectsV2Paginator(p.client, &s3.ListObjectsV2Input{Bucket: &p.bucket, Prefix: new(p.prefix + below + "/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, plain(err)
		}
		for _, o := range page.Contents {
			names = append(names, strings.TrimPrefix(*o.Key, p.prefix))
		}
	}
	return names, nil
}
