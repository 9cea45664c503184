package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"skynet/awshttp"
)

const (
	// regionWithin bounds asking the instance where it is.
	regionWithin = 5 * time.Second
	// partSize is up to where an object is written in one request, and how much of
	// a larger one goes into each: of the 10,000 parts that an object may have, our
	// largest outputs need a few hundred.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	partSize = 64 << 20
	// partsAtOnce is how many of them are under way at once.
	partsAtOnce = 4
	// abortWithin bounds dropping the parts of an object that will not be.
	abortWithin = 10 * time.Second
)

// objects are those of a bucket of Amazon S3, or of another store that speaks its
// protocol where the SDK's settings name an endpoint (AWS_ENDPOINT_URL_S3).
//
// It is the S3 client itself rather than gocloud.dev's driver: what is written is
// a file, of which parts are read where they lie, while the driver is given a
// stream and keeps each part in memory.
type objects struct {
	client *s3.Client
	bucket string
	part   int64 // bytes
}

// openBucket opens a bucket. Nothing is asked of it yet: a role that may read and
// write objects need not be allowed more.
func (s *Stores) openBucket(ctx context.Context, u *url.URL) error {
	cfg, err := settings(ctx, u.Query().Get("region"))
	if err != nil {
		return err
	}
	if u.Host == "" {
		return errors.New("names no bucket; write s3://BUCKET/FOLDER")
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // other stores have no name for each bucket
		// An object that was stored without a checksum has none to be held against: that
		// is no news for each of them.
		o.DisableLogOutputChecksumValidationSkipped = true
		o.HTTPClient = awshttp.Whole(o.HTTPClient)
	})
	st := newStore(u)
	st.prefix = strings.TrimPrefix(st.root+"/", "/")
	st.shelf = &objects{client: client, bucket: u.Host, part: partSize}
	s.all = append(s.all, st)
	return nil
}

// settings are the SDK's own for a region: the one that is named, or that of its
// environment and files, or that of the instance. A throttled client slows down.
func settings(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region), awsconfig.WithRetryMode(aws.RetryModeAdaptive))
	if err != nil {
		return cfg, fmt.Errorf("read the AWS SDK's settings: %w", err)
	}
	if cfg.Region != "" {
		return cfg, nil
	}
	ctx, cancel := context.WithTimeout(ctx, regionWithin)
	defer cancel()
	here, err := imds.NewFromConfig(cfg).GetRegion(ctx, &imds.GetRegionInput{})
	if err != nil {
		return cfg, fmt.Errorf("in which region is the bucket? write s3://BUCKET/FOLDER?region=REGION, or set AWS_REGION; the instance does not say: %w", err)
	}
	cfg.Region = here.Region
	return cfg, nil
}

func (o *objects) Close() error { return nil }

func (o *objects) open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &key})
	if err != nil {
		return nil, 0, plain(err)
	}
	return out.Body, aws.ToInt64(out.ContentLength), nil
}

// put writes an object, which appears whole or not at all: S3 shows none before
// it has all of it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
func (o *objects) put(ctx context.Context, key string, f *os.File) (int64, error) {
	about, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !about.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a file", about.Name())
	}
	size := about.Size()
	if size > o.part {
		return size, plain(o.putParts(ctx, key, f, size))
	}
	_, err = o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &key, Body: io.NewSectionReader(f, 0, size), ContentLength: &size, ContentType: new(contentType(key)),
	})
	return size, plain(err)
}

// putParts writes a large object in parts, several at once.
func (o *objects) putParts(ctx context.Context, key string, f *os.File, size int64) error {
	begun, err := o.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &o.bucket, Key: &key, ContentType: new(contentType(key))})
	if err != nil {
		return err
	}
	parts, err := o.parts(ctx, key, begun.UploadId, f, size)
	if err == nil {
		_, err = o.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &o.bucket, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err != nil {
		o.abort(ctx, key, begun.UploadId)
	}
	return err
}

// abort drops parts, which are billed for as long as they lie there. A worker
// that is killed leaves its own behind: a rule of the bucket must drop those.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
func (o *objects) abort(ctx context.Context, key string, upload *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	_, _ = o.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &o.bucket, Key: &key, UploadId: upload})
}

func (o *objects) parts(ctx context.Context, key string, upload *string, f *os.File, size int64) ([]types.CompletedPart, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make([]types.CompletedPart, (size+o.part-1)/o.part)
	room := make(chan struct{}, partsAtOnce)
	var wg sync.WaitGroup
	for i := range done {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-room }()
			from, n := int64(i)*o.part, int32(i+1)
			length := min(o.part, size-from)
			out, err := o.client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &o.bucket, Key: &key, UploadId: upload, PartNumber: &n, Body: io.NewSectionReader(f, from, length), ContentLength: &length,
			})
			if err != nil {
				stop(err)
				return
			}
			done[i] = types.CompletedPart{
				ETag: out.ETag, PartNumber: &n, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
				ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256,
			}
		})
	}
	wg.Wait()
	return done, context.Cause(ctx)
}

// plain puts what S3 answers into an operator's words. Its error stays wrapped,
// and fs.ErrNotExist where there is no such object.
func plain(err error) error {
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	switch code := e.ErrorCode(); code {
	case "NoSuchKey", "NotFound":
		return errMissing
	case "NoSuchBucket":
		return fmt.Errorf("there is no such bucket: %w", err)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fmt.Errorf("the bucket is in another region; write ?region=REGION behind the store's URL: %w", err)
	case "AccessDenied", "Forbidden", "AllAccessDisabled":
		return fmt.Errorf("access is denied; the role needs s3:GetObject to read and s3:PutObject to write, and without s3:ListBucket S3 says the same of an object that is not there: %w", err)
	case "InvalidObjectState":
		return fmt.Errorf("the object is archived; restore it first: %w", err)
	case "SlowDown", "ServiceUnavailable", "RequestLimitExceeded":
		return fmt.Errorf("S3 asks us to slow down: %w", err)
	default:
		if strings.HasPrefix(code, "KMS.") {
			return fmt.Errorf("the key that encrypts it cannot be used; the role needs kms:Decrypt to read and kms:GenerateDataKey to write: %w", err)
		}
		return err
	}
}

// errMissing says that there is no such object.
var errMissing = missing{}

type missing struct{}

func (missing) Error() string   { return "no such object" }
func (missing) Is(e error) bool { return e == fs.ErrNotExist }
