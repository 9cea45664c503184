package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"skynet/worker"
	"skynet/worker/store"
)

var _ worker.Stores = (*store.Stores)(nil)

// deliver puts files into a folder under their own names, one after the other.
func deliver(ctx context.Context, s *store.Stores, folder string, files []string) (urls []string, bytes int64, err error) {
	for _, f := range files {
		u, n, err := s.Put(ctx, folder, filepath.Base(f), f)
		if err != nil {
			return urls, bytes, err
		}
		urls, bytes = append(urls, u), bytes+n
	}
	return urls, bytes, nil
}

func TestMain(m *testing.M) {
	if os.Getenv("STORE_TEST_DELIVER") != "" {
		deliverForEver()
	}
	os.Exit(m.Run())
}

// deliverForEver delivers a file that never ends, until it is killed.
func deliverForEver() {
	s, err := store.Open(context.Background(), "file://"+os.Args[1])
	if err != nil {
		panic(err)
	}
	_, _, err = deliver(context.Background(), s, "file://"+os.Args[1]+"/out", []string{os.Args[2]})
	panic(fmt.Sprint("delivered: ", err))
}

// open opens a file store with a photo in it, and returns its folder too.
func open(t *testing.T) (*store.Stores, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media")
	s, err := store.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	write(t, filepath.Join(dir, "a photo.jpg"), "photo")
	return s, dir
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// files lists all files below dir.
func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			p, _ = filepath.Rel(dir, p)
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFetchAndDeliver(t *testing.T) {
	s, dir := open(t)
	to := filepath.Join(t.TempDir(), "input")
	n, err := s.Fetch(t.Context(), "file://"+dir+"/a%20photo.jpg", to)
	if b, _ := os.ReadFile(to); err != nil || n != 5 || string(b) != "photo" {
		t.Fatalf("%d bytes, %q, %v", n, b, err)
	}
	made := t.TempDir()
	names := []string{write(t, filepath.Join(made, "1024.jpg"), "large"), write(t, filepath.Join(made, "150.jpg"), "small")}
	for range 2 { // a redelivered item writes the same again
		urls, bytes, err := deliver(t.Context(), s, "file://localhost"+dir+"/results/a photo/", names)
		want := []string{"file://" + dir + "/results/a%20photo/1024.jpg", "file://" + dir + "/results/a%20photo/150.jpg"}
		if err != nil || bytes != 10 || !slices.Equal(urls, want) {
			t.Fatalf("%q, %d bytes, %v", urls, bytes, err)
		}
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a photo.jpg", "results/a photo/1024.jpg", "results/a photo/150.jpg"}) {
		t.Errorf("the store holds %q", got)
	}
}

func TestMemory(t *testing.T) {
	s, err := store.Open(t.Context(), "mem://", "mem://b/below")
	if err != nil {
		t.Fatal(err)
	}
	f := write(t, filepath.Join(t.TempDir(), "x.jpg"), "x")
	for _, u := range []string{"mem:///out", "mem://b/below/out"} {
		if _, _, err := deliver(t.Context(), s, u, []string{f}); err != nil {
			t.Error(err)
		}
		if n, err := s.Fetch(t.Context(), u+"/x.jpg", filepath.Join(t.TempDir(), "y")); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
}

func TestNothingLeadsOutside(t *testing.T) {
	s, dir := open(t)
	secret := write(t, filepath.Join(filepath.Dir(dir), "secret"), "secret")
	for from, to := range map[string]string{"link": secret, "up": filepath.Dir(dir), "etc": "/etc", "rel": "../secret", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []string{
		"", "media/a.jpg", "/etc/passwd", "file:///etc/passwd", "file://" + secret, "FILE:media", "file:" + secret,
		"file://" + dir + "/../secret", "file://" + dir + "/./a", "file://" + dir + "//a", "file://" + dir,
		"file://" + dir + "x/a", "file://" + dir + "/%2e%2e/secret", "file://" + dir + "/..%2fsecret",
		"file://" + dir + `/..\secret`, "file://" + dir + "/..%5Csecret", "file://" + dir + "/a%00b",
		"file://" + dir + "/%252e%252e/secret", "file://" + dir + "/a?no_tmp_dir=1", "file://" + dir + "/a#x",
		"file://user@" + dir + "/a", "file://host" + dir + "/a", "http://169.254.169.254/latest/meta-data",
		"file://" + dir + "/link", "file://" + dir + "/up/secret", "file://" + dir + "/etc/passwd",
		"file://" + dir + "/rel", "file://" + dir + "/loop", "file://" + dir + "/a photo.jpg.attrs", "mem:///x", "s3://bucket/x",
	} {
		to := filepath.Join(t.TempDir(), "input")
		if _, err := s.Fetch(t.Context(), u, to); err == nil {
			b, _ := os.ReadFile(to)
			t.Errorf("fetched %q: %q", u, b)
		}
	}
}

func TestNothingIsWrittenOutside(t *testing.T) {
	s, dir := open(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	f := write(t, filepath.Join(t.TempDir(), "1024.jpg"), "x")
	for _, u := range []string{"file://" + outside, "file://" + dir + "/out", "file://" + dir + "/out/deep/er", "file://" + dir + "/../x"} {
		if urls, _, err := deliver(t.Context(), s, u, []string{f}); err == nil {
			t.Errorf("delivered to %q: %q", u, urls)
		}
	}
	if got := files(t, outside); len(got) != 0 {
		t.Errorf("outside lies %q", got)
	}
}

func TestReasonsAreClear(t *testing.T) {
	s, dir := open(t)
	s.MaxInput = 4
	for u, want := range map[string]string{
		"file://" + dir + "/none.jpg":       "no such object",
		"file://" + dir + "/a%20photo.jpg":  "5 bytes, at most 4 are accepted",
		"file:///elsewhere/a.jpg":           "lies in none of the worker's stores",
		"file://" + dir + "/x/../a.jpg":     `".." are not accepted`,
		"file://" + dir + "/%2e%2e/a.jpg":   "encoded dots and slashes",
		"file://" + dir + "/none.jpg?x=%2f": "only scheme, host and path",
	} {
		if _, err := s.Fetch(t.Context(), u, filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", u, err, want)
		}
	}
	_, err := store.Open(t.Context(), "media", "file://relative/path", "nope://x")
	for _, want := range []string{"store media: want a URL", "file://relative/path: want file:// and an absolute path", "nope"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// Whoever opens a pipe waits for its other end, out of reach of any context.
func TestPipesAreNotOpened(t *testing.T) {
	s, dir := open(t)
	pipe := filepath.Join(dir, "pipe.jpg")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe.jpg", filepath.Join(dir, "link.jpg")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe.jpg", "link.jpg"} {
		u := "file://" + filepath.Join(dir, name)
		_, fetched := s.Fetch(t.Context(), u, filepath.Join(t.TempDir(), "x"))
		_, read := s.Read(t.Context(), u, 100)
		_, size := s.Size(t.Context(), u)
		for _, err := range []error{fetched, read, size} {
			if err == nil || !strings.Contains(err.Error(), name+" is neither a file nor a folder") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestACancelledOutputDoesNotAppear(t *testing.T) {
	s, dir := open(t)
	pipe := filepath.Join(t.TempDir(), "1024.jpg")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err != nil {
			panic(err)
		}
		_, _ = w.WriteString(strings.Repeat("x", 1<<20))
		cancel()
		_ = w.Close()
	}()
	if _, _, err := deliver(ctx, s, "file://"+dir+"/out", []string{pipe}); !errors.Is(err, context.Canceled) {
		t.Errorf("err %v", err)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a photo.jpg"}) {
		t.Errorf("the store holds %q", got)
	}
}

func TestAnOutputThatCannotBeReadDoesNotAppear(t *testing.T) {
	s, dir := open(t)
	if _, _, err := deliver(t.Context(), s, "file://"+dir+"/out", []string{t.TempDir()}); err == nil {
		t.Error("delivered a folder")
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a photo.jpg"}) {
		t.Errorf("the store holds %q", got)
	}
}

func TestAKilledWorkerLeavesNothingThatLooksLikeAnOutput(t *testing.T) {
	dir, pipe := t.TempDir(), filepath.Join(t.TempDir(), "1024.jpg")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], dir, pipe)
	cmd.Env = append(os.Environ(), "STORE_TEST_DELIVER=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(strings.Repeat("x", 1<<20)) // far more than a pipe holds: it is writing
	_ = w.Flush()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	got := files(t, dir)
	if len(got) != 1 || !strings.HasSuffix(got[0], ".tmp") {
		t.Errorf("a killed worker leaves %q, want one temporary file", got)
	}
}
