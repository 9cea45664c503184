package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// minVisibility is the shortest visibility: claims expire up to a quarter of a
// second late, which must not be long beside it.
const minVisibility = 200 * time.Millisecond

// ledger knows who holds which item, and which items are held back after a
// failed try. It is two streams in the server's memory, with one message an
// item (subject …<sequence of the item>):
//
//   - held: a claim, made by Receive, renewed by Extend, taken away by Delete and
//     Fail. It expires after the visibility (the stream's MaxAge), so that a dead
//     holder's claim goes by itself although nobody pulls.
//   - back: a failed try in its pause, with a lifetime of its own (in whole
//     seconds, rounded up: JetStream has no finer).
//
// A third stream, on disk, has a message for each delivery that was no try,
// because it was handed back unworked (see spare).
//
// The counts are the streams' sizes, so that a Depth costs the same however much
// is held, and all times are by the server's clock. Each claim's own sequence
// number is the holder's proof: it may renew only the claim that it made.
//
// After a restart of the server the ledger is empty: what is in flight counts as
// waiting until its holder's next Extend, which errs towards buying a worker
// rather than towards letting one go.
type ledger struct {
	js         jetstream.JetStream
	queue      string
	visibility time.Duration
	// held and back are only handles (no call that changes them is made): they
	// are as good for a stream that was created again.
	held, back jetstream.Stream
}

// sparedFor is how long it is known of a delivery that it was no try.
const sparedFor = 14 * 24 * time.Hour

// errTaken says that another claim than the expected one, or none, is there.
var errTaken = errors.New("another claim is there")

func openLedger(ctx context.Context, js jetstream.JetStream, queue string, visibility time.Duration) (*ledger, error) {
	l := &ledger{js: js, queue: queue, visibility: visibility}
	var err error
	l.held, l.back, err = l.create(ctx)
	return l, err
}

func (l *ledger) heldName() string            { return "held_" + l.queue }
func (l *ledger) backName() string            { return "back_" + l.queue }
func (l *ledger) sparedName() string          { return "spared_" + l.queue }
func (l *ledger) heldSubject(i string) string { return "skynet.held." + l.queue + "." + i }
func (l *ledger) backSubject(i string) string { return "skynet.back." + l.queue + "." + i }
func (l *ledger) sparedSubject(i string) string {
	return "skynet.spared." + l.queue + "." + i
}

// create makes the streams. They live in memory and are gone after a restart of
// the server, so whoever misses one calls this again.
func (l *ledger) create(ctx context.Context) (held, back jetstream.Stream, err error) {
	if held, err = l.stream(ctx, jetstream.StreamConfig{
		Name: l.heldName(), Subjects: []string{l.heldSubject("*")}, MaxAge: l.visibility,
		Storage: jetstream.MemoryStorage, MaxMsgsPerSubject: 1,
		Description: "SkyNet: claims on items of queue " + l.queue,
	}); err != nil {
		return nil, nil, err
	}
	if back, err = l.stream(ctx, jetstream.StreamConfig{
		Name: l.backName(), Subjects: []string{l.backSubject("*")}, AllowMsgTTL: true,
		Storage: jetstream.MemoryStorage, MaxMsgsPerSubject: 1,
		Description: "SkyNet: failed tries held back of queue " + l.queue,
	}); err != nil {
		return nil, nil, err
	}
	_, err = l.stream(ctx, jetstream.StreamConfig{
		Name: l.sparedName(), Subjects: []string{l.sparedSubject("*")}, MaxAge: sparedFor,
		Storage:     jetstream.FileStorage,
		Description: "SkyNet: deliveries that were no tries of queue " + l.queue,
	})
	return held, back, err
}

func (l *ledger) stream(ctx context.Context, s jetstream.StreamConfig) (jetstream.Stream, error) {
	s.AllowDirect = true
	s.Duplicates = min(l.visibility, 2*patience) // not used, but it may not exceed MaxAge
	got, err := l.js.CreateOrUpdateStream(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.Name, err)
	}
	return got, nil
}

// claim says that the caller holds the item from now on, whoever did before, and
// returns the number of the claim.
func (l *ledger) claim(ctx context.Context, item uint64) (uint64, error) {
	return l.write(ctx, l.heldSubject(dec(item)))
}

