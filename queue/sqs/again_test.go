package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/queue"
)

const photosDead = base + "photos_dead"

// buried is a dead letter as SQS hands it out: one that we wrote, or one that SQS moved.
func buried(id, item string) doc {
	m := message(id, "7")
	if item != "" {
		attrs := m["MessageAttributes"].(doc)
		for name, text := range map[string]string{attrItem: item, attrReason: "it broke", attrTries: "3", attrSent: "2026-03-01T00:00:00Z"} {
			attrs[name] = doc{"DataType": "String", "StringValue": text}
		}
	}
	return m
}

// lies has the dead-letter queue hold these letters, given out once.
func (s *stub) lies(letters ...doc) {
	out := false
	s.on("ReceiveMessage", func(doc) any {
		if out {
			return doc{}
		}
		out = true
		return doc{"Messages": letters}
	})
	n := 0
	s.on("SendMessage", func(doc) any { n++; return doc{"MessageId": []string{"", "new-1", "new-2", "new-3"}[n]} })
}

func every(queue.Dead) bool { return true }

// TestAgainSendsThenDeletes: never nowhere, with the sender's own attributes and without
// ours; what is not chosen is shown to others again.
func TestAgainSendsThenDeletes(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.lies(buried("x", "a"), buried("y", ""), buried("z", "c"))
	done, err := q.Again(t.Context(), func(d queue.Dead) bool { return d.ID != "c" })
	if want := []queue.Settled{{ID: "a", As: "new-1"}, {ID: "y", As: "new-2"}}; err != nil || !reflect.DeepEqual(done, want) {
		t.Errorf("%+v, %v", done, err)
	}
	var order []string
	for _, c := range s.made("SendMessage", "DeleteMessage", "ChangeMessageVisibilityBatch") {
		order = append(order, c.action)
	}
	if got := strings.Join(order, " "); got != "SendMessage DeleteMessage SendMessage DeleteMessage ChangeMessageVisibilityBatch" {
		t.Fatalf("calls %s", got)
	}
	sent, deleted, shown := s.made("SendMessage")[0].in, s.made("DeleteMessage")[0].in, s.made("ChangeMessageVisibilityBatch")[0].in
	if sent["QueueUrl"] != photos || sent["MessageBody"] != "body of x" || sent["MessageGroupId"] != nil ||
		!reflect.DeepEqual(sent["MessageAttributes"], doc{"Theirs": doc{"DataType": "String", "StringValue": "theirs"}}) {
		t.Errorf("sent %v", sent)
	}
	if deleted["QueueUrl"] != photosDead || deleted["ReceiptHandle"] != "handle of x" {
		t.Errorf("deleted %v", deleted)
	}
	if list := shown["Entries"].([]any); shown["QueueUrl"] != photosDead || len(list) != 1 || list[0].(doc)["ReceiptHandle"] != "handle of z" {
		t.Errorf("shown %v", shown)
	}
	if in := s.made("ReceiveMessage")[0].in; in["VisibilityTimeout"] != 300.0 || in["QueueUrl"] != photosDead {
		t.Errorf("received %v", in)
	}
}

