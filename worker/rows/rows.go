// Package rows keeps a database that says what was made: a row for each item, each
// of its inputs and each output. It makes and migrates its tables by itself.
//
// A row's key is a URL: of an item that of its folder, of an output its own. What is
// written twice is there once, and what was made anew is there as it is now. The
// rows of an item are written in one transaction.
//
// It connects when the first item is done, and again after an error, so that a
// worker starts whether its database answers or not.
package rows

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"skynet/config/redact"
	"skynet/worker/recipe"
)

// Database is PostgreSQL or SQLite.
type Database struct {
	dial    func(context.Context) (session, error)
	secrets []string // of its URL, which no error tells

	mu      sync.Mutex
	session session // nil until it is needed
	closed  bool
}

// session is a connection to a database.
type session interface {
	// within does f in one transaction. Parameters of statements are $1, $2, …
	within(ctx context.Context, f func(statements) error) error
	// migrating keeps others from migrating at the same time, for this transaction.
	migrating(statements) error
	// broken reports whether another session is needed.
	broken() bool
	Close() error
}

// statements are those of one transaction.
type statements interface {
	do(sql string, args ...any) error
	number(sql string) (int64, error)
}

// callLimit bounds one transaction, and connecting.
const callLimit = 15 * time.Second

// New makes a Database of a URL: postgres://USER@HOST:5432/NAME, with the options of
// libpq, or sqlite:///absolute/file.db. Nothing is asked of it yet.
func New(raw string) (*Database, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("database: not a URL") // its text may hold a password
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return &Database{dial: postgres(raw), secrets: secretsOf(u)}, nil
	case "sqlite":
		return &Database{dial: sqlite(u.Path)}, nil
	}
	return nil, fmt.Errorf("database: %q is not known; write postgres://… or sqlite:///…", u.Scheme)
}

// secretsOf is the password, wherever the URL has it.
func secretsOf(u *url.URL) []string {
	password, _ := u.User.Password()
	return []string{password, u.Query().Get("password"), u.Query().Get("sslpassword")}
}

// Close hangs up.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.session == nil {
		return nil
	}
	err := d.session.Close()
	d.session = nil
	return err
}

// Save writes the rows of an item, all or none.
func (d *Database) Save(ctx context.Context, m recipe.Manifest) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.open(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", redact.Error(err, d.secrets...))
	}
	if err = s.within(ctx, func(tx statements) error { return save(tx, m) }); err == nil {
		return nil
	}
	if s.broken() {
		_ = s.Close() // it is of no use any more
		d.session = nil
	}
	return fmt.Errorf("database: write the rows of an item: %w", redact.Error(err, d.secrets...))
}

// open connects and brings the tables up to date, unless that was done.
func (d *Database) open(ctx context.Context) (session, error) {
	if d.closed {
		return nil, errors.New("closed")
	}
	if d.session != nil {
		return d.session, nil
	}
	s, err := d.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := migrate(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("make the tables: %w", err), s.Close())
	}
	d.session = s
	return s, nil
}

func save(tx statements, m recipe.Manifest) error {
	err := tx.do(`INSERT INTO skynet_items (folder, item, batch, recipe, digest, worker, version, started, finished, seconds, tries)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (folder) DO UPDATE SET item = excluded.item, batch = excluded.batch, recipe = excluded.recipe, digest = excluded.digest,
			worker = excluded.worker, version = excluded.version, started = excluded.started, finished = excluded.finished,
			seconds = excluded.seconds, tries = excluded.tries`,
		m.Folder, m.Item, m.Batch, m.Recipe, m.Digest, m.Worker, m.Version, m.Started, m.Finished, m.Seconds, m.Tries)
	if err != nil {
		return err
	}
	// What an earlier recipe made besides is not this item's any more.
	for _, table := range []string{"skynet_inputs", "skynet_outputs"} {
		if err := tx.do(`DELETE FROM `+table+` WHERE folder = $1`, m.Folder); err != nil {
			return err
		}
	}
	for _, in := range m.Inputs {
		err := tx.do(`INSERT INTO skynet_inputs (folder, name, url, bytes, sha256) VALUES ($1, $2, $3, $4, $5)`,
			m.Folder, in.Name, in.URL, in.Bytes, in.SHA256)
		if err != nil {
			return err
		}
	}
	for _, out := range m.Outputs {
		err := tx.do(`INSERT INTO skynet_outputs (url, folder, name, type, bytes, sha256, width, height, seconds)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (url) DO UPDATE SET folder = excluded.folder, name = excluded.name, type = excluded.type, bytes = excluded.bytes,
				sha256 = excluded.sha256, width = excluded.width, height = excluded.height, seconds = excluded.seconds`,
			out.URL, m.Folder, out.Name, out.Type, out.Bytes, out.SHA256, known(out.Width), known(out.Height), known(out.Seconds))
		if err != nil {
			return err
		}
	}
	return nil
}

// known is a number, or NULL for one that is not known, which is never zero.
func known[T int | float64](n T) any {
	if n == 0 {
		return nil
	}
	return n
}
