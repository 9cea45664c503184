package worker

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMachine(t *testing.T) {
	m := machine{root: t.TempDir()}
	if cpu, memory := m.read(); cpu != 0 || memory != 0 {
		t.Errorf("%g %g without /proc", cpu, memory)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("stat", "cpu  100 0 100 700 100 0 0 0 55 0\ncpu0 1 2\n")
	put("meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")
	if cpu, memory := m.read(); cpu != 20 || memory != 75 {
		t.Errorf("%g%% CPU, %g%% memory, want 20 and 75", cpu, memory)
	}
	put("stat", "cpu  190 0 100 705 105 0 0 0 99 0\n")
	if cpu, _ := m.read(); cpu != 90 {
		t.Errorf("%g%% CPU since the last time, want 90", cpu)
	}
	put("stat", "cpu  nonsense")
	put("meminfo", "MemTotal: 1000 kB\n")
	if cpu, memory := m.read(); cpu != 0 || memory != 0 {
		t.Errorf("%g %g of nonsense", cpu, memory)
	}
}
