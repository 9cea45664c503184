package sqs

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"skynet/queue"
)

func TestReceive(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	it, d := s.held(q, "2")
	if it.ID != "a" || it.Queue != "photos" || string(it.Body) != "body of a" || it.Tries != 2 || !it.Sent.Equal(time.UnixMilli(1772323200123)) {
		t.Errorf("received %+v", it)
	}
	if left := time.Until(d.until); left > 30*time.Second || left < 20*time.Second {
		t.Errorf("it is held for %v", left)
	}
	for wait, want := range map[time.Duration]float64{0: 0, time.Millisecond: 1, time.Second: 1, 1500 * time.Millisecond: 2, time.Hour: 5} {
		before := len(s.made("ReceiveMessage"))
		if _, err := q.Receive(t.Context(), wait); err != nil {
			t.Fatal(err)
		}
		in := s.made("ReceiveMessage")[before].in
		seconds, _ := in["WaitTimeSeconds"].(float64)
		if seconds != want || in["MaxNumberOfMessages"] != 1.0 || in["VisibilityTimeout"] != 30.0 || in["QueueUrl"] != photos || in["ReceiveRequestAttemptId"] != nil {
			t.Errorf("a receive that waits for %v asks %v", wait, in)
		}
	}
}

func TestAnEmptyQueueIsNoItem(t *testing.T) {
	q := newStub(t, Options{}).open(photos)
	if it, err := q.Receive(t.Context(), 0); it != nil || err != nil {
		t.Errorf("%+v, %v", it, err)
	}
}

// TestACancelledReceiveGivesBackWhatItBrings: the item was on its way when the
// context ended. The request is seen through, and the item is there again at once.
func TestACancelledReceiveGivesBackWhatItBrings(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	ctx, cancel := context.WithCancel(t.Context())
	s.onRequest("ReceiveMessage", func(r *http.Request, _ doc) any {
		cancel()
		if r.Context().Err() != nil {
			t.Error("the request was cut off")
		}
		return doc{"Messages": []doc{message("a", "1")}}
	})
	it, err := q.Receive(ctx, time.Minute)
	if it != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", it, err)
	}
	back := s.made("ChangeMessageVisibility")
	if len(back) != 1 || back[0].in["ReceiptHandle"] != "handle of a" || back[0].in["VisibilityTimeout"] != 0.0 {
		t.Errorf("gave back by %v", back)
	}
	before := len(s.made())
	if _, err := q.Receive(ctx, 0); !errors.Is(err, context.Canceled) || len(s.made()) != before {
		t.Errorf("a receive under a context that has ended asks: %v", err)
	}
	s.on("ChangeMessageVisibility", func(doc) any { return fault{Code: "AccessDenied"} })
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if _, err := q.Receive(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantError(t, errors.New(s.said()), "queue photos: an item that came too late could not be given back")
}

func TestReceiveFromAnOrderedQueue(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(inOrder)
	_, d := s.held(q, "1")
	_, _ = s.held(q, "1")
	made := s.made("ReceiveMessage")
	first, second := made[0].in["ReceiveRequestAttemptId"], made[1].in["ReceiveRequestAttemptId"]
	if d.group != "group" || first == nil || first == second {
		t.Errorf("group %q, attempts %v and %v", d.group, first, second)
	}
}

func TestErrorsArePlain(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	for _, c := range []struct {
		fault fault
		want  string
	}{
		{fault{Code: "QueueDoesNotExist", Query: "AWS.SimpleQueueService.NonExistentQueue"}, "there is no such queue"},
		{fault{Code: "AccessDeniedException"}, "the role may not do that"},
		{fault{Code: "AccessDenied"}, "the role may not do that"},
		{fault{Code: "KmsAccessDenied", Query: "KMS.AccessDeniedException"}, "the role needs kms:Decrypt"},
		{fault{Code: "KmsDisabled", Query: "KMS.DisabledException"}, "the key must be enabled"},
		{fault{Code: "OverLimit"}, "as many items in flight as SQS allows"},
	} {
		s.on("ReceiveMessage", func(doc) any { return c.fault })
		it, err := q.Receive(t.Context(), time.Second)
		wantError(t, err, "receive from queue photos: ", c.want)
		if it != nil || errors.Is(err, queue.ErrGone) {
			t.Errorf("%s: %+v", c.fault.Code, it)
		}
		s.on("GetQueueAttributes", func(doc) any { return c.fault })
		_, err = s.conn.Queue(t.Context(), Config{Name: "photos", URL: photos})
		wantError(t, err, "open queue photos at "+photos, c.want)
	}
}

func TestAThrottledCallIsMadeAgain(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	asked := 0
	s.on("SendMessage", func(doc) any {
		if asked++; asked == 1 {
			return fault{Code: "RequestThrottled", Query: "RequestThrottled", Message: "slow down"}
		}
		return doc{"MessageId": "a"}
	})
	if id, err := q.Send(t.Context(), []byte("x")); id != "a" || err != nil || asked != 2 {
		t.Errorf("%q, %v after %d calls", id, err, asked)
	}
}

func TestURLs(t *testing.T) {
	s := newStub(t, Options{})
	for _, url := range []string{
		"", "photos", "https://sqs.eu-west-1.amazonaws.com/photos", base, base + "a.b", base + "a/b", base + "a?x=1",
		"https://u:p@sqs.eu-west-1.amazonaws.com/123456789012/a", "https://sqs.eu-west-1.amazonaws.com/1/a",
	} {
		_, err := s.conn.Queue(t.Context(), Config{Name: "photos", URL: url})
		wantError(t, err, "queue photos: ", "is not the URL of a queue")
	}
	for _, v := range []time.Duration{-1, 13 * time.Hour} {
		_, err := s.conn.Queue(t.Context(), Config{URL: photos, Visibility: v})
		wantError(t, err, "must be at most 12h")
	}
	if len(s.made()) > 0 {
		t.Errorf("asked %v", s.made())
	}
	q, err := s.conn.Queue(t.Context(), Config{URL: photos})
	if err != nil || q.Name() != "photos" || q.Visibility() != 30*time.Second {
		t.Errorf("opened %+v, %v", q, err)
	}
}
