package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// list is a list of objects in a document.
func list(in doc, key string) (all []doc) {
	entries, _ := in[key].([]any)
	for _, e := range entries {
		all = append(all, e.(doc))
	}
	return all
}

// accepts answers a batch: every entry has the ID "id of" its body, but for those
// that fail says something about.
func accepts(fail func(body string) doc) func(in doc) any {
	return func(in doc) any {
		good, bad := []doc{}, []doc{}
		for _, e := range list(in, "Entries") {
			body := e["MessageBody"].(string)
			if f := fail(body); f != nil {
				f["Id"] = e["Id"]
				bad = append(bad, f)
				continue
			}
			good = append(good, doc{"Id": e["Id"], "MessageId": "id of " + body})
		}
		return doc{"Successful": good, "Failed": bad}
	}
}

func numbered(n int) (all []Message) {
	for i := range n {
		all = append(all, Message{Body: fmt.Appendf(nil, "%d", i)})
	}
	return all
}

func TestSendAll(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.on("SendMessageBatch", accepts(func(string) doc { return nil }))
	ids, err := q.SendAll(t.Context(), numbered(95))
	if err != nil || len(ids) != 95 || ids[0] != "id of 0" || ids[94] != "id of 94" {
		t.Errorf("%q, %v", ids, err)
	}
	if made := s.made("SendMessageBatch"); len(made) != 10 {
		t.Errorf("%d requests", len(made))
	}
	if ids, err := q.SendAll(t.Context(), nil); len(ids) != 0 || err != nil {
		t.Errorf("%q, %v", ids, err)
	}
}

// TestWhatABatchLeavesOutIsSentAgain, alone: the rest is stored.
func TestWhatABatchLeavesOutIsSentAgain(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	failures := map[string]int{"3": 1, "7": 2}
	s.on("SendMessageBatch", accepts(func(body string) doc {
		if failures[body] == 0 {
			return nil
		}
		failures[body]--
		return doc{"Code": "InternalError", "SenderFault": false}
	}))
	ids, err := q.SendAll(t.Context(), numbered(10))
	if err != nil || slices.Contains(ids, "") || ids[3] != "id of 3" || ids[7] != "id of 7" {
		t.Errorf("%q, %v", ids, err)
	}
	made := s.made("SendMessageBatch")
	if len(made) != 3 || len(list(made[1].in, "Entries")) != 2 || len(list(made[2].in, "Entries")) != 1 {
		t.Errorf("requests %v", made)
	}
}

