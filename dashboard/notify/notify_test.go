package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skynet/dashboard/health"
)

// sender fails as often as it is told to.
type sender struct {
	mu    sync.Mutex
	fails int
	err   error
	hang  bool
	at    []time.Duration // of each try, since it was made
	began time.Time
	got   []Message
}

func (s *sender) Send(ctx context.Context, body []byte) error {
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Since(s.began).Round(time.Second))
	if s.fails > 0 {
		s.fails--
		return s.err
	}
	var m Message
	_ = json.Unmarshal(body, &m)
	s.got = append(s.got, m)
	return nil
}

func TestTries(t *testing.T) {
	const s = time.Second
	broken := errors.New("broken")
	for _, c := range []struct {
		name  string
		fails int
		err   error
		tries string
		ok    bool
	}{
		{"at once", 0, nil, "[0s]", true},
		{"the third time", 2, broken, "[0s 2s 12s]", true},
		{"never", 99, broken, "[0s 2s 12s 1m12s 6m12s]", false},
		{"for good", 99, Final{broken}, "[0s]", false},
		{"when it says", 1, later{broken, 90 * s}, "[0s 1m30s]", true},
		{"not when it says a day", 1, later{broken, 24 * 3600 * s}, "[0s 5m0s]", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				to := &sender{fails: c.fails, err: c.err, began: time.Now()}
				err := Deliver(t.Context(), to, []byte("{}"))
				if fmt.Sprint(to.at) != c.tries || (err == nil) != c.ok {
					t.Errorf("tried at %v, %v", to.at, err)
				}
			})
		})
	}
}

// counted is what became of messages.
type counted struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counted) told(target, outcome string, _ Message, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[target+" "+outcome]++
}

// One target hangs, another gets every message, each what it asked for; a tick waits
// for neither.
func TestATargetThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well, picky := &sender{hang: true}, &sender{began: time.Now()}, &sender{began: time.Now()}
		c := &counted{n: map[string]int{}}
		n := Start([]Target{{"hung", nil, hung}, {"well", nil, well}, {"picky", []string{"budget"}, picky}},
			Options{Told: c.told, Watch: Watch{Interval: time.Minute}})
		n.Act("render")
		for i := range 500 {
			begun := time.Now()
			n.See(health.Fleet{Name: "render", At: time.Now(), Decided: true, Open: i%2 == 0})
			if took := time.Since(begun); took > 0 {
				t.Fatalf("a tick waited for %s", took)
			}
			time.Sleep(time.Minute)
		}
		begun := time.Now()
		n.Close()
		if took := time.Since(begun); took > closing {
			t.Errorf("closing took %s", took)
		}
		if len(well.got) != 500 || len(picky.got) != 0 || c.n["well sent"] != 500 {
			t.Errorf("well got %d, picky %d, %v", len(well.got), len(picky.got), c.n)
		}
		if all := c.n["hung failed"] + c.n["hung dropped"]; all != 500 || c.n["hung dropped"] < 300 {
			t.Errorf("%v", c.n)
		}
	})
}

// Ticks that come faster than they can be judged are left out; none waits.
func TestNobodyToTell(t *testing.T) {
	var n *Notifier
	n.Act("render")
	n.See(health.Fleet{})
	n.Close()
	if Start(nil, Options{}) != nil {
		t.Error("there is a notifier without targets")
	}
}

func TestTheMessageIsThereAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &sender{began: time.Now()}
		n := Start([]Target{{Name: "oncall", To: to}}, Options{Watch: Watch{Interval: time.Minute}})
		n.Act("render")
		n.See(health.Fleet{Name: "render", At: time.Now(), Decided: true, Open: true, Dead: 3, Deaths: "the last 3 launches never became workers"})
		n.Close()
		if len(to.got) != 1 || to.got[0].Occasion != "breaker" {
			t.Errorf("got %+v", to.got)
		}
		n.See(health.Fleet{Name: "render"}) // a tick that ends late harms nobody
	})
}

// hook serves answers, one after the other, and keeps what it was sent.
func hook(t *testing.T, answers ...func(http.ResponseWriter)) (url string, got func() []*http.Request, bodies func() []string) {
	var mu sync.Mutex
	var requests []*http.Request
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		requests, all = append(requests, r), append(all, string(body))
		if n := len(requests); n <= len(answers) {
			answers[n-1](w)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []*http.Request { mu.Lock(); defer mu.Unlock(); return requests }, func() []string { mu.Lock(); defer mu.Unlock(); return all }
}

func status(code int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, text, code) }
}

