package nats

import (
	"fmt"
	"strings"
)

// ears listens to the server's log: warnings and errors go to the caller, what
// would have ended a stand-alone server ends Start, and what it cannot get over
// by itself has it started anew.
type ears struct {
	warn   func(string)
	fatal  chan string
	broken chan struct{} // holds a token when a stream has stopped writing
}

func newEars(warn func(string)) *ears {
	if warn == nil {
		warn = func(string) {}
	}
	return &ears{warn: warn, fatal: make(chan string, 1), broken: make(chan struct{}, 1)}
}

func (e *ears) Noticef(string, ...any) {}
func (e *ears) Debugf(string, ...any)  {}
func (e *ears) Tracef(string, ...any)  {}

func (e *ears) Warnf(format string, v ...any) { e.warn(fmt.Sprintf(format, v...)) }

func (e *ears) Errorf(format string, v ...any) {
	said := fmt.Sprintf(format, v...)
	e.warn(said)
	if strings.Contains(strings.ToLower(said), gaveUp) {
		select {
		case e.broken <- struct{}{}:
		default: // it was said before
		}
	}
}

// gaveUp is in what the server says when a write has failed, after which a stream
// refuses every other with that same error for as long as the server runs:
// setWriteErr in https://github.com/nats-io/nats-server, server/filestore.go and
// server/stream.go. There is no other way to learn of it.
const gaveUp = "critical write error"

func (e *ears) Fatalf(format string, v ...any) {
	said := fmt.Sprintf(format, v...)
	e.warn(said)
	select {
	case e.fatal <- said:
	default: // the first is the cause
	}
}

// forget drops what was heard of a server that has ended.
func (e *ears) forget() {
	for {
		select {
		case <-e.fatal:
		case <-e.broken:
		default:
			return
		}
	}
}
