package sqs

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"skynet/queue"
)

// calls makes each call about an item.
func calls(t *testing.T, q *Queue, it *queue.Item) map[string]func() error {
	return map[string]func() error{
		"extend":  func() error { return q.Extend(t.Context(), it) },
		"delete":  func() error { return q.Delete(t.Context(), it) },
		"fail":    func() error { return q.Fail(t.Context(), it, "it broke") },
		"release": func() error { return q.Release(t.Context(), it) },
	}
}

func TestWhatSQSDoesNotKnowAnyMoreIsGone(t *testing.T) {
	for _, f := range []fault{
		{Code: "MessageNotInflight", Query: "AWS.SimpleQueueService.MessageNotInflight"},
		{Code: "ReceiptHandleIsInvalid"},
		{Code: "InvalidParameterValue", Message: "Value x for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."},
		{Code: "InvalidParameterValue", Message: "Value 30 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"},
	} {
		s := newStub(t, Options{})
		q := s.open(photos)
		s.on("ChangeMessageVisibility", func(doc) any { return f })
		s.on("DeleteMessage", func(doc) any { return f })
		it, _ := s.held(q, "1")
		for verb, do := range calls(t, q, it) {
			err := do()
			if !errors.Is(err, queue.ErrGone) {
				t.Errorf("%s after %s: %v", verb, f.Code, err)
			}
			wantError(t, err, verb+" item a of queue photos: ")
		}
	}
	s := newStub(t, Options{})
	q := s.open(photos)
	it, _ := s.held(q, "1")
	s.on("ChangeMessageVisibility", func(doc) any { return fault{Code: "InvalidParameterValue", Message: "another"} })
	if err := q.Extend(t.Context(), it); err == nil || errors.Is(err, queue.ErrGone) {
		t.Errorf("another error of the same code: %v", err)
	}
}

func TestWhatIsOverIsGone(t *testing.T) {
	for _, end := range []string{"delete", "fail", "release"} {
		s := newStub(t, Options{})
		q := s.open(photos)
		it, _ := s.held(q, "1")
		all := calls(t, q, it)
		if err := all[end](); err != nil {
			t.Fatalf("%s: %v", end, err)
		}
		before := len(s.made())
		for verb, do := range all {
			if err := do(); !errors.Is(err, queue.ErrGone) {
				t.Errorf("%s after %s: %v", verb, end, err)
			}
		}
		if n := len(s.made()); n != before {
			t.Errorf("after %s %d calls were made", end, n-before)
		}
	}
}

