package sqlite

import (
	"context"
	"fmt"
)

// Confine lets the file grow no further, or as far as the disk does again. It is for
// trials of what happens on a full disk, where there is none to fill: what does not fit
// is refused with ErrFull.
func (j *Journal) Confine(ctx context.Context, on bool) error {
	most := mostPages
	if on {
		most = 1 // SQLite takes no less than there is
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", most))
	return fail(j.path, "confine", err)
}

// mostPages is SQLite's own limit: https://www.sqlite.org/pragma.html#pragma_max_page_count
const mostPages = 4294967294
