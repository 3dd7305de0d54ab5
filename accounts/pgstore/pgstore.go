// Package pgstore keeps accounts in PostgreSQL, so that several machines share
// them: an account is refreshed under a lock on its row, by whoever comes
// first. The tables are made by the migrations of the destination; the package
// knows nothing of jobs or of the tables of data.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/accounts"
)

// Backend is the table exporter.accounts.
type Backend struct {
	rows *pgxpool.Pool // for the accounts; a renewal keeps its connection while Spotify is asked
	side *pgxpool.Pool // for what is done meanwhile, and never waits for one of rows
	sole *pgxpool.Pool // for Alone, during which both others are used
}

// Open prepares connections to a database whose schema is up to date. It does
// not connect yet.
func Open(ctx context.Context, url string) (*Backend, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil { // the error could show the password
		return nil, errors.New("the database address cannot be read; write it like postgres://user:password@host:5432/database")
	}
	c := config.ConnConfig
	c.RuntimeParams["search_path"] = "pg_catalog"
	c.RuntimeParams["application_name"] = "tracklake exporter"
	c.RuntimeParams["timezone"] = "UTC"
	// A holder that hangs must not stop everybody else for good.
	c.RuntimeParams["lock_timeout"] = "90s"
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "120s"
	b := &Backend{}
	for _, pool := range []struct {
		at    **pgxpool.Pool
		conns int32
	}{{&b.rows, 6}, {&b.side, 2}, {&b.sole, 1}} {
		config := config.Copy()
		config.MaxConns = pool.conns
		if *pool.at, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			b.Close()
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	return b, nil
}

// Close closes the connections.
func (b *Backend) Close() {
	for _, pool := range []*pgxpool.Pool{b.rows, b.side, b.sole} {
		if pool != nil {
			pool.Close()
		}
	}
}

const columns = `name, account_id, user_name, client_id, scopes, signed_in_at, signed_in_guessed, used_at, refused_at, excused, seed_sha256, key_id, sealed`

// Rows reads all accounts.
func (b *Backend) Rows(ctx context.Context) ([]accounts.Row, error) {
	rows, err := b.side.Query(ctx, "SELECT "+columns+" FROM exporter.accounts ORDER BY name")
	if err != nil {
		return nil, describe("read accounts", err)
	}
	out, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, describe("read accounts", err)
	}
	return out, nil
}

func scan(row pgx.CollectableRow) (accounts.Row, error) {
	var r accounts.Row
	var used, refused *time.Time
	err := row.Scan(&r.Name, &r.AccountID, &r.User, &r.ClientID, &r.Scopes, &r.SignedInAt, &r.Guessed, &used, &refused, &r.Excused, &r.SeedHash, &r.KeyID, &r.Sealed)
	if err != nil {
		return r, fmt.Errorf("scan account: %w", err)
	}
	r.SignedInAt = r.SignedInAt.UTC()
	if used != nil {
		r.UsedAt = used.UTC()
	}
	if refused != nil {
		r.RefusedAt = refused.UTC()
	}
	return r, nil
}

// Change locks an account's row, also when there is none yet, and changes it in
// one transaction.
func (b *Backend) Change(ctx context.Context, name string, change func(context.Context, *accounts.Row) (*accounts.Row, error)) error {
	if err := accounts.CheckName(name); err != nil {
		return err //nolint:wrapcheck // it says all
	}
	return transaction(ctx, b.rows, "tracklake account "+name, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+columns+" FROM exporter.accounts WHERE name = $1 FOR UPDATE", name)
		if err != nil {
			return describe("read account", err)
		}
		var before *accounts.Row
		found, err := pgx.CollectRows(rows, scan)
		if err != nil {
			return describe("read account", err)
		}
		if len(found) > 0 {
			before = &found[0]
			before.Reserve = func(ctx context.Context) error {
				_, err := tx.Exec(ctx, "UPDATE exporter.accounts SET used_at = used_at WHERE name = $1", name)
				return describeIf("write account", err)
			}
		}
		after, err := change(ctx, before)
		if err != nil || after == before {
			return err
		}
		return keep(ctx, tx, name, after)
	})
}

