package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// application is written into the file's header ("SkyN"), so that another
// program's database is not taken for a journal.
const application = 0x536b794e

// migrations lead from version to version: the first makes an empty file a
// journal, later ones are added at the end and never changed. The version of a
// file is the number of those that it has been through.
var migrations = []string{`
CREATE TABLE ticks (          -- the spine; AUTOINCREMENT: intents outlive their tick, so its id is never given again
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  fleet TEXT NOT NULL,
  at    INTEGER NOT NULL      -- ns since 1970 UTC, as all times here
);
CREATE INDEX ticks_by_time ON ticks (fleet, at);

CREATE TABLE decisions (
  tick    INTEGER PRIMARY KEY REFERENCES ticks ON DELETE CASCADE,
  id      TEXT NOT NULL UNIQUE,
  said    TEXT NOT NULL,      -- the decision
  facts   TEXT NOT NULL,      -- the snapshot without workers and signals
  workers TEXT                -- all workers, or NULL: those of the fleet's tick before, with changes
);
CREATE TABLE changes (
  tick   INTEGER NOT NULL REFERENCES decisions ON DELETE CASCADE,
  worker TEXT NOT NULL,
  patch  TEXT,                -- the fields that differ; NULL: it is gone
  PRIMARY KEY (tick, worker)
) WITHOUT ROWID;

CREATE TABLE intents (
  seq     INTEGER PRIMARY KEY,
  id      TEXT NOT NULL UNIQUE,
  tick    INTEGER NOT NULL,
  fleet   TEXT NOT NULL,
  at      INTEGER NOT NULL,
  body    TEXT NOT NULL,
  request BLOB,               -- the order's request, byte by byte as it is sent
  settled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX intents_by_tick ON intents (tick);
CREATE INDEX intents_unsettled ON intents (fleet, at) WHERE settled = 0;
CREATE TABLE outcomes (
  seq    INTEGER PRIMARY KEY,
  intent INTEGER NOT NULL UNIQUE REFERENCES intents ON DELETE CASCADE,
  body   TEXT NOT NULL
);

CREATE TABLE series (
  id    INTEGER PRIMARY KEY,
  fleet TEXT NOT NULL,
  name  TEXT NOT NULL,
  UNIQUE (fleet, name)
);
CREATE TABLE signals (
  tick    INTEGER NOT NULL REFERENCES ticks ON DELETE CASCADE,
  series  INTEGER NOT NULL,
  n       INTEGER NOT NULL,   -- its place in the snapshot
  value,                      -- a whole number as INTEGER, which is smaller; NULL: not a number
  age,                        -- ns before the tick; TEXT: a moment too far away; NULL: no time
  good    INTEGER NOT NULL,   -- ns
  unknown TEXT,
  PRIMARY KEY (tick, series, n)
) WITHOUT ROWID;
CREATE TABLE hours (
  series INTEGER NOT NULL,
  hour   INTEGER NOT NULL,    -- hours since 1970 UTC
  mean   REAL NOT NULL,
  max    REAL NOT NULL,
  last   REAL NOT NULL,
  lasted INTEGER NOT NULL,    -- the tick that last is of, ns
  count  INTEGER NOT NULL,
  PRIMARY KEY (series, hour)
) WITHOUT ROWID;
`, `
ALTER TABLE signals ADD COLUMN note TEXT;  -- what a value rests on, if not on a measurement
`}

// migrate brings the file up to the last of steps, one transaction each: a
// crash between two leaves a good file of the version between them.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	version, err := versionOf(ctx, db)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("%w (version %d, known up to %d)", ErrNewer, version, len(steps))
	}
	for ; version < len(steps); version++ {
		if err := step(ctx, db, steps[version], version+1); err != nil {
			return fmt.Errorf("bring version %d to %d: %w", version, version+1, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, text string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	marks := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, version)
	if _, err := tx.ExecContext(ctx, text+";"+marks); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// versionOf is the file's version, 0 for an empty one; ErrForeign for a
// database that is not a journal.
func versionOf(ctx context.Context, db *sql.DB) (version int, err error) {
	var mark, tables int
	const ask = `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`
	if err := db.QueryRowContext(ctx, ask).Scan(&mark, &version, &tables); err != nil {
		return 0, err
	}
	if mark != application && (tables > 0 || version > 0 || mark != 0) {
		return 0, ErrForeign
	}
	return version, nil
}