// TestWhoIsLate has a holder come back after its time. SQS would accept each of
// its calls while somebody else has the item.
func TestWhoIsLate(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	it, d := s.held(q, "3")
	d.keptUntil(time.Now().Add(-time.Millisecond))
	all := calls(t, q, it)
	for _, verb := range []string{"fail", "release"} {
		if err := all[verb](); !errors.Is(err, queue.ErrGone) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if n := len(s.made("ChangeMessageVisibility", "SendMessage", "DeleteMessage")); n > 0 {
		t.Errorf("%d calls took the item out of another's hands", n)
	}
	if err := all["extend"](); !errors.Is(err, queue.ErrGone) {
		t.Errorf("extend: %v", err)
	}
	s.on("ChangeMessageVisibility", func(doc) any { return fault{Code: "InternalFailure", Status: http.StatusInternalServerError} })
	if err := all["extend"](); err == nil || errors.Is(err, queue.ErrGone) {
		t.Errorf("extend while SQS cannot be reached says that it is gone: %v", err)
	}
	if err := all["delete"](); err != nil {
		t.Errorf("delete of what is done: %v", err)
	}
}

// TestAMachineThatSleptIsLate: the clock that Go measures with stands still while
// it sleeps.
func TestAMachineThatSleptIsLate(t *testing.T) {
	now := time.Now()
	if got := past(now.Add(-time.Second), now); got != time.Second {
		t.Errorf("%v", got)
	}
	asleep := now.Round(0).Add(-time.Hour) // by the wall clock alone
	if got := past(asleep, now); got < time.Hour {
		t.Errorf("an hour asleep counts as %v", got)
	}
	s := newStub(t, Options{})
	q := s.open(photos)
	it, d := s.held(q, "1")
	d.keptUntil(asleep)
	if err := q.Release(t.Context(), it); !errors.Is(err, queue.ErrGone) {
		t.Errorf("release: %v", err)
	}
}

func TestExtendKeepsItForAnotherVisibility(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	it, d := s.held(q, "1")
	d.keptUntil(time.Now().Add(time.Second))
	if err := q.Extend(t.Context(), it); err != nil {
		t.Fatal(err)
	}
	in := s.made("ChangeMessageVisibility")[0].in
	if left := time.Until(d.until); in["VisibilityTimeout"] != 30.0 || left < 20*time.Second {
		t.Errorf("asked for %v, held for %v", in, left)
	}
}

// TestTwelveHours: SQS refuses more from the receipt, and does not cut what is
// asked for down to the rest.
func TestTwelveHours(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	it, d := s.held(q, "1")
	for held, want := range map[time.Duration]float64{
		11*time.Hour + 59*time.Minute:                  30,
		11*time.Hour + 59*time.Minute + 35*time.Second: 14, // ten less than the rest, and a started second less
		11*time.Hour + 59*time.Minute + 48*time.Second: 1,
	} {
		d.received = time.Now().Add(-held)
		before := len(s.made())
		if err := q.Extend(t.Context(), it); err != nil || s.made()[before].in["VisibilityTimeout"] != want {
			t.Errorf("after %v: %v, asked %v", held, err, s.made()[before:])
		}
	}
	d.received = time.Now().Add(-11*time.Hour - 59*time.Minute - 50*time.Second)
	before := len(s.made())
	err := q.Extend(t.Context(), it)
	if !errors.Is(err, queue.ErrGone) || len(s.made()) != before {
		t.Errorf("%v, asked %v", err, s.made()[before:])
	}
	wantError(t, err, "12 hours, the longest that SQS allows")
}

func TestFailHoldsBackLongerWithEachTry(t *testing.T) {
	s := newStub(t, Options{Backoff: 2 * time.Second})
	s.on("GetQueueAttributes", func(doc) any { return attributesOf(map[string]string{"RedrivePolicy": ""}) })
	q := s.open(photos)
	for tries, want := range map[string]float64{"1": 2, "2": 4, "5": 32, "9": 512, "10": 900, "1000": 900} {
		it, _ := s.held(q, tries)
		before := len(s.made())
		if err := q.Fail(t.Context(), it, "it broke"); err != nil {
			t.Fatal(err)
		}
		if made := s.made()[before:]; len(made) != 1 || made[0].in["VisibilityTimeout"] != want {
			t.Errorf("after try %s: asked %v", tries, made)
		}
	}
}

// TestTheLastTryIsBuriedWithItsReason: sent to the dead-letter queue first, then
// deleted, so that it is never nowhere.
func TestTheLastTryIsBuriedWithItsReason(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	it, _ := s.held(q, "3")
	if err := q.Fail(t.Context(), it, "it\nbroke \x00"+strings.Repeat("ä", 1000)); err != nil {
		t.Fatal(err)
	}
	made := s.made("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
	if len(made) != 2 || made[0].action != "SendMessage" || made[1].action != "DeleteMessage" || made[1].in["ReceiptHandle"] != "handle of a" {
		t.Fatalf("calls %v", made)
	}
	in := made[0].in
	said := func(name string) string {
		return in["MessageAttributes"].(doc)[name].(doc)["StringValue"].(string)
	}
	if in["QueueUrl"] != base+"photos_dead" || in["MessageBody"] != "body of a" || in["MessageGroupId"] != nil {
		t.Errorf("sent %v", in)
	}
	if said(attrItem) != "a" || said(attrTries) != "3" || said(attrSent) != "2026-03-01T00:00:00.123Z" || said("Theirs") != "theirs" {
		t.Errorf("attributes %v", in["MessageAttributes"])
	}
	if r := said(attrReason); !strings.HasPrefix(r, "it broke ?ää") || len(r) > maxReason+3 {
		t.Errorf("reason of %d bytes: %q", len(r), r)
	}
}

func TestAnOrderedQueueKeepsItsDeadInTheirGroups(t *testing.T) {
	s := newStub(t, Options{})
	s.on("GetQueueAttributes", func(doc) any {
		return attributesOf(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead.fifo","maxReceiveCount":"2"}`})
	})
	q := s.open(inOrder)
	it, _ := s.held(q, "2")
	if err := q.Fail(t.Context(), it, "it broke"); err != nil {
		t.Fatal(err)
	}
	if in := s.made("SendMessage")[0].in; in["QueueUrl"] != base+"dead.fifo" || in["MessageGroupId"] != "group" || in["MessageDeduplicationId"] != "a" {
		t.Errorf("sent %v", in)
	}
}

// TestABurialThatIsRefusedIsLeftToSQS: it moves the item when it is received once
// more.
func TestABurialThatIsRefusedIsLeftToSQS(t *testing.T) {
	for _, f := range []fault{{Code: "AccessDenied"}, {Code: "InvalidMessageContents"}, {Code: "QueueDoesNotExist", Query: "AWS.SimpleQueueService.NonExistentQueue"}} {
		s := newStub(t, Options{})
		q := s.open(photos)
		s.on("SendMessage", func(doc) any { return f })
		for range 2 {
			it, _ := s.held(q, "3")
			if err := q.Fail(t.Context(), it, "it broke"); err != nil {
				t.Fatal(err)
			}
		}
		made := s.made("DeleteMessage", "ChangeMessageVisibility")
		if len(made) != 2 || made[0].action != "ChangeMessageVisibility" || made[0].in["VisibilityTimeout"] != 0.0 {
			t.Errorf("%s: calls %v", f.Code, made)
		}
		if said := s.said(); !strings.Contains(said, "items go to dead-letter queue photos_dead without a reason") || strings.Contains(said, "\n") {
			t.Errorf("%s: said %q", f.Code, said)
		}
	}
}

func TestABurialThatFailsDeletesNothing(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.on("SendMessage", func(doc) any { return fault{Code: "InternalFailure", Status: http.StatusInternalServerError} })
	it, _ := s.held(q, "3")
	if err := q.Fail(t.Context(), it, "it broke"); err == nil || len(s.made("DeleteMessage", "ChangeMessageVisibility")) > 0 {
		t.Errorf("%v, calls %v", err, s.made())
	}
	s.on("SendMessage", func(doc) any { return doc{"MessageId": "b"} })
	if err := q.Fail(t.Context(), it, "it broke"); err != nil || len(s.made("DeleteMessage")) != 1 {
		t.Errorf("the second time: %v, calls %v", err, s.made())
	}
}

// TestAPolicyThatChangesCounts: what is known of it is a minute old at most when
// an item is given up on.
func TestAPolicyThatChangesCounts(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.on("GetQueueAttributes", func(doc) any {
		return attributesOf(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:photos_dead","maxReceiveCount":10}`})
	})
	q.read = time.Now().Add(-2 * stale)
	it, _ := s.held(q, "3")
	if err := q.Fail(t.Context(), it, "it broke"); err != nil || len(s.made("SendMessage")) > 0 {
		t.Errorf("%v, calls %v", err, s.made())
	}
}

func TestAnotherQueuesItemIsRefused(t *testing.T) {
	s := newStub(t, Options{})
	q, other := s.open(photos), s.open(base+"videos")
	it, _ := s.held(other, "1")
	for _, it := range []*queue.Item{it, {ID: "a"}} {
		for verb, do := range calls(t, q, it) {
			wantError(t, do(), verb, errStranger.Error())
		}
	}
}

func TestRedrivePolicies(t *testing.T) {
	for policy, want := range map[string]redrive{
		"": {},
		`{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead","maxReceiveCount":5}`:         {base + "dead", 5},
		`{"maxReceiveCount":"5","deadLetterTargetArn":"arn:aws-cn:sqs:cn-north-1:210987654321:x.fifo"}`: {"https://sqs.eu-west-1.amazonaws.com/210987654321/x.fifo", 5},
	} {
		if got, err := readRedrive(photos, policy); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", policy, got, err)
		}
	}
	for _, policy := range []string{`{`, `{}`, `[]`, `{"deadLetterTargetArn":"dead","maxReceiveCount":5}`, `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead","maxReceiveCount":0}`} {
		if got, err := readRedrive(photos, policy); err == nil {
			t.Errorf("%s reads as %+v", policy, got)
		}
	}
}
