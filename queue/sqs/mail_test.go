package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const beats = base + "heartbeats"

func (s *stub) mail() *Mail {
	s.Helper()
	m, err := s.conn.Mail(s.Context(), beats)
	if err != nil {
		s.Fatal(err)
	}
	return m
}

// inbox answers receives from n messages, the newest first.
func (s *stub) inbox(n int) {
	var mu sync.Mutex
	s.on("ReceiveMessage", func(in doc) any {
		mu.Lock()
		defer mu.Unlock()
		out := []doc{}
		for most := int(in["MaxNumberOfMessages"].(float64)); n > 0 && len(out) < most; n-- {
			m := message(fmt.Sprint(n), "1")
			m["Attributes"] = doc{"SentTimestamp": fmt.Sprint(1772323200000 + n)}
			out = append(out, m)
		}
		return doc{"Messages": out}
	})
}

func TestMail(t *testing.T) {
	s := newStub(t, Options{})
	m := s.mail()
	if err := m.Post(t.Context(), []byte("boom")); err != nil || s.made("SendMessage")[0].in["MessageBody"] != "boom" {
		t.Errorf("%v, %v", err, s.made())
	}
	for _, n := range []int{0, 1, 10, 11, 73, 300} {
		s.inbox(n)
		before := len(s.made("DeleteMessageBatch"))
		letters, err := m.Collect(t.Context(), 256, time.Second)
		if err != nil || len(letters) != min(n, 256) {
			t.Fatalf("of %d: %d letters, %v", n, len(letters), err)
		}
		for i := range letters {
			if i > 0 && letters[i].At.Before(letters[i-1].At) || letters[i].At.IsZero() || !strings.HasPrefix(string(letters[i].Body), "body of ") {
				t.Fatalf("of %d: letter %d is %+v", n, i, letters[i])
			}
		}
		deleted := 0
		for _, c := range s.made("DeleteMessageBatch")[before:] {
			deleted += len(list(c.in, "Entries"))
		}
		if deleted != len(letters) {
			t.Errorf("of %d: %d deleted", n, deleted)
		}
	}
	s.inbox(7)
	if letters, err := m.Collect(t.Context(), 3, time.Second); len(letters) != 3 || err != nil {
		t.Errorf("%d letters of 3, %v", len(letters), err)
	}
}

// TestMailTellsWhichInstancePosted: the server's word, not the letter's. Of whoever is
// no instance it says nothing.
func TestMailTellsWhichInstancePosted(t *testing.T) {
	for sender, want := range map[string]string{
		"AROAIL6GAI2XEC672SWG2:i-0123456789abcdef0": "i-0123456789abcdef0",
		"AROAIL6GAI2XEC672SWG2:i-a123b456":          "i-a123b456", // of the years before 2016
		"AROAIL6GAI2XEC672SWG2:i-0123456789ABCDEF0": "",
		"AROAIL6GAI2XEC672SWG2:anna":                "",
		"AROAIL6GAI2XEC672SWG2:x:i-a123b456":        "",
		"AROAIL6GAI2XEC672SWG2:i-a123b456\n":        "",
		"AIDAIT2UOQQY3AUEKVGXU":                     "",
		"i-a123b456":                                "", // a user of that name, not a session
		"":                                          "",
	} {
		s := newStub(t, Options{})
		s.on("ReceiveMessage", func(in doc) any {
			if !slices.Contains(in["MessageSystemAttributeNames"].([]any), any("SenderId")) {
				t.Errorf("asked for %v", in["MessageSystemAttributeNames"])
			}
			m := message("a", "1")
			m["Attributes"] = doc{"SentTimestamp": "1772323200000", "SenderId": sender}
			return doc{"Messages": []doc{m}}
		})
		letters, err := s.mail().Collect(t.Context(), 1, 0)
		if err != nil || len(letters) != 1 || letters[0].From != want {
			t.Errorf("%q: from %+v, %v; want %q", sender, letters, err, want)
		}
	}
}

