package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"aead.dev/minisign"
	"go.uber.org/zap"

	"skynet/worker/bundle"
	"skynet/worker/store"
)

var _ bundle.Place = store.Place{}

// site is a place, and who may sign for it.
type site struct {
	t      *testing.T
	place  store.Place
	folder string
	pub    minisign.PublicKey
	priv   minisign.PrivateKey
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, folder: t.TempDir()}
	var err error
	if s.place, err = store.OpenPlace(t.Context(), "file://"+s.folder); err != nil {
		t.Fatal(err)
	}
	if s.pub, s.priv, err = minisign.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return s
}

// publish makes a version current whose program says what it is told to.
func (s *site) publish(version, says string, at time.Time) bundle.Statement {
	s.t.Helper()
	program := filepath.Join(s.t.TempDir(), "any-name")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+says+"\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	st, err := bundle.Publish(s.t.Context(), s.place, s.priv, program, version, 2, at)
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

func says(version string) string { return "echo skynet-worker version " + version }

func (s *site) updater(worker, running string) *bundle.Updater {
	return &bundle.Updater{
		Home: bundle.Home{Folder: filepath.Join(s.t.TempDir(), "bundles")}, Place: s.place, Key: s.pub, Worker: worker, Running: running,
		Every: 5 * time.Millisecond, Proves: 20 * time.Millisecond, Log: zap.NewNop(),
	}
}

// wait gives an updater a short while.
func (s *site) wait(u *bundle.Updater) (bundle.Next, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
	defer cancel()
	return u.Wait(ctx)
}

func TestANewerVersionIsTaken(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	u := s.updater("i-1", "1.0")
	n, err := s.wait(u)
	if err != nil || n.Version != "1.1" || n.Program != u.Home.Program("1.1") {
		t.Fatalf("%+v, %v", n, err)
	}
	if err := u.Begin(n); err != nil {
		t.Fatal(err)
	}
	u.Running = "1.1" // the program has taken its place
	tr, err := u.Home.Trial(u.Running)
	if err != nil || tr == nil {
		t.Fatal(tr, err)
	}
	if v, err := u.Home.Choose(time.Now().Add(time.Minute)); err != nil || v != "" {
		t.Errorf("another worker's start in the middle of the trial would run %q, %v", v, err)
	}
	go u.Judge(t.Context(), tr)
	tr.Did(nil)
	<-tr.Over
	if tr.Bad != nil {
		t.Error(tr.Bad)
	}
	if v, err := u.Home.Choose(time.Now()); err != nil || v != "1.1" {
		t.Errorf("a start would run %q, %v", v, err)
	}
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Turns) != 0 || len(r.Good) != 1 || r.Good[0].Worker != "i-1" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.wait(u); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("takes what runs already: %v", err)
	}
}

func TestWhatIsNotTaken(t *testing.T) {
	now := time.Now()
	for name, spoil := range map[string]func(s *site, u *bundle.Updater){
		"another key": func(s *site, _ *bundle.Updater) {
			_, s.priv, _ = minisign.GenerateKey(rand.Reader)
			s.publish("1.2", says("1.2"), now)
		},
		"changed statement": func(s *site, _ *bundle.Updater) {
			s.publish("1.2", says("1.2"), now)
			s.edit("channel.json", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("1.2"), []byte("1.3")) })
		},
		"changed bundle": func(s *site, _ *bundle.Updater) {
			st := s.publish("1.2", says("1.2"), now)
			var other []byte
			s.copies("channel.json", "channel.json.minisig", func() {
				o := s.publish("1.3", says("1.2"), now)
				s.edit(o.File, func(b []byte) []byte { other = bytes.Clone(b); return b })
				s.publish("1.2", says("1.2"), now)
			})
			s.edit(st.File, func([]byte) []byte { return append(other, 0) })
		},
		"one of old": func(s *site, u *bundle.Updater) {
			old := s.copies("channel.json", "channel.json.minisig", func() { s.publish("1.1", says("1.1"), now.Add(-time.Hour)) })
			s.publish("1.2", says("1.2"), now)
			if _, err := s.wait(u); err != nil {
				s.t.Fatal(err)
			}
			old() // somebody who cannot sign puts back what was signed once
		},
		"another name":  func(s *site, _ *bundle.Updater) { s.publish("1.2", says("1.1"), now) },
		"does not run":  func(s *site, _ *bundle.Updater) { s.publish("1.2", "exit 3", now) },
		"no such place": func(s *site, _ *bundle.Updater) { _ = os.RemoveAll(s.folder) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			u := s.updater("i-1", "1.0")
			spoil(s, u)
			if n, err := s.wait(u); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("took %+v, %v", n, err)
			}
		})
	}
}

