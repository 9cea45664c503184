package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"skynet/policy/expression"
	"skynet/signals"
)

// Rule wants what an expression says while a condition holds, and nothing
// otherwise: for what an operator knows about a fleet and no other policy does.
type Rule struct {
	As     string                 // how it is called in reasons; "": rule
	When   *expression.Expression // a condition; nil: always
	Number *expression.Expression // how many workers; a fraction is rounded up
}

// Name is how it is called in reasons.
func (r Rule) Name() string { return cmp.Or(r.As, "rule") }

// Window is how far back its expressions look.
func (r Rule) Window() time.Duration {
	if r.When == nil {
		return r.Number.Window()
	}
	return max(r.When.Window(), r.Number.Window())
}

// Signals are the names that it speaks of, sorted.
func (r Rule) Signals() []string {
	names := r.Number.Signals()
	if r.When != nil {
		names = append(names, r.When.Signals()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Want is the number while the condition holds. A condition that is known not to
// hold is enough for 0: the number is not asked for then.
func (r Rule) Want(s signals.Snapshot) (int, string, error) {
	on, used, err := r.on(s)
	if err != nil {
		return 0, "", err
	}
	if !on {
		return 0, "off: " + shown(used), nil
	}
	read, err := r.Number.Read(s)
	if err != nil {
		return 0, "", err
	}
	used = append(used, read...)
	v, err := r.Number.Number(read)
	if err != nil {
		return 0, "", fmt.Errorf("want is unknown: %w, with %s", err, shown(used))
	}
	return ceil(v), r.because(v, used), nil
}

// on evaluates the condition, and says what it rests on.
func (r Rule) on(s signals.Snapshot) (bool, expression.Reading, error) {
	if r.When == nil {
		return true, nil, nil
	}
	read, err := r.When.Read(s)
	if err != nil {
		return false, nil, err
	}
	on, err := r.When.True(read)
	if err != nil {
		err = fmt.Errorf("when is unknown: %w, with %s", err, shown(read))
	}
	return on, read, err
}

func (r Rule) because(v float64, used expression.Reading) (said string) {
	if r.When != nil {
		said = "on: "
	}
	if len(used) > 0 {
		said += shown(used) + "; "
	}
	if v < 0 {
		return said + fmt.Sprintf("want %s, that is nobody", short(v))
	}
	if n := ceil(v); float64(n) != v {
		return said + fmt.Sprintf("want %s, rounded up to %d", short(v), n)
	}
	return said + "want " + short(v)
}

// shown names values, each once, and not more than a reader takes in.
func shown(used expression.Reading) string {
	const most = 6
	var list []string
	for _, u := range used {
		if text := u.Name + " " + short(u.Value); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	switch more := len(list) - most; {
	case len(list) == 0:
		return "nothing is asked of signals"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), more)
	}
	return strings.Join(list, ", ")
}

// short is a number as people read it: whole ones whole, others with three digits
// or so.
func short(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v) && size < 1e15, size >= 1000 && size < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 100 && size < 1000:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
