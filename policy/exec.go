package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"skynet/signals"
)

// Exec wants what a program of the user's answered. The program is asked before
// the snapshot freezes, and its answer or its failure is part of the snapshot: so
// what has been decided can be decided again without it.
type Exec struct {
	As string // how it is called in reasons; "": exec
}

// Name is how it is called in reasons.
func (e Exec) Name() string { return cmp.Or(e.As, "exec") }

// Want is the program's. One that was not asked, or did not answer, cannot tell.
func (e Exec) Want(s signals.Snapshot) (int, string, error) {
	i := slices.IndexFunc(s.Advice, func(a signals.Advice) bool { return a.Policy == e.Name() })
	if i < 0 {
		return 0, "", errors.New("its program was not asked")
	}
	a := s.Advice[i]
	switch {
	case a.Unknown != "":
		return 0, "", errors.New(a.Unknown)
	case a.Want < 0:
		return 0, "", fmt.Errorf("its program wants %d workers", a.Want)
	case a.Because == "":
		return a.Want, fmt.Sprintf("its program wants %d", a.Want), nil
	}
	return a.Want, a.Because, nil
}
