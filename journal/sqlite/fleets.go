package sqlite

import "context"

// Fleets lists the fleets that the journal has ticks of, by name.
func (r *Reader) Fleets(ctx context.Context) (names []string, err error) {
	err = r.view(ctx, "list the fleets", func(r reading) error {
		return r.each(func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		}, `SELECT DISTINCT fleet FROM ticks ORDER BY fleet`)
	})
	return names, err
}
