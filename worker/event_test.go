package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	"skynet/worker"
	"skynet/worker/store"
)

const results = "s3://media/results/"

// records are what S3 sends of events: pairs of a name and a key as it is sent.
func records(pairs ...string) string {
	list := []string{}
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf(`{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-03-01T00:00:00.000Z","eventName":%q,
			"userIdentity":{"principalId":"A"},"requestParameters":{"sourceIPAddress":"1.2.3.4"},"responseElements":{"x-amz-request-id":"1"},
			"s3":{"s3SchemaVersion":"1.0","configurationId":"skynet","bucket":{"name":"media","ownerIdentity":{"principalId":"A"},"arn":"arn:aws:s3:::media"},
			"object":{"key":%q,"size":1024,"eTag":"d41d8","versionId":"1","sequencer":"0055AED6DCD90281E5"}}}`, pairs[i], pairs[i+1]))
	}
	return `{"Records":[` + strings.Join(list, ",") + `]}`
}

// bridged is what EventBridge sends.
func bridged(kind, key string) string {
	return fmt.Sprintf(`{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":%q,"source":"aws.s3","account":"123456789012","time":"2026-03-01T00:00:00Z",
		"region":"eu-west-1","resources":["arn:aws:s3:::media"],"detail":{"version":"0","bucket":{"name":"media"},"object":{"key":%q,"size":5,"etag":"b1946","sequencer":"617f"},
		"request-id":"1","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}`, kind, key)
}

// passedOn is what SNS sends of a message.
func passedOn(message string) string {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return `{"Type":"Notification","MessageId":"1","TopicArn":"arn:aws:sns:eu-west-1:123456789012:media","Subject":"Amazon S3 Notification","Message":` + string(text) +
		`,"Timestamp":"2026-03-01T00:00:00.000Z","SignatureVersion":"1","Signature":"x","SigningCertURL":"https://sns","UnsubscribeURL":"https://sns"}`
}

const testEvent = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-03-01T00:00:00.000Z","Bucket":"media","RequestId":"1","HostId":"2"}`

func TestReadTasksReadsEvents(t *testing.T) {
	put := "ObjectCreated:Put"
	for _, c := range []struct {
		name, body string
		want       map[string]string // output by input, nil: nothing to do
		idle       string
	}{
		{"one object", records(put, "uploads/a.jpg"), map[string]string{"s3://media/uploads/a.jpg": "s3://media/results/media/uploads/a.jpg"}, ""},
		{"its name with the prefix", records("s3:ObjectCreated:CompleteMultipartUpload", "a.mp4"), map[string]string{"s3://media/a.mp4": "s3://media/results/media/a.mp4"}, ""},
		{"encoded as in forms", records(put, "uploads/red+flower%2B1+%C3%A4%23%3F.jpg"),
			map[string]string{"s3://media/uploads/red%20flower+1%20%C3%A4%23%3F.jpg": "s3://media/results/media/uploads/red%20flower+1%20%C3%A4%23%3F.jpg"}, ""},
		{"several, one of them twice", records(put, "a.jpg", put, "b.jpg", "ObjectCreated:Copy", "a.jpg"),
			map[string]string{"s3://media/a.jpg": "s3://media/results/media/a.jpg", "s3://media/b.jpg": "s3://media/results/media/b.jpg"}, ""},
		{"one of several is work", records("ObjectRemoved:Delete", "a.jpg", put, "b.jpg", put, "results/c.jpg"), map[string]string{"s3://media/b.jpg": "s3://media/results/media/b.jpg"}, ""},
		{"removed", records("ObjectRemoved:DeleteMarkerCreated", "a.jpg"), nil, "the event is ObjectRemoved:DeleteMarkerCreated, not a created object"},
		{"tagged", records("ObjectTagging:Put", "a.jpg"), nil, "not a created object"},
		{"made by us", records(put, "results/media/a.jpg/1024.jpg"), nil, "lies in outputs: it was made by us"},
		{"made by us, encoded", records(put, "results%2Fmedia%2Fa.jpg%2F1024.jpg"), nil, "lies in outputs"},
		{"beside outputs", records(put, "results2/a.jpg"), map[string]string{"s3://media/results2/a.jpg": "s3://media/results/media/results2/a.jpg"}, ""},
		{"a folder", records(put, "uploads/"), nil, "s3://media/uploads/ is a folder"},
		{"none", `{"Records":[]}`, nil, "an event without records"},
		{"S3's test", testEvent, nil, "S3 tests the notification of bucket media"},
		{"by EventBridge", bridged("Object Created", "uploads/a+b%20c.jpg"), map[string]string{"s3://media/uploads/a+b%2520c.jpg": "s3://media/results/media/uploads/a+b%2520c.jpg"}, ""},
		{"deleted, by EventBridge", bridged("Object Deleted", "a.jpg"), nil, "the event is Object Deleted, not a created object"},
		{"by SNS", passedOn(records(put, "a+b.jpg")), map[string]string{"s3://media/a%20b.jpg": "s3://media/results/media/a%20b.jpg"}, ""},
		{"S3's test by SNS", passedOn(testEvent), nil, "S3 tests the notification of bucket media"},
		{"by EventBridge by SNS", passedOn(bridged("Object Created", "a.jpg")), map[string]string{"s3://media/a.jpg": "s3://media/results/media/a.jpg"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tasks, idle, err := worker.ReadTasks([]byte(c.body), results)
			got := map[string]string(nil)
			for _, task := range tasks {
				if got == nil {
					got = map[string]string{}
				}
				got[task.Input] = task.Output
			}
			if err != nil || !reflect.DeepEqual(got, c.want) || len(tasks) != len(c.want) {
				t.Errorf("tasks %+v, %v, want %q", tasks, err, c.want)
			}
			if (idle == "") != (c.idle == "") || !strings.Contains(idle, c.idle) {
				t.Errorf("idle because %q, want %q", idle, c.idle)
			}
		})
	}
}