// TestMailThatIsCancelledIsForTheNextReader: a controller that loses its lease
// must not take heartbeats with it.
func TestMailThatIsCancelledIsForTheNextReader(t *testing.T) {
	s := newStub(t, Options{})
	m := s.mail()
	ctx, cancel := context.WithCancel(t.Context())
	s.on("ReceiveMessage", func(doc) any { cancel(); return doc{"Messages": []doc{message("a", "1"), message("b", "1")}} })
	letters, err := m.Collect(ctx, 256, time.Second)
	if len(letters) > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", letters, err)
	}
	back := s.made("ChangeMessageVisibilityBatch", "DeleteMessageBatch")
	if len(back) != 1 || back[0].action != "ChangeMessageVisibilityBatch" || len(list(back[0].in, "Entries")) != 2 || list(back[0].in, "Entries")[0]["VisibilityTimeout"] != 0.0 {
		t.Errorf("gave back by %v", back)
	}
}

func TestMailThatCannotBeDeletedIsReadAllTheSame(t *testing.T) {
	s := newStub(t, Options{})
	m := s.mail()
	for _, answer := range []any{
		fault{Code: "AccessDenied"},
		doc{"Successful": []doc{}, "Failed": []doc{{"Id": "0", "Code": "InternalError", "Message": "later", "SenderFault": false}}},
	} {
		s.inbox(1)
		s.on("DeleteMessageBatch", func(doc) any { return answer })
		if letters, err := m.Collect(t.Context(), 256, time.Second); len(letters) != 1 || err != nil {
			t.Errorf("%v, %v", letters, err)
		}
	}
	if said := s.said(); strings.Count(said, "mail heartbeats: 1 messages that were read could not all be deleted and come again") != 2 {
		t.Errorf("said %q", said)
	}
}

func TestMailErrors(t *testing.T) {
	s := newStub(t, Options{})
	m := s.mail()
	s.on("ReceiveMessage", func(doc) any { return fault{Code: "AccessDenied"} })
	_, err := m.Collect(t.Context(), 256, time.Second)
	wantError(t, err, "collect mail heartbeats: the role may not do that")
	s.on("SendMessage", func(doc) any { return fault{Code: "AccessDenied"} })
	wantError(t, m.Post(t.Context(), []byte("x")), "post to mail heartbeats: the role may not do that")
	_, err = s.conn.Mail(t.Context(), beats+".fifo")
	wantError(t, err, "use a standard queue")
	_, err = s.conn.Mail(t.Context(), "heartbeats")
	wantError(t, err, "is not the URL of a queue")
	s.on("GetQueueAttributes", func(doc) any {
		return fault{Code: "QueueDoesNotExist", Query: "AWS.SimpleQueueService.NonExistentQueue"}
	})
	_, err = s.conn.Mail(t.Context(), beats)
	wantError(t, err, "open mail at "+beats+": there is no such queue")
	_, err = m.Check(t.Context())
	wantError(t, err, "check mail heartbeats: there is no such queue")
}

