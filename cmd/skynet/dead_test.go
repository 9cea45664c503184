package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"skynet/config"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/test/sqswire"
)

// graveyard is a settings file, and its embedded queue as the daemon runs it.
type graveyard struct {
	*testing.T
	settings string
	queue    *nats.Queue
}

func newGraveyard(t *testing.T) graveyard {
	t.Helper()
	folder := t.TempDir()
	g := graveyard{T: t, settings: filepath.Join(folder, "skynet.yaml")}
	write(t, filepath.Join(folder, "p.yaml"), "bounds: {min: 0, max: 1}\npolicies:\n  - {type: backlog, per_worker: 1}\n")
	write(t, g.settings, fmt.Sprintf(`state_dir: %q
queues:
  - {name: photos, url: "nats://embedded/photos_in"}
  - {name: videos, url: "nats://embedded/videos"}
fleets:
  - {name: render, queues: [photos, videos], policy: p.yaml, local: {slots: 1, stores: ["file:///tmp"]}}
`, filepath.Join(folder, "state")))
	server, err := nats.Start(t.Context(), nats.ServerOptions{Dir: filepath.Join(folder, "state", "nats")})
	g.ok(err)
	t.Cleanup(server.Shutdown)
	conn, err := nats.Dial(t.Context(), nats.DialOptions{URL: server.URL(), TokenFile: server.TokenFile()})
	g.ok(err)
	t.Cleanup(conn.Close)
	g.queue, err = conn.Queue(t.Context(), nats.Config{Name: "photos_in", Tries: 2, Backoff: time.Millisecond})
	g.ok(err)
	_, err = conn.Queue(t.Context(), nats.Config{Name: "videos"})
	g.ok(err)
	return g
}

