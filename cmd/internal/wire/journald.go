package wire

import (
	"fmt"
	"os"
	"syscall"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// toJournal reports whether what is written to a file goes to systemd's journal. The
// variable alone says nothing: it is inherited by those whose output goes elsewhere.
// https://www.freedesktop.org/software/systemd/man/systemd.exec.html#%24JOURNAL_STREAM
func toJournal(f *os.File) bool {
	var dev, inode uint64
	if n, err := fmt.Sscanf(os.Getenv("JOURNAL_STREAM"), "%d:%d", &dev, &inode); err != nil || n != 2 {
		return false
	}
	at, err := f.Stat()
	if err != nil {
		return false
	}
	s, ok := at.Sys().(*syscall.Stat_t)
	return ok && s.Dev == dev && s.Ino == inode
}

// prioritised puts the priority before each line, as the journal reads it, so that
// journalctl -p warning finds warnings.
// https://www.freedesktop.org/software/systemd/man/sd-daemon.html
type prioritised struct{ zapcore.Encoder }

// Clone implements zapcore.Encoder.
func (p prioritised) Clone() zapcore.Encoder { return prioritised{p.Encoder.Clone()} }

// EncodeEntry implements zapcore.Encoder.
func (p prioritised) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	line, err := p.Encoder.EncodeEntry(e, fields)
	if err != nil {
		return nil, err
	}
	defer line.Free()
	out := lines.Get()
	out.AppendString(priority(e.Level))
	_, err = out.Write(line.Bytes())
	return out, err
}

var lines = buffer.NewPool()

// priority is a level as syslog(3) numbers it.
func priority(l zapcore.Level) string {
	switch {
	case l >= zapcore.DPanicLevel:
		return "<2>"
	case l == zapcore.ErrorLevel:
		return "<3>"
	case l == zapcore.WarnLevel:
		return "<4>"
	case l == zapcore.InfoLevel:
		return "<6>"
	}
	return "<7>"
}
