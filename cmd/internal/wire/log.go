package wire

import (
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Log makes a log of a level (debug, info, warn, error) in a format (text, or
// json for a collector) that goes to out.
func Log(out zapcore.WriteSyncer, level, format string) (*zap.Logger, error) {
	least, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: write debug, info, warn or error", level)
	}
	cfg := zap.NewProductionEncoderConfig()
	cfg.EncodeTime, cfg.EncodeDuration = zapcore.ISO8601TimeEncoder, zapcore.StringDurationEncoder
	enc := zapcore.NewConsoleEncoder(cfg)
	switch format {
	case "text":
	case "json":
		enc = zapcore.NewJSONEncoder(cfg)
	default:
		return nil, fmt.Errorf("log format %q: write text or json", format)
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
