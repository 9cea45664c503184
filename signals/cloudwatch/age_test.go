package cloudwatch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"skynet/signals"
	"skynet/signals/cloudwatch"
	"skynet/test/metrics"
)

// depth is a queue's source as that of SQS: it tells the age of an empty queue alone.
type depth struct{ empty bool }

func (d *depth) Names() []string {
	return []string{"queues.photos.visible", "queues.photos.oldest_age"}
}

func (d *depth) Read(_ context.Context, now time.Time) []signals.Signal {
	if d.empty {
		return []signals.Signal{signals.Known("queues.photos.visible", 0, now, time.Minute), signals.Known("queues.photos.oldest_age", 0, now, time.Minute)}
	}
	return []signals.Signal{signals.Known("queues.photos.visible", 5, now, time.Minute), signals.Missing("queues.photos.oldest_age", now, "this queue cannot tell")}
}

func TestOldestAge(t *testing.T) {
	s := metrics.Start(t)
	age := cloudwatch.OldestAge("photos", "photos-queue")
	watch := cloudwatch.NewSource(readerOf(s), time.Minute, age, sent())
	queue := &depth{}
	c := signals.NewCollector(cloudwatch.Ageless(queue), watch.Part(age.Name))
	read := func(now time.Time) signals.Signal {
		list := signals.Sort(c.Collect(t.Context(), now))
		if len(list) != 2 {
			t.Fatalf("got %+v", list)
		}
		sig, _ := signals.Find(list, age.Name)
		return sig
	}
	if got := read(at("12:03:10")); got.Unknown != "CloudWatch has no datapoint of the last 7m0s: Maximum of AWS/SQS ApproximateAgeOfOldestMessage (QueueName photos-queue)" {
		t.Errorf("%+v", got)
	}
	s.Put("AWS/SQS", "ApproximateAgeOfOldestMessage", at("12:01:30"), 42, "QueueName=photos-queue")
	if got, want := read(at("12:04:10")), signals.Known(age.Name, 42, at("12:02:00"), 7*time.Minute); got != want {
		t.Errorf("%+v", got)
	}
	queue.empty = true
	if got := read(at("12:05:10")); got.Value != 0 || got.Unknown != "" || got.At != at("12:05:10") {
		t.Errorf("an empty queue: %+v", got)
	}
	if names := watch.Part(age.Name).Names(); !slices.Equal(names, []string{age.Name}) || len(watch.Names()) != 2 {
		t.Errorf("%v of %v", names, watch.Names())
	}
}

// Where CloudWatch does not answer, the depth is known all the same.
func TestDepthDoesNotWaitForAge(t *testing.T) {
	s := metrics.Start(t)
	hang := make(chan struct{})
	defer close(hang)
	s.Fail(metrics.Fault{Hang: hang})
	age := cloudwatch.OldestAge("photos", "photos-queue")
	watch := cloudwatch.NewSource(readerOf(s), time.Minute, age)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	list := signals.Sort(signals.NewCollector(cloudwatch.Ageless(&depth{}), watch.Part(age.Name)).Collect(ctx, noon))
	visible, _ := signals.Find(list, "queues.photos.visible")
	oldest, _ := signals.Find(list, age.Name)
	if visible.Value != 5 || oldest.Unknown == "" {
		t.Errorf("%+v", list)
	}
}
