package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/worker"
	"skynet/worker/recipe"
)

const simple = `
recipes:
  - name: one
    outputs: [{name: a.jpg, image: [{do: orient}]}]
  - name: quick
    outputs: [{name: a.jpg, image: [{do: orient}]}]
    limits: {time: 1s, disk: 1MiB}
`

// failed is what is written down of a failed try, which is sent as a result as well.
func (s studio) failed(t *testing.T, results *box) recipe.Failure {
	t.Helper()
	var written, sent recipe.Failure
	body, err := os.ReadFile(filepath.Join(s.dir, "out/failed.json"))
	if err == nil {
		err = json.Unmarshal(body, &written)
	}
	if err != nil {
		t.Fatal(err)
	}
	last := results.got[len(results.got)-1]
	if err := json.Unmarshal([]byte(last), &sent); err != nil || sent != written || !strings.Contains(last, `"status":"failed"`) {
		t.Errorf("%v: sent %s, written %s", err, last, body)
	}
	return written
}

func TestEachFailureHasItsReason(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	cases := map[string]struct {
		item   string // keys besides input and output
		input  string
		maker  maker
		want   string
		limits recipe.Limits
	}{
		"missing object":      {input: "@/none.jpg", want: "input: file://DIR/none.jpg: no such object"},
		"dots":                {input: "@/../secret.jpg", want: "are not accepted"},
		"another place":       {input: "file:///etc/passwd", want: "lies in none of the worker's stores"},
		"a missing second":    {item: `"inputs":{"intro":"@/none.wav"}`, want: "input intro: file://DIR/none.wav: no such object"},
		"a missing watermark": {item: `"outputs":[{"name":"a.jpg","image":[{"do":"watermark","image":"@/none.png"}]}]`, want: "a picture that a step names: file://DIR/none.png: no such object"},
		"a program":           {item: `"outputs":[{"name":"a.txt","command":{"run":["/bin/sh"]}}]`, want: "an item may not bring a program"},
		"dots in a name":      {item: `"outputs":[{"name":"../a.jpg","image":[{"do":"orient"}]}]`, want: "is not a path below the output folder"},
		"dots in a value":     {item: `"outputs":[{"name":"{who}.jpg","image":[{"do":"orient"}]}],"values":{"who":"../../x"}`, want: "is not a path below the output folder"},
		"no such recipe":      {item: `"recipe":"three"`, want: `there is no recipe "three" (known: one, quick, photo, video, audio)`},
		"no content":          {item: `"kind":"video"`, maker: func(context.Context, recipe.Job) ([]recipe.Made, error) { return nil, errors.New("not a video") }, want: "not a video"},
		"a full disk":         {maker: func(context.Context, recipe.Job) ([]recipe.Made, error) { return nil, full }, want: "the worker's disk is full: write x: no space left on device"},
		"too slow": {item: `"recipe":"quick"`, want: "took longer than 1s", maker: func(ctx context.Context, _ recipe.Job) ([]recipe.Made, error) {
			<-ctx.Done()
			return nil, errors.New("signal: killed")
		}},
		"too slow for the worker": {item: `"recipe":"one"`, limits: recipe.Limits{Time: strict.Duration(50 * time.Millisecond)}, want: "took longer than 50ms", maker: func(ctx context.Context, _ recipe.Job) ([]recipe.Made, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		"too much made": {item: `"recipe":"quick"`, want: "its files take more disk than 1MiB", maker: func(_ context.Context, job recipe.Job) ([]recipe.Made, error) {
			return []recipe.Made{{Name: "a.jpg"}}, os.WriteFile(filepath.Join(job.Folder, "a.jpg"), make([]byte, 2<<20), 0o600)
		}},
		"endless": {limits: recipe.Limits{Disk: 1 << 20}, want: "its files take more disk than 1MiB", maker: func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
			f, err := os.Create(filepath.Join(job.Folder, "1024.jpg"))
			if err != nil {
				return nil, err
			}
			defer f.Close()
			for ctx.Err() == nil {
				_, _ = f.Write(make([]byte, 64<<10))
				time.Sleep(time.Millisecond)
			}
			return nil, ctx.Err()
		}},
		"a huge input": {limits: recipe.Limits{Disk: 3}, want: "its files take more disk than 3B"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.maker == nil {
				c.maker = copies
			}
			s := newStudio(t, simple, all(c.maker))
			s.put(t, "a.jpg", "\xff\xd8\xff photo")
			results := &box{}
			s.Limits, s.Results = c.limits, results
			if c.input == "" {
				c.input = "@/a.jpg"
			}
			if c.item != "" {
				c.item = "," + c.item
			}
			item := s.try("id", fmt.Sprintf(`{"input":%q,"output":"@/out","batch":"b"%s}`, c.input, c.item))
			item.Number, item.Last = 3, true
			_, err := do(t.Context(), s.Media, item)
			want := strings.ReplaceAll(c.want, "DIR", s.dir)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, want %s", err, want)
			}
			if got := s.outputs(t); got != "" {
				t.Errorf("made %s", got)
			}
			if err := s.Failed(t.Context(), item, err); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(err.Error(), "not an item") {
				return // nobody knows where its outputs would be
			}
			f := s.failed(t, results)
			if !strings.Contains(f.Reason, want) || f.Item != "id" || f.Batch != "b" || f.Tries != 3 || !f.Last || f.Worker != "i-1" || f.At.IsZero() {
				t.Errorf("%+v", f)
			}
			if left, _ := os.ReadDir(s.scratch); len(left) != 0 {
				t.Errorf("scratch holds %v", left)
			}
		})
	}
}