func (g graveyard) ok(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// dies has an item given up on, and returns its ID.
func (g graveyard) dies(body, reason string) string {
	g.Helper()
	id, err := g.queue.Send(g.Context(), []byte(body))
	g.ok(err)
	for range 2 {
		it, err := g.queue.Receive(g.Context(), 10*time.Second)
		g.ok(err)
		g.ok(g.queue.Fail(g.Context(), it, reason))
	}
	return id
}

// dead runs the command, and wants its status.
func (g graveyard) dead(status int, args ...string) (out string, err error) {
	g.Helper()
	out, err = said(g.T, append([]string{"dead", args[0], "--config", g.settings}, args[1:]...)...)
	g.status(status, err, args)
	return out, err
}

func (g graveyard) status(want int, err error, args []string) {
	g.Helper()
	got := 0
	if err != nil {
		got = status(err)
	}
	if got != want {
		g.Fatalf("%v ends with %d (%v), want %d", args, got, err, want)
	}
}

// holds wants so many items to wait, and so many to be dead.
func (g graveyard) holds(waiting, dead int) {
	g.Helper()
	d, err := g.queue.Depth(g.Context())
	g.ok(err)
	if d.Visible != waiting || d.Dead != dead {
		g.Fatalf("the queue holds %+v, want %d waiting and %d dead", d, waiting, dead)
	}
}

var givenUp = regexp.MustCompile(`given up \S+ \S+,`)

func TestDeadList(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	first := g.dies(`{"input":"https://ann:pass-word@media/a.jpg?sig=abcdef","note":"`+"\x1b[31m"+strings.Repeat("é", 300)+`"}`, "fetch https://ann:pass-word@media/a.jpg?sig=abcdef: 403\x1b[2J")
	second := g.dies("b", "not an image")
	out, _ := g.dead(0, "list")
	out = givenUp.ReplaceAllString(strings.NewReplacer(first, "ID-1", second, "ID-2").Replace(out), "given up THEN,")
	start := `{"input":"https://xxxxx@media/a.jpg?sig=xxxxx","note":"?[31m`
	want := "queue photos: 2 dead letters\n" +
		"  ID-1  given up THEN, in try 2\n    why   fetch https://xxxxx@media/a.jpg?sig=xxxxx 403?[2J\n    item  " + start + strings.Repeat("é", 200-len(start)) + "… (671 bytes)\n" +
		"  ID-2  given up THEN, in try 2\n    why   not an image\n    item  b (1 byte)\n" +
		"queue videos: no dead letters\n"
	if out != want {
		t.Errorf("said\n%s\nwant\n%s", out, want)
	}
	if out, _ = g.dead(0, "list", "photos", "photos"); strings.Count(out, "queue photos") != 1 {
		t.Errorf("of the same twice: %s", out)
	}
	if out, _ = g.dead(0, "list", "photos", "--limit", "1"); !strings.HasPrefix(out, "queue photos: the oldest 1 dead letter; there are more (--limit)\n  "+first) || strings.Contains(out, second) || strings.Contains(out, "videos") {
		t.Errorf("of one: %s", out)
	}
	out, _ = g.dead(0, "list", "--output", "json")
	var doc struct{ Queues []morgueList }
	g.ok(json.Unmarshal([]byte(out), &doc))
	if len(doc.Queues) != 2 || len(doc.Queues[0].Letters) != 2 || doc.Queues[1].Letters == nil {
		t.Fatalf("%s", out)
	}
	if l := doc.Queues[0].Letters[1]; l.ID != second || l.Tries != 2 || l.Reason != "not an image" || l.Item != "b" || l.Bytes != 1 || time.Since(l.At).Abs() > time.Minute {
		t.Errorf("%+v", l)
	}
	g.holds(0, 2)
}

// TestDeadShow tells all of an item, and of its secrets only who asks for them.
func TestDeadShow(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	end := strings.Repeat("é", 300) + "the end"
	body := `{"note":"{\"password\":\"hunter2\"}","a":"` + "\x1b[31m\n" + end + `"}`
	id := g.dies(body, "it broke")
	out, _ := g.dead(0, "show", "photos", id)
	out = givenUp.ReplaceAllString(out, "given up THEN,")
	want := "queue    photos\nid       " + id + "\ngiven up THEN, in try 2\nwhy      it broke\nitem     " + fmt.Sprint(len(body)) + " bytes\n\n" +
		`{"note":"{\"password\":xxxxx}","a":"` + "?[31m\n" + end + "\"}\n"
	if out != want {
		t.Errorf("said\n%s\nwant\n%s", out, want)
	}
	out, _ = g.dead(0, "show", "photos", id, "--output", "json")
	var l shownLetter
	g.ok(json.Unmarshal([]byte(out), &l))
	if l.Queue != "photos" || l.ID != id || strings.Contains(l.Item, "hunter2") || !strings.Contains(l.Item, "the end") {
		t.Errorf("as JSON: %s", out)
	}
	if out, _ := g.dead(0, "show", "photos", id, "--raw"); out != body {
		t.Errorf("as it is: %q", out)
	}
	if _, err := g.dead(1, "show", "photos", "nobody"); err.Error() != "not in the dead-letter queue of photos: nobody" {
		t.Error(err)
	}
	g.holds(0, 1)
}

// TestMistypedVerbs of commands that only have others below them.
func TestMistypedVerbs(t *testing.T) {
	t.Parallel()
	if _, err := said(t, "import", "cvs"); err == nil || status(err) != 2 || !strings.Contains(err.Error(), "did you mean csv?") {
		t.Error(err)
	}
	if out, err := said(t, "dead"); err != nil || !strings.Contains(out, "skynet dead list") && !strings.Contains(out, "Available Commands") {
		t.Errorf("%s, %v", out, err)
	}
}

// noRoom is a disk without room.
type noRoom struct{}

func (noRoom) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestDeadThatCannotBeTold fails, though it was done.
func TestDeadThatCannotBeTold(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	id := g.dies("a", "it broke")
	for _, args := range []string{"list", "list --output json", "show photos " + id, "show photos " + id + " --raw", "show photos nobody --output json",
		"again photos --all --dry-run", "drop photos --all --yes --output json"} {
		c := root()
		c.SetOut(noRoom{})
		c.SetErr(io.Discard)
		c.SetArgs(append([]string{"dead"}, append(strings.Fields(args), "--config", g.settings)...))
		err := c.ExecuteContext(t.Context())
		if g.status(1, err, []string{args}); !strings.Contains(err.Error(), "tell what came of it: no space left") {
			t.Errorf("%s: %v", args, err)
		}
	}
	g.holds(0, 0)
}

func TestDeadAgain(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	a, b, c := g.dies("a", "No space left on device"), g.dies("b", "not an image"), g.dies("c", "no space left on device")
	if out, _ := g.dead(0, "again", "photos", "--reason", "no SPACE", "--dry-run"); out != fmt.Sprintf("queue photos: 2 dead letters would be sent again\n  %s\n  %s\n", a, c) {
		t.Errorf("dry run: %s", out)
	}
	g.holds(0, 3)
	out, err := g.dead(1, "again", "photos", a, "nobody")
	if out != fmt.Sprintf("queue photos: 1 dead letter sent again\n  %s\n", a) || err.Error() != "not in the dead-letter queue of photos: nobody" {
		t.Errorf("%s, %v", out, err)
	}
	g.holds(1, 2)
	it, err := g.queue.Receive(t.Context(), 10*time.Second)
	g.ok(err)
	if it.ID != a || it.Tries != 1 || string(it.Body) != "a" {
		t.Errorf("received %+v", it)
	}
	g.ok(g.queue.Delete(t.Context(), it))
	out, _ = g.dead(0, "again", "photos", "--all", "--output", "json")
	if want := fmt.Sprintf(`{"queue":"photos","dry_run":false,"letters":[{"id":"%s","as":"%[1]s"},{"id":"%s","as":"%[2]s"}],"missing":[]}`+"\n", b, c); out != want {
		t.Errorf("said %s, want %s", out, want)
	}
	g.holds(2, 0)
	if out, _ := g.dead(0, "again", "photos", "--all"); out != "queue photos: 0 dead letters sent again\n" {
		t.Errorf("again: %s", out)
	}
}

func TestDeadDrop(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	a := g.dies("a", "it broke")
	g.dies("b", "it broke")
	if _, err := g.dead(2, "drop", "photos", "--all"); !strings.Contains(err.Error(), "say --yes") {
		t.Error(err)
	}
	if out, _ := g.dead(0, "drop", "photos", a, "--dry-run", "--output", "json"); out != fmt.Sprintf(`{"queue":"photos","dry_run":true,"letters":[{"id":"%s"}],"missing":[]}`+"\n", a) {
		t.Errorf("dry run: %s", out)
	}
	g.holds(0, 2)
	g.dead(0, "drop", "photos", a, a, "--yes")
	g.holds(0, 1)
	g.dead(0, "drop", "photos", "--reason", "broke", "--yes")
	g.holds(0, 0)
}

func TestDeadRefuses(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t)
	for args, want := range map[string]string{
		"foo":                               `skynet dead has no command "foo"; see skynet dead --help`,
		"lst":                               `skynet dead has no command "lst"; did you mean list?`,
		"show photos":                       "which letter?",
		"show photos x --raw --output json": "give one of them",
		"show songs x":                      "is not a queue of the settings",
		"list songs":                        `"songs" is not a queue of the settings, only photos, videos`,
		"list --limit 0":                    "--limit 0: write 1 to 10000",
		"list --output xml":                 "write text or json",
		"list --timeout 0s":                 "--timeout 0s must be more",
		"again":                             "of which queue?",
		"again photos":                      "which letters?",
		"again photos x --all":              "which letters?",
		"again photos --all --reason=":      "which letters?",
		"again photos --reason=":            "--reason is empty",
		"again songs --all":                 "is not a queue of the settings",
		"drop photos x":                     "say --yes",
	} {
		_, err := said(t, append([]string{"dead"}, strings.Fields(args)...)...)
		if !strings.HasPrefix(args, "foo") && !strings.HasPrefix(args, "lst") {
			_, err = g.dead(2, strings.Fields(args)...)
		}
		if g.status(2, err, []string{args}); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestDeadWithoutTheController says what to do.
func TestDeadWithoutTheController(t *testing.T) {
	t.Parallel()
	g := graveyard{T: t, settings: filepath.Join(t.TempDir(), "skynet.yaml")}
	state := filepath.Join(t.TempDir(), "state")
	write(t, filepath.Join(filepath.Dir(g.settings), "p.yaml"), "bounds: {min: 0, max: 1}\n")
	write(t, g.settings, fmt.Sprintf("state_dir: %q\nqueues: [{name: photos, url: nats://embedded/photos}]\nfleets: [{name: render, queues: [photos], policy: p.yaml, local: {slots: 1, stores: [\"file:///tmp\"]}}]\n", state))
	never := func(when string) {
		_, err := g.dead(2, "list")
		if !errors.Is(err, nats.ErrNotRunning) || !strings.Contains(err.Error(), "start it (systemctl start skynet") {
			t.Errorf("%s: %v", when, err)
		}
		for _, args := range []string{"list", "show photos a", "again photos --all", "drop photos a --yes"} {
			out, err := g.dead(2, append(strings.Fields(args), "--output", "json")...)
			if !json.Valid([]byte(out)) || !strings.Contains(out, `"error":"queue photos: `) || !strings.Contains(err.Error(), "start it") {
				t.Errorf("%s: %s as JSON: %s, %v", when, args, out, err)
			}
		}
	}
	never("before it has ever run")
	server, err := nats.Start(t.Context(), nats.ServerOptions{Dir: filepath.Join(state, "nats")})
	g.ok(err)
	if _, err := g.dead(2, "again", "photos", "--all"); !strings.Contains(err.Error(), "there is no queue photos on this server") {
		t.Errorf("without the queue: %v", err)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if _, err := g.dead(2, "list", "--state-dir", moved); !strings.Contains(err.Error(), "no queue server runs in "+moved) {
		t.Errorf("in another folder: %v", err)
	}
	server.Shutdown()
	never("after it has ended")
}

// TestDeadOnSQS is as whoever calls has credentials for it.
func TestDeadOnSQS(t *testing.T) {
	sqs := sqswire.New()
	server := httptest.NewServer(sqs)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	sqs.Open("photos").Redrive("arn:aws:sqs:eu-west-1:123456789012:photos_dead", 3)
	dead := sqs.Open("photos_dead")
	dead.Post("a")
	dead.Post("b")
	g := graveyard{T: t, settings: filepath.Join(t.TempDir(), "skynet.yaml")}
	write(t, filepath.Join(filepath.Dir(g.settings), "p.yaml"), "bounds: {min: 0, max: 1}\n")
	write(t, g.settings, fmt.Sprintf(`state_dir: %q
aws: {account: "123456789012", region: eu-west-1}
queues:
  - {name: photos, url: "https://sqs.eu-west-1.amazonaws.com/123456789012/photos"}
  - {name: gone, url: "https://sqs.eu-west-1.amazonaws.com/123456789012/gone"}
fleets: [{name: render, queues: [photos, gone], policy: p.yaml, local: {slots: 1, stores: ["file:///tmp"]}}]
`, t.TempDir()))
	out, err := g.dead(1, "list") // of two queues one is not there
	if !strings.HasPrefix(out, "queue photos: 2 dead letters\n  1  given up ") || strings.Contains(out, "gone:") || !strings.Contains(err.Error(), "there is no such queue") {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := g.dead(1, "again", "photos", "7"); !strings.HasSuffix(err.Error(), "photos: 7; SQS hides letters that somebody looks at, for five minutes at most") {
		t.Error(err)
	}
	if out, _ := g.dead(0, "again", "photos", "2"); out != "queue photos: 1 dead letter sent again\n  2, now 1\n" {
		t.Error(out)
	}
	if n, _ := sqs.Open("photos").Oldest(); n != 1 {
		t.Errorf("%d items wait", n)
	}
	dead.Say(0, 7) // as if a command had been killed
	out, _ = g.dead(0, "list", "photos", "--output", "json")
	if !strings.Contains(out, `"more":true,"note":"SQS counts 7 dead letters and hands out 1 now`) {
		t.Error(out)
	}
	if _, err := g.dead(1, "again", "photos", "--all", "--dry-run"); !errors.Is(err, queue.ErrMore) {
		t.Error(err)
	}
	dead.Say(0, 1)
	g.dead(0, "drop", "photos", "--all", "--yes")
	if n, _ := dead.Oldest(); n != 0 {
		t.Errorf("%d letters lie there", n)
	}
}

// TestDeadLettersThatSQSDoesNotShow are told of: some that another command hides, some
// that are more than it reads.
func TestDeadLettersThatSQSDoesNotShow(t *testing.T) {
	t.Parallel()
	l := morgueList{Queue: "photos", Letters: []deadLetter{}, More: true, Note: "there may be more"}
	var out strings.Builder
	if err := printLists(&out, []morgueList{l}, false); err != nil || out.String() != "queue photos: 0 dead letters, and perhaps more: there may be more\n" {
		t.Errorf("%s, %v", out.String(), err)
	}
}

// TestWhatIsLeftOfDeadLetters: while there may be more the status is 1, unless all that
// were asked for are done.
func TestWhatIsLeftOfDeadLetters(t *testing.T) {
	t.Parallel()
	broken := errors.New("it broke")
	for _, c := range []struct {
		ids, missing []string
		err          error
		want         string // parts of it; none: nothing is left
	}{
		{},
		{err: queue.ErrMore, want: "run it again"},
		{ids: []string{"a"}, err: queue.ErrMore},
		{ids: []string{"a", "b"}, missing: []string{"b"}, err: queue.ErrMore, want: "not in the dead-letter queue of photos: b\nthere may be more"},
		{ids: []string{"a"}, missing: []string{"a"}, err: broken, want: "it broke"},
		{ids: []string{"a"}, err: broken, want: "it broke"},
	} {
		err := settled{Missing: c.missing}.rest(config.Queue{Name: "photos"}, &selection{ids: c.ids}, c.err)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
