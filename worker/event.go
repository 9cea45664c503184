package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// ReadTasks reads an item's body: a Task, or an event notification of Amazon S3,
// as S3 puts it into a queue, through SNS, or from EventBridge, so that a bucket's
// notification is all the plumbing there needs to be. Of such an item each object
// that was created is a task; where none was, as when one was removed, idle says
// so and there is nothing to do.
//
// outputs is the URL of the folder for tasks that do not name one, "" if there is
// none: what is made of s3://BUCKET/KEY goes to BUCKET/KEY below it, so that the
// same notification twice makes the same outputs. What lies in that folder was
// made by us and is not worked on again, or each output would be the next input.
func ReadTasks(body []byte, outputs string) (tasks []Task, idle string, err error) {
	if len(body) > maxBody {
		return nil, "", fmt.Errorf("not an item: %d bytes, at most %d are read", len(body), maxBody)
	}
	objects, idle, ours, err := readEvent(body, true)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("not an item: %w", err)
	case ours:
		t, err := readTask(body, outputs)
		return []Task{t}, "", err
	case len(objects) > 0:
		return eventTasks(objects, outputs)
	}
	return nil, idle, nil
}

// object is one that an event speaks of.
type object struct{ bucket, key string }

// url is the object's as items name it.
func (o object) url() string {
	return (&url.URL{Scheme: "s3", Host: o.bucket, Path: "/" + o.key}).String()
}

// readEvent tells an event from an item of ours, which is not an event. One that
// SNS passes on lies in it as text; within that no further one is looked for.
func readEvent(body []byte, outermost bool) (created []object, idle string, ours bool, err error) {
	var keys map[string]json.RawMessage
	_ = json.Unmarshal(body, &keys) // without keys it is ours, and who reads those says what is wrong
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return keys[n] == nil })
	}
	switch {
	case has("Records"):
		created, idle, err = readRecords(body)
	case has("Service", "Event"):
		idle, err = readTest(body)
	case has("detail-type", "detail"):
		created, idle, err = readBridged(body)
	case has("Type", "TopicArn", "Message") && outermost:
		return readPassedOn(body)
	default:
		return nil, "", true, nil
	}
	return created, idle, false, err
}

// readRecords reads what S3 sends. Its keys are encoded as in forms, with + for a
// space. https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func readRecords(body []byte) (created []object, idle string, err error) {
	var event struct {
		Records []struct {
			EventSource, EventName string
			S3                     struct {
				Bucket struct{ Name string }
				Object struct{ Key string }
			}
		}
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, "", fmt.Errorf("an event that cannot be read: %w", err)
	}
	idle = "an event without records"
	for _, r := range event.Records {
		if r.EventSource != "aws:s3" {
			return nil, "", fmt.Errorf("an event of %.40q: only those of aws:s3 are understood", r.EventSource)
		}
		if !strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:") {
			idle = fmt.Sprintf("the event is %.80s, not a created object", r.EventName)
			continue
		}
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, "", fmt.Errorf("an event whose key cannot be decoded: %w", err)
		}
		created = append(created, object{r.S3.Bucket.Name, key})
	}
	return created, idle, nil
}

// readTest reads what S3 sends when a notification is set up.
func readTest(body []byte) (idle string, err error) {
	var event struct{ Service, Event, Bucket string }
	if err := json.Unmarshal(body, &event); err != nil || event.Event != "s3:TestEvent" {
		return "", fmt.Errorf("an event %.40q of %.40q: only s3:TestEvent and created objects are understood", event.Event, event.Service)
	}
	return fmt.Sprintf("S3 tests the notification of bucket %.80s", event.Bucket), nil
}

// readBridged reads what EventBridge passes on. Its keys are not encoded.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
func readBridged(body []byte) (created []object, idle string, err error) {
	var event struct {
		Source string
		Type   string `json:"detail-type"`
		Detail struct {
			Bucket struct{ Name string }
			Object struct{ Key string }
		}
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, "", fmt.Errorf("an event that cannot be read: %w", err)
	}
	if event.Source != "aws.s3" {
		return nil, "", fmt.Errorf("an event of %.40q: only those of aws.s3 are understood", event.Source)
	}
	if event.Type != "Object Created" {
		return nil, fmt.Sprintf("the event is %.80s, not a created object", event.Type), nil
	}
	return []object{{event.Detail.Bucket.Name, event.Detail.Object.Key}}, "", nil
}

// readPassedOn reads what SNS passes on, unless it is set to pass on the bare
// message. https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
func readPassedOn(body []byte) (created []object, idle string, ours bool, err error) {
	var note struct{ Type, Message string }
	if err := json.Unmarshal(body, &note); err != nil || note.Type != "Notification" {
		return nil, "", false, fmt.Errorf("a message of SNS of type %.40q: only notifications are understood", note.Type)
	}
	created, idle, ours, err = readEvent([]byte(note.Message), false)
	if ours {
		return nil, "", false, errors.New("a notification of SNS that holds no event of S3")
	}
	return created, idle, false, err
}

// eventTasks makes tasks of created objects, each once. Why one is none is idle,
// if none of them is.
func eventTasks(objects []object, outputs string) (tasks []Task, idle string, err error) {
	for _, o := range objects {
		in := o.url()
		switch {
		case o.bucket == "" || o.key == "" || !utf8.ValidString(o.key):
			return nil, "", fmt.Errorf("not an item: an event that names no object: bucket %.80q, key %.200q", o.bucket, o.key)
		case strings.HasSuffix(o.key, "/"):
			idle = in + " is a folder"
			continue
		case within(in, outputs):
			idle = in + " lies in outputs: it was made by us"
			continue
		}
		t := Task{Input: in, event: true}
		if t.Output, err = below(outputs, in); err != nil {
			return nil, "", err
		}
		if !slices.ContainsFunc(tasks, func(o Task) bool { return o.Input == t.Input }) {
			tasks = append(tasks, t)
		}
	}
	if len(tasks) > 0 {
		idle = ""
	}
	return tasks, idle, nil
}

// within reports whether a URL lies in a folder.
func within(raw, folder string) bool {
	u, err := url.Parse(raw)
	f, bad := url.Parse(folder)
	return err == nil && bad == nil && folder != "" && u.Scheme == f.Scheme && u.Host == f.Host &&
		strings.HasPrefix(u.Path, strings.TrimSuffix(f.Path, "/")+"/")
}

// below is the folder for what is made of an input: its host and path below
// outputs. The path is taken as it is, so that a store sees what it must refuse.
func below(outputs, input string) (string, error) {
	u, err := url.Parse(input)
	if outputs == "" || err != nil {
		return "", fmt.Errorf(`not an item: key "output": missing, and there is no place for what is made of %.200s; name one, or set outputs in the worker's settings`, input)
	}
	if !strings.HasPrefix(u.EscapedPath(), "/") { // it would be glued to the folder's name
		return "", fmt.Errorf("not an item: key \"input\": %.200q is not the URL of an object; write it like s3://BUCKET/KEY or file:///FOLDER/FILE", input)
	}
	place := strings.TrimSuffix(outputs, "/")
	if u.Host != "" {
		place += "/" + u.Host
	}
	return place + u.EscapedPath(), nil
}
