package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/queue/nats"
	"skynet/test/embedded"
	"skynet/worker/batch"
)

// site is a queue server, folders of media and results, and a worker's settings.
type site struct {
	*testing.T
	dir   string
	queue *nats.Queue
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir()}
	var server *nats.Server
	server, s.queue = embedded.Queue(t, filepath.Join(s.dir, "queue"), nats.Config{Name: "photos"})
	s.write("worker.yaml", fmt.Sprintf(`fleet: render
queues: [{name: photos, url: "%s/photos", visibility: 30s, tries: 3}]
heartbeats: "%s/heartbeats"
nats: {token_file: %q}
stores: [%q, %q]
outputs: %q
`, server.URL(), server.URL(), server.TokenFile(), s.url("media"), s.url("results"), s.url("results")))
	return s
}

func (s *site) url(name string) string { return "file://" + filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.Helper()
	file := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		s.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// media writes so many files.
func (s *site) media(n int) {
	s.Helper()
	for i := range n {
		s.write(fmt.Sprintf("media/g/%d.jpg", i), "x")
	}
}

// call is a command that was run in its own process.
type call struct {
	out, err string
	status   int
}

func (s *site) command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args[0], "--config", filepath.Join(s.dir, "worker.yaml"))
	c.Args = append(c.Args, args[1:]...)
	c.Dir, c.Env = s.dir, append(os.Environ(), asProgram+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func (s *site) call(args ...string) call { return s.finish(s.command(args...)) }

func (s *site) finish(c *exec.Cmd) call {
	s.Helper()
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	if fault := c.Run(); fault != nil && c.ProcessState == nil {
		s.Fatal(fault)
	}
	return call{out.String(), err.String(), c.ProcessState.ExitCode()}
}

// sent are the items in the queue, by their inputs, each with how often it is there.
func (s *site) sent() map[string]int {
	s.Helper()
	all := map[string]int{}
	for {
		it, err := s.queue.Receive(s.Context(), 300*time.Millisecond)
		if err != nil {
			s.Fatal(err)
		}
		if it == nil {
			return all
		}
		var of struct{ Input, Output, Batch string }
		if err := json.Unmarshal(it.Body, &of); err != nil || of.Output == "" {
			s.Errorf("item %s, %v", it.Body, err)
		}
		all[of.Input]++
		if err := s.queue.Delete(s.Context(), it); err != nil {
			s.Fatal(err)
		}
	}
}

func total(sent map[string]int) (n int) {
	for _, times := range sent {
		n += times
	}
	return n
}

// shown is a batch as --format json shows it.
func (s *site) shown(args ...string) (doc struct {
	Items, Sent, Done, Failed, Lost, Retrying, Waiting, Unsent int
	MadeBefore                                                 int `json:"made_before"`
	Resent                                                     int
	Over                                                       bool
	Rate                                                       *float64
	Failures                                                   []struct {
		Reason string
		Items  int
	}
	FailedItems []struct{ Input, Reason string } `json:"failed_items"`
}, status int) {
	s.Helper()
	got := s.call(append(args, "--format", "json")...)
	if err := json.Unmarshal([]byte(got.out), &doc); err != nil {
		s.Fatalf("%q: %+v: %v", args, got, err)
	}
	return doc, got.status
}

func (s *site) wants(got call, status int, said ...string) {
	s.Helper()
	if got.status != status {
		s.Errorf("status %d, want %d: %+v", got.status, status, got)
	}
	for _, text := range said {
		if !strings.Contains(got.out+got.err, text) {
			s.Errorf("it does not say %q: %+v", text, got)
		}
	}
}

func TestSubmitOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	in := s.url("media") + "/a.jpg"
	s.wants(s.call("submit", "--input", in, "--kind", "song"), 2, `"song" is not a kind`)
	got := s.call("submit", "--input", in, "--output", s.url("results")+"/a", "--recipe", "photo", "--value", "title=a=b", "--value", "owner=c, d")
	it, err := s.queue.Receive(t.Context(), 5*time.Second)
	if err != nil || it == nil || got.status != 0 || it.ID != strings.TrimSpace(got.out) {
		t.Fatalf("%+v, item %+v, %v", got, it, err)
	}
	want := fmt.Sprintf(`{"input":%q,"output":%q,"recipe":"photo","values":{"owner":"c, d","title":"a=b"}}`, in, s.url("results")+"/a")
	if string(it.Body) != want {
		t.Errorf("item %s, want %s", it.Body, want)
	}
}

