package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/worker/store"
)

// listed are the URLs below a folder, sorted, without what they begin with.
func listed(t *testing.T, s *store.Stores, folder, without string) (names []string) {
	t.Helper()
	err := s.List(t.Context(), folder, func(url string, bytes int64, written time.Time) error {
		if bytes != 1 || time.Since(written) > time.Hour || written.IsZero() {
			t.Errorf("%s: %d bytes, written %s", url, bytes, written)
		}
		names = append(names, strings.TrimPrefix(url, without))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestList(t *testing.T) {
	s, dir := open(t)
	for _, name := range []string{"in/a.jpg", "in/b b.jpg", "in/deep/down/é.jpg", "inner/c.jpg"} {
		write(t, filepath.Join(dir, name), "x")
	}
	outside := write(t, filepath.Join(t.TempDir(), "secret"), "x")
	for from, to := range map[string]string{"in/link.jpg": "a.jpg", "in/out": filepath.Dir(outside), "in/secret": outside, "in/loop": ".", "in/none": "none"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	base := "file://" + dir + "/"
	for folder, want := range map[string][]string{
		"in":      {"in/a.jpg", "in/b%20b.jpg", "in/deep/down/%C3%A9.jpg", "in/link.jpg"},
		"in/":     {"in/a.jpg", "in/b%20b.jpg", "in/deep/down/%C3%A9.jpg", "in/link.jpg"},
		"in/deep": {"in/deep/down/%C3%A9.jpg"},
		"none":    nil,
	} {
		if got := listed(t, s, base+folder, base); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
	for _, u := range []string{"file://" + filepath.Dir(outside), base + "in/out", base + "../x", "s3://bucket/x"} {
		err := s.List(t.Context(), u, func(url string, _ int64, _ time.Time) error { return errors.New("listed " + url) })
		if err == nil || strings.Contains(err.Error(), "listed ") {
			t.Errorf("list of %s: %v", u, err)
		}
	}
}

func TestListEndsWhenAsked(t *testing.T) {
	s, dir := open(t)
	enough := errors.New("enough")
	if err := s.List(t.Context(), "file://"+dir, func(string, int64, time.Time) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("err %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.List(ctx, "file://"+dir, func(string, int64, time.Time) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("err %v", err)
	}
}

func TestReadAndWrite(t *testing.T) {
	s, dir := open(t)
	if err := errors.Join(s.Write(t.Context(), "mem:///x", nil)); err == nil {
		t.Error("wrote outside")
	}
	at := "file://" + dir + "/.batches/a/batch.json"
	for _, text := range []string{"first", "second", ""} {
		if err := s.Write(t.Context(), at, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Read(t.Context(), at, 6)
		if err != nil || string(got) != text {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if err := s.Write(t.Context(), at, []byte("too long")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), at, 7); err == nil || !strings.Contains(err.Error(), "8 bytes, at most 7 are read") {
		t.Errorf("read too much: %v", err)
	}
	if _, err := s.Read(t.Context(), at+"x", 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read what is not there: %v", err)
	}
}

func TestCheck(t *testing.T) {
	s, dir := open(t)
	if err := s.Check("file://" + dir + "/not/there.jpg"); err != nil {
		t.Error(err)
	}
	if err := s.Check("file:///etc/passwd"); err == nil || !strings.Contains(err.Error(), "lies in none of the worker's stores") {
		t.Errorf("err %v", err)
	}
}

// BenchmarkList is of the outputs of 10,000 items: two and a manifest each.
func BenchmarkList(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		folder := filepath.Join(dir, "media", fmt.Sprint(i/1000), fmt.Sprintf("%d.jpg", i))
		_ = os.MkdirAll(folder, 0o755)
		for _, name := range []string{"1024.jpg", "150.jpg", "manifest.json"} {
			_ = os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600)
		}
	}
	s, err := store.Open(b.Context(), "file://"+dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		if err := s.List(b.Context(), "file://"+dir, func(string, int64, time.Time) error { n++; return nil }); err != nil || n != 30_000 {
			b.Fatal(n, err)
		}
	}
}
