package line

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"skynet/signals"
)

var dottedName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

// signed are the signals of the catalogue that may be negative.
var signed = []string{"queue.growth", "forecast.surprise", "cost.budget_left"}

// counted are the signals that say how many workers there are: these are made of
// them.
var counted = []string{"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent", "fleet.idle"}

// Check reports the first signal that may not be spoken of, or whose value cannot be.
func (in In) Check(names signals.Names) error {
	for _, name := range in.Names() {
		if err := checkName(name, names); err != nil {
			return fmt.Errorf("signals: %s: %w", shown(name), err)
		}
		if v := in.Signals[name]; v != nil {
			if err := checkValue(name, *v); err != nil {
				return fmt.Errorf("signals: %q: %w", name, err)
			}
		}
	}
	return nil
}

func checkName(name string, names signals.Names) error {
	switch {
	case !dottedName.MatchString(name):
		return fmt.Errorf("is not a signal's name; write small letters, digits and _ with dots between, like queue.visible")
	case names.Known(name):
		return nil
	}
	if queue, ok := queueOf(name); ok && names.Open {
		names.Queues = []string{queue}
	}
	return fmt.Errorf("is not a signal%s; %s", whose(names), near(name, names.All()))
}

func whose(names signals.Names) string {
	if names.Open {
		return ""
	}
	return " of this fleet"
}

func checkValue(name string, v float64) error {
	kind, known := signals.KindOf(name)
	switch {
	case !finite(v):
		return fmt.Errorf("%g is not a finite number; write null if it is unknown", v)
	case known && v < 0 && !slices.Contains(signed, kind.Name):
		return fmt.Errorf("%g is negative, which %s cannot be; write null if it is unknown", v, kind.Unit)
	case slices.Contains(counted, name) && v != math.Trunc(v):
		return fmt.Errorf("%g is not a whole number of instances; round it", v)
	case slices.Contains(counted, name) && v > most:
		return fmt.Errorf("%g instances are more than %d; correct it", v, most)
	}
	return nil
}

// queueOf is the queue of a signal that is a queue's own.
func queueOf(name string) (queue string, ok bool) {
	rest, ok := strings.CutPrefix(name, "queues.")
	queue, _, dotted := strings.Cut(rest, ".")
	return queue, ok && dotted
}

// Queues are the names of the queues that the line's signals speak of, in order.
func (in In) Queues() (queues []string) {
	for _, name := range in.Names() {
		if q, ok := queueOf(name); ok && !slices.Contains(queues, q) {
			queues = append(queues, q)
		}
	}
	return queues
}