func TestSubmitWhatRecipesNeed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("worker.yaml", s.read("worker.yaml")+"recipes: my.yaml\n")
	s.write("my.yaml", `recipes:
  - {name: talk, inputs: [jingle], outputs: [{name: a.mp3, audio: [{do: assemble, parts: [jingle, input]}, {do: encode}, {do: tags, set: [{name: title, value: "{title}"}]}]}]}
  - {name: part, outputs: [{name: part.flac, audio: [{do: encode}]}], then: [{queue: photos, recipe: whole, parts: [a, b]}]}
  - {name: whole, inputs: [a, b], outputs: [{name: a.mp3, audio: [{do: assemble, parts: [a, b]}, {do: encode}]}]}
`)
	s.write("media/a.wav", "x")
	jingle := s.url("media") + "/j.wav"
	for _, how := range [][]string{{"media/a.wav"}, {"--input", s.url("media") + "/a.wav", "--output", s.url("results") + "/a"}} {
		s.wants(s.call(append([]string{"submit", "--recipe", "talk"}, how...)...), 2, "needs the input jingle: give it by --with jingle=URL", "asks for {title}: give it by --value title=TEXT")
		s.wants(s.call(append([]string{"submit", "--recipe", "part"}, how...)...), 2, "makes one of the parts a, b", "--items")
		s.wants(s.call(append([]string{"submit", "--recipe", "talk", "--with", "jingle", "--value", "title=A"}, how...)...), 2, `--with "jingle": write NAME=URL`)
		s.wants(s.call(append([]string{"submit", "--recipe", "talk", "--with", "jingle=" + jingle, "--value", "title=A"}, how...)...), 0)
	}
	if n := total(s.sent()); n != 2 {
		t.Errorf("%d items were sent, want one of each", n)
	}
}

// Which queue a batch goes to is in its record.
func TestResumeOfSeveralQueues(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	yaml := s.read("worker.yaml")
	_, address, _ := strings.Cut(yaml, `url: "`)
	address, _, _ = strings.Cut(address, "/photos")
	s.write("worker.yaml", strings.Replace(yaml, "queues: [", `queues: [{name: films, url: "`+address+`/films"}, `, 1))
	s.write("media/a.jpg", "x")
	s.wants(s.call("submit", "--batch", "g", "media"), 2, "--queue is missing: the settings have [films photos]")
	s.wants(s.call("submit", "--batch", "g", "--queue", "photos", "media"), 0, "1 sent to queue photos")
	s.wants(s.call("submit", "--batch", "g", "--resume", "--queue", "films"), 2, "give --batch NAME alone")
	s.wants(s.call("submit", "--batch", "g", "--resume"), 0, "0 sent to queue photos")
}

func TestSubmitItems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	item := func(name string) string {
		return fmt.Sprintf(`{"input":%q,"recipe":"photo","output":%q}`, s.url("media")+"/"+name, s.url("results")+"/"+name)
	}
	s.write("good.jsonl", item("a.jpg")+"\n\n"+item("b.jpg")+"\n")
	s.write("bad.jsonl", item("a.jpg")+"\n"+strings.ReplaceAll(item("b.jpg"), "recipe", "recepi"))
	s.write("other.jsonl", strings.ReplaceAll(item("b.jpg"), `"photo"`, `"foto"`))
	s.write("empty.jsonl", "\n")
	s.wants(s.call("submit", "--items", "bad.jsonl"), 2, "line 2", `"recepi"`)
	s.wants(s.call("submit", "--items", "other.jsonl"), 2, "line 1", `"foto" is not a recipe`)
	s.wants(s.call("submit", "--items", "empty.jsonl"), 2, "there is no item in it")
	s.wants(s.call("submit", "--items", "none.jsonl"), 2, "no such file")
	s.wants(s.call("submit", "--items", "good.jsonl", "--recipe", "photo"), 2, "--items sends items as they are")
	s.wants(s.call("submit", "--items", "good.jsonl", "--dry-run"), 0, "2 items would be sent to queue photos")
	if n := total(s.sent()); n != 0 {
		t.Errorf("%d items were sent, want none", n)
	}
	got := s.call("submit", "--items", "good.jsonl")
	c := s.command("submit", "--items", "-")
	c.Stdin = strings.NewReader(item("c.jpg"))
	s.wants(s.finish(c), 0)
	if ids := strings.Fields(got.out); got.status != 0 || len(ids) != 2 {
		t.Errorf("%+v, want two IDs", got)
	}
	if sent := s.sent(); total(sent) != 3 || len(sent) != 3 {
		t.Errorf("sent %v, want each once", sent)
	}
}

