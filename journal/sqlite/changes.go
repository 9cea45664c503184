package sqlite

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"skynet/fleet"
)

// imageEvery is how many ticks lie between two images of all workers, at most:
// what reading from any tick costs besides, and what a damaged row costs.
const imageEvery = 60

// roster is a fleet's workers as the last tick had them.
type roster struct {
	workers []fleet.Worker
	changes int // ticks since the last image
}

// diff is how a tick's workers are stored: all of them, or what has changed.
type diff struct {
	all     []fleet.Worker
	whole   bool
	changes []change
}

// change is what became of one worker since the tick before.
type change struct {
	id            fleet.ID
	before, after fleet.Worker
	gone          bool
}

// next says how to store now after r (nil: nothing is known of the tick
// before), and what the tick after that is compared with.
func (r *roster) next(now []fleet.Worker) (*roster, diff) {
	if r == nil || r.changes+1 >= imageEvery || !distinct(r.workers) || !distinct(now) {
		return &roster{workers: now}, diff{all: now, whole: true}
	}
	return &roster{workers: now, changes: r.changes + 1}, diff{changes: changesOf(r.workers, now)}
}

// distinct reports that workers are in order of their IDs, each once. Changes
// know no other order, so that a list without it is stored as it is.
func distinct(ws []fleet.Worker) bool {
	for i := 1; i < len(ws); i++ {
		if ws[i-1].ID >= ws[i].ID {
			return false
		}
	}
	return true
}

// changesOf walks two lists in order of their IDs side by side.
func changesOf(before, now []fleet.Worker) (some []change) {
	for len(before) > 0 || len(now) > 0 {
		switch {
		case len(now) == 0, len(before) > 0 && before[0].ID < now[0].ID:
			some = append(some, change{id: before[0].ID, gone: true})
			before = before[1:]
		case len(before) == 0, now[0].ID < before[0].ID:
			some = append(some, change{id: now[0].ID, after: now[0]})
			now = now[1:]
		default:
			if before[0] != now[0] { // holds only while a worker is comparable: see apply
				some = append(some, change{id: now[0].ID, before: before[0], after: now[0]})
			}
			before, now = before[1:], now[1:]
		}
	}
	return some
}

// image is what goes into the column workers.
func (d diff) image() (any, error) {
	if !d.whole {
		return nil, nil
	}
	return text(d.all)
}

// text is the change as a JSON object of the fields that differ, nil for a
// worker that is gone. A busy worker's row is then a quarter of a whole one.
func (c change) text() (any, error) {
	if c.gone {
		return nil, nil
	}
	before, after := reflect.ValueOf(c.before), reflect.ValueOf(c.after)
	patch := map[string]any{}
	for i := range after.NumField() {
		if !after.Field(i).Equal(before.Field(i)) {
			name, _, _ := strings.Cut(after.Type().Field(i).Tag.Get("json"), ",")
			patch[name] = after.Field(i).Interface() // also zero: it may have become that
		}
	}
	return text(patch)
}

// patch is a row of changes as it is read: text is empty if the worker is gone.
type patch struct {
	id   fleet.ID
	text []byte
}

// rebuilt are the workers that a walk from tick to tick has come to.
type rebuilt struct {
	by    map[fleet.ID]fleet.Worker
	list  []fleet.Worker
	whole bool // every row since the last image could be read
}

// load starts afresh from an image.
func (b *rebuilt) load(image []byte) error {
	var ws []fleet.Worker
	b.whole = false
	if err := json.Unmarshal(image, &ws); err != nil {
		return fmt.Errorf("workers: %w", err)
	}
	b.list, b.by, b.whole = ws, make(map[fleet.ID]fleet.Worker, len(ws)), true
	for _, w := range ws {
		b.by[w.ID] = w
	}
	return nil
}

// apply makes a tick's changes. A patch is read into the worker as it was,
// which leaves the other fields alone; that needs workers without lists or
// maps, and changesOf does not compile with others.
func (b *rebuilt) apply(patches []patch) error {
	if !b.whole || len(patches) == 0 {
		return nil
	}
	for _, p := range patches {
		w := b.by[p.id]
		if len(p.text) == 0 {
			delete(b.by, p.id)
			continue
		}
		if err := json.Unmarshal(p.text, &w); err != nil {
			b.whole = false
			return fmt.Errorf("worker %s: %w", p.id, err)
		}
		b.by[p.id] = w
	}
	b.list = slices.SortedFunc(maps.Values(b.by), func(v, w fleet.Worker) int { return strings.Compare(string(v.ID), string(w.ID)) })
	return nil
}
