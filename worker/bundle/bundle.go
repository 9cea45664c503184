// Package bundle keeps workers current by themselves: whoever may sign publishes a
// version of the worker into a place that all of them read, and each takes it when
// it is its turn, tries it, and goes back if it does no good.
//
//	PLACE/channel.json             what is current: version, file, checksum, how many at once
//	PLACE/channel.json.minisig     its signature (https://jedisct1.github.io/minisign)
//	PLACE/skynet-worker-1.4.tar.gz the bundle: skynet-worker, and what it brings
//	PLACE/rollout/1.4/turn-2       who takes it right now: of at_once turns one each
//	PLACE/rollout/1.4/good-i-0abc  whom it served well
//	PLACE/rollout/1.4/bad-i-0def   whom it did not, and why
//
// A worker that sees a newer version downloads and verifies it, starts it once to
// ask for its name, takes a turn, finishes its items, and puts the new program in
// its own place (exec): the same process, instance and queue. A version that ends,
// or fails its first items, is left for the last good one by the next start. After
// as many bad ends as there are turns nobody takes that version any more, so that a
// bad one harms a few workers and not the fleet.
//
// The statement is signed, not the place trusted: who can write there can stop
// updates, and cannot bring in a program or an older version again.
package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"aead.dev/minisign"
)

// Place is where bundles are published. store.Place is one.
type Place interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Fetch(ctx context.Context, name, file string) error
	Put(ctx context.Context, name, file string) error
	Create(ctx context.Context, name string, body []byte) (bool, error)
	Remove(ctx context.Context, name string) error
	List(ctx context.Context, folder string) ([]string, error)
}

const (
	channel   = "channel.json"
	signature = channel + ".minisig"
	// Program is the worker's name in a bundle.
	Program = "skynet-worker"
	// DefaultAtOnce is how many workers take a version at the same time.
	DefaultAtOnce = 2
	largest       = 4 << 30 // bytes of a bundle, unpacked
)

// Statement says what is current. It is signed as it stands.
type Statement struct {
	Version   string    `json:"version"`
	File      string    `json:"file"` // beside the statement
	Bytes     int64     `json:"bytes"`
	SHA256    string    `json:"sha256"`
	AtOnce    int       `json:"at_once"`   // workers that take it at the same time
	Published time.Time `json:"published"` // a worker takes no statement older than one it has seen
}

var versionName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+~_-]{0,79}$`)

// ErrUnsigned says that a statement was not signed by the key that we trust.
var ErrUnsigned = errors.New("the signature does not fit: it was signed by another key, or changed since")

// open reads a statement, and believes nothing in it before its signature fits.
func open(body, sig []byte, key minisign.PublicKey) (s Statement, err error) {
	if !minisign.Verify(key, body, sig) {
		return s, ErrUnsigned
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%s cannot be read: %w", channel, err)
	}
	switch {
	case !versionName.MatchString(s.Version):
		return s, fmt.Errorf("%s: version %.100q is not a version", channel, s.Version)
	case !versionName.MatchString(s.File):
		return s, fmt.Errorf("%s: file %.100q is not the name of a file beside it", channel, s.File)
	case s.Bytes <= 0 || s.Bytes > largest || len(s.SHA256) != 64 || s.AtOnce < 1 || s.Published.IsZero():
		return s, fmt.Errorf("%s: bytes, sha256, at_once or published is missing or absurd", channel)
	}
	return s, nil
}

// Current reads what a place says is current.
func Current(ctx context.Context, p Place, key minisign.PublicKey) (Statement, error) {
	body, err := p.Get(ctx, channel)
	if err != nil {
		return Statement{}, fmt.Errorf("read %s: %w", channel, err)
	}
	sig, err := p.Get(ctx, signature)
	if err != nil {
		return Statement{}, fmt.Errorf("read %s: %w", signature, err)
	}
	return open(body, sig, key)
}
