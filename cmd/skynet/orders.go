package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"skynet/controller"
	"skynet/signals"
)

var _ controller.Orders = (*orders)(nil)

// orders are the operator's standing orders, in a file of the state folder:
// `skynet pause` writes it, and every tick reads it, so that an order needs no
// connection and outlives a restart.
type orders struct {
	path string
	log  *zap.Logger

	mu   sync.Mutex
	last map[string]signals.Standing // as read last, for when the file cannot be
	said string                      // the trouble that was told last
}

func ordersFile(stateDir string) string { return filepath.Join(stateDir, "orders.json") }

// openOrders reads the orders for the first time. A file that cannot be read
// stops the start: it may hold a pause.
func openOrders(stateDir string, log *zap.Logger) (*orders, error) {
	o := &orders{path: ordersFile(stateDir), log: log}
	var err error
	o.last, err = readOrders(o.path)
	return o, err
}

// readOrders reads the orders by fleet. No file is no orders.
func readOrders(path string) (map[string]signals.Standing, error) {
	all := map[string]signals.Standing{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("standing orders: %w", curable(err))
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("standing orders in %s: %w; correct the file, or remove it to be without any", path, err)
	}
	if all == nil { // the file says null
		all = map[string]signals.Standing{}
	}
	return all, nil
}

const (
	// toldFor is how long changes are kept for a tick to tell of: the daemon may be
	// stopped meanwhile.
	toldFor = 30 * 24 * time.Hour
	// mostChanges is how many of them.
	mostChanges = 50
	// mostEnded is how many orders that were taken back are kept in mind, of each kind.
	mostEnded = mostNamed
)

// changeOrders changes the orders, one command after the other: of two that are
// given at once none may undo the other. What has expired is only told of.
func changeOrders(ctx context.Context, path string, change func(all map[string]signals.Standing, now time.Time) error) error {
	// The folder is locked, rather than a file of its own: who may write orders need
	// not be able to open what another user has created.
	l := flock.New(filepath.Dir(path), flock.SetFlag(os.O_RDONLY))
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("standing orders: wait for another command: %w", curable(err))
	}
	defer func() { _ = l.Unlock() }()
	all, err := readOrders(path)
	if err != nil {
		return err
	}
	// Not before the lock: a tick that has read the file knows of all that is older.
	now := time.Now().Round(0).UTC()
	if err := change(all, now); err != nil {
		return err
	}
	for name, s := range all {
		if all[name] = kept(s, now); all[name].IsZero() {
			delete(all, name)
		}
	}
	return writeOrders(path, all)
}

// kept is what is worth writing down at a time.
func kept(s signals.Standing, now time.Time) signals.Standing {
	s = s.In(now).Since(now.Add(-toldFor), now)
	s.Changes = s.Changes[max(0, len(s.Changes)-mostChanges):]
	s.Ended = latest(s.Ended, mostEnded)
	return s
}

// latest are the newest so many of each kind: a thousand workers that need not drain any
// more push no pause out.
func latest(list []signals.Ended, most int) []signals.Ended {
	left := map[string]int{}
	for _, e := range list {
		left[e.What]++
	}
	return slices.DeleteFunc(slices.Clone(list), func(e signals.Ended) bool {
		left[e.What]--
		return left[e.What] >= most
	})
}

// writeOrders replaces the file as a whole, so that nobody reads half of it. The
// daemon must be able to read it, whoever writes.
func writeOrders(path string, all map[string]signals.Standing) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("standing orders: %w", err)
	}
	return nil
}

// Standing gives a fleet's orders that have not expired, and what has changed of
// them lately. While the file cannot be
// read those read last stand.
func (o *orders) Standing(fleetName string, now time.Time) signals.Standing {
	o.mu.Lock()
	defer o.mu.Unlock()
	all, err := readOrders(o.path)
	o.tell(err)
	if err == nil {
		o.last = all
	}
	return o.last[fleetName].In(now)
}

// tell logs trouble once.
func (o *orders) tell(err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != "" && said != o.said {
		o.log.Error("the standing orders cannot be read; those read last stand", zap.Error(err))
	}
	o.said = said
}
