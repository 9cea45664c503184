package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// ask tells the cache some requests, each with a body or none, and returns the answers
// after its greeting.
func ask(t *testing.T, from, to, without string, requests ...any) (answers []response) {
	t.Helper()
	var in, out bytes.Buffer
	for _, r := range requests {
		if err := json.NewEncoder(&in).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := serve(&in, &out, from, to, without); err != nil {
		t.Fatal(err)
	}
	for lines := json.NewDecoder(&out); ; {
		var a response
		if err := lines.Decode(&a); errors.Is(err, io.EOF) {
			return answers[1:]
		} else if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
}

var (
	action  = bytes.Repeat([]byte{1}, 32)
	output  = bytes.Repeat([]byte{2}, 32)
	another = bytes.Repeat([]byte{3}, 32)
)

func put(id int64, body string) []any {
	return []any{request{ID: id, Command: "put", ActionID: action, OutputID: output, BodySize: int64(len(body))}, []byte(body)}
}

func TestCacheKeepsWhatIsBuilt(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	requests := append(put(1, "an object"),
		request{ID: 2, Command: "get", ActionID: action},
		request{ID: 3, Command: "get", ActionID: another},
		request{ID: 4, Command: "steal"},
		request{ID: 5, Command: "close"})
	a := ask(t, from, to, "", requests...)
	if len(a) != 5 || a[0].Err != "" || a[1].Miss || !a[2].Miss || a[3].Err == "" || a[4].ID != 5 {
		t.Fatalf("answers %+v", a)
	}
	if text, err := os.ReadFile(a[1].DiskPath); err != nil || string(text) != "an object" || a[1].Size != 9 || !bytes.Equal(a[1].OutputID, output) {
		t.Errorf("kept %q as %+v: %v", text, a[1], err)
	}
	if left, err := os.ReadDir(from); err != nil || len(left) > 0 {
		t.Errorf("it writes into the cache it reads: %v %v", left, err)
	}
}

// What holds a word is built anew, once; the rest is read.
func TestCacheIsReadWithoutSome(t *testing.T) {
	from := t.TempDir()
	ask(t, t.TempDir(), from, "", put(1, "skynet/policy: an object")...)
	for without, miss := range map[string]bool{"": false, "other/": false, "skynet/": true, "other/,skynet/": true} {
		to := t.TempDir()
		a := ask(t, from, to, without, request{ID: 1, Command: "get", ActionID: action})
		if a[0].Miss != miss {
			t.Errorf("without %q: %+v", without, a[0])
		}
		ask(t, from, to, without, put(1, "skynet/policy: built anew")...)
		if a := ask(t, from, to, without, request{ID: 2, Command: "get", ActionID: action}); a[0].Miss || !strings.HasPrefix(a[0].DiskPath, to) {
			t.Errorf("without %q, what was built is not read: %+v", without, a[0])
		}
	}
}

// A cache that is laid out otherwise costs time, and nothing else.
func TestCacheThatIsNone(t *testing.T) {
	for name, line := range map[string]string{
		"empty": "", "words": "nothing to see here now", "another version": "v2 01 02 3 4", "no hash": "v1 01 zz 3 4",
		"no size": "v1 01 02 three 4", "nothing there": "v1 01 02 3 4",
	} {
		from := t.TempDir()
		if err := keep(place(from, action, "a"), []byte(line)); err != nil {
			t.Fatal(err)
		}
		if a := ask(t, from, t.TempDir(), "", request{ID: 1, Command: "get", ActionID: action}); !a[0].Miss {
			t.Errorf("%s: %+v", name, a[0])
		}
	}
}