func (s *site) edit(name string, f func([]byte) []byte) {
	s.t.Helper()
	file := filepath.Join(s.folder, name)
	b, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, f(b), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// copies keeps files as they are after f, and returns what puts them back.
func (s *site) copies(a, b string, f func()) (back func()) {
	f()
	kept := map[string][]byte{}
	for _, name := range []string{a, b} {
		s.edit(name, func(body []byte) []byte { kept[name] = bytes.Clone(body); return body })
	}
	return func() {
		for name, body := range kept {
			s.edit(name, func([]byte) []byte { return body })
		}
	}
}

func TestAtMostAFewAtOnce(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	var mu sync.Mutex
	taking, most, took := 0, 0, 0
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			u := s.updater(fmt.Sprintf("i-%d", i), "1.0")
			n, err := u.Wait(t.Context())
			if err == nil {
				err = u.Begin(n)
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			taking, took = taking+1, took+1
			most = max(most, taking)
			mu.Unlock()
			u.Running = "1.1"
			tr, err := u.Home.Trial(u.Running)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(30 * time.Millisecond) // others try meanwhile
			tr.Did(nil)
			mu.Lock()
			taking-- // it proves itself from here on: its turn is given back a moment later
			mu.Unlock()
			u.Judge(t.Context(), tr)
		})
	}
	wg.Wait()
	if most > 2 || took != 8 {
		t.Errorf("%d of 8 took it, %d at once, want 2 at most", took, most)
	}
}

// TestABadVersionHarmsAFew: each that tries it dies, or fails its items.
func TestABadVersionHarmsAFew(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	harmed := 0
	for i := range 6 {
		u := s.updater(fmt.Sprintf("i-%d", i), "1.0")
		n, err := s.wait(u)
		if err != nil {
			continue
		}
		harmed++
		if err := u.Begin(n); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			s.crash(u) // and a start later
			continue
		}
		s.fail(u)
	}
	if harmed != 2 {
		t.Errorf("%d workers tried it, want 2", harmed)
	}
	s.publish("1.2", says("1.2"), time.Now())
	if n, err := s.wait(s.updater("i-9", "1.0")); err != nil || n.Version != "1.2" {
		t.Errorf("the next version: %+v, %v", n, err)
	}
}

// crash has the version on trial end, and the worker start again.
func (s *site) crash(u *bundle.Updater) {
	s.t.Helper()
	if v, err := u.Home.Choose(time.Now().Add(time.Minute)); err != nil || v != "" {
		s.t.Errorf("after a crash a start would run %q, %v", v, err)
	}
	if _, err := s.wait(u); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("takes again what crashed: %v", err)
	}
}

func (s *site) fail(u *bundle.Updater) {
	s.t.Helper()
	running := *u
	running.Running = "1.1"
	tr, err := running.Home.Trial(running.Running)
	if err != nil || tr == nil {
		s.t.Fatal(err)
	}
	if v, err := u.Home.Choose(time.Now().Add(time.Minute)); err != nil || v != "" {
		s.t.Errorf("beside a trial that runs a start would run %q, %v", v, err)
	}
	for range 3 {
		tr.Did(errors.New("no good"))
	}
	running.Judge(s.t.Context(), tr)
	if tr.Bad == nil {
		s.t.Error("is thought good")
	}
}