func TestDepth(t *testing.T) {
	s := newStub(t, Options{})
	answers := map[string]any{
		photos: attributesOf(map[string]string{"ApproximateNumberOfMessages": "12", "ApproximateNumberOfMessagesNotVisible": "3", "ApproximateNumberOfMessagesDelayed": "1"}),
		base + "photos_dead": attributesOf(map[string]string{
			"ApproximateNumberOfMessages": "4", "ApproximateNumberOfMessagesNotVisible": "2", "RedrivePolicy": "",
		}),
	}
	s.on("GetQueueAttributes", func(in doc) any { return answers[in["QueueUrl"].(string)] })
	q := s.open(photos)
	before := len(s.made("GetQueueAttributes"))
	d, err := q.Depth(t.Context())
	if err != nil || d.Visible != 12 || d.InFlight != 3 || d.Delayed != 1 || d.Dead != 6 || d.OldestKnown || d.DeadUnknown != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if n := len(s.made("GetQueueAttributes")) - before; n != 2 {
		t.Errorf("%d calls", n)
	}

	answers[base+"photos_dead"] = fault{Code: "AccessDenied"}
	d, err = q.Depth(t.Context())
	if err != nil || d.Visible != 12 || !strings.Contains(d.DeadUnknown, "dead-letter queue photos_dead: the role may not do that") {
		t.Errorf("%+v, %v", d, err)
	}

	answers[photos] = attributesOf(map[string]string{"RedrivePolicy": ""})
	_, _ = q.Depth(t.Context()) // learns that there is none any more
	before = len(s.made("GetQueueAttributes"))
	if d, err = q.Depth(t.Context()); err != nil || d.Dead != 0 || d.DeadUnknown != "" || len(s.made("GetQueueAttributes"))-before != 1 {
		t.Errorf("%+v, %v", d, err)
	}

	for _, count := range []string{"-1", "many", "1.5"} {
		answers[photos] = attributesOf(map[string]string{"ApproximateNumberOfMessages": count})
		_, err = q.Depth(t.Context())
		wantError(t, err, "depth of queue photos: ", "which is no count")
	}
	answers[photos] = doc{"Attributes": doc{"VisibilityTimeout": "30"}}
	_, err = q.Depth(t.Context())
	wantError(t, err, "depth of queue photos: the queue does not say its ApproximateNumberOfMessages")
}

func TestCheck(t *testing.T) {
	s := newStub(t, Options{})
	own, dead := attributesOf(nil), any(attributesOf(map[string]string{"MessageRetentionPeriod": "1209600", "RedrivePolicy": ""}))
	s.on("GetQueueAttributes", func(in doc) any {
		if in["QueueUrl"] == base+"photos_dead" {
			return dead
		}
		return own
	})
	q, m := s.open(photos), s.mail()
	for _, c := range []struct {
		own  map[string]string
		dead any
		want []string
	}{
		{nil, dead, nil},
		{map[string]string{"RedrivePolicy": ""}, dead, []string{"queue photos has no redrive policy: items that fail circle until they are dropped after 96h0m0s; give it a dead-letter queue"}},
		{map[string]string{"VisibilityTimeout": "60"}, dead, []string{"has a visibility timeout of 1m0s, which is not used: the settings' 30s is given with each receive"}},
		{map[string]string{"MessageRetentionPeriod": "3600"}, dead, []string{"drops what has waited for 1h0m0s, unseen"}},
		{
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:photos_dead","maxReceiveCount":5}`}, dead,
			[]string{"gives up items after 5 receives, as its redrive policy says, not after the settings' 3 tries"},
		},
		{nil, attributesOf(nil), []string{"keeps items for 96h0m0s, counted from when they were first sent"}},
		{nil, fault{Code: "AccessDenied"}, []string{"has a dead-letter queue that cannot be read: the role may not do that"}},
	} {
		own, dead = attributesOf(c.own), c.dead
		warnings, err := q.Check(t.Context())
		if err != nil || len(warnings) != len(c.want) {
			t.Errorf("%v: %q, %v", c.own, warnings, err)
		}
		for i := range min(len(warnings), len(c.want)) {
			if !strings.Contains(warnings[i], c.want[i]) {
				t.Errorf("%v: %q, want %q", c.own, warnings[i], c.want[i])
			}
		}
	}
	own = attributesOf(nil)
	if warnings, err := m.Check(t.Context()); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "mail heartbeats keeps what nobody reads for 96h0m0s") {
		t.Errorf("%q, %v", warnings, err)
	}
	own = attributesOf(map[string]string{"MessageRetentionPeriod": "300"})
	if warnings, err := m.Check(t.Context()); err != nil || len(warnings) != 0 {
		t.Errorf("%q, %v", warnings, err)
	}
}