func TestWhatCannotBeSentIsTold(t *testing.T) {
	s := newStub(t, Options{Parallel: 1})
	q := s.open(photos)
	s.on("SendMessageBatch", accepts(func(body string) doc {
		if body == "13" {
			return doc{"Code": "InvalidMessageContents", "Message": "no", "SenderFault": true}
		}
		return nil
	}))
	ids, err := q.SendAll(t.Context(), numbered(50))
	wantError(t, err, "send to queue photos: 19 of 50 items were sent: an item is refused: InvalidMessageContents: no")
	if len(ids) != 50 || ids[12] == "" || ids[13] != "" || ids[20] != "" {
		t.Errorf("%q", ids)
	}
	s.on("SendMessageBatch", func(doc) any { return fault{Code: "AccessDenied"} })
	_, err = q.SendAll(t.Context(), numbered(50))
	wantError(t, err, "0 of 50 items were sent: the role may not do that")
	for _, m := range []Message{{}, {Body: make([]byte, maxBatch+1)}, {Body: []byte{0xff}}, {Body: []byte("a\x00")}, {Body: []byte("\uffff")}} {
		before := len(s.made())
		_, err := q.SendAll(t.Context(), []Message{{Body: []byte("a")}, m})
		wantError(t, err, "send item 2 of 2 to queue photos: the item ")
		_, err = q.Send(t.Context(), m.Body)
		wantError(t, err, "send to queue photos: the item ")
		if len(s.made()) != before {
			t.Errorf("%.10q was sent", m.Body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.SendAll(ctx, numbered(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAnOrderedQueueIsSentToInOrder(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(inOrder)
	s.on("SendMessageBatch", accepts(func(string) doc { return nil }))
	messages := numbered(35)
	messages[1].Group, messages[1].Dedup = "album", "one"
	if _, err := q.SendAll(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	next := 0
	seen := map[any]bool{}
	for _, c := range s.made("SendMessageBatch") {
		for _, e := range list(c.in, "Entries") {
			if e["MessageBody"] != fmt.Sprint(next) {
				t.Fatalf("item %d is %v", next, e)
			}
			if next == 1 && (e["MessageGroupId"] != "album" || e["MessageDeduplicationId"] != "one") {
				t.Errorf("item 1 is %v", e)
			}
			for _, key := range []string{"MessageGroupId", "MessageDeduplicationId"} {
				if e[key] == nil || e[key] == "" || seen[e[key]] {
					t.Errorf("item %d has %s %v", next, key, e[key])
				}
				seen[e[key]] = true
			}
			next++
		}
	}
	s.on("SendMessage", func(in doc) any {
		if in["MessageGroupId"] == nil || in["MessageDeduplicationId"] == nil {
			t.Errorf("sent %v", in)
		}
		return doc{"MessageId": "x"}
	})
	if id, err := q.Send(t.Context(), []byte("x")); id != "x" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

func TestAStandardQueueHasNoGroups(t *testing.T) {
	s := newStub(t, Options{})
	q := s.open(photos)
	s.on("SendMessage", func(in doc) any {
		if in["MessageGroupId"] != nil || in["MessageDeduplicationId"] != nil || in["QueueUrl"] != photos {
			t.Errorf("sent %v", in)
		}
		return doc{"MessageId": "x"}
	})
	if _, err := q.Send(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
}

// TestPartsFit is a law: every item is in one request, in order, and no request
// is larger than SQS takes.
func TestPartsFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{1, 100, maxBatch / 10, maxBatch / 3, maxBatch - 1, maxBatch}), 0, 60).Draw(t, "sizes")
		messages := make([]Message, len(sizes))
		for i, n := range sizes {
			messages[i].Body = make([]byte, n)
		}
		next := 0
		for _, p := range parts(messages) {
			size := 0
			for _, m := range messages[p.from:p.to] {
				size += len(m.Body)
			}
			if p.from != next || p.to <= p.from || p.to-p.from > atOnce || size > maxBatch {
				t.Fatalf("part %+v of %d bytes, next is %d", p, size, next)
			}
			next = p.to
		}
		if next != len(messages) {
			t.Fatalf("%d of %d items", next, len(messages))
		}
	})
}

// BenchmarkSendAll sends 10,000 items to a server that takes 10 ms a request, as
// SQS does: one request after the other, and as many at once as is the default.
func BenchmarkSendAll(b *testing.B) {
	for _, parallel := range []int{1, DefaultParallel} {
		b.Run(fmt.Sprintf("parallel=%d", parallel), func(b *testing.B) {
			s := newStub(b, Options{Parallel: parallel})
			q := s.open(photos)
			answer := accepts(func(string) doc { return nil })
			s.onRequest("SendMessageBatch", func(_ *http.Request, in doc) any {
				time.Sleep(10 * time.Millisecond)
				return answer(in)
			})
			items := numbered(10_000)
			for b.Loop() {
				if _, err := q.SendAll(b.Context(), items); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(items)*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

func TestLegalTextIsWhatSQSAccepts(t *testing.T) {
	q := newStub(t, Options{}).open(photos)
	for _, s := range []string{"{\"input\":\"a\"}", "\t\r\n", "ä€😀", "\ue000\ufffd"} {
		if err := q.fits(Message{Body: []byte(s)}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	if got := strings.Map(legal, "a\x00\x1fb\ufffe"); got != "a??b?" {
		t.Errorf("%q", got)
	}
}
