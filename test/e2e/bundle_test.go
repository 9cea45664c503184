package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skynet/test/programs"
)

// bundles are the site's published versions of the worker.
type bundles struct {
	*site
	public string
}

func newBundles(s *site) *bundles {
	s.t.Helper()
	b := &bundles{site: s}
	b.public = strings.TrimSpace(b.worker("bundle", "key", "--to", filepath.Join(s.dir, "bundles.key")))
	return b
}

func (b *bundles) place() string { return fileURL(filepath.Join(b.dir, "published")) }

func (b *bundles) worker(args ...string) string {
	b.t.Helper()
	got := call(b.t, worker, args...)
	if got.status != 0 {
		b.t.Fatalf("%v: %s%s", args, got.out, got.err)
	}
	return got.out
}

func (b *bundles) publish(from string) {
	b.t.Helper()
	b.worker("bundle", "publish", "--key", filepath.Join(b.dir, "bundles.key"), "--to", b.place(), "--at-once", "1", from)
}

type rollout struct {
	Version   string
	Stopped   bool
	Good, Bad []struct{ Worker, Why string }
}

func (b *bundles) status() (r rollout) {
	b.t.Helper()
	got := call(b.t, worker, "bundle", "status", "--from", b.place(), "--public", b.public, "--output", "json")
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		b.t.Fatalf("%v: %s%s", err, got.out, got.err)
	}
	return r
}

// awaitVersions waits until each worker has started as that version last.
func (b *bundles) awaitVersions(want string) {
	b.t.Helper()
	await(b.t, "all workers to run version "+want, 2*patient, func() error {
		for _, id := range slices.Collect(maps.Keys(b.awaitWorkers(2))) {
			log := read(filepath.Join(b.state(), "logs", "render-"+id+".log"))
			_, last, _ := strings.Cut(log[max(0, strings.LastIndex(log, "\truns\t")):], `"version": "`)
			if version, _, _ := strings.Cut(last, `"`); version != want {
				return fmt.Errorf("%s runs version %q", id, version)
			}
		}
		return nil
	})
}

// TestWorkersStayCurrent: a new version is taken by all, one at a time, between items;
// a bad one takes one worker down, and nobody else.
func TestWorkersStayCurrent(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{min: 2, max: 2})
	b := newBundles(s)
	settings, err := os.ReadFile(s.config())
	if err != nil {
		t.Fatal(err)
	}
	s.write("skynet.yaml", strings.Replace(string(settings), "      heartbeat:", fmt.Sprintf("      bundle: {from: %q, key: %s, every: 1s, proves: 3s}\n      heartbeat:", b.place(), b.public), 1))
	second := filepath.Join(s.dir, "second", "skynet-worker")
	if err := programs.BuildWith(t.Context(), []string{"-ldflags=-X=skynet/cmd/internal/wire.stamped=2.0"}, filepath.Dir(second), "skynet-worker"); err != nil {
		t.Fatal(err)
	}
	s.daemon()
	s.send(slices.Repeat([]string{media.photo}, 4)...)
	b.publish(second)
	b.awaitVersions("2.0")
	s.send(slices.Repeat([]string{media.photo}, 4)...)
	s.awaitEmpty()
	await(t, "the new version to prove itself", 3*patient, func() error {
		if r := b.status(); len(r.Good) != 2 || len(r.Bad) != 0 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})

	third := filepath.Join(s.dir, "third")
	if err := os.WriteFile(third, []byte("#!/bin/sh\n[ \"$1\" = --version ] && echo skynet-worker version 3.0 && exit\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.publish(third)
	await(t, "the bad version to be stopped", 2*patient, func() error {
		if r := b.status(); !r.Stopped || len(r.Bad) != 1 {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	b.awaitVersions("2.0")
	s.send(slices.Repeat([]string{media.photo}, 4)...)
	s.awaitEmpty()
	s.allDone()
	if r := b.status(); len(r.Bad) != 1 || !strings.Contains(r.Bad[0].Why, "before it had proved itself") {
		t.Errorf("%+v", r)
	}
}
