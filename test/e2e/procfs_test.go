package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"skynet/test/processes"
)

// workers are the worker processes of a folder by instance.
func workers(dir string) map[string]int {
	pids := map[string]int{}
	for id, p := range processes.Workers(dir) {
		pids[id] = p.PID
	}
	return pids
}

// encoders are the ffmpeg processes that work on films of a folder.
func encoders(dir string) (pids []int) {
	for _, p := range processes.Of(dir) {
		if filepath.Base(p.Command[0]) == "ffmpeg" {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// nobody reports what runs in a folder.
func nobody(dir string) error { return processes.Nobody(dir) }

// endAll kills what runs in a folder, until nothing does.
func endAll(dir string) { processes.EndAll(dir) }

// census counts a folder's workers all the time.
type census struct{ *processes.Census }

// count begins a census, which ends with the test.
func count(t *testing.T, dir string) census {
	c := census{processes.Count(dir, 100*time.Millisecond)}
	t.Cleanup(c.End)
	return c
}

// ever are the instances there ever were, and the most at once.
func (c census) ever() (ids []string, most int) {
	all, most := c.Ever()
	for _, p := range all {
		ids = append(ids, p.Instance)
	}
	return ids, most
}