func TestWhoIsLostGivesItsTurnUp(t *testing.T) {
	s := newSite(t)
	st := s.publish("1.1", says("1.1"), time.Now())
	old, err := json.Marshal(bundle.Note{Worker: "i-gone", At: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if ok, err := s.place.Create(t.Context(), fmt.Sprintf("rollout/1.1/turn-%d", i+1), old); !ok || err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if n, err := s.wait(s.updater("i-1", "1.0")); err != nil || n.Version != "1.1" {
				t.Fatalf("%+v, %v", n, err)
			}
		}
	}
	r, err := bundle.Look(t.Context(), s.place, st.Version)
	if err != nil || len(r.Bad) != 1 || r.Bad[0].Worker != "i-gone" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWhoTakesLongKeepsItsTurn: to finish an item, or to see enough of them in a trial,
// may take hours.
func TestWhoTakesLongKeepsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.publish("1.1", says("1.1"), time.Now())
		u := s.updater("i-1", "1.0")
		n, err := s.wait(u)
		if err != nil {
			t.Fatal(err)
		}
		finishing, finished := context.WithCancel(t.Context())
		go u.Hold(finishing, n)
		time.Sleep(3 * time.Hour)
		finished()
		if err := u.Begin(n); err != nil {
			t.Fatal(err)
		}
		tr, err := u.Home.Trial("1.1")
		if err != nil || tr == nil {
			t.Fatal(tr, err)
		}
		trying, tried := context.WithCancel(t.Context())
		go u.Judge(trying, tr)
		tr.Did(errors.New("no good")) // one alone says nothing
		time.Sleep(3 * time.Hour)
		if n, err := s.wait(s.updater("i-2", "1.0")); err != nil || n.Version != "1.1" {
			t.Errorf("the next one: %+v, %v", n, err)
		}
		r, err := bundle.Look(t.Context(), s.place, "1.1")
		if err != nil || len(r.Bad) != 0 || len(r.Turns) != 2 {
			t.Errorf("%+v, %v: thought lost", r, err)
		}
		tried()
		<-tr.Over
	})
}

// TestWhoIsSlowerLeavesWhatIsThere: two workers of a machine download at the same time,
// and the first may be on trial when the second has it too.
func TestWhoIsSlowerLeavesWhatIsThere(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	first := s.updater("i-1", "1.0")
	second := s.updater("i-2", "1.0")
	second.Home = first.Home
	var tr *bundle.Trial
	second.Place = slow{s.place, func() { // it has looked, and the first is quicker
		n, err := s.wait(first)
		if err == nil {
			err = first.Begin(n)
		}
		if err != nil {
			t.Error(err)
		}
		if tr, err = first.Home.Trial("1.1"); err != nil || tr == nil {
			t.Error(tr, err)
		}
	}}
	n, err := s.wait(second)
	if err != nil || n.Version != "1.1" {
		t.Fatalf("%+v, %v", n, err)
	}
	if v, err := first.Home.Choose(time.Now().Add(time.Minute)); err != nil || v != "" {
		t.Fatalf("%q, %v", v, err)
	}
	if err := second.Begin(n); err != nil {
		t.Fatal(err)
	}
	if beside, err := second.Home.Trial("1.1"); beside != nil || err != nil {
		t.Errorf("two are judged: %v, %v", beside, err)
	}
	tr.Did(nil)
	first.Judge(t.Context(), tr)
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Bad) != 0 || len(r.Good) != 2 || len(r.Turns) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWhoIsToldToStopGivesItsTurnBack: before it has begun.
func TestWhoIsToldToStopGivesItsTurnBack(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	u := s.updater("i-1", "1.0")
	n, err := s.wait(u)
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	u.Release(stopped, n)
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Turns)+len(r.Good)+len(r.Bad) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if n, err := s.wait(u); err != nil || n.Version != "1.1" {
		t.Errorf("is not tried again: %+v, %v", n, err)
	}
}

