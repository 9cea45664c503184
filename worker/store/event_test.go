package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"skynet/queue/sqs"
	"skynet/test/moto"
	"skynet/worker"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// copier makes copies of an input.
type copier struct{}

func (copier) Work(_ context.Context, job recipe.Job) (made []recipe.Made, err error) {
	b, err := os.ReadFile(job.Inputs[recipe.Main])
	for _, o := range job.Outputs {
		err = errors.Join(err, os.WriteFile(filepath.Join(job.Folder, o.Name), b, 0o600))
		made = append(made, recipe.Made{Name: o.Name, Type: "image/jpeg"})
	}
	return made, err
}

// TestMotoABucketsNotificationIsAllThePlumbing: an object that is put into a
// bucket comes to be work by S3's own notification, and what is made of it, in the
// same bucket, is not worked on again.
func TestMotoABucketsNotificationIsAllThePlumbing(t *testing.T) {
	server := moto.Start(t)
	for _, e := range server.Env() {
		k, v, _ := strings.Cut(e, "=")
		t.Setenv(k, v)
	}
	objects := s3.NewFromConfig(server.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	q := photosOf(t, server)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("media"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: moto.Region}}))
	must(objects.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: new("media"), NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			QueueArn: new("arn:aws:sqs:" + moto.Region + ":" + moto.Account + ":photos"), Events: []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:*"},
		}}},
	}))
	for _, name := range []string{"uploads/red flower+1.jpg", "uploads/gone.jpg", "uploads/"} {
		must(objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("media"), Key: &name, Body: strings.NewReader("\xff\xd8\xff photo")}))
	}
	must(objects.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("media"), Key: new("uploads/gone.jpg")}))

	work(t, q)
	for _, name := range []string{"1024.jpg", "150.jpg"} {
		out, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("media"), Key: new("results/media/uploads/red flower+1.jpg/" + name)})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(out.Body); string(b) != "\xff\xd8\xff photo" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	all, err := objects.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new("media")})
	if err != nil || len(all.Contents) != 5 {
		t.Errorf("%v: the bucket holds %d objects, want the photo, the folder, two outputs and their manifest", err, len(all.Contents))
	}
	if d, err := q.Depth(t.Context()); err != nil || d.Dead != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// photosOf makes a queue with a dead-letter queue.
func photosOf(t *testing.T, server *moto.Server) *sqs.Queue {
	t.Helper()
	client := api.NewFromConfig(server.Config())
	for _, create := range []*api.CreateQueueInput{
		{QueueName: new("photos_dead")},
		{QueueName: new("photos"), Attributes: map[string]string{
			"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:photos_dead","maxReceiveCount":1}`, moto.Region, moto.Account),
		}},
	} {
		if _, err := client.CreateQueue(t.Context(), create); err != nil {
			t.Fatal(err)
		}
	}
	q, err := sqs.New(server.Config(), sqs.Options{Poll: time.Second}).Queue(t.Context(), sqs.Config{
		URL: "https://sqs." + moto.Region + ".amazonaws.com/" + moto.Account + "/photos", Visibility: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// silence hears no heartbeats.
type silence struct{}

func (silence) Post(context.Context, []byte) error { return nil }

// work runs an agent until the queue has been empty for a while.
func work(t *testing.T, q *sqs.Queue) {
	t.Helper()
	stores, err := store.Open(t.Context(), "s3://media")
	if err != nil {
		t.Fatal(err)
	}
	book, err := recipe.Load("")
	if err != nil {
		t.Fatal(err)
	}
	media := worker.NewMedia(stores, t.TempDir(), book, map[recipe.Medium]worker.Maker{recipe.ByImage: copier{}})
	media.Outputs = "s3://media/results/"
	a, err := worker.New(worker.Self{ID: "i-1", Fleet: "render", Slots: 2}, []worker.Feed{{Source: q}}, media, silence{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() {
		for empty := 0; empty < 5 && ctx.Err() == nil; time.Sleep(300 * time.Millisecond) {
			d, err := q.Depth(ctx)
			if empty++; err != nil || d.Visible+d.InFlight > 0 {
				empty = 0
			}
		}
		stop()
	}()
	if err := a.Run(ctx); err != nil {
		t.Error(err)
	}
	if d, err := q.Depth(t.Context()); err != nil || d.Visible+d.InFlight > 0 {
		t.Errorf("there is always more to do: %+v, %v", d, err)
	}
}
