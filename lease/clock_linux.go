package lease

import (
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot counts from the start of the machine. Other than Go's own clock it goes on
// while the machine sleeps, and other than the wall clock nobody sets it:
// https://man7.org/linux/man-pages/man2/clock_gettime.2.html, CLOCK_BOOTTIME.
func SinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Since(begun) // a kernel from before 2.6.39
	}
	return time.Duration(t.Nano())
}

var begun = time.Now()