func TestReadTasksRefuses(t *testing.T) {
	put := records("ObjectCreated:Put", "uploads/a.jpg")
	for _, c := range []struct{ name, body, outputs, want string }{
		{"an event without a place for outputs", put, "", `key "output": missing, and there is no place for what is made of s3://media/uploads/a.jpg; name one, or set outputs in the worker's settings`},
		{"an item without one", `{"input":"file:///media/a.jpg"}`, "", `key "output": missing`},
		{"another's event", strings.ReplaceAll(put, "aws:s3", "aws:ec2"), results, `an event of "aws:ec2": only those of aws:s3 are understood`},
		{"another's of EventBridge", strings.ReplaceAll(bridged("Object Created", "a"), "aws.s3", "aws.ec2"), results, `an event of "aws.ec2"`},
		{"a bad encoding", records("ObjectCreated:Put", "a%zz.jpg"), results, "whose key cannot be decoded"},
		{"no key", records("ObjectCreated:Put", ""), results, "an event that names no object"},
		{"no text", records("ObjectCreated:Put", "%ff%fe"), results, "an event that names no object"},
		{"records that are none", `{"Records":{"a":1}}`, results, "an event that cannot be read"},
		{"another test", strings.ReplaceAll(testEvent, "s3:TestEvent", "s3:Other"), results, `an event "s3:Other" of "Amazon S3"`},
		{"a question of SNS", strings.ReplaceAll(passedOn("x"), "Notification", "SubscriptionConfirmation"), results, "only notifications are understood"},
		{"an item of ours by SNS", passedOn(`{"input":"a","output":"b"}`), results, "holds no event of S3"},
		{"SNS in SNS", passedOn(passedOn(put)), results, "holds no event of S3"},
		{"a key of another case", strings.ReplaceAll(put, "Records", "records"), results, `unknown key "records"`},
		{"too much", `{"Records":[` + strings.Repeat(" ", 1<<18) + `]}`, results, "at most 262144 are read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tasks, idle, err := worker.ReadTasks([]byte(c.body), c.outputs)
			if err == nil || !strings.HasPrefix(err.Error(), "not an item: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read as %+v, %q, %v, want %q", tasks, idle, err, c.want)
			}
		})
	}
}

func TestReadTasksReadsItems(t *testing.T) {
	for body, want := range map[string]worker.Task{
		`{"kind":"photo","input":"s3://media/a.jpg","output":"s3://other/a"}`: {Kind: worker.Photo, Input: "s3://media/a.jpg", Output: "s3://other/a"},
		`{"input":"s3://media/a b.jpg"}`:                                      {Input: "s3://media/a b.jpg", Output: "s3://media/results/media/a%20b.jpg"},
		`{"input":"file:///media/a.jpg","output":""}`:                         {Input: "file:///media/a.jpg", Output: "s3://media/results/media/a.jpg"},
		`{"input":"s3://media/results/a.jpg"}`:                                {Input: "s3://media/results/a.jpg", Output: "s3://media/results/media/results/a.jpg"}, // asked for by name
	} {
		got, idle, err := worker.ReadTasks([]byte(body), results)
		if err != nil || idle != "" || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s reads as %+v, %q, %v", body, got, idle, err)
		}
	}
}