// renew makes a claim in the place of the caller's last one (0: where there is
// none). It is errTaken where that is not what is there.
func (l *ledger) renew(ctx context.Context, item, last uint64) (uint64, error) {
	return l.write(ctx, l.heldSubject(dec(item)), jetstream.WithExpectLastSequencePerSubject(last))
}

// claimed reports whether anybody holds the item.
func (l *ledger) claimed(ctx context.Context, item uint64) (bool, error) {
	_, err := l.held.GetLastMsgForSubject(ctx, l.heldSubject(dec(item)))
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

// release takes a claim away.
func (l *ledger) release(ctx context.Context, item uint64) error {
	return erase(ctx, l.held, l.heldSubject(dec(item)))
}

// holdBack says that the item is not receivable for d.
func (l *ledger) holdBack(ctx context.Context, item uint64, d time.Duration) error {
	ttl := max(1, (d+time.Second-1)/time.Second) * time.Second
	_, err := l.write(ctx, l.backSubject(dec(item)), jetstream.WithMsgTTL(ttl))
	return err
}

// letGo says that the item is receivable, or received, again.
func (l *ledger) letGo(ctx context.Context, item uint64) error {
	return erase(ctx, l.back, l.backSubject(dec(item)))
}

// spare says of a delivery of the item that it was no try. JetStream counts every
// delivery, also of an item that came to a worker in the moment when it stopped
// receiving; a few draining workers would use up all tries of a good item.
func (l *ledger) spare(ctx context.Context, item uint64) error {
	_, err := l.write(ctx, l.sparedSubject(dec(item)))
	return err
}

// spared counts the deliveries of the item that were no tries.
func (l *ledger) spared(ctx context.Context, item uint64) (int, error) {
	subject := l.sparedSubject(dec(item))
	s, err := l.js.Stream(ctx, l.sparedName())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	return int(info.State.Subjects[subject]), nil
}

// unspare forgets about an item that is done or given up.
func (l *ledger) unspare(ctx context.Context, item uint64) error {
	s, err := l.js.Stream(ctx, l.sparedName())
	if err != nil {
		return err
	}
	return erase(ctx, s, l.sparedSubject(dec(item)))
}

func (l *ledger) write(ctx context.Context, subject string, opts ...jetstream.PublishOpt) (uint64, error) {
	opts = append(opts, jetstream.WithRetryAttempts(0))
	ack, err := l.js.Publish(ctx, subject, nil, opts...)
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // the server was restarted
		if _, _, err := l.create(ctx); err != nil {
			return 0, err
		}
		ack, err = l.js.Publish(ctx, subject, nil, opts...)
	}
	if wrongLast(err) {
		return 0, errTaken
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func wrongLast(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func erase(ctx context.Context, s jetstream.Stream, subject string) error {
	err := s.Purge(ctx, jetstream.WithPurgeSubject(subject))
	if missing(err) {
		return nil
	}
	return err
}

// missing reports that the message, or the stream that would hold it, is not
// there.
func missing(err error) bool {
	return errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, client.ErrNoResponders)
}

// counts returns how many items are held and how many are held back.
func (l *ledger) counts(ctx context.Context) (held, back int, err error) {
	if held, err = size(ctx, l.js, l.heldName()); err != nil {
		return 0, 0, err
	}
	back, err = size(ctx, l.js, l.backName())
	return held, back, err
}

// size is the number of messages in a stream, 0 if there is no such stream.
func size(ctx context.Context, js jetstream.JetStream, stream string) (int, error) {
	s, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	return int(s.CachedInfo().State.Msgs), nil
}

// items returns the sequence numbers of all items that are held or held back.
func (l *ledger) items(ctx context.Context) (map[uint64]bool, error) {
	out := make(map[uint64]bool)
	for stream, all := range map[string]string{l.heldName(): l.heldSubject("*"), l.backName(): l.backSubject("*")} {
		s, err := l.js.Stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(all))
		if err != nil {
			return nil, err
		}
		for subject := range info.State.Subjects {
			seq, _ := strconv.ParseUint(subject[strings.LastIndexByte(subject, '.')+1:], 10, 64)
			out[seq] = true
		}
	}
	return out, nil
}

func dec(n uint64) string { return strconv.FormatUint(n, 10) }
