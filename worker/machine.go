package worker

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// machine reads how busy the machine is from /proc. What cannot be read is 0.
type machine struct {
	root        string // "/proc"
	total, idle float64
}

// read returns CPU since the last read and memory now, in per cent of the
// machine. The first read has nothing to compare with: CPU since boot.
func (m *machine) read() (cpu, memory float64) { return m.cpu(), m.memory() }

// cpu reads the first line of /proc/stat: user nice system idle iowait irq
// softirq steal … in ticks. Waiting for the disk is not work.
func (m *machine) cpu() float64 {
	b, err := os.ReadFile(filepath.Join(m.root, "stat"))
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	f := strings.Fields(string(line))
	if len(f) < 9 || f[0] != "cpu" {
		return 0
	}
	var total, idle float64
	for i, s := range f[1:9] { // what follows (guest) is counted in user already
		v, _ := strconv.ParseFloat(s, 64)
		total += v
		if i == 3 || i == 4 {
			idle += v
		}
	}
	dt, di := total-m.total, idle-m.idle
	m.total, m.idle = total, idle
	return percent(dt-di, dt)
}

// memory is what is not available to new programs without swapping.
func (m *machine) memory() float64 {
	b, err := os.ReadFile(filepath.Join(m.root, "meminfo"))
	if err != nil {
		return 0
	}
	kB := map[string]float64{}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) >= 2 {
			kB[f[0]], _ = strconv.ParseFloat(f[1], 64)
		}
	}
	if _, known := kB["MemAvailable:"]; !known {
		return 0
	}
	return percent(kB["MemTotal:"]-kB["MemAvailable:"], kB["MemTotal:"])
}

func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return min(max(100*part/whole, 0), 100)
}
