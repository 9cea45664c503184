//go:build linux

// Package hostile sends the real worker all that a stranger may send: items that name
// other places, files that are no media, media that names other places, and programs
// that do as they please where a file has got hold of them. Good items go among them.
// What counts is what is there in the end: the good ones are done, nothing outside the
// worker's stores was read or written, nobody has heard from it, no secret is in what
// it made or said, nothing of it runs any more.
package hostile

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"skynet/queue/nats"
	"skynet/test/embedded"
	"skynet/test/programs"
)

var program string // the worker

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "skynet-hostile-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "skynet-worker")
	if err := programs.Build(context.Background(), dir, "skynet-worker"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// canary is in every secret.
const canary = "cANaRy-7c1f"

// site is a machine with a worker on it.
type site struct {
	*testing.T
	dir   string
	queue *nats.Queue
	trap  *trap
}

// newSite has stores (media, results), secrets beside them, and a trap.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir(), trap: newTrap(t)}
	var server *nats.Server
	server, s.queue = embedded.Queue(t, filepath.Join(s.dir, "queue"), nats.Config{Name: "media", Visibility: 30 * time.Second, Tries: 1})
	for _, name := range []string{"secret.txt", "secret.jpg", "secrets/credentials", "secrets/index.m3u8"} {
		s.write(name, canary)
	}
	s.write("recipes.yaml", recipes)
	s.write("worker.yaml", fmt.Sprintf(`fleet: render
metadata: off
heartbeats: off
queues: [{name: media, url: "%s/media", visibility: 30s, tries: 1}]
nats: {token_file: %q}
stores: [%q, %q]
recipes: recipes.yaml
scratch: %q
slots: 4
limits: {time: 60s, memory: 512MiB, disk: 64MiB, pixels: 10000000}
`, server.URL(), server.TokenFile(), s.url("media"), s.url("results"), filepath.Join(s.dir, "scratch")))
	return s
}

// recipes are those of an operator who runs programs on strangers' files. captive is a
// program that does whatever the file says: the worst that a flaw in one can come to.
const recipes = `
recipes:
  - name: captive
    limits: {time: 4s, memory: 256MiB, disk: 8MiB}
    outputs: [{name: "*.txt", command: {run: [/bin/bash, "{input}"]}}]
  - name: small
    outputs: [{name: small.jpg, image: [{do: orient}, {do: resize, width: 32}]}]
  - name: film
    outputs: [{name: film.mp4, video: [{do: encode, preset: ultrafast}]}]
  - name: sound
    outputs: [{name: a.mp3, audio: [{do: encode}]}]
  - name: named
    outputs: [{name: "{who}.jpg", image: [{do: orient}]}]
`

func (s *site) url(name string) string { return "file://" + filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// send sends an item, with the site's folder for @ and the trap's address for TRAP.
func (s *site) send(item string) {
	s.Helper()
	if _, err := s.queue.Send(s.Context(), []byte(s.filled(item))); err != nil {
		s.Fatal(err)
	}
}

func (s *site) filled(text string) string {
	return strings.NewReplacer("@", "file://"+s.dir, "DIR", s.dir, "TRAP", s.trap.address, "meAT", "me@").Replace(text)
}

// start starts the worker with secrets in its environment.
func (s *site) start() (c *exec.Cmd, log string) {
	s.Helper()
	log = filepath.Join(s.dir, "worker.log")
	said, err := os.Create(log)
	if err != nil {
		s.Fatal(err)
	}
	defer said.Close()
	c = exec.Command(program, "run", "--config", filepath.Join(s.dir, "worker.yaml"))
	c.Env = append(os.Environ(), "AWS_SECRET_ACCESS_KEY="+canary, "AWS_CONTAINER_AUTHORIZATION_TOKEN="+canary,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://"+s.trap.address+"/credentials", "DATABASE_PASSWORD="+canary)
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return c, log
}

// holding lists the files below a folder that hold a canary.
func (s *site) holding(folder string) (found []string) {
	s.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, folder), func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(file)
		if bytes.Contains(text, []byte(canary)) {
			found = append(found, file)
		}
		return err
	})
	if err != nil {
		s.Error(err)
	}
	return found
}

// trap counts who calls: it stands for the metadata service and the rest of the network.
type trap struct {
	address string // host:port, of TCP and UDP
	calls   atomic.Int64
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &trap{address: l.Addr().String()}
	u, err := net.ListenPacket("udp", x.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = u.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			x.calls.Add(1)
			_ = c.Close()
		}
	}()
	go func() {
		for b := make([]byte, 64); ; {
			if _, _, err := u.ReadFrom(b); err != nil {
				return
			}
			x.calls.Add(1)
		}
	}()
	return x
}

// photo is a small JPEG.
func photo(t *testing.T, seed uint8) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range 64 * 48 {
		img.Set(i%64, i/64, color.RGBA{uint8(i), seed, uint8(i / 64), 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
