package sqlite

import (
	"context"
	"time"
)

// Times lists when a fleet ticked, from from (included) to to (not included),
// oldest first: also ticks that have lost their details by now, but not those of
// which only signals by the hour are left.
func (r *Reader) Times(ctx context.Context, fleetName string, from, to time.Time) (list []time.Time, err error) {
	err = r.view(ctx, "list the ticks of "+fleetName, func(r reading) error {
		return r.each(func(scan func(...any) error) error {
			var at int64
			defer func() { list = append(list, moment(at)) }()
			return scan(&at)
		}, `SELECT at FROM ticks WHERE fleet = ? AND at >= ? AND at < ? ORDER BY at`, fleetName, nanos(from), nanos(to))
	})
	return list, err
}
