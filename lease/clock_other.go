//go:build !linux

package lease

import "time"

// SinceBoot counts from the start of the program. Where a machine sleeps it may stand
// still meanwhile: hold leases on machines that do not.
func SinceBoot() time.Duration { return time.Since(begun) }

var begun = time.Now()
