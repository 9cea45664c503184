package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/config/strict"
	"skynet/lease"
	"skynet/queue"
	"skynet/signals"
)

// state is an account with a bucket for the lease.
type state struct {
	t    *testing.T
	down atomic.Bool // S3 does not answer
	away atomic.Bool // nothing of AWS does
	*s3mem.Backend
}

func newState(t *testing.T) *state {
	t.Helper()
	s := &state{t: t, Backend: s3mem.New()}
	if err := s.CreateBucket("state"); err != nil {
		t.Fatal(err)
	}
	s3 := gofakes3.New(s.Backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.away.Load():
			w.WriteHeader(http.StatusForbidden) // is not tried again
		case strings.Contains(r.Header.Get("Authorization"), "/sts/"):
			fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ops</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case s.down.Load():
			w.WriteHeader(http.StatusForbidden) // is not tried again
		default:
			s3.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	return s
}

// standby is a daemon that takes its turns.
type standby struct {
	t    *testing.T
	dir  string
	logs *observer.ObservedLogs
	turn chan *daemon // each time that it is its turn
	stop context.CancelFunc
	end  chan error
}

func (s *state) standby() *standby {
	s.t.Helper()
	b := &standby{t: s.t, dir: s.t.TempDir(), turn: make(chan *daemon, 9), end: make(chan error, 1)}
	b.start()
	return b
}

func (b *standby) start() {
	b.t.Helper()
	b.prepare()
	b.run(func(ctx context.Context, d *daemon, turn func(*daemon)) error { return d.serve(ctx, turn) })
}

// prepare writes the settings.
func (b *standby) prepare() {
	b.t.Helper()
	write(b.t, filepath.Join(b.dir, "p.yaml"), "bounds: {max: 3}\n")
	write(b.t, filepath.Join(b.dir, "skynet.yaml"), fmt.Sprintf(`interval: 1s
listen: 127.0.0.1:0
state_dir: %q
aws: {account: "123456789012", region: eu-west-1}
lease: s3://state/lease
queues: [{name: media, url: "nats://embedded/media"}]
fleets:
  - {name: render, queues: [media], policy: p.yaml, local: {worker: /bin/true, slots: 1, stores: ["file:///tmp"]}}
`, b.dir))
}

// run has a daemon take its turns.
func (b *standby) run(serve func(ctx context.Context, d *daemon, turn func(*daemon)) error) {
	b.t.Helper()
	cfg, err := config.Load(filepath.Join(b.dir, "skynet.yaml"), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	core, logs := observer.New(zap.InfoLevel)
	b.logs = logs
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.t.Cleanup(cancel)
	d := &daemon{cfg: cfg, log: zap.New(core)}
	go func() {
		b.end <- serve(ctx, d, func(d *daemon) {
			b.turn <- d
			d.run(d.during(ctx))
		})
	}()
}

// acts waits for its turn.
func (b *standby) acts() *daemon {
	b.t.Helper()
	select {
	case d := <-b.turn:
		return d
	case err := <-b.end:
		b.t.Fatalf("ended: %v; it says %v", err, b.logs.All())
	case <-time.After(30 * time.Second):
		b.t.Fatalf("not its turn; it says %v", b.logs.All())
	}
	return nil
}

// says waits until something is logged.
func (b *standby) says(text string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); b.logs.FilterMessage(text).Len() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("does not say %q: %v", text, b.logs.All())
		}
	}
}

// ended stops it, and waits.
func (b *standby) ended() {
	b.t.Helper()
	b.stop()
	if err := <-b.end; err != nil {
		b.t.Error(err)
	}
}

// ticks waits until a journal has so many.
func ticks(t *testing.T, d *daemon, want int) (first string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := d.journal.Records(t.Context(), "render", time.Time{}, 0)
		if err == nil && len(list) >= want {
			return list[0].Decision.ID
		}
		if time.Now().After(end) {
			t.Fatalf("%d ticks, %v", len(list), err)
		}
	}
}