// TestOneBadMachineCountsOnce, however many of its workers have begun the version.
func TestOneBadMachineCountsOnce(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	first, second := s.updater("i-1", "1.0"), s.updater("i-2", "1.0")
	second.Home = first.Home
	var ready []bundle.Next
	for _, u := range []*bundle.Updater{first, second} { // both have their turns before one begins
		n, err := s.wait(u)
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, n)
	}
	if err := errors.Join(first.Begin(ready[0]), second.Begin(ready[1])); err != nil {
		t.Fatal(err)
	}
	s.crash(second)
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Bad) != 1 || r.Bad[0].Worker != "i-1" || len(r.Turns) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestEachIsTold: of a machine's workers whichever looks first tells, of each by its name.
func TestEachIsTold(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	first := s.updater("i-1", "1.0")
	s.prove(first)
	second := s.updater("i-2", "1.0")
	second.Home = first.Home
	n, err := s.wait(second)
	if err == nil {
		err = second.Begin(n)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.wait(first)
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Good) != 2 || len(r.Turns) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// prove has a worker take the version and find it good.
func (s *site) prove(u *bundle.Updater) {
	s.t.Helper()
	n, err := s.wait(u)
	if err == nil {
		err = u.Begin(n)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	u.Running = n.Version
	tr, err := u.Home.Trial(u.Running)
	if err != nil || tr == nil {
		s.t.Fatal(tr, err)
	}
	tr.Did(nil)
	u.Judge(s.t.Context(), tr)
}

// slow is a place whose bundles take so long that something else happens meanwhile.
type slow struct {
	store.Place
	meanwhile func()
}

func (s slow) Fetch(ctx context.Context, name, file string) error {
	s.meanwhile()
	return s.Place.Fetch(ctx, name, file)
}

// TestToldToStopIsNoVerdict: who is drained in the middle of a trial tries again later.
func TestToldToStopIsNoVerdict(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	u := s.updater("i-1", "1.0")
	n, err := s.wait(u)
	if err == nil {
		err = u.Begin(n)
	}
	if err != nil {
		t.Fatal(err)
	}
	running := *u
	running.Running = "1.1"
	tr, err := running.Home.Trial(running.Running)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	running.Judge(ctx, tr)
	if v, err := u.Home.Choose(time.Now().Add(time.Hour)); err != nil || v != "" {
		t.Errorf("%q, %v", v, err)
	}
	if r, err := bundle.Look(t.Context(), s.place, "1.1"); err != nil || len(r.Turns)+len(r.Good)+len(r.Bad) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if n, err := s.wait(u); err != nil || n.Version != "1.1" {
		t.Errorf("is not tried again: %+v, %v", n, err)
	}
}

// TestToldToStopWhileItAsks: a version that is slow to say its name is not bad because
// the worker had to go meanwhile.
func TestToldToStopWhileItAsks(t *testing.T) {
	s := newSite(t)
	asked := filepath.Join(t.TempDir(), "asked")
	s.publish("1.1", "touch "+asked+"; sleep 10; "+says("1.1"), time.Now())
	u := s.updater("i-1", "1.0")
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for _, err := os.Stat(asked); err != nil; _, err = os.Stat(asked) {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	if _, err := u.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r, err := bundle.Look(t.Context(), s.place, "1.1")
	if err != nil || len(r.Turns)+len(r.Good)+len(r.Bad) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestHostileBundles(t *testing.T) {
	for name, entry := range map[string]tar.Header{
		"leads out":     {Name: "../skynet-worker", Typeflag: tar.TypeReg, Mode: 0o755},
		"absolute":      {Name: "/tmp/skynet-worker", Typeflag: tar.TypeReg, Mode: 0o755},
		"symbolic link": {Name: "skynet-worker", Typeflag: tar.TypeSymlink, Linkname: "/bin/sh"},
		"hard link":     {Name: "skynet-worker", Typeflag: tar.TypeLink, Linkname: "/bin/sh"},
		"device":        {Name: "skynet-worker", Typeflag: tar.TypeChar},
		"huge":          {Name: "skynet-worker", Typeflag: tar.TypeReg, Size: 5 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			st := s.publish("1.1", says("1.1"), time.Now())
			s.replace(st, tarOf(t, entry))
			u := s.updater("i-1", "1.0")
			if n, err := s.wait(u); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("took %+v, %v", n, err)
			}
			if _, err := os.Lstat(u.Home.Program("1.1")); err == nil {
				t.Error("something was unpacked")
			}
		})
	}
}

func tarOf(t *testing.T, h tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := tar.NewWriter(z).WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// replace has the signed bundle be other bytes: a signer who was deceived.
func (s *site) replace(st bundle.Statement, body []byte) {
	s.t.Helper()
	s.edit(st.File, func([]byte) []byte { return body })
	sum := sha256.Sum256(body)
	st.Bytes, st.SHA256 = int64(len(body)), hex.EncodeToString(sum[:])
	signed, err := json.Marshal(st)
	if err != nil {
		s.t.Fatal(err)
	}
	s.edit("channel.json", func([]byte) []byte { return signed })
	s.edit("channel.json.minisig", func([]byte) []byte { return minisign.Sign(s.priv, signed) })
}

func TestPublishRefuses(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ from, version, want string }{
		{t.TempDir(), "1.0", "there is no skynet-worker in it"},
		{"/no/such", "1.0", "no such file"},
		{t.TempDir(), "../1", "is letters, digits"},
	} {
		_, err := bundle.Publish(t.Context(), s.place, s.priv, c.from, c.version, 2, time.Now())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestAStateThatCannotBeRead is as good as none.
func TestAStateThatCannotBeRead(t *testing.T) {
	s := newSite(t)
	s.publish("1.1", says("1.1"), time.Now())
	u := s.updater("i-1", "1.0")
	if err := os.MkdirAll(u.Home.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(u.Home.Folder, "state.json"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := s.wait(u); err != nil || n.Version != "1.1" {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestPlaces(t *testing.T) {
	p, err := store.OpenPlace(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for round := range 100 { // who looks before it writes lets two win now and then
		var tries sync.WaitGroup
		var winners atomic.Int32
		start := make(chan struct{})
		for i := range 8 {
			tries.Go(func() {
				<-start
				if ok, err := p.Create(t.Context(), fmt.Sprint("race/", round), fmt.Append(nil, i)); err != nil {
					t.Error(err)
				} else if ok {
					winners.Add(1)
				}
			})
		}
		close(start)
		tries.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d of 8 won", n)
		}
	}
	var wg sync.WaitGroup
	won := make(chan int, 50)
	for i := range 50 {
		wg.Go(func() {
			if ok, err := p.Create(t.Context(), "a/b", fmt.Append(nil, i)); err != nil {
				t.Error(err)
			} else if ok {
				won <- i
			}
		})
	}
	wg.Wait()
	body, err := p.Get(t.Context(), "a/b")
	if len(won) != 1 || err != nil || string(body) != fmt.Sprint(<-won) {
		t.Errorf("%d won, %s, %v", len(won)+1, body, err)
	}
	if names, err := p.List(t.Context(), "a"); err != nil || len(names) != 1 || names[0] != "a/b" {
		t.Errorf("%q, %v", names, err)
	}
	if err := errors.Join(p.Remove(t.Context(), "a/b"), p.Remove(t.Context(), "a/b")); err != nil {
		t.Error(err)
	}
	if _, err := p.Get(t.Context(), "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
