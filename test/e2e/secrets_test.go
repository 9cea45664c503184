package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skynet/test/processes"
)

// canaries are secrets, by what they are. Each is a word of its own, so that whatever
// shows one is found.
var canaries = map[string]string{
	"AWS secret key":              "canaryAwsSecretKey00000000000000000000aa",
	"AWS session token":           "canaryAwsSessionToken",
	"variable of the controller":  "canaryControllerVariable",
	"token of the API":            "canaryTokenOfTheApi0123456789",
	"parameter of a signal's URL": "canarySignalParameter",
	"header of a signal":          "canarySignalHeader",
	"token file of a signal":      "canarySignalTokenFile",
	"token file of Prometheus":    "canaryPrometheusTokenFile",
	"webhook's address":           "canaryWebhookAddress",
	"token file of a webhook":     "canaryWebhookTokenFile",
	"password of the database":    "canaryDatabasePassword",
	"header for the collector":    "canaryCollectorHeader",
	"variable of the workers":     "canaryWorkerVariable",
}

// finds names the canaries in a text.
func finds(text []byte) (found []string) {
	for what, canary := range canaries {
		if bytes.Contains(text, []byte(canary)) {
			found = append(found, what)
		}
	}
	return found
}

// parrot is a server that refuses everything, and repeats all that it was told.
type parrot struct {
	*httptest.Server
	mu   sync.Mutex
	told [][]byte // bodies
	by   map[string]bool
}

func newParrot(t *testing.T) *parrot {
	p := &parrot{by: map[string]bool{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.repeat))
	t.Cleanup(p.Close)
	return p
}

func (p *parrot) repeat(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	p.mu.Lock()
	p.told, p.by[strings.SplitN(r.URL.Path, "/", 3)[1]] = append(p.told, body), true
	p.mu.Unlock()
	var all strings.Builder
	fmt.Fprintf(&all, "%s %s ", r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	for name, values := range r.Header {
		fmt.Fprintf(&all, "%s: %s; ", name, values)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, `{"status":"error","errorType":"bad_data","error":%q,"message":%q}`, all.String()+r.URL.String(), all.String())
}

// asked reports whether everybody has asked it who is to.
func (p *parrot) asked(who ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range who {
		if !p.by[w] {
			return fmt.Errorf("nobody asked for %s: %v", w, p.by)
		}
	}
	return nil
}

// database is a PostgreSQL server that asks for the password in the clear, refuses it
// and repeats it. https://www.postgresql.org/docs/current/protocol-flow.html
func database(t *testing.T) (address string, refused *sync.WaitGroup) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	refused = &sync.WaitGroup{}
	refused.Add(1)
	go func() {
		var once sync.Once
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if deny(c) {
				once.Do(refused.Done)
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String(), refused
}

func deny(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return false
	}
	if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head))-4); err != nil {
		return false
	}
	_, _ = c.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
	kind := make([]byte, 5)
	if _, err := io.ReadFull(c, kind); err != nil || kind[0] != 'p' {
		return false
	}
	password := make([]byte, binary.BigEndian.Uint32(kind[1:])-4)
	_, _ = io.ReadFull(c, password)
	said := fmt.Appendf(nil, "SFATAL\x00C28P01\x00Mwrong password %s\x00\x00", bytes.TrimRight(password, "\x00"))
	answer := binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(said)+4))
	_, _ = c.Write(append(answer, said...))
	return true
}