func TestWebhook(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("SECRET-TOKEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url, got, bodies := hook(t)
	if err := NewWebhook(url+"/services/SECRET", token).Send(t.Context(), []byte(`{"text":"hi"}`)); err != nil {
		t.Fatal(err)
	}
	r := got()[0]
	if r.Method != http.MethodPost || r.URL.Path != "/services/SECRET" || r.Header.Get("Content-Type") != "application/json" ||
		r.Header.Get("Authorization") != "Bearer SECRET-TOKEN" || bodies()[0] != `{"text":"hi"}` {
		t.Errorf("got %+v %q", r, bodies())
	}
}

func TestWebhookThatFails(t *testing.T) {
	final, wait := new(Final), new(later)
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   string
		as     any
	}{
		{"refused", status(404, "no_service\x1b[31m"), "answered 404: no_service [31m", final},
		{"broken", status(500, strings.Repeat("é", 5000)), "answered 500: ééé", nil},
		{"busy", func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "answered 429", wait},
		{"away", func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(http.StatusFound)
		}, "answered 302", final},
		{"hangs up", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "EOF", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, _, _ := hook(t, c.answer)
			err := NewWebhook(url+"/services/SECRET", "").Send(t.Context(), []byte("{}"))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") || len(err.Error()) > 600 {
				t.Fatalf("got %v", err)
			}
			if c.as != nil && !errors.As(err, c.as) || c.as == nil && errors.As(err, new(Final)) {
				t.Errorf("%v is of another kind", err)
			}
		})
	}
	if wait.after != 90*time.Second {
		t.Errorf("waits for %s", wait.after)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	err := NewWebhook(closed.URL+"/SECRET", "").Send(t.Context(), nil)
	if err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "two words"} {
		token := filepath.Join(t.TempDir(), "token")
		_ = os.WriteFile(token, []byte(text), 0o600)
		if err := NewWebhook(closed.URL, token).Send(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "token file") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCommand(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	err := Command{Args: []string{script(t, `cat > "$1"; echo "$2" >> "$1"`), out, "a b; c"}}.Send(t.Context(), []byte(`{"text":"hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); string(got) != "{\"text\":\"hi\"}a b; c\n" {
		t.Errorf("got %q", got)
	}
	if err := (Command{Args: []string{script(t, "exit 0")}}).Send(t.Context(), make([]byte, 1<<20)); err != nil {
		t.Errorf("one that does not read: %v", err)
	}
	err = Command{Args: []string{script(t, "echo some words >&2; head -c 100000 /dev/zero; echo last words; exit 3")}}.Send(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || len(err.Error()) > 600 {
		t.Errorf("got %v", err)
	}
	if err = (Command{Args: []string{"/nowhere/program"}}).Send(t.Context(), nil); err == nil {
		t.Error("one that is not there")
	}
}

// A program has what programs need, what its command gives it, and nothing else that we
// know by our environment.
func TestCommandSeesNoSecretsOfOurs(t *testing.T) {
	for name, value := range map[string]string{"AWS_SECRET_ACCESS_KEY": "hush", "NOTIFY_SOCKET": "/run/systemd/notify", "SKYNET_PROMETHEUS_URL": "http://hush",
		"TZ": "Europe/Berlin", "LANG": "C.UTF-8"} {
		t.Setenv(name, value)
	}
	out := filepath.Join(t.TempDir(), "out")
	command := Command{Args: []string{"/usr/bin/env", "DESK=3 left", script(t, `env > "$1"`), out}}
	if err := command.Send(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(out)
	for _, want := range []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TZ=Europe/Berlin", "LANG=C.UTF-8", "DESK=3 left"} {
		if !strings.Contains("\n"+string(got), "\n"+want+"\n") {
			t.Errorf("it has no %s in\n%s", want, got)
		}
	}
	for _, not := range []string{"hush", "AWS_", "SKYNET_", "NOTIFY_"} {
		if strings.Contains(string(got), not) {
			t.Errorf("it sees %s in\n%s", not, got)
		}
	}
}

// A program that hangs is ended, and so is what it has started.
func TestCommandThatHangs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	begun := time.Now()
	err := Command{Args: []string{script(t, `sleep 600 & echo $! > "$1"; wait`), file}, Timeout: 200 * time.Millisecond}.Send(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "did not end within 200ms") || time.Since(begun) > 5*time.Second {
		t.Fatalf("got %v after %s", err, time.Since(begun))
	}
	pid, _ := os.ReadFile(file)
	for ended := false; !ended; { // it was killed, and takes a moment to be gone
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		ended = err != nil || strings.Contains(string(state), ") Z ")
		if !ended && time.Since(begun) > 10*time.Second {
			t.Fatalf("what it has started goes on: %s", state)
		}
	}
}

// The document is as docs/notifications.md has it.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, ok := strings.Cut(rest, "```")
	var m Message
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || !ok {
		t.Fatalf("%v in %s", err, text)
	}
	v := reflect.ValueOf(m)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not in the example", v.Type().Field(i).Name)
		}
	}
}