func TestSubmitMany(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"a.jpg", "b b.JPG", "x/c.jpg", "x/d.txt", ".hidden"} {
		s.write("media/"+name, "xx")
	}
	dry := s.call("submit", "--dry-run", "--exclude", "*.txt", "media/")
	s.wants(dry, 0, s.url("media")+"/b%20b.JPG -> "+s.url("results")+strings.TrimPrefix(s.url("media"), "file://")+"/b%20b.JPG",
		"3 items of 6 B would be sent to queue photos; left out: 1 hidden, 1 by --include and --exclude")
	if n := total(s.sent()); n != 0 {
		t.Errorf("a dry run sent %d", n)
	}
	got := s.call("submit", "--batch", "first", "--include", "*.jpg", "--output", s.url("results")+"/out", "media", "media/a.jpg")
	s.wants(got, 0, "batch first: 3 items of 6 B, 3 sent to queue photos in ", "1 named twice", "see it: skynet-worker batch --config ")
	sent := s.sent()
	for _, name := range []string{"a.jpg", "b%20b.JPG", "x/c.jpg"} {
		if sent[s.url("media")+"/"+name] != 1 {
			t.Errorf("%s was not sent: %v", name, sent)
		}
	}
	c := s.command("submit", "-")
	c.Stdin = strings.NewReader("media/a.jpg\n" + s.url("media") + "/x/c.jpg\n")
	s.wants(s.finish(c), 0, "2 items of 4 B, 2 sent")
	listed := s.call("batch")
	s.wants(listed, 0, "BATCH", "first", "photos")
	if strings.Count(listed.out, "\n") != 3 {
		t.Errorf("listed %s", listed.out)
	}
}

// TestWhatCannotBeSubmitted: nothing is sent, and each says what to do.
func TestWhatCannotBeSubmitted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("media/x/a.jpg", "x")
	s.write("media/y/a.jpg", "x")
	s.write("elsewhere/a.jpg", "x")
	s.wants(s.call("submit", "--batch", "taken", "media/x/a.jpg"), 0)
	before := total(s.sent())
	for _, c := range []struct {
		args []string
		said string
	}{
		{[]string{}, "nothing to submit; name files"},
		{[]string{"media/none.jpg"}, "media/none.jpg: no such file or folder"},
		{[]string{"elsewhere/a.jpg"}, "put it into one of them, or add its folder to stores"},
		{[]string{"elsewhere"}, "lies in none of the worker's stores"},
		{[]string{"--output", s.url("results"), "media/x/", "media/y/"}, "would both be made into " + s.url("results") + "/a.jpg"},
		{[]string{"--exclude", "*", "media"}, "there is nothing to submit; left out: 2 by --include and --exclude"},
		{[]string{"--include", "[z-a]", "media"}, "is not a pattern"},
		{[]string{"--batch", "taken", "media"}, "choose another name, or go on with it by --resume"},
		{[]string{"--batch", "../x", "media"}, "is not a name of a batch"},
		{[]string{"--resume"}, "--resume needs the name of the batch"},
		{[]string{"--resume", "--batch", "none"}, "there is no batch none"},
		{[]string{"--resume", "--batch", "taken", "media"}, "give --batch NAME alone"},
		{[]string{"--input", "file:///x", "media"}, "--input is for one item"},
		{[]string{"--kind", "song", "media"}, `"song" is not a kind`},
		{[]string{"--recipe", "foto", "media"}, `"foto" is not a recipe of the settings; known: photo, video, audio`},
		{[]string{"--value", "title", "media"}, "write NAME=TEXT"},
		{[]string{"--format", "yaml", "media"}, "write text or json"},
		{[]string{"--queue", "none", "media"}, "is not in the settings; known: [photos]"},
	} {
		s.wants(s.call(append([]string{"submit"}, c.args...)...), 2, c.said)
	}
	if n := total(s.sent()); n != 0 || before != 1 {
		t.Errorf("%d items were sent", n)
	}
}

// No worker opens a URL with a user or parameters: such a one is refused before it lies
// in the queue, and what may be secret in it is not shown.
func TestSubmitRefusesURLsWithSecrets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("media/a.jpg", "x")
	in, out := s.url("media")+"/a.jpg", s.url("results")+"/a"
	s.write("items.jsonl", fmt.Sprintf("{\"input\":%q,\"output\":%q}\n{\"input\":%q,\"output\":%q,\"group\":{\"name\":\"g\",\"part\":\"a\",\"output\":%q}}\n",
		in, out, in, out, "s3://me:hunter2@results/g/"))
	for _, c := range []struct {
		args []string
		said string
	}{
		{[]string{"--input", "https://me:hunter2@h/x.jpg?k=hunter2", "--output", out}, `input: "https://xxxxx@h/x.jpg?k=xxxxx": only scheme, host and path are accepted`},
		{[]string{"--input", in + "?X-Amz-Signature=hunter2"}, "by the stores of their settings"},
		{[]string{"--input", in + "#hunter2"}, "no user, parameters or fragment"},
		{[]string{"--input", in, "--output", out + "?k=hunter2"}, "output: "},
		{[]string{"--input", in, "--with", "jingle=s3://hunter2@media/j.wav"}, "input jingle: "},
		{[]string{"--output", "s3://me:hunter2@results/x", "media/a.jpg"}, "output: "},
		{[]string{"--with", "jingle=s3://media/j.wav?k=hunter2", "media/a.jpg"}, "input jingle: "},
		{[]string{"s3://me:hunter2@media/a.jpg"}, "no user, parameters or fragment"},
		{[]string{"s3://media/a.jpg?k=hunter2"}, "s3://media lies in none of the worker's stores"}, // it is a pattern
		{[]string{"https://me:hunter2@h h/a.jpg"}, "is not a URL"},
		{[]string{"--items", "items.jsonl"}, "line 2: the group's output: "},
	} {
		got := s.call(append([]string{"submit"}, c.args...)...)
		s.wants(got, 2, c.said)
		if strings.Contains(got.out+got.err, "hunter2") {
			t.Errorf("submit %v shows the secret: %+v", c.args, got)
		}
	}
	s.wants(s.call("submit", "--input", in, "--output", s.url("results")+"/with a slash/"), 0)
	if n := total(s.sent()); n != 1 {
		t.Errorf("%d items were sent, want the last alone", n)
	}
}

