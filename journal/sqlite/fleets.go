package sqlite

import "context"

// Fleets lists the fleets that the journal has ticks of, by name, those too
// that are no longer in use. It jumps from name to name in the index instead
// of reading all ticks.
func (r *Reader) Fleets(ctx context.Context) (names []string, err error) {
	err = r.view(ctx, "list the fleets", func(r reading) error {
		return r.each(func(scan func(...any) error) error {
			var name string
			defer func() { names = append(names, name) }()
			return scan(&name)
		}, `WITH RECURSIVE f(name) AS (
				SELECT min(fleet) FROM ticks
				UNION ALL SELECT (SELECT min(fleet) FROM ticks WHERE fleet > name) FROM f WHERE name IS NOT NULL)
			SELECT name FROM f WHERE name IS NOT NULL`)
	})
	return names, err
}
