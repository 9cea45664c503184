package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/test/moto"
	"skynet/worker/store"
)

// items is how many a batch against moto has. moto takes its time for each: the
// figures in docs/batch.md are of SKYNET_BATCH_ITEMS=10000.
func items() int {
	if n, err := strconv.Atoi(os.Getenv("SKYNET_BATCH_ITEMS")); err == nil {
		return n
	}
	return 1200
}

// TestMotoBatch: a bucket's folder becomes items of SQS, and what came of them is
// known from the bucket alone.
func TestMotoBatch(t *testing.T) {
	server := moto.Start(t)
	for _, v := range append(server.Env(), "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	cfg, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("photos")})
	if err != nil {
		t.Fatal(err)
	}
	buckets := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: new("media"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: moto.Region},
	}); err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, dir: t.TempDir()}
	url := fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/", moto.Region, moto.Account)
	s.write("worker.yaml", fmt.Sprintf("fleet: render\nqueues: [{name: photos, url: %q}]\nheartbeats: %q\nstores: [\"s3://media\"]\noutputs: \"s3://media/results\"\n", url+"photos", url+"heartbeats"))
	n := items()
	s.fill(n, func(i int) []string { return []string{fmt.Sprintf("s3://media/in/%d.jpg", i)} })

	begun := time.Now()
	got := s.call("submit", "--batch", "g", "s3://media/in/")
	s.wants(got, 0, fmt.Sprintf("%s sent to queue photos", count(n)))
	t.Logf("submitted in %s: %s", time.Since(begun), got.out)
	about, err := sqs.NewFromConfig(cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages"}})
	if err != nil || about.Attributes["ApproximateNumberOfMessages"] != fmt.Sprint(n) {
		t.Errorf("the queue holds %v, %v", about.Attributes, err)
	}
	s.fill(n-10, func(i int) []string {
		at := fmt.Sprintf("s3://media/results/media/in/%d.jpg/", i)
		return []string{at + "1024.jpg", at + "150.jpg", at + "manifest.json"}
	})
	begun = time.Now()
	doc, status := s.shown("batch", "g")
	if status != 0 || doc.Done != n-10 || doc.Waiting != 10 {
		t.Errorf("%+v, status %d", doc, status)
	}
	t.Logf("looked at in %s", time.Since(begun))
}

// fill writes objects of a few bytes, many at once.
func (s *site) fill(n int, urls func(i int) []string) {
	s.Helper()
	to, err := store.Open(s.Context(), "s3://media")
	if err != nil {
		s.Fatal(err)
	}
	defer to.Close()
	room, errs := make(chan struct{}, 8), make(chan error, n)
	for i := range n {
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			for _, u := range urls(i) {
				if err := to.Write(context.WithoutCancel(s.Context()), u, []byte("x")); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			s.Fatal(err)
		}
	}
}
