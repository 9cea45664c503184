//go:build linux

package local

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

func TestLaunchTwiceIsOnce(t *testing.T) {
	f := open(t, folder(t), "worker")
	ids := launch(t, f, order(3))
	again := launch(t, f, order(3))
	if !reflect.DeepEqual(ids, again) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	if n := phases(t, f); n[fleet.PhaseRunning] != 3 || len(n) != 1 {
		t.Errorf("phases %v; want 3 running", n)
	}
	if found := marks(t, f.dir); len(found) != 3 {
		t.Errorf("%d instances have processes; want 3", len(found))
	}
	more := launch(t, f, order(4))
	if !reflect.DeepEqual(more[:3], ids) {
		t.Errorf("launched %v, then %v", ids, more)
	}
	i := instance(t, f, ids[0])
	want := map[string]string{"slots": "4", fleet.TagFleet: "render", fleet.TagIntent: order(3).Token}
	if i.Type != "c7i.xlarge" || i.Zone != "eu-west-1a" || !i.Spot || i.Launched.IsZero() || !reflect.DeepEqual(i.Tags, want) {
		t.Errorf("listed %+v", i)
	}
}

func TestSameOrderAtOnce(t *testing.T) {
	f := open(t, folder(t), "worker")
	errs := make(chan error)
	for range 4 {
		go func() { _, err := f.Launch(t.Context(), order(3)); errs <- err }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if found := marks(t, f.dir); len(found) != 3 {
		t.Errorf("%d instances; want 3", len(found))
	}
	for id, ms := range marks(t, f.dir) {
		if len(ms) != 1 {
			t.Errorf("%s has %d processes", id, len(ms))
		}
	}
}

func TestTerminatedIsNotLaunchedAgain(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	stopAll(t, f)
	if again := launch(t, f, order(2)); !reflect.DeepEqual(again, ids) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	closeFleet(t, f)
	f = open(t, dir, "worker")
	launch(t, f, order(2))
	if n := phases(t, f); n[fleet.PhaseTerminated] != 2 || len(n) != 1 {
		t.Errorf("phases %v; want 2 terminated", n)
	}
}

func TestOrdersAreForgottenAfterAnHour(t *testing.T) {
	f := open(t, folder(t), "worker")
	old := time.Now().Add(-2 * time.Hour)
	f.mu.Lock()
	for i, r := range []record{
		{Token: "done", Ended: old, swept: true},
		{Token: "half", Ended: old, swept: true},
		{Token: "half", Ended: time.Now(), swept: true},
		{Token: "dirty", Ended: old},
	} {
		r.ID = instanceIDOf(r.Token, i)
		f.records[r.ID] = &r
	}
	f.forget()
	kept := map[string]int{}
	for _, r := range f.records {
		kept[r.Token]++
	}
	f.mu.Unlock()
	if want := map[string]int{"half": 2, "dirty": 1}; !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %v; want %v", kept, want)
	}
}

func TestBadOrders(t *testing.T) {
	f := open(t, folder(t), "worker")
	launch(t, f, order(1))
	other := template("worker")
	other.Fleet = "upload"
	f.templates["upload"] = other
	for name, o := range map[string]fleet.Order{
		"unknown fleet":  {Fleet: "nobody", Count: 1, Token: "a"},
		"no token":       {Fleet: "render", Count: 1},
		"long token":     {Fleet: "render", Count: 1, Token: strings.Repeat("a", 65)},
		"no count":       {Fleet: "render", Token: "a"},
		"other's token":  {Fleet: "upload", Count: 1, Token: order(1).Token},
		"count too high": {Fleet: "render", Count: recordsMax + 1, Token: "a"},
	} {
		ids, err := f.Launch(t.Context(), o)
		if len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) && !errors.Is(err, fleet.ErrLimit) {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
	if n := phases(t, f); n[fleet.PhaseRunning] != 1 || len(n) != 1 {
		t.Errorf("phases %v; want only the first", n)
	}
}

// What could not work is not started, which is a refusal, and the cure helps. What has
// been started is found all the same.
func TestWhatIsNotReadyIsNotStarted(t *testing.T) {
	why := errors.New("a folder is closed")
	shut := template("worker")
	shut.Ready = func() error { return why }
	f := openWith(t, folder(t), Options{Templates: []Template{shut}})
	if ids, err := f.Launch(t.Context(), order(2)); len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) || !errors.Is(err, why) {
		t.Errorf("launched %v, %v", ids, err)
	}
	if n := phases(t, f); len(n) != 0 {
		t.Errorf("phases %v; want none", n)
	}
	shut.Ready = func() error { return nil }
	f.templates["render"] = shut
	ids := launch(t, f, order(2))
	shut.Ready = func() error { return why }
	f.templates["render"] = shut
	if again := launch(t, f, order(2)); !reflect.DeepEqual(ids, again) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	if ids, err := f.Launch(t.Context(), order(3)); len(ids) != 0 || !errors.Is(err, why) {
		t.Errorf("launched %v, %v", ids, err)
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	bad := template("worker")
	bad.Command = []string{"/nonexistent/worker"}
	f := openWith(t, folder(t), Options{Templates: []Template{bad}})
	ids, err := f.Launch(t.Context(), order(2))
	if len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) || !strings.Contains(err.Error(), "/nonexistent/worker") {
		t.Errorf("launched %v, %v", ids, err)
	}
	if n := phases(t, f); len(n) != 0 {
		t.Errorf("phases %v; want none: nothing was started", n)
	}
	f.templates["render"] = template("worker")
	launch(t, f, order(2)) // the cure helps, by the same order
}

