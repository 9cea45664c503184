package nats

import "fmt"

// ears listens to the server's log: warnings and errors go to the caller, and
// what would have ended a stand-alone server ends Start.
type ears struct {
	warn  func(string)
	fatal chan string
}

func newEars(warn func(string)) *ears {
	if warn == nil {
		warn = func(string) {}
	}
	return &ears{warn: warn, fatal: make(chan string, 1)}
}

func (e *ears) Noticef(string, ...any) {}
func (e *ears) Debugf(string, ...any)  {}
func (e *ears) Tracef(string, ...any)  {}

func (e *ears) Warnf(format string, v ...any)  { e.warn(fmt.Sprintf(format, v...)) }
func (e *ears) Errorf(format string, v ...any) { e.warn(fmt.Sprintf(format, v...)) }

func (e *ears) Fatalf(format string, v ...any) {
	said := fmt.Sprintf(format, v...)
	e.warn(said)
	select {
	case e.fatal <- said:
	default: // the first is the cause
	}
}
