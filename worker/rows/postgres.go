package rows

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
)

// postgres connects to PostgreSQL: one connection a worker, since a fleet of
// hundreds shares what the server allows.
func postgres(raw string) func(context.Context) (session, error) {
	return func(ctx context.Context) (session, error) {
		config, err := pgx.ParseConfig(raw)
		if err != nil {
			return nil, errors.New("the URL cannot be read") // the error's text may hold a password
		}
		config.RuntimeParams["application_name"] = "skynet-worker"
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return nil, err
		}
		return elephant{conn}, nil
	}
}

type elephant struct{ *pgx.Conn }

func (e elephant) within(ctx context.Context, f func(statements) error) error {
	return pgx.BeginFunc(ctx, e.Conn, func(tx pgx.Tx) error { return f(elephantTx{ctx, tx}) })
}

// migrationLock is a number of our own among the advisory locks of a database.
const migrationLock = "7309453081"

func (e elephant) migrating(tx statements) error {
	return tx.do(`SELECT pg_advisory_xact_lock(` + migrationLock + `)`)
}

func (e elephant) broken() bool { return e.IsClosed() }

// Close hangs up; the server need not answer.
func (e elephant) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	return e.Conn.Close(ctx)
}

type elephantTx struct {
	ctx context.Context //nolint:containedctx // of one transaction
	tx  pgx.Tx
}

func (t elephantTx) do(statement string, args ...any) error {
	_, err := t.tx.Exec(t.ctx, strings.ReplaceAll(statement, "{time}", "timestamptz"), args...)
	return err
}

func (t elephantTx) number(statement string) (n int64, err error) {
	return n, t.tx.QueryRow(t.ctx, statement).Scan(&n)
}