// What failed once and is done later has no failure beside it.
func TestAFailureIsForgottenWhenItIsDone(t *testing.T) {
	s := newStudio(t, simple, all(maker(copies)))
	results := &box{}
	s.Results = results
	item := s.try("id", `{"input":"@/a.jpg","output":"@/out"}`)
	_, err := do(t.Context(), s.Media, item)
	if err := s.Failed(t.Context(), item, err); err != nil {
		t.Fatal(err)
	}
	s.failed(t, results)
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	if _, err := do(t.Context(), s.Media, item); err != nil {
		t.Fatal(err)
	}
	if got := s.outputs(t); got != "1024.jpg 150.jpg manifest.json" {
		t.Errorf("there is %s", got)
	}
	if m := s.manifest(t, ""); !strings.Contains(results.got[1], `"id":"`+m.Digest+`"`) || m.Recipe != "photo" || m.Inputs[0].SHA256 == "" ||
		m.Outputs[0].Width != 4 || m.Outputs[0].Type != "image/jpeg" || m.Outputs[0].Bytes != 9 || m.Worker != "i-1" || m.Version != "v1" || m.Tries != 1 {
		t.Errorf("%+v\n%s", m, results.got[1])
	}
}

// Finished work is repeated only where something is different.
func TestFinishedWorkIsNotRepeated(t *testing.T) {
	made := 0
	s := newStudio(t, simple, all(maker(func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
		made++
		return copies(ctx, job)
	})))
	results := &box{}
	s.Results = results
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	again := func(what, said string, want int) {
		t.Helper()
		before, told := made, len(results.got)
		if _, err := do(t.Context(), s.Media, s.try(what, said)); err != nil {
			t.Fatal(err)
		}
		if made-before != want {
			t.Errorf("%s: made %d times, want %d", what, made-before, want)
		}
		if len(results.got) != told+1 {
			t.Errorf("%s: %d results", what, len(results.got)-told)
		}
		if m := s.manifest(t, ""); m.Item != what {
			t.Errorf("%s: the manifest speaks of item %s", what, m.Item)
		}
	}
	const item = `{"recipe":"one","input":"@/a.jpg","output":"@/out"}`
	again("first", item, 1)
	again("the same", item, 0)
	again("another recipe", `{"recipe":"quick","input":"@/a.jpg","output":"@/out"}`, 1)
	again("the first", item, 1)
	again("other values", `{"recipe":"one","input":"@/a.jpg","output":"@/out","values":{"x":"y"}}`, 1)
	again("those again", `{"recipe":"one","input":"@/a.jpg","output":"@/out","values":{"x":"y"}}`, 0)
	s.put(t, "a.jpg", "\xff\xd8\xff phota")
	again("another content", `{"recipe":"one","input":"@/a.jpg","output":"@/out","values":{"x":"y"}}`, 1)
	if err := os.Remove(filepath.Join(s.dir, "out/a.jpg")); err != nil {
		t.Fatal(err)
	}
	again("an output was removed", `{"recipe":"one","input":"@/a.jpg","output":"@/out","values":{"x":"y"}}`, 1)
	if err := os.WriteFile(filepath.Join(s.dir, "out/manifest.json"), []byte(`{"digest":`), 0o600); err != nil {
		t.Fatal(err)
	}
	again("a damaged manifest", `{"recipe":"one","input":"@/a.jpg","output":"@/out","values":{"x":"y"}}`, 1)
}

// broken is a queue, and a database, that does not answer for a while.
type broken struct{ fails int }

func (b *broken) Send(context.Context, []byte) (string, error) { return "", b.call() }

func (b *broken) Save(context.Context, recipe.Manifest) error { return b.call() }

func (b *broken) call() error {
	if b.fails--; b.fails >= 0 {
		return errSilent
	}
	return nil
}

// A short outage of a database is waited out; a long one is a failed try, after which
// the work is not done again.
func TestAnOutageOfWhatIsTold(t *testing.T) {
	made := 0
	s := newStudio(t, simple, all(maker(func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
		made++
		return copies(ctx, job)
	})))
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	item := s.try("id", `{"input":"@/a.jpg","output":"@/out"}`)
	for name, c := range map[string]struct {
		rows    worker.Rows
		results *broken
		want    string
	}{
		"a short one":    {rows: &broken{fails: 2}},
		"of results":     {results: &broken{fails: 1000}, want: "the result could not be sent: no answer"},
		"of a database":  {rows: &broken{fails: 1000}, want: "the outputs are stored, and the database could not be told: no answer"},
		"a short one, 2": {results: &broken{fails: 1}},
	} {
		s.Rows, s.Results, s.Patient = c.rows, nil, 2*time.Second
		if c.results != nil {
			s.Results = c.results
		}
		if c.want != "" {
			s.Patient = 50 * time.Millisecond
		}
		_, err := do(t.Context(), s.Media, item)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}