// guarded writes settings with every kind of secret.
func guarded(t *testing.T, s *site, p *parrot, database string) {
	keep := func(name, what string) string {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, []byte(canaries[what]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s.write("skynet.yaml", fmt.Sprintf(`interval: 1s
listen: 127.0.0.1:0
access: {token_file: %q}
state_dir: %q
queues:
  - {name: media, url: "nats://embedded/media", visibility: %s, tries: 3}
signals:
  - {name: user.asked, http_json: {url: "%s/parameter?key=%s", field: n}}
  - {name: user.told, http_json: {url: "%s/header", field: n, headers: [{name: X-Key, value: %q}]}}
  - {name: user.shown, http_json: {url: "%s/token", field: n, token_file: %q}}
  - {name: user.queried, prometheus: {url: "%s", query: up, token_file: %q}}
notify:
  - {name: chat, webhook: "%s/hook/%s", token_file: %q}
telemetry: {endpoint: "%s"}
fleets:
  - name: render
    queues: [media]
    policy: render.policy.yaml
    local:
      slots: 1
      heartbeat: 500ms
      stores: [%q, %q]
      env: [{name: SOME_KEY, value: %q}]
      database: {url: "postgres://me:%s@%s/db?sslmode=disable"}
`, keep("api.token", "token of the API"), s.state(), visibility,
		p.URL, canaries["parameter of a signal's URL"], p.URL, canaries["header of a signal"],
		p.URL, keep("signal.token", "token file of a signal"), p.URL, keep("prometheus.token", "token file of Prometheus"),
		p.URL, canaries["webhook's address"], keep("webhook.token", "token file of a webhook"), p.URL,
		fileURL(filepath.Dir(media.good)), fileURL(s.results()), canaries["variable of the workers"], canaries["password of the database"], database))
}

// TestSecretsAreNowhere runs the programs with secrets wherever secrets may be, against
// servers that repeat what they are told in their refusals, and looks for them wherever
// somebody else may look.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	s, p := newSite(t, plan{min: 1, max: 1}), newParrot(t)
	address, refused := database(t)
	guarded(t, s, p, address)
	variables := []string{
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=" + canaries["AWS secret key"], "AWS_SESSION_TOKEN=" + canaries["AWS session token"],
		"ANY_KEY=" + canaries["variable of the controller"], "OTEL_EXPORTER_OTLP_HEADERS=x-key=" + canaries["header for the collector"],
	}
	env, err := filepath.EvalSymlinks("/usr/bin/env")
	if err != nil {
		t.Skipf("no env: %v", err)
	}
	daemon := start(t, s.dir, "run-1", env, append(variables, skynet, "run", "--config", s.config(), "--log-level", "debug")...)
	await(t, "the daemon to run", patient, func() error {
		if !strings.Contains(daemon.Said(), "\truns\t") {
			return fmt.Errorf("it has said %q", daemon.Said())
		}
		return nil
	})
	s.awaitWorkers(1)
	s.send(media.photo)
	await(t, "everybody to ask", patient, func() error { return p.asked("parameter", "header", "token", "api", "v1") })
	refused.Wait()
	list(t, s)
	all := map[string][]byte{}
	look(t, s, daemon, all)
	crash(t, s, daemon, all)
	s.disconnect()
	remains(t, s, all)
	for i, body := range p.told {
		all[fmt.Sprint("body ", i, " of a request")] = body
	}
	for where, text := range all {
		if found := finds(text); len(found) > 0 {
			t.Errorf("%s: shows the %s\n%s", where, strings.Join(found, ", the "), around(text))
		}
	}
}

// around is where in a text a canary is.
func around(text []byte) string {
	i := bytes.Index(text, []byte("canary"))
	return fmt.Sprintf("%q", text[max(0, i-200):min(len(text), i+60)])
}

// list holds the process list to what is nobody's secret, and the workers'
// environments to what is theirs.
func list(t *testing.T, s *site) {
	t.Helper()
	for _, one := range processes.Of(s.dir) {
		if found := finds([]byte(strings.Join(one.Command, " "))); len(found) > 0 {
			t.Errorf("the process list shows the %v: %s", found, one)
		}
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", one.PID))
		for _, what := range finds(environ) {
			ofController := one.Instance == "" && (strings.HasPrefix(what, "AWS") || what == "variable of the controller" || what == "header for the collector")
			if !ofController && what != "variable of the workers" {
				t.Errorf("%s has the %s in its environment", one, what)
			}
		}
	}
}

// look asks everything that can be asked.
func look(t *testing.T, s *site, daemon *process, all map[string][]byte) {
	t.Helper()
	said := daemon.Said()
	at := strings.Index(said, "http://127.0.0.1:")
	if at < 0 {
		t.Fatalf("the daemon does not say where its page is: %s", said)
	}
	base := strings.TrimRight(strings.FieldsFunc(said[at:], func(r rune) bool { return r == '"' || r <= ' ' })[0], "/")
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/signals?fleet=render", "/api/v1/ticks?fleet=render", "/api/v1/history?fleet=render", "/api/v1/forecast?fleet=render", "/no/such"} {
		r, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		all[path], _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	for _, args := range [][]string{
		{"status", "--config", s.config()}, {"status", "--config", s.config(), "--output", "json"}, {"explain", "--config", s.config(), "--all"},
		{"explain", "--config", s.config(), "--all", "--output", "json"}, {"signals", "--config", s.config()}, {"signals", "--config", s.config(), "--output", "json"},
		{"check", s.config()}, {"check", "--output", "json", s.config()}, {"notify", "--config", s.config(), "chat"}, {"schema", "settings"}, {"run", "--help"},
		{"run", "--config", s.config()}, {"pause", "--config", s.config(), "--for", "1h", "--why", "by hand"},
	} {
		r := call(t, skynet, args...)
		all["skynet "+strings.Join(args[:1], " ")+" "+args[len(args)-1]] = []byte(r.out + r.err)
	}
	settings := filepath.Join(s.state(), "workers", "render.yaml")
	r := call(t, worker, "submit", "--config", settings, "--input", "https://me:submitted-word@h/x.jpg?k=submitted-word", "--output", "ftp://x")
	if strings.Contains(r.out+r.err, "submitted-word") {
		t.Errorf("submit shows a secret of an item: %+v", r)
	}
}

// crash ends both programs as a fault would, with all that their goroutines do.
func crash(t *testing.T, s *site, daemon *process, all map[string][]byte) {
	t.Helper()
	for _, pid := range workers(s.dir) {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
	}
	await(t, "the worker's dump", patient, func() error {
		logs, _ := filepath.Glob(filepath.Join(s.state(), "logs", "*"))
		for _, l := range logs {
			if strings.Contains(read(l), "goroutine ") {
				return nil
			}
		}
		return fmt.Errorf("there is none in %v", logs)
	})
	daemon.signal(syscall.SIGQUIT)
	daemon.wait(patient)
	if !strings.Contains(daemon.Said(), "goroutine ") {
		t.Error("the daemon left no dump")
	}
	all["what the daemon said"] = []byte(daemon.Said())
}

// remains takes in every file that is left but those which are the secrets' own, which
// nobody else may read; nor may anybody enter the state folder, or change what is in it.
func remains(t *testing.T, s *site, all map[string][]byte) {
	t.Helper()
	endAll(s.dir)
	own := map[string]bool{s.config(): true, filepath.Join(s.state(), "workers", "render.yaml"): true}
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() && !e.IsDir() {
			return err
		}
		at, err := e.Info()
		if err != nil {
			return err
		}
		private := strings.HasSuffix(path, "token") || filepath.Dir(path) == filepath.Join(s.state(), "workers")
		if mode := at.Mode().Perm(); mode&0o022 != 0 || private && mode&0o077 != 0 || path == s.state() && mode&0o007 != 0 {
			t.Errorf("%s is open to others: %s", path, mode)
		}
		if e.IsDir() || own[path] || strings.HasSuffix(path, ".token") {
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = text
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