// TestSubmitGoesOnAfterBeingKilled with SIGKILL, at whatever it was doing: in the
// end each item was sent, and none of more than a chunk twice for each kill.
func TestSubmitGoesOnAfterBeingKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const n = 5 * batch.Chunk
	s.media(n)
	kills := 0
	for i, args := range slices.Concat([][]string{{"submit", "--batch", "g", "media/g"}}, slices.Repeat([][]string{{"submit", "--batch", "g", "--resume"}}, 3)) {
		c := s.command(args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		s.awaitDepth(batch.Chunk*(i+1) + 50*(i+1))
		_ = c.Process.Kill()
		if err := c.Wait(); err != nil {
			kills++
		}
	}
	if kills < 2 {
		t.Errorf("it was killed only %d times", kills)
	}
	s.wants(s.call("submit", "--batch", "g", "--resume"), 0, "batch g: 2,500 items")
	sent := s.sent()
	if len(sent) != n || total(sent) > n+kills*batch.Chunk {
		t.Errorf("%d of %d items were sent, %d times in all, after %d kills", len(sent), n, total(sent), kills)
	}
	s.wants(s.call("submit", "--batch", "g", "--resume"), 0, "0 sent")
}

// awaitDepth waits until the queue holds so many items.
func (s *site) awaitDepth(n int) {
	s.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if d, err := s.queue.Depth(s.Context()); err == nil && d.Visible >= n {
			return
		}
	}
	s.Fatalf("the queue does not come to hold %d items", n)
}

// TestSubmitStopsWhenAsked: after one signal it ends the chunk, writes down what
// was sent, and says how to go on; nothing is sent twice.
func TestSubmitStopsWhenAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const n = 4 * batch.Chunk
	s.media(n)
	c := s.command("submit", "--batch", "g", "media/g")
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitDepth(10)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "of 2,000 items are sent; go on with skynet-worker submit --config ") {
		t.Errorf("%v: %s", c.ProcessState, said.String())
	}
	half, _ := s.shown("batch", "g")
	if half.Unsent == 0 || half.Waiting+half.Unsent != n || half.Waiting%batch.Chunk != 0 {
		t.Errorf("%+v", half)
	}
	if got := s.call("batch", "g", "--wait", "--timeout", "2s"); got.status != 1 {
		t.Errorf("--wait for what was not sent: %+v", got)
	}
	s.wants(s.call("submit", "--batch", "g", "--resume"), 0)
	if sent := s.sent(); len(sent) != n || total(sent) != n {
		t.Errorf("%d items were sent, %d times in all, want %d", len(sent), total(sent), n)
	}
}

// TestRecordsOfThisMachine: without outputs in the settings, or on request.
func TestRecordsOfThisMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.media(2)
	state := filepath.Join(s.dir, "state")
	s.wants(s.call("submit", "--state", state, "--batch", "g", "media/g"), 0, "--state "+state+" g")
	s.wants(s.call("batch", "g"), 2, "there is no batch g")
	s.wants(s.call("batch", "g", "--state", state), 0, "waiting   2")
}

func TestSubmitToAQueueThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.media(2)
	settings, _ := os.ReadFile(filepath.Join(s.dir, "worker.yaml"))
	lines := strings.Split(string(settings), "\n")
	lines[1] = `queues: [{name: photos, url: "nats://127.0.0.1:1/photos"}]`
	s.write("worker.yaml", strings.Join(lines, "\n"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.wants(s.call("submit", "--timeout", "300ms", "--batch", "g", "media/g"), 2, "no answer from the queue at nats://127.0.0.1:1/photos within 300ms")
	s.wants(s.call("batch", "g"), 2, "there is no batch g")
	if ctx.Err() != nil {
		t.Error("it took long")
	}
}
