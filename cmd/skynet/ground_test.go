package main

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
)

func TestTheFolderOfLocalWorkersIsOpenedWhereItIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name   string
		fleets []config.Fleet
		left   bool // by an earlier run
		opened bool
	}{
		{"nothing runs here", []config.Fleet{{Name: "far", EC2: &config.EC2{}}}, false, false},
		{"nothing runs here any more", []config.Fleet{{Name: "far", EC2: &config.EC2{}}}, true, true},
		{"one of two runs here", []config.Fleet{{Name: "far", EC2: &config.EC2{}}, {Name: "near", Local: &config.Local{Worker: "/bin/true", Slots: 1}}}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &daemon{cfg: config.Config{StateDir: t.TempDir(), Fleets: c.fleets}, log: zap.NewNop(), lines: wire.NewLines("", zap.NewNop(), nil)}
			if c.left {
				if err := os.Mkdir(filepath.Join(d.cfg.StateDir, "local"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			d.cfg.Heartbeats = "nats://127.0.0.1:4222/heartbeats"
			err := d.openLocal(t.Context())
			t.Cleanup(func() { _ = d.close() })
			if err != nil || (d.local != nil) != c.opened {
				t.Fatalf("opened %v, %v; want %v", d.local != nil, err, c.opened)
			}
			if err := d.warnOfStrays(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
