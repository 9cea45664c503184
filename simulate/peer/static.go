package peer

import (
	"fmt"

	"skynet/signals"
)

// constant is so many instances day and night.
type constant settings

// Name is "static".
func (constant) Name() string { return Static }

// Want is always the same.
func (c constant) Want(s signals.Snapshot) (int, string, error) {
	n, err := settings(c).of(s.Fleet)
	return ceil(n), fmt.Sprintf("%d at all times", ceil(n)), err
}
