// Package s3 keeps the lease as an object in S3, by conditional writes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), and
// the notes as objects below it:
//
//	s3://bucket/key                                the lease
//	s3://bucket/key/ticks/0000000000000042.0000000007   note 42, of term 7
//
// Nothing is ever deleted: a lifecycle rule on key/ticks/ may expire what is older
// than the journal is to be handed over.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"skynet/lease"
)

const (
	// largest is how much of an object is read: a tick of a thousand workers is some
	// hundred kB, compressed.
	largest = 16 << 20
	// ticks is the folder of the notes.
	ticks = "/ticks/"
)

// Store is one lease in S3.
type Store struct {
	client      *s3.Client
	bucket, key string
}

// ErrUnusable says that S3 answers, and that the lease cannot be kept there.
var ErrUnusable = errors.New("the lease cannot be kept there")

// Check reports, as ErrUnusable, what waiting will not cure: a bucket that is not there
// or in another region, and permissions that are missing. That S3 does not answer is
// no finding.
func (s *Store) Check(ctx context.Context) error {
	_, _, err := s.Read(ctx)
	cure := ""
	switch status(err) {
	case http.StatusNotFound:
		cure = "there is no such bucket; make it, or correct lease"
	case http.StatusMovedPermanently:
		cure = "the bucket is in another region than aws.region; use one that is there"
	case http.StatusForbidden:
		cure = "allow s3:GetObject and s3:PutObject on the object and what is below it, and s3:ListBucket on the bucket, without which S3 does not say that there is no lease yet"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s (%w)", ErrUnusable, cure, err)
}

var (
	_ lease.Store = (*Store)(nil)
	_ lease.Notes = (*Store)(nil)
)

// New returns the store at an address such as s3://bucket/key.
func New(cfg aws.Config, address string) (*Store, error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	if !strings.HasPrefix(address, "s3://") || !ok || bucket == "" || key == "" {
		return nil, fmt.Errorf("lease %q: write s3://bucket/key", address)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil             // other stores have no name for each bucket
		o.DisableLogOutputChecksumValidationSkipped = true // that a server sends none is no news at each look
	})
	return &Store{client: client, bucket: bucket, key: key}, nil
}

// Read implements lease.Store. S3 reads what was written last:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
func (s *Store) Read(ctx context.Context) ([]byte, lease.Version, error) {
	body, tag, err := s.get(ctx, s.key)
	if status(err) == http.StatusNotFound && !missingBucket(err) {
		return nil, "", nil
	}
	return body, lease.Version(tag), err
}

// Write implements lease.Store. Of two writes at once S3 lets one pass: the other
// gets 412, or 409 while the first is under way, or 404 if what it names is gone.
func (s *Store) Write(ctx context.Context, body []byte, replaces lease.Version) (lease.Version, error) {
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &s.key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if replaces == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(string(replaces))
	}
	out, err := s.client.PutObject(ctx, in)
	switch code := status(err); {
	case err == nil && aws.ToString(out.ETag) == "":
		return "", s.wrap("write", s.key, errors.New("the answer has no ETag"))
	case err == nil:
		return lease.Version(*out.ETag), nil
	case code == http.StatusPreconditionFailed, code == http.StatusConflict, code == http.StatusNotFound && !missingBucket(err):
		return "", fmt.Errorf("%w: %w", lease.ErrChanged, s.wrap("write", s.key, err))
	}
	return "", s.wrap("write", s.key, err)
}

// Put implements lease.Notes.
func (s *Store) Put(ctx context.Context, name string, body []byte) error {
	key := s.key + ticks + name
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/gzip"),
	})
	return s.wrap("write", key, err)
}

// Get implements lease.Notes.
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	body, _, err := s.get(ctx, s.key+ticks+name)
	return body, err
}

// List implements lease.Notes, a thousand names a call, in the order of their bytes:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (s *Store) List(ctx context.Context, after, before string) (names []string, err error) {
	prefix := s.key + ticks
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.bucket, Prefix: &prefix, StartAfter: aws.String(prefix + after),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.wrap("list", prefix, err)
		}
		for _, o := range page.Contents {
			name := strings.TrimPrefix(aws.ToString(o.Key), prefix)
			if name >= before {
				return names, nil
			}
			if name > after {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

func (s *Store) get(ctx context.Context, key string) ([]byte, string, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, "", s.wrap("read", key, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, largest+1))
	switch {
	case err != nil:
		return nil, "", s.wrap("read", key, err)
	case len(body) > largest:
		return nil, "", s.wrap("read", key, fmt.Errorf("is larger than %d MiB: not ours", largest>>20))
	case aws.ToString(out.ETag) == "":
		return nil, "", s.wrap("read", key, errors.New("the answer has no ETag"))
	}
	return body, *out.ETag, nil
}

func (s *Store) wrap(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s s3://%s/%s: %w", doing, s.bucket, key, err)
}

// status is the HTTP status of an error; 0 if there was no answer.
func status(err error) int {
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return answer.HTTPStatusCode()
	}
	return 0
}

// missingBucket tells a bucket that is not there from an object that is not.
func missingBucket(err error) bool {
	coded, ok := errors.AsType[interface {
		error
		ErrorCode() string
	}](err)
	return ok && coded.ErrorCode() == "NoSuchBucket"
}
