package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Create makes content the object at the URL, which must not be there: of several
// that try at once one is told true.
func (s *Stores) Create(ctx context.Context, raw string, content []byte) (bool, error) {
	st, key, err := s.object(raw)
	if err != nil {
		return false, err
	}
	ctx, watched := watch(ctx, s.Stall)
	defer watched.stop()
	created, err := st.shelf.create(ctx, st.prefix+key, content)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", raw, watched.why(err))
	}
	return created, nil
}

// Size is the size of the object at the URL, in bytes. The error is fs.ErrNotExist
// if there is none.
func (s *Stores) Size(ctx context.Context, raw string) (int64, error) {
	st, key, err := s.object(raw)
	if err != nil {
		return 0, err
	}
	ctx, watched := watch(ctx, s.Stall)
	defer watched.stop()
	n, err := st.shelf.size(ctx, st.prefix+key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", raw, watched.why(err))
	}
	return n, nil
}

// Remove removes the object at the URL; one that is not there is no error.
func (s *Stores) Remove(ctx context.Context, raw string) error {
	st, key, err := s.object(raw)
	if err != nil {
		return err
	}
	ctx, watched := watch(ctx, s.Stall)
	defer watched.stop()
	if err := st.shelf.remove(ctx, st.prefix+key); err != nil {
		return fmt.Errorf("remove %s: %w", raw, watched.why(err))
	}
	return nil
}

func (b blobs) create(ctx context.Context, key string, content []byte) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.NewWriter(ctx, key, &blob.WriterOptions{ContentType: contentType(key), DisableContentTypeDetection: true, IfNotExist: true})
	if err != nil {
		return false, err
	}
	if _, err := w.Write(content); err != nil {
		cancel()
		_ = w.Close() // an error by intent: nothing is to appear
		return false, err
	}
	err = w.Close()
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return false, nil
	}
	return err == nil, err
}

func (b blobs) size(ctx context.Context, key string) (int64, error) {
	about, err := b.Attributes(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return 0, errMissing
	}
	if err != nil {
		return 0, err
	}
	return about.Size, nil
}

func (b blobs) remove(ctx context.Context, key string) error {
	if err := b.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

// create writes if there is none: of several writers at once S3 lets one pass.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (o *objects) create(ctx context.Context, key string, content []byte) (bool, error) {
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &key, Body: bytes.NewReader(content), IfNoneMatch: new("*"), ContentType: new(contentType(key)),
	})
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok &&
		(answer.HTTPStatusCode() == http.StatusPreconditionFailed || answer.HTTPStatusCode() == http.StatusConflict) {
		return false, nil
	}
	return err == nil, plain(err)
}

func (o *objects) size(ctx context.Context, key string) (int64, error) {
	out, err := o.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: &key})
	if err != nil {
		return 0, plain(err)
	}
	return aws.ToInt64(out.ContentLength), nil
}

func (o *objects) remove(ctx context.Context, key string) error {
	_, err := o.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &key})
	return plain(err)
}
