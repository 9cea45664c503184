package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// asideSuffix is what the name of the file that sets space aside ends with, after the
// journal's.
const asideSuffix = ".reserve"

// reserve is space set aside in a file beside the journal: when the disk is
// full the file is removed, and what it held is enough for many ticks. It is
// made again once there is room for twice its size, so that remaking it is
// not what fills the disk.
type reserve struct {
	path string
	size int64 // bytes; not positive: nothing is set aside

	mu    sync.Mutex
	given bool // the file was removed, or could not be made
	empty bool // a write failed even so
}

// release gives the space back to the disk, and reports whether there was any.
func (r *reserve) release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given = true
	return os.Remove(r.path) == nil
}

// spent notes that a write was refused for want of space.
func (r *reserve) spent() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.given, r.empty = true, true
}

// refill makes the file if it is not there and there is room for it, and
// reports whether it is there now. It is called after each write that
// succeeded, and is nearly always done at once.
func (r *reserve) refill() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.empty = false
	r.given = r.size > 0 && !r.there() && (!r.roomy() || r.make() != nil)
	return !r.given
}

func (r *reserve) there() bool {
	at, err := os.Stat(r.path)
	return err == nil && at.Size() == r.size
}

func (r *reserve) roomy() bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(r.path), &fs); err != nil {
		return false
	}
	return int64(fs.Bavail)*fs.Bsize >= 2*r.size
}

// make writes zeros instead of only setting the length: a hole would set
// nothing aside.
func (r *reserve) make() error {
	if err := os.WriteFile(r.path, make([]byte, r.size), 0o640); err != nil {
		_ = os.Remove(r.path) // half a reserve is none
		return err
	}
	return nil
}

// said is the state in an operator's words, "" if all is well.
func (r *reserve) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.empty:
		return "the disk is full and so is the space set aside: ticks are refused and nothing is done until space is freed"
	case r.given:
		return fmt.Sprintf("the disk is nearly full: the %d KiB set aside for the journal are in use until twice as much is free", r.size>>10)
	}
	return ""
}
