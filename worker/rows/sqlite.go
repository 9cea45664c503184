package rows

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// sqlite opens a file, which several workers of this machine may write to.
func sqlite(file string) func(context.Context) (session, error) {
	return func(context.Context) (session, error) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		// Transactions take the lock for writing at their beginning: one that asks for it
		// in its middle may have to give up at once.
		options := url.Values{"_pragma": {"journal_mode(WAL)", "busy_timeout(10000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: options.Encode()}).String())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(1)
		return lite{db}, nil
	}
}

type lite struct{ *sql.DB }

func (l lite) within(ctx context.Context, f func(statements) error) error {
	tx, err := l.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(liteTx{ctx, tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// migrating has nothing to do: transactions are one after the other.
func (l lite) migrating(statements) error { return nil }

func (l lite) broken() bool { return false }

type liteTx struct {
	ctx context.Context //nolint:containedctx // of one transaction
	tx  *sql.Tx
}

func (t liteTx) do(statement string, args ...any) error {
	for i, a := range args {
		if at, ok := a.(time.Time); ok {
			args[i] = at.UTC().Format("2006-01-02T15:04:05.000Z") // sorts as text, and SQLite's own functions read it
		}
	}
	_, err := t.tx.ExecContext(t.ctx, inLite.Replace(statement), args...)
	return err
}

func (t liteTx) number(statement string) (n int64, err error) {
	return n, t.tx.QueryRowContext(t.ctx, statement).Scan(&n)
}

// inLite writes a statement as SQLite wants it.
var inLite = strings.NewReplacer("$", "?", "{time}", "text")