// TestOneActsAndTheOtherGoesOnWhereItLeftOff: with its ticks, and with what the
// operator had ordered there.
func TestOneActsAndTheOtherGoesOnWhereItLeftOff(t *testing.T) {
	s := newState(t)
	a := s.standby()
	first := a.acts()
	b := s.standby()
	b.says("stands by")
	id := ticks(t, first, 2)
	until := time.Now().Add(time.Hour).UTC()
	pause := signals.Standing{
		Pause: &signals.Pause{Until: until, Why: "deploy"},
		Drain: []signals.Named{{ID: "i-1", Until: until}}, Forget: []signals.Named{{ID: "i-2", Until: until}},
	}
	if err := changeOrders(t.Context(), ordersFile(a.dir), func(all map[string]signals.Standing, _ time.Time) error {
		all["render"] = pause
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ticks(t, first, 4)
	if len(b.turn) > 0 {
		t.Fatal("both act")
	}
	a.ended()
	next := b.acts()
	if got := ticks(t, next, 4); got != id {
		t.Errorf("its first tick is %s, the other's was %s", got, id)
	}
	if got := next.orders.Standing("render", time.Now()); got.Pause == nil || got.Pause.Why != "deploy" || len(got.Drain) != 1 || got.Drain[0].ID != "i-1" || len(got.Forget) != 1 {
		t.Errorf("orders are forgotten: %+v", got)
	}
	// What it knows already, the pause that has been lifted since too, is not taken
	// again when the first comes back.
	a.start()
	a.says("stands by")
	if err := changeOrders(t.Context(), ordersFile(b.dir), func(all map[string]signals.Standing, _ time.Time) error {
		delete(all, "render")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := changeOrders(t.Context(), ordersFile(a.dir), func(all map[string]signals.Standing, _ time.Time) error {
		delete(all, "render")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	list, _ := next.journal.Records(t.Context(), "render", time.Time{}, 0)
	ticks(t, next, len(list)+2)
	b.ended()
	if got := a.acts().orders.Standing("render", time.Now()); got.Pause != nil {
		t.Errorf("a pause that was lifted is back: %+v", got)
	}
	a.ended()
}

// TestARestartDoesNotUndoAResume: what the last tick was told of and the operator took
// back while nothing ran is not taken over.
func TestARestartDoesNotUndoAResume(t *testing.T) {
	s := newState(t)
	a := s.standby()
	first := a.acts()
	ticks(t, first, 1)
	k := desk{folder: a.dir, by: "ann"}
	if _, err := k.pause(t.Context(), []string{"render"}, time.Hour, "deploy"); err != nil {
		t.Fatal(err)
	}
	ticks(t, first, 3)
	a.ended()
	if _, err := k.resume(t.Context(), []string{"render"}, "done"); err != nil {
		t.Fatal(err)
	}
	a.start()
	if got := a.acts().orders.Standing("render", time.Now()); got.Pause != nil {
		t.Errorf("a pause that was lifted is back: %+v", got.Pause)
	}
	a.ended()
}

// TestStoppedWhileItStandsBy is no error.
func TestStoppedWhileItStandsBy(t *testing.T) {
	s := newState(t)
	a := s.standby()
	a.acts()
	b := s.standby()
	b.says("stands by")
	b.ended()
	a.ended()
}

// TestWhatIsUnreadableIsNotActedOn: a successor that does not know what was bought
// does nothing until somebody has looked.
func TestWhatIsUnreadableIsNotActedOn(t *testing.T) {
	s := newState(t)
	a := s.standby()
	ticks(t, a.acts(), 2)
	a.ended()
	const note = "lease/ticks/0000000000000001.0000000001"
	if _, err := s.PutObject("state", note, map[string]string{}, strings.NewReader("?"), 1, nil); err != nil {
		t.Fatal(err)
	}
	b := s.standby()
	b.says("does nothing until it knows what the last holder did")
	if len(b.turn) > 0 {
		t.Fatal("acts")
	}
	if _, err := s.DeleteObject("state", note); err != nil {
		t.Fatal(err)
	}
	b.acts()
	b.ended()
}

// TestASecondOneOnTheSameFolderIsRefused: the lock on the folder stays.
func TestASecondOneOnTheSameFolderIsRefused(t *testing.T) {
	s := newState(t)
	a := s.standby()
	a.acts()
	d := &daemon{cfg: config.Config{StateDir: a.dir}, log: zap.NewNop()}
	if err := d.takeLease(t.Context()); err == nil {
		t.Error("two daemons in one folder")
	}
	a.ended()
}

// TestAMistakeIsFoundBeforeStandingBy rather than on the night when it is needed.
func TestAMistakeIsFoundBeforeStandingBy(t *testing.T) {
	newState(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "p.yaml"), "bounds: {max: many}\n")
	d := &daemon{log: zap.NewNop(), cfg: config.Config{
		StateDir: dir, Lease: "s3://state/lease", Interval: strict.Duration(time.Minute),
		AWS:    &config.AWS{Account: "123456789012", Region: "eu-west-1"},
		Fleets: []config.Fleet{{Name: "render", Policy: filepath.Join(dir, "p.yaml")}},
	}}
	if err := errors.Join(d.openAWS(t.Context()), d.openLease(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, _, err := wire.Account(t.Context(), d.aws); err != nil {
		t.Errorf("AWS is not reached any more: %v", err)
	}
	if err := d.standBy(t.Context()); err == nil || !strings.Contains(err.Error(), "fleet render") {
		t.Errorf("%v", err)
	}
}

// TestABucketThatIsNotThereIsSaidAtStart, by name.
func TestABucketThatIsNotThereIsSaidAtStart(t *testing.T) {
	s := newState(t)
	d := &daemon{log: zap.NewNop(), cfg: config.Config{
		StateDir: t.TempDir(), Lease: "s3://stats/lease", Interval: strict.Duration(time.Minute),
		AWS: &config.AWS{Account: "123456789012", Region: "eu-west-1"},
	}}
	if err := errors.Join(d.openAWS(t.Context()), d.openLease(t.Context())); err == nil || !strings.Contains(err.Error(), "s3://stats/lease") || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("%v", err)
	}
	s.down.Store(true)
	if err := d.openLease(t.Context()); err == nil || !strings.Contains(err.Error(), "s3:ListBucket") {
		t.Errorf("%v", err)
	}
}

// TestLostIsNotStopped tells a turn that was lost from a daemon that was told to stop.
func TestLostIsNotStopped(t *testing.T) {
	var none *turn
	ctx, cancel := context.WithCancelCause(t.Context())
	lost := &turn{held: ctx}
	if none.lost() || lost.lost() {
		t.Error("nothing is lost yet")
	}
	cancel(fmt.Errorf("it could not be renewed: %w", lease.ErrNotHeld))
	if !lost.lost() {
		t.Error("is lost")
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(nil)
	if (&turn{held: ctx}).lost() {
		t.Error("was stopped")
	}
}

// TestALostTurnIsWaitedForWhileNothingAnswers: a holder that is cut off from all of AWS
// cannot even ask who it is when it begins anew. It goes on by itself.
func TestALostTurnIsWaitedForWhileNothingAnswers(t *testing.T) {
	s := newState(t)
	one := s.standby()
	d := one.acts()
	s.away.Store(true)
	d.turn.end(fmt.Errorf("it could not be renewed: %w", lease.ErrNotHeld))
	one.says("does nothing and cannot stand by yet; tries again")
	s.away.Store(false)
	if one.acts() == d {
		t.Error("not a turn of its own")
	}
	one.ended()
}

// TestStoppedWhileNothingAnswers: to be told to stop meanwhile is no failure.
func TestStoppedWhileNothingAnswers(t *testing.T) {
	s := newState(t)
	one := s.standby()
	d := one.acts()
	s.away.Store(true)
	d.turn.end(fmt.Errorf("it could not be renewed: %w", lease.ErrNotHeld))
	one.says("does nothing and cannot stand by yet; tries again")
	one.ended()
}

// letters is mail that counts how often it is read.
type letters struct {
	queue.Mail
	read int
}

func (l *letters) Collect(context.Context, int, time.Duration) ([]queue.Letter, error) {
	l.read++
	return nil, nil
}

// refusing is a lease that is not held.
type refusing struct{}

func (refusing) Guard(context.Context, time.Duration) (context.Context, context.CancelFunc, error) {
	return nil, nil, lease.ErrNotHeld
}

func TestOnlyTheHolderReadsHeartbeats(t *testing.T) {
	m := &letters{}
	if _, err := (leasedMail{m, refusing{}}).Collect(t.Context(), 9, time.Second); !errors.Is(err, lease.ErrNotHeld) || m.read != 0 {
		t.Errorf("read %d times, %v", m.read, err)
	}
	if (&turn{}).hears(nil) != nil {
		t.Error("hears where there is nothing to hear")
	}
}

func TestTheCostOfALease(t *testing.T) {
	cfg := config.Config{Interval: strict.Duration(time.Minute), Fleets: make([]config.Fleet, 1)}
	if got := leaseCalls(cfg); len(got) != 0 {
		t.Errorf("a file lock costs %v", got)
	}
	cfg.Lease = "s3://state/lease"
	got := leaseCalls(cfg)
	// 730 h: four renewals a minute and two writes a tick; twelve looks a minute, and
	// a list and a read a tick.
	if len(got) != 2 || got[0].Month != 43_800*6 || got[1].Month != 43_800*14 ||
		fmt.Sprintf("%.2f %.2f", got[0].Cost, got[1].Cost) != "1.31 0.45" {
		t.Errorf("%+v", got)
	}
}
