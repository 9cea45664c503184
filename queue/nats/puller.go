package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	client "github.com/nats-io/nats.go"
)

const (
	// pullTime is the longest that the server keeps one pull. A pull cannot be
	// taken back without the risk that an item is already on its way to nobody,
	// so that a cancelled Receive sees its pull through: this bounds how long.
	pullTime = 750 * time.Millisecond
	// grace is how much longer an answer may take, and briefly when nobody waits
	// for it any more.
	grace   = 2 * time.Second
	briefly = 200 * time.Millisecond
	// rescueTime is how long the answer to an abandoned pull is waited for, to
	// give the item in it back.
	rescueTime = 30 * time.Second
)

// errSilent says that a pull got no answer: the server is gone or overloaded.
var errSilent = errors.New("no answer from the server")

// puller asks a consumer for messages. It speaks the protocol itself because
// the client library's fetches, when cancelled, leave a pull behind that
// swallows an item until its deadline.
type puller struct {
	nc               *client.Conn
	stream, consumer string
	handBack         func(*client.Msg) // gives back a message that nobody waits for any more
}

// request is a pull as the server reads it.
type request struct {
	Batch   int           `json:"batch"`
	Expires time.Duration `json:"expires,omitempty"` // ns
	NoWait  bool          `json:"no_wait,omitempty"`
}

// one waits up to wait, and at most pullTime, for one message; nil if none came.
// When ctx ends it still waits for its pull to end, and returns what came.
func (p puller) one(ctx context.Context, wait time.Duration) (*client.Msg, error) {
	wait = min(wait, pullTime)
	req := request{Batch: 1, Expires: wait}
	if wait < time.Millisecond {
		wait, req = 0, request{Batch: 1, NoWait: true}
	}
	answers := make(chan *client.Msg, 4)
	sub, err := p.ask(req, answers)
	if err != nil {
		return nil, err
	}
	msg, err := await(ctx, answers, wait)
	if errors.Is(err, errSilent) {
		go p.rescue(sub, answers)
		return nil, err
	}
	_ = sub.Unsubscribe()
	if err != nil {
		return nil, err
	}
	return read(msg)
}

// sweep returns up to limit messages that are there now.
func (p puller) sweep(ctx context.Context, limit int) ([]*client.Msg, error) {
	answers := make(chan *client.Msg, limit+4)
	sub, err := p.ask(request{Batch: limit, NoWait: true}, answers)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	var got []*client.Msg
	for len(got) < limit {
		msg, err := await(ctx, answers, 0)
		if err == nil {
			msg, err = read(msg)
		}
		if err != nil || msg == nil {
			return got, err
		}
		got = append(got, msg)
	}
	return got, nil
}

func (p puller) ask(r request, answers chan *client.Msg) (*client.Subscription, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	inbox := p.nc.NewInbox()
	sub, err := p.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, err
	}
	if err := p.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.stream+"."+p.consumer, inbox, body); err != nil {
		_ = sub.Unsubscribe()
		return nil, err
	}
	return sub, nil
}

// await returns the next answer to a pull that the server keeps for wait.
func await(ctx context.Context, answers <-chan *client.Msg, wait time.Duration) (*client.Msg, error) {
	ends := time.Now().Add(wait)
	late := time.NewTimer(wait + grace)
	defer late.Stop()
	done := ctx.Done()
	for {
		select {
		case msg := <-answers:
			return msg, nil
		case <-late.C:
			return nil, errSilent
		case <-done:
			done = nil
			late.Reset(time.Until(ends) + briefly)
		}
	}
}

// rescue gives an item back that comes after its receiver has gone.
func (p puller) rescue(sub *client.Subscription, answers <-chan *client.Msg) {
	defer func() { _ = sub.Unsubscribe() }()
	select {
	case msg := <-answers:
		if m, err := read(msg); err == nil && m != nil {
			p.handBack(m)
		}
	case <-time.After(rescueTime):
	}
}

// read tells messages from what the server says instead of one.
func read(msg *client.Msg) (*client.Msg, error) {
	status := msg.Header.Get("Status")
	if len(msg.Data) > 0 || status == "" {
		return msg, nil
	}
	switch status {
	case "404", "408": // nothing there; nothing came in time
		return nil, nil
	case "503":
		return nil, client.ErrNoResponders // no such stream or consumer, or not yet
	}
	return nil, fmt.Errorf("the server says %s %s", status, msg.Header.Get("Description"))
}
