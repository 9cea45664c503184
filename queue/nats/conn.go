package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

const (
	// patience is how long a call that must not be lost (send, extend, delete,
	// fail) is repeated while the server is away: a controller is back in a few
	// seconds, and the caller's context may end it sooner.
	patience = 15 * time.Second
	// attempt bounds one try of such a call: a request that was under way when
	// the server died gets no answer.
	attempt = 3 * time.Second
	// breath is the pause between tries, and before an error of a Receive, so
	// that a loop around it does not spin.
	breath = 250 * time.Millisecond
	// dialling bounds the wait for a connection to be made.
	dialling = 2 * time.Second
)

// DialOptions says how to reach a server. Only URL is required.
type DialOptions struct {
	URL       string       // nats://host:port
	TokenFile string       // file that holds the token; "" for a server without one
	Name      string       // shown in the server's lists of connections
	Warn      func(string) // hears of lost and regained connections, and of strangers; nil: nobody does
}

// Conn is a connection to a NATS server with JetStream. It comes back by itself
// for as long as it is open.
type Conn struct {
	nc   *client.Conn
	js   jetstream.JetStream
	warn func(string)
}

// Dial connects. While nobody listens at the URL it tries again until ctx ends,
// because workers and controller start in any order; a refused token and a
// malformed URL are errors at once. On this machine the token is shown to its
// owner's server and root's alone: one of somebody else's is as none, and warned of.
func Dial(ctx context.Context, opts DialOptions) (*Conn, error) {
	options := dialOptions(opts)
	if opts.TokenFile != "" {
		w, token, err := newWary(opts.TokenFile, opts.heard())
		if err != nil || token == "" {
			return nil, fmt.Errorf("connect to %s: token file %s: %w", opts.URL, opts.TokenFile, orEmpty(err))
		}
		options = append(options, client.Token(token), client.SetCustomDialer(w))
	}
	nc, err := connect(ctx, opts.URL, options)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", opts.URL, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to %s: %w", opts.URL, err)
	}
	return &Conn{nc: nc, js: js, warn: opts.heard()}, nil
}

// heard is Warn, or nobody.
func (o DialOptions) heard() func(string) {
	if o.Warn == nil {
		return func(string) {}
	}
	return o.Warn
}

func orEmpty(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return errors.New("is missing or empty")
	}
	return err
}

func dialOptions(opts DialOptions) []client.Option {
	warn := opts.heard()
	return []client.Option{
		client.Name(opts.Name),
		client.Timeout(dialling),
		client.MaxReconnects(-1),
		client.ReconnectWait(breath),
		client.ReconnectJitter(breath, breath),
		client.IgnoreAuthErrorAbort(), // a server that is being set up again may refuse us for a moment
		// Nothing is kept for later while the server is away: a pull that is sent
		// after its receiver gave up would swallow an item.
		client.ReconnectBufSize(-1),
		client.DisconnectErrHandler(func(_ *client.Conn, err error) {
			if err != nil { // nil: we hung up ourselves
				warn(fmt.Sprintf("lost %s: %v", opts.URL, err))
			}
		}),
		client.ReconnectHandler(func(*client.Conn) { warn("regained " + opts.URL) }),
		client.ErrorHandler(func(_ *client.Conn, _ *client.Subscription, err error) { warn(err.Error()) }),
	}
}

// connect tries until it succeeds, fails for good, or ctx ends.
func connect(ctx context.Context, url string, opts []client.Option) (*client.Conn, error) {
	for {
		nc, err := client.Connect(url, opts...)
		if err == nil || !worthWaiting(err) {
			return nc, err
		}
		if pause(ctx) != nil {
			return nil, fmt.Errorf("%w (%w)", err, ctx.Err())
		}
	}
}

// worthWaiting tells a server that is not there yet, whose place somebody else has
// taken, that has just gone, or that cannot be reached at the moment, from one that
// refuses us and from a name that nobody has.
func worthWaiting(err error) bool {
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return false
	}
	_, network := errors.AsType[*net.OpError](err)
	_, strange := errors.AsType[stranger](err)
	return network || strange || errors.Is(err, io.EOF) || errors.Is(err, client.ErrNoServers) || errors.Is(err, client.ErrTimeout)
}

// Close ends the connection. Items still held become visible again in their
// time.
func (c *Conn) Close() { c.nc.Close() }

// insist repeats try until it succeeds, fails for good, or patience or ctx runs
// out. try must be safe to repeat.
func (c *Conn) insist(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		once, done := context.WithTimeout(ctx, attempt)
		err := try(once)
		done()
		if err == nil || final(err) {
			return err
		}
		if pause(ctx) != nil {
			return err
		}
	}
}

// final reports whether asking again would give the same answer.
func final(err error) bool {
	if errors.Is(err, queue.ErrGone) || errors.Is(err, client.ErrConnectionClosed) {
		return true
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code >= 400 && api.Code < 500
}

// pause waits for a breath, or returns ctx's error as soon as it ends.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(breath):
		return nil
	}
}

var names = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)

// checkName refuses what cannot be part of a stream's name or subject.
func checkName(kind, name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%s name %q must be a lower-case letter followed by lower-case letters, digits and _, at most 100 in all", kind, name)
	}
	return nil
}
