package wire

import (
	"fmt"
	"os"
	"runtime/debug"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Log makes a log of a level (debug, info, warn, error) in a format (text, or
// json for a collector) that goes to out. Where that is systemd's journal, which
// keeps time and priority by itself, they are not in the text.
func Log(out zapcore.WriteSyncer, level, format string) (*zap.Logger, error) {
	f, isFile := out.(*os.File)
	return logTo(out, level, format, isFile && toJournal(f))
}

func logTo(out zapcore.WriteSyncer, level, format string, journal bool) (*zap.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: write debug, info, warn or error", level)
	}
	cfg := zap.NewProductionEncoderConfig()
	cfg.EncodeTime, cfg.EncodeDuration = zapcore.ISO8601TimeEncoder, zapcore.StringDurationEncoder
	var enc zapcore.Encoder
	switch format {
	case "text":
		if journal {
			cfg.TimeKey, cfg.LevelKey = zapcore.OmitKey, zapcore.OmitKey
		}
		enc = zapcore.NewConsoleEncoder(cfg)
	case "json":
		enc = zapcore.NewJSONEncoder(cfg)
	default:
		return nil, fmt.Errorf("log format %q: write text or json", format)
	}
	if journal {
		enc = prioritised{enc}
	}
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(out), least)), nil
}

// stamped is set by the linker (-X skynet/cmd/internal/wire.stamped=…) in a
// released build.
var stamped string

// Version is the release, or else the revision the program was built from.
func Version() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "development"
}