// FuzzReadTasks: whatever comes, it is a task, nothing to do or an error; and no
// event leads out of the place for its outputs, or back into it.
func FuzzReadTasks(f *testing.F) {
	for _, body := range []string{
		records("ObjectCreated:Put", "uploads/a+b.jpg", "ObjectRemoved:Delete", "x"), bridged("Object Created", "../../a"), passedOn(records("ObjectCreated:Put", "results/a")),
		testEvent, `{"input":"s3://a/b"}`, `{"input":"0"}`, `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"a/../b"},"object":{"key":"..%2F..%2Fx"}}}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		tasks, idle, err := worker.ReadTasks([]byte(body), results)
		if err == nil && (len(tasks) == 0) == (idle == "") {
			t.Fatalf("neither work nor none: %+v, %q", tasks, idle)
		}
		if _, strict := worker.ReadTask([]byte(body)); strict == nil || err != nil {
			return // an item may name any places
		}
		for _, task := range tasks {
			in, err := url.Parse(task.Input)
			if err != nil {
				continue // the store refuses it
			}
			if !strings.HasPrefix(task.Output, results) {
				t.Fatalf("%+v is put outside", task)
			}
			if in.Host == "media" && strings.HasPrefix(in.Path, "/results/") && strings.Contains(body, "Records") && !strings.Contains(body, "input") {
				t.Fatalf("%+v is an output", task)
			}
		}
	})
}

func TestMediaDoesAllObjectsOfAnEvent(t *testing.T) {
	s := newStudio(t, "recipes: []", nil)
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	m := worker.NewMedia(buckets{stores, "file://" + s.dir}, s.scratch, book(t, "recipes: []"), all(maker(copies)))
	m.Outputs = "s3://media/out"
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	s.put(t, "b.txt", "text")
	s.put(t, "c.jpg", "\xff\xd8\xff more")
	event := func(body string) worker.Try { return worker.Try{ID: "id", Body: []byte(body), Number: 1} }

	d, err := do(t.Context(), m, event(records("ObjectCreated:Put", "a.jpg", "ObjectCreated:Put", "gone.jpg", "ObjectCreated:Put", "c.jpg")))
	if err != nil || len(d.Outputs) != 4 || d.Outputs[0] != "s3://media/out/media/a.jpg/1024.jpg" || d.BytesIn != 17 || d.Idle != "s3://media/gone.jpg is gone again" {
		t.Errorf("%+v, %v", d, err)
	}
	s.put(t, "c.jpg", "\xff\xd8\xff more, and anew")
	two := event(records("ObjectCreated:Put", "b.txt", "ObjectCreated:Put", "c.jpg"))
	d, err = do(t.Context(), m, two)
	if err == nil || !strings.Contains(err.Error(), "neither photo, video nor audio") || len(d.Outputs) != 2 {
		t.Errorf("one that fails keeps the others from being made: %+v, %v", d, err)
	}
	if err := m.Failed(t.Context(), two, err); err != nil {
		t.Error(err)
	}
	if got := s.outputs(t); !strings.Contains(got, "b.txt/failed.json") || strings.Contains(got, "c.jpg/failed.json") {
		t.Errorf("the failure of one is laid to others: %s", got)
	}
	if d, err = do(t.Context(), m, event(testEvent)); err != nil || d.Idle == "" {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err = do(t.Context(), m, event(`{"input":"s3://media/gone.jpg"}`)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an item that somebody asked for is missing: %v", err)
	}
}

// TestALostScratchFolderIsNoMissingObject: a cleaner of temporary files must not have
// events taken for done.
func TestALostScratchFolderIsNoMissingObject(t *testing.T) {
	for name, lose := range map[string]func(s studio) func(){
		"before the item": func(s studio) func() {
			if err := os.RemoveAll(s.scratch); err != nil {
				t.Fatal(err)
			}
			return func() {}
		},
		"before its input is fetched": func(s studio) func() {
			return func() {
				if err := os.RemoveAll(s.scratch); err != nil {
					t.Error(err)
				}
			}
		},
	} {
		s := newStudio(t, "recipes: []", nil)
		s.put(t, "a.jpg", "\xff\xd8\xff photo")
		stores, err := store.Open(t.Context(), "file://"+s.dir)
		if err != nil {
			t.Fatal(err)
		}
		m := worker.NewMedia(late{buckets{stores, "file://" + s.dir}, lose(s)}, s.scratch, book(t, "recipes: []"), all(maker(copies)))
		m.Outputs = "s3://media/out"
		d, err := do(t.Context(), m, worker.Try{ID: "id", Body: []byte(records("ObjectCreated:Put", "a.jpg")), Number: 1})
		if err == nil || d.Idle != "" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// late are stores at which something happens before an object is fetched.
type late struct {
	worker.Stores
	before func()
}

func (l late) Fetch(ctx context.Context, raw, file string) (int64, error) {
	l.before()
	return l.Stores.Fetch(ctx, raw, file)
}

// buckets is a store that takes s3://media for a folder.
type buckets struct {
	worker.Stores
	folder string
}

func (b buckets) in(raw string) string { return strings.Replace(raw, "s3://media", b.folder, 1) }

func (b buckets) Fetch(ctx context.Context, raw, file string) (int64, error) {
	return b.Stores.Fetch(ctx, b.in(raw), file)
}

func (b buckets) Put(ctx context.Context, raw, name, file string) (string, int64, error) {
	at, n, err := b.Stores.Put(ctx, b.in(raw), name, file)
	return strings.Replace(at, b.folder, "s3://media", 1), n, err
}

func (b buckets) Read(ctx context.Context, raw string, most int64) ([]byte, error) {
	return b.Stores.Read(ctx, b.in(raw), most)
}

func (b buckets) Write(ctx context.Context, raw string, content []byte) error {
	return b.Stores.Write(ctx, b.in(raw), content)
}

func (b buckets) Size(ctx context.Context, raw string) (int64, error) {
	return b.Stores.Size(ctx, b.in(raw))
}

func (b buckets) Remove(ctx context.Context, raw string) error {
	return b.Stores.Remove(ctx, b.in(raw))
}