// keep writes a row, or deletes it.
func keep(ctx context.Context, tx pgx.Tx, name string, r *accounts.Row) error {
	if r == nil {
		if _, err := tx.Exec(ctx, "DELETE FROM exporter.accounts WHERE name = $1", name); err != nil {
			return describe("remove account", err)
		}
		return nil
	}
	if err := accounts.CheckRow(name, r); err != nil {
		return err //nolint:wrapcheck // it says all
	}
	if r.KeyID == "" {
		return errNoKey
	}
	_, err := tx.Exec(ctx, `INSERT INTO exporter.accounts (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (name) DO UPDATE SET account_id = EXCLUDED.account_id, user_name = EXCLUDED.user_name, client_id = EXCLUDED.client_id,
			scopes = EXCLUDED.scopes, signed_in_at = EXCLUDED.signed_in_at, signed_in_guessed = EXCLUDED.signed_in_guessed,
			used_at = EXCLUDED.used_at, refused_at = EXCLUDED.refused_at, excused = EXCLUDED.excused, seed_sha256 = EXCLUDED.seed_sha256,
			key_id = EXCLUDED.key_id, sealed = EXCLUDED.sealed`,
		r.Name, r.AccountID, r.User, r.ClientID, r.Scopes, r.SignedInAt, r.Guessed, orNull(r.UsedAt), orNull(r.RefusedAt), r.Excused, r.SeedHash, r.KeyID, r.Sealed)
	if err != nil {
		return describe("write account", err)
	}
	return nil
}

// errNoKey keeps tokens out of a database unencrypted.
var errNoKey = &accounts.Error{
	Message: "accounts in PostgreSQL are always encrypted, and there is no key",
	Next:    accounts.Advice{Text: "set EXPORTER_TOKEN_KEY or EXPORTER_TOKEN_KEY_FILE to one; make it with: openssl rand -base64 32"},
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Alone holds a lock over all accounts.
func (b *Backend) Alone(ctx context.Context, do func(context.Context) error) error {
	return transaction(ctx, b.sole, "tracklake accounts", func(pgx.Tx) error { return do(ctx) })
}

// ChangePause locks and changes the pause.
func (b *Backend) ChangePause(ctx context.Context, change func(context.Context, accounts.Pause) (accounts.Pause, error)) error {
	return transaction(ctx, b.side, "tracklake sign-in pause", func(tx pgx.Tx) error {
		var p accounts.Pause
		err := tx.QueryRow(ctx, "SELECT since, next_probe_at FROM exporter.sign_in_pause").Scan(&p.Since, &p.NextProbeAt)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return describe("read pause", err)
		}
		p.Since, p.NextProbeAt = p.Since.UTC(), p.NextProbeAt.UTC()
		after, err := change(ctx, p)
		if err != nil || after == p {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM exporter.sign_in_pause"); err != nil {
			return describe("write pause", err)
		}
		if after.Since.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx, "INSERT INTO exporter.sign_in_pause (since, next_probe_at) VALUES ($1, $2)", after.Since, after.NextProbeAt); err != nil {
			return describe("write pause", err)
		}
		return nil
	})
}

// errUndo ends a transaction that was to change nothing.
var errUndo = errors.New("undo")

// Check does what keeping a row takes, to no row.
func (b *Backend) Check(ctx context.Context, encrypted bool) error {
	if !encrypted {
		return errNoKey
	}
	err := transaction(ctx, b.side, "tracklake accounts check", func(tx pgx.Tx) error {
		for _, statement := range []string{
			"INSERT INTO exporter.accounts SELECT * FROM exporter.accounts WHERE false",
			"UPDATE exporter.accounts SET sealed = sealed WHERE false",
			"DELETE FROM exporter.accounts WHERE false",
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return describe("write account", err)
			}
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// transaction runs do while it holds a lock of that name. What do did is
// durable when it returns without an error.
func transaction(ctx context.Context, pool *pgxpool.Pool, lock string, do func(pgx.Tx) error) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return describe("connect to the accounts", err)
	}
	// After a commit it does nothing; otherwise the connection goes with it.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock); err != nil {
		return describe("lock accounts", err)
	}
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return describe("keep account", err)
	}
	return nil
}

func describeIf(doing string, err error) error {
	if err == nil {
		return nil
	}
	return describe(doing, err)
}

// describe wraps an error of the database and says what to do. Addresses, which
// hold passwords, do not get through.
func describe(doing string, err error) error {
	out := &accounts.Error{Message: doing + ": the database does not answer", Next: accounts.Advice{Text: "is the server running, and does the address name it rightly?"}}
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000"):
		out.Message, out.Next = doing+": the database has no table for accounts yet", accounts.Advice{Text: "make it", Step: accounts.Migrate}
	case errors.As(err, &pg) && pg.Code == "42703":
		out.Message, out.Next = doing+": the database's table for accounts is of an older version", accounts.Advice{Text: "bring it up to date", Step: accounts.Migrate}
	case errors.As(err, &pg):
		out.Message, out.Next = doing+": "+pg.Message, accounts.Advice{}
	}
	return out
}