// TestACrashAfterSending leaves the letter. An ordered queue does not take the item a
// second time from the same letter; its original ID, which SQS may remember, is not used.
func TestACrashAfterSending(t *testing.T) {
	s := newStub(t, Options{})
	s.on("GetQueueAttributes", func(doc) any {
		return attributesOf(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead.fifo","maxReceiveCount":2}`})
	})
	q := s.open(inOrder)
	s.on("DeleteMessage", func(doc) any { return fault{Code: "InternalFailure", Status: http.StatusInternalServerError} })
	s.lies(buried("x", "a"))
	done, err := q.Again(t.Context(), every)
	wantError(t, err, "send again dead letters of queue photos: item a is in the queue again, and its dead letter could not be deleted: ")
	if shown := s.made("ChangeMessageVisibilityBatch"); len(done) > 0 || len(shown) != 1 {
		t.Errorf("done %v, shown %v", done, shown)
	}
	s.on("DeleteMessage", func(doc) any { return nil })
	s.lies(buried("x", "a"))
	if done, err := q.Again(t.Context(), every); err != nil || len(done) != 1 {
		t.Errorf("%v, %v", done, err)
	}
	sent := s.made("SendMessage")
	for _, c := range sent {
		if c.in["MessageDeduplicationId"] != "revived-x" || c.in["MessageGroupId"] != "group" {
			t.Errorf("sent %v", c.in)
		}
	}
	if len(sent) != 2 {
		t.Errorf("sent %v", sent)
	}
}

// TestASendThatFailsDeletesNothing, and ends it: the others would fail alike.
func TestASendThatFailsDeletesNothing(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.lies(buried("x", "a"), buried("y", "b"))
	s.on("SendMessage", func(doc) any { return fault{Code: "AccessDenied"} })
	done, err := q.Again(t.Context(), every)
	wantError(t, err, "item a: the role may not do that")
	shown := s.made("ChangeMessageVisibilityBatch")
	if len(done) > 0 || len(s.made("SendMessage")) != 1 || len(s.made("DeleteMessage")) > 0 || len(shown) != 1 || len(shown[0].in["Entries"].([]any)) != 2 {
		t.Errorf("done %v, calls %v", done, s.made())
	}
}

// TestTwoLettersOfOneItem are sent once. Others that only claim the same ID are another
// item.
func TestTwoLettersOfOneItem(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	twin := buried("y", "a")
	twin["Body"] = "body of x"
	s.lies(buried("x", "a"), twin, buried("z", "a"))
	done, err := q.Again(t.Context(), every)
	if want := []queue.Settled{{ID: "a", As: "new-1"}, {ID: "a", As: "new-1"}, {ID: "a", As: "new-2"}}; err != nil || !reflect.DeepEqual(done, want) || len(s.made("DeleteMessage")) != 3 {
		t.Errorf("%v, %v, calls %v", done, err, s.made())
	}
}

// TestAnInterruptedAgainFinishesItsLetter and shows the rest.
func TestAnInterruptedAgainFinishesItsLetter(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.lies(buried("x", "a"), buried("y", "b"))
	ctx, cancel := context.WithCancel(t.Context())
	s.on("DeleteMessage", func(doc) any { cancel(); return nil })
	done, err := q.Again(ctx, every)
	wantError(t, err, "stopped before the end; what is left is untouched")
	if len(done) != 1 || len(s.made("SendMessage")) != 1 || len(s.made("DeleteMessage")) != 1 || len(s.made("ChangeMessageVisibilityBatch")) != 1 {
		t.Errorf("%v, %v, calls %v", done, err, s.made())
	}
}

// TestAnAgainThatIsInterruptedInASend does not know whether the item was sent, and says so.
func TestAnAgainThatIsInterruptedInASend(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.lies(buried("x", "a"), buried("y", "b"))
	ctx, cancel := context.WithCancel(t.Context())
	s.onRequest("SendMessage", func(r *http.Request, _ doc) any { cancel(); <-r.Context().Done(); return nil })
	done, err := q.Again(ctx, every)
	wantError(t, err, "item a may be in the queue and among the dead as well")
	if len(done) != 0 || len(s.made("DeleteMessage")) != 0 {
		t.Errorf("done %v, calls %v", done, s.made())
	}
}

// TestLettersThatTakeTooLong are left: somebody else may have them by then.
func TestLettersThatTakeTooLong(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	begun := time.Now().Add(-settleWithin - time.Second)
	_, err := q.disposeOf(t.Context(), begun, redrive{url: photosDead, tries: 3}, types.Message{}, queue.Dead{ID: "a"}, nil)
	wantError(t, err, "SQS has taken longer than 4m30s", "run it again")
	if made := s.made(); len(made) > 0 {
		t.Errorf("calls %v", made)
	}
}

func TestDropOfAQueueWithoutDead(t *testing.T) {
	s := newStub(t, Options{})
	s.on("GetQueueAttributes", func(doc) any { return attributesOf(map[string]string{"RedrivePolicy": ""}) })
	q := s.open(photos)
	_, err := q.Drop(t.Context(), every)
	wantError(t, err, "drop dead letters of queue photos: it has no dead-letter queue")
	_, err = q.Again(t.Context(), every)
	wantError(t, err, "it has no dead-letter queue")
}

// TestLettersThatAreNotSeen are told of: to the count of a queue belong those that
// somebody else hides, and those behind the first ten of a group.
func TestLettersThatAreNotSeen(t *testing.T) {
	for name, c := range map[string]struct {
		dead            string // queue
		visible, hidden string
		refused         bool
		letters         []doc
		want            string // "": all are seen
	}{
		"none":                          {visible: "0", hidden: "0"},
		"ours alone":                    {visible: "0", hidden: "2", letters: []doc{buried("x", "a"), buried("y", "b")}},
		"counted before they were ours": {visible: "2", hidden: "0", letters: []doc{buried("x", "a"), buried("y", "b")}},
		"hidden by a command that was killed": {visible: "0", hidden: "3",
			want: "SQS counts 3 dead letters and hands out 0 now"},
		"the rest of a group": {dead: "dead.fifo", visible: "5", hidden: "1", letters: []doc{buried("x", "a")},
			want: "SQS counts 6 dead letters and hands out 1 now"},
		"a group whose count is not told": {dead: "dead.fifo", refused: true, letters: []doc{buried("x", "a")},
			want: "ten dead letters of a group at a time"},
		"none, and no count":                 {dead: "dead.fifo", refused: true},
		"a count that is not told":           {refused: true, letters: []doc{buried("x", "a")}},
		"as many as are read at once, or so": {visible: "0", hidden: "0", letters: many(mostLetters), want: "there may be more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, Options{})
			dead := cmp.Or(c.dead, "photos_dead")
			s.on("GetQueueAttributes", func(in doc) any {
				if in["QueueUrl"] != base+dead {
					return attributesOf(map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:` + dead + `","maxReceiveCount":3}`})
				}
				if c.refused {
					return fault{Code: "AccessDenied"}
				}
				return attributesOf(map[string]string{"ApproximateNumberOfMessages": c.visible, "ApproximateNumberOfMessagesNotVisible": c.hidden})
			})
			q := s.open(photos)
			s.lies(c.letters...)
			list, err := q.DeadLetters(t.Context(), 10001)
			if len(list) != len(c.letters) {
				t.Errorf("%d letters are listed", len(list))
			}
			told(t, "list", err, c.want)
			s.lies(c.letters...)
			done, err := q.Drop(t.Context(), every)
			if len(done) != len(c.letters) {
				t.Errorf("%d letters are dropped", len(done))
			}
			told(t, "drop", err, c.want)
			if warned := strings.Contains(s.said(), "does not say how many it holds"); warned != (c.refused && c.want == "") {
				t.Errorf("warned %q", s.said())
			}
		})
	}
}

func many(n int) (list []doc) {
	for i := range n {
		list = append(list, buried(fmt.Sprint(i), fmt.Sprint(i)))
	}
	return list
}

func told(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && (!errors.Is(err, queue.ErrMore) || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// TestAListThatIsCut by its limit has more for a plain reason, and asks for no count.
func TestAListThatIsCut(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.lies(buried("x", "a"), buried("y", "b"))
	before := len(s.made("GetQueueAttributes"))
	if list, err := q.DeadLetters(t.Context(), 1); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if n := len(s.made("GetQueueAttributes")) - before; n > 1 {
		t.Errorf("asks %d times", n)
	}
}

// TestLettersThatStayHidden are warned of.
func TestLettersThatStayHidden(t *testing.T) {
	for name, answer := range map[string]any{
		"refused":  fault{Code: "AccessDenied"},
		"one of 1": doc{"Failed": []doc{{"Id": "0", "Code": "InternalError", "Message": "try again", "SenderFault": false}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(t, Options{})
			q := s.open(photos)
			s.lies(buried("x", "a"))
			s.on("ChangeMessageVisibilityBatch", func(doc) any { return answer })
			if list, err := q.DeadLetters(t.Context(), 9); len(list) != 1 || err != nil {
				t.Errorf("%v, %v", list, err)
			}
			if said := s.said(); !strings.Contains(said, "queue photos: dead letters that were looked at stay hidden for a while") {
				t.Errorf("warned %q", said)
			}
		})
	}
}