func TestWorkerThatExitsAtOnce(t *testing.T) {
	var log notes
	f := openWith(t, folder(t), Options{
		Templates: []Template{template("broken")}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	id := launch(t, f, order(1))[0]
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	eventually(t, "exit status known", func() bool {
		e, err := f.Ending(id)
		return err == nil && e.Exit == "exit status 3" && strings.Contains(e.Said, "no such queue: videoz") && !e.At.IsZero()
	})
	eventually(t, "logged", func() bool {
		return strings.Contains(log.String(), "exit status 3") && strings.Contains(log.String(), "no such queue: videoz")
	})
	if n := strings.Count(log.String(), "ended by itself"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// Whoever is called reads why workers die: how each ended, and the last that it said,
// without a secret in it.
func TestInstancesSayWhyTheyEnded(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"echo starts; echo 'no queue at nats://me:verysecret@10.0.0.9:4222' >&2; exit 4": "exit status 4, its last words: no queue at nats://xxxxx@10.0.0.9:4222",
		"exit 1":                            "exit status 1",
		"echo ready to ignore; sleep 600":   "told to end: signal: terminated",
		"echo ready to die; exec sleep 600": "unknown: it was started by an earlier controller, its last words: ready to die",
	} {
		dir, shell := folder(t), template("worker")
		shell.Command = []string{"sh", "-c", script}
		f := openWith(t, dir, Options{Templates: []Template{shell}})
		id := launch(t, f, order(1))[0]
		if strings.Contains(script, "ready") {
			said(t, f, id, "ready to ")
			if got := instance(t, f, id).Reason; got != "" {
				t.Errorf("it lives, and says %q", got)
			}
		}
		switch {
		case strings.Contains(want, "told"):
			if _, err := f.Terminate(t.Context(), []fleet.ID{id}); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(want, "earlier"):
			closeFleet(t, f)
			f = open(t, dir, "worker")
			f.mu.Lock()
			f.records[id].child = false // as after a restart of the whole program
			f.mu.Unlock()
			if err := unix.Kill(f.pid(id), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "it says why: "+want, func() bool { return instance(t, f, id).Reason == want })
	}
}

func TestWorkerSeesOnlyItsOwnEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not for workers")
	t.Setenv("TZ", "UTC")
	plain := template("worker")
	plain.Command, plain.Env = []string{"sh", "-c", "env; cat; readlink /proc/self/fd/0"}, []string{"MINE=1", envFleet + "=wrong"}
	f := openWith(t, folder(t), Options{Templates: []Template{plain}})
	id := launch(t, f, order(1))[0]
	said(t, f, id, "/dev/null")
	e, err := f.logs.tail(f.records[id])
	if err != nil || strings.Contains(e, "AWS_") || strings.Contains(e, "wrong") {
		t.Errorf("%v, environment:\n%s", err, e)
	}
	for _, want := range []string{"MINE=1", "TZ=UTC", "PATH=", envFleet + "=render", envMetadata + "=http://127.0.0.1:"} {
		if !strings.Contains(e, want) {
			t.Errorf("no %s in:\n%s", want, e)
		}
	}
}

func TestInstanceIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.StringN(1, 64, 64).Draw(t, "token")
		i, j := rapid.IntRange(0, 300).Draw(t, "i"), rapid.IntRange(0, 300).Draw(t, "j")
		a, b := instanceIDOf(token, i), instanceIDOf(token, j)
		if !instanceID.MatchString(string(a)) || (a == b) != (i == j) {
			t.Errorf("%d: %s, %d: %s", i, a, j, b)
		}
	})
}

func BenchmarkInstances(b *testing.B) {
	f, err := Open(b.TempDir(), Options{Templates: []Template{{Fleet: "render", Command: []string{"sleep", "60"}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(f.StopAll(context.Background()), f.Close()); err != nil {
			b.Error(err)
		}
	})
	if _, err := f.Launch(b.Context(), order(300)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if list, err := f.Instances(b.Context(), "render"); err != nil || len(list) != 300 {
			b.Fatal(len(list), err)
		}
	}
}
