package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/zap"
)

// The journal is told priorities and needs no times; a file gets whole lines.
func TestLogsForTheJournal(t *testing.T) {
	for _, c := range []struct {
		stream, format string
		want           string // after the time, where there is one
	}{
		{"ours", "text", "<6>runs\t{\"fleets\": 2}\n<4>slow\n<3>broken\n"},
		{"another's", "text", "info\truns\t{\"fleets\": 2}\n"},
		{"", "text", "info\truns\t{\"fleets\": 2}\n"},
		{"ours", "json", "<6>{\"level\":\"info\",\"ts\":"},
		{"rubbish", "json", "{\"level\":\"info\",\"ts\":"},
	} {
		t.Run(c.stream+" "+c.format, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			at, _ := f.Stat()
			s := at.Sys().(*syscall.Stat_t)
			t.Setenv("JOURNAL_STREAM", map[string]string{
				"ours": fmt.Sprintf("%d:%d", s.Dev, s.Ino), "another's": fmt.Sprintf("%d:%d", s.Dev, s.Ino+1), "rubbish": "a:b", "": "",
			}[c.stream])
			log, err := Log(f, "info", c.format)
			if err != nil {
				t.Fatal(err)
			}
			log.With(zap.Int("fleets", 2)).Info("runs")
			log.Warn("slow")
			log.Error("broken")
			log.Debug("quiet")
			text, _ := os.ReadFile(f.Name())
			got := string(text)
			if c.format == "text" && c.stream != "ours" {
				if _, err := fmt.Sscanf(got[:4], "%d", new(int)); err != nil {
					t.Errorf("no time in %q", got)
				}
				got = got[len("2026-03-01T17:00:00.000Z\t"):]
			}
			if n := len(c.want); len(got) < n || got[:n] != c.want || c.stream == "ours" && c.format == "text" && len(got) > n {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
