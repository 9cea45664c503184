package line

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/signals"
)

// Parse reads one line, strictly. Whether its signals may be spoken of, and have
// values that can be, is for [In.Check] to say.
func Parse(data []byte) (In, error) {
	in := In{}
	seen, err := members(data, "", func(key string, value json.RawMessage) (err error) {
		switch key {
		case "time":
			in.Time, err = readTime(value)
		case "signals":
			in.Signals, err = readSignals(value)
		case "workers":
			in.Workers, err = readWorkers(value)
		case "advice":
			in.Advice, err = readAdvice(value)
		case "orders":
			in.Orders, err = readOrders(value)
		default:
			err = strange(key, []string{"time", "signals", "workers", "advice", "orders"})
		}
		return err
	})
	switch {
	case err != nil:
		return In{}, err
	case !seen["time"]:
		return In{}, fmt.Errorf(`time: missing; write it like "time":"2026-03-01T17:00:00Z"`)
	case !seen["signals"]:
		return In{}, fmt.Errorf(`signals: missing; write it like "signals":{"queue.visible":120}`)
	}
	return in, nil
}

func strange(key string, known []string) error {
	return fmt.Errorf("%s: unknown key; %s", shown(key), near(key, known))
}

// near says which word was meant, or which there are.
func near(word string, known []string) string {
	if meant := strict.Nearest(word, known); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	if len(known) > 12 {
		return "`skynet signals` lists those that there are"
	}
	return fmt.Sprintf("known: %v", known)
}

// earliest is the first year that a line can be of: an earlier time is one that
// nobody has set.
const earliest = 1970

func readTime(raw json.RawMessage) (t time.Time, err error) {
	var text string
	if json.Unmarshal(raw, &text) != nil || t.UnmarshalText([]byte(text)) != nil {
		return t, fmt.Errorf("time: %s is not a time; write it like \"2026-03-01T17:00:00Z\" (RFC 3339)", shown(string(raw)))
	}
	if t.Year() < earliest {
		return t, fmt.Errorf("time: %s lies before %d; write the time of the snapshot", text, earliest)
	}
	return t, nil
}

func readSignals(raw json.RawMessage) (map[string]*float64, error) {
	values := map[string]*float64{}
	_, err := members(raw, "signals", func(name string, value json.RawMessage) error {
		v, err := readNumber(value)
		if err != nil {
			return fmt.Errorf("signals: %s: %w", shown(name), err)
		}
		values[name] = v
		return nil
	})
	return values, err
}

// readNumber reads a number, or nil for null.
func readNumber(raw json.RawMessage) (*float64, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return nil, fmt.Errorf("%s is not a number; write it with digits and without quotes, or null if it is unknown", shown(string(raw)))
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !finite(v) {
		return nil, fmt.Errorf("%s is too large for a number; write a finite one, or null if it is unknown", shown(string(raw)))
	}
	return &v, nil
}

// most is how many workers a line may list or count: more than any policy file
// may ask for.
const most = 100_000

func readWorkers(raw json.RawMessage) ([]fleet.Worker, error) {
	workers, ids := []fleet.Worker{}, map[fleet.ID]bool{}
	err := elements(raw, "workers", func(path string, value json.RawMessage) error {
		w, err := fields[fleet.Worker](value, path, "id", "state")
		switch {
		case err != nil:
			return err
		case w.ID == "":
			return fmt.Errorf("%s.id: is empty; give each worker the ID that it keeps from line to line", path)
		case ids[w.ID]:
			return fmt.Errorf("%s.id: %s is listed twice; list each worker once", path, shown(string(w.ID)))
		case w.Jobs < 0 || w.Slots < 0 || w.Unheard < 0 || w.Hourly < 0:
			return fmt.Errorf("%s: jobs %d, slots %d, unheard %s, hourly %g: none can be negative; correct it", path, w.Jobs, w.Slots, w.Unheard, w.Hourly)
		case len(workers) == most:
			return fmt.Errorf("workers: more than %d; split the fleet", most)
		}
		ids[w.ID] = true
		workers = append(workers, w)
		return nil
	})
	return workers, err
}

func readAdvice(raw json.RawMessage) (list []signals.Advice, err error) {
	err = elements(raw, "advice", func(path string, value json.RawMessage) error {
		a, err := fields[signals.Advice](value, path, "policy")
		if err == nil && a.Want < 0 {
			err = fmt.Errorf("%s.want: %d is negative; write how many workers are wanted, or say in unknown why not", path, a.Want)
		}
		list = append(list, a)
		return err
	})
	return list, err
}

func readOrders(raw json.RawMessage) (orders signals.Standing, err error) {
	_, err = members(raw, "orders", func(key string, value json.RawMessage) error {
		switch key {
		case "pause":
			p, err := fields[signals.Pause](value, "orders.pause", "until")
			orders.Pause = &p
			return err
		case "floor":
			f, err := fields[signals.Floor](value, "orders.floor", "want", "until")
			if err == nil && f.Want < 0 {
				err = fmt.Errorf("orders.floor.want: %d is negative; write how many workers are kept", f.Want)
			}
			orders.Floor = &f
			return err
		case "drain":
			orders.Drain, err = readNamed(value, "orders.drain")
			return err
		case "forget":
			orders.Forget, err = readNamed(value, "orders.forget")
			return err
		case "changes":
			return elements(value, "orders.changes", func(path string, value json.RawMessage) error {
				c, err := fields[signals.Change](value, path, "at", "said")
				orders.Changes = append(orders.Changes, c)
				return err
			})
		case "ended":
			return elements(value, "orders.ended", func(path string, value json.RawMessage) error {
				e, err := fields[signals.Ended](value, path, "what", "until")
				orders.Ended = append(orders.Ended, e)
				return err
			})
		}
		return fmt.Errorf("orders: %w", strange(key, []string{"pause", "floor", "drain", "forget", "changes", "ended"}))
	})
	return orders, err
}

func readNamed(raw json.RawMessage, path string) (list []signals.Named, err error) {
	err = elements(raw, path, func(path string, value json.RawMessage) error {
		n, err := fields[signals.Named](value, path, "id", "until")
		if err == nil && n.ID == "" {
			err = fmt.Errorf("%s.id: is empty; give the worker's", path)
		}
		list = append(list, n)
		return err
	})
	return list, err
}

// ParseOut reads the answer of a program. It must say what is wanted; the rest
// may be left out.
func ParseOut(data []byte) (Out, error) {
	o, err := fields[Out](data, "", "want")
	switch {
	case err != nil:
		return Out{}, err
	case o.Want != nil && (*o.Want < 0 || *o.Want > math.MaxInt32):
		return Out{}, fmt.Errorf("want: %d is no number of workers", *o.Want)
	}
	return o, nil
}
