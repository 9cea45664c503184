package rows

import (
	"context"
	"fmt"
)

// migrations bring the tables from one version to the next. What was released is
// never changed; new ones are added behind.
var migrations = [][]string{{
	`CREATE TABLE skynet_items (
		folder text PRIMARY KEY,
		item text NOT NULL,
		batch text NOT NULL,
		recipe text NOT NULL,
		digest text NOT NULL,
		worker text NOT NULL,
		version text NOT NULL,
		started {time} NOT NULL,
		finished {time} NOT NULL,
		seconds double precision NOT NULL,
		tries integer NOT NULL)`,
	`CREATE INDEX skynet_items_batch ON skynet_items (batch)`,
	`CREATE INDEX skynet_items_finished ON skynet_items (finished)`,
	`CREATE TABLE skynet_inputs (
		folder text NOT NULL REFERENCES skynet_items ON DELETE CASCADE,
		name text NOT NULL,
		url text NOT NULL,
		bytes bigint NOT NULL,
		sha256 text NOT NULL,
		PRIMARY KEY (folder, name))`,
	`CREATE INDEX skynet_inputs_url ON skynet_inputs (url)`,
	`CREATE TABLE skynet_outputs (
		url text PRIMARY KEY,
		folder text NOT NULL REFERENCES skynet_items ON DELETE CASCADE,
		name text NOT NULL,
		type text NOT NULL,
		bytes bigint NOT NULL,
		sha256 text NOT NULL,
		width integer,
		height integer,
		seconds double precision)`,
	`CREATE INDEX skynet_outputs_folder ON skynet_outputs (folder)`,
}}

// migrate brings the tables up to date. Of several workers that start at once one
// does it while the others wait.
func migrate(ctx context.Context, s session) error {
	return s.within(ctx, func(tx statements) error {
		if err := s.migrating(tx); err != nil {
			return err
		}
		if err := tx.do(`CREATE TABLE IF NOT EXISTS skynet_schema (version integer NOT NULL)`); err != nil {
			return err
		}
		at, err := tx.number(`SELECT COALESCE(MAX(version), 0) FROM skynet_schema`)
		if err != nil {
			return err
		}
		if at > int64(len(migrations)) {
			return fmt.Errorf("the tables are of version %d, this worker knows up to %d: they were made by a newer one; update this one", at, len(migrations))
		}
		for i := int(at); i < len(migrations); i++ {
			for _, statement := range migrations[i] {
				if err := tx.do(statement); err != nil {
					return err
				}
			}
			if err := tx.do(`INSERT INTO skynet_schema (version) VALUES ($1)`, i+1); err != nil {
				return err
			}
		}
		return nil
	})
}
