// Package pgstore stores accounts in PostgreSQL, so that several machines share
// them: an account is refreshed under a lock on its row, by whoever comes
// first. The table is made by the migrations of the destination; the package
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
	"github.com/tracklake/tracklake/load/postgres/reach"
)

// How long something may take.
const (
	lockTime  = 90 * time.Second // waiting for a process that asks Spotify
	quickTime = 15 * time.Second // everything else
)

// Backend is the table exporter.accounts.
type Backend struct {
	rows  *pgxpool.Pool // for changes, which keep their connection while Spotify is asked
	quick *pgxpool.Pool // for everything else, so that it never waits for those

	quota quotaTables
}

// Open prepares connections to a database whose schema is up to date. It does
// not connect yet.
func Open(ctx context.Context, url string) (*Backend, error) {
	config, err := reach.Parse(url)
	if err != nil {
		return nil, err
	}
	c := config.ConnConfig
	c.RuntimeParams["search_path"] = "pg_catalog"
	c.RuntimeParams["application_name"] = "tracklake exporter"
	c.RuntimeParams["timezone"] = "UTC"
	// The lock of a process that hangs, or whose machine is down, ends then.
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "120s"
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = quickTime
	}
	b := &Backend{}
	for _, pool := range []struct {
		at    **pgxpool.Pool
		conns int32
	}{{&b.rows, 6}, {&b.quick, 2}} {
		config := config.Copy()
		config.MaxConns = pool.conns
		if *pool.at, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			b.Close()
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	if b.quota, err = openQuota(ctx, config, quotaWait); err != nil {
		b.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return b, nil
}

// Close closes the connections.
func (b *Backend) Close() {
	for _, pool := range []*pgxpool.Pool{b.rows, b.quick, b.quota.pool} {
		if pool != nil {
			pool.Close()
		}
	}
}

const columns = `name, account_id, user_name, client_id, api_url, accounts_url, scopes, signed_in_at, signed_in_guessed,
	used_at, refused_at, last_refused_at, seed_sha256, key_id, sealed`

// Rows reads all accounts.
func (b *Backend) Rows(ctx context.Context) ([]accounts.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	rows, err := b.quick.Query(ctx, "SELECT "+columns+" FROM exporter.accounts ORDER BY name")
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
	var used, refused, lastRefused *time.Time
	err := row.Scan(&r.Name, &r.AccountID, &r.User, &r.ClientID, &r.API, &r.Accounts, &r.Scopes, &r.SignedInAt, &r.Guessed,
		&used, &refused, &lastRefused, &r.SeedHash, &r.KeyID, &r.Sealed)
	if err != nil {
		return r, fmt.Errorf("scan account: %w", err)
	}
	r.SignedInAt, r.UsedAt, r.RefusedAt, r.LastRefusedAt = r.SignedInAt.UTC(), orZero(used), orZero(refused), orZero(lastRefused)
	return r, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Change locks the row of an account, also when there is none yet, and changes it
// in one transaction.
func (b *Backend) Change(ctx context.Context, name string, change func(context.Context, *accounts.Row) (*accounts.Row, error)) error {
	if err := accounts.CheckName(name); err != nil {
		return err
	}
	tx, before, err := b.lock(ctx, name)
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	after, err := change(ctx, before)
	if err != nil || after == before {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	if err := store(ctx, tx, name, after); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return describe("store account", err)
	}
	return nil
}

// lock begins a transaction that holds the lock of an account, and reads its row.
func (b *Backend) lock(ctx context.Context, name string) (pgx.Tx, *accounts.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	tx, err := b.rows.Begin(ctx)
	if err != nil {
		return nil, nil, describe("connect to the accounts", err)
	}
	found, err := lockRow(ctx, tx, name)
	if err != nil {
		rollback(ctx, tx)
		return nil, nil, describe("wait for the process that holds the lock of account "+name, err)
	}
	if len(found) == 0 {
		return tx, nil, nil
	}
	return tx, &found[0], nil
}

func lockRow(ctx context.Context, tx pgx.Tx, name string) ([]accounts.Row, error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "tracklake account "+name); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, "SELECT "+columns+" FROM exporter.accounts WHERE name = $1 FOR UPDATE", name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// rollback ends a transaction. After a commit it does nothing.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), quickTime)
	defer cancel()
	_ = tx.Rollback(ctx) // otherwise the connection goes, and the transaction with it
}

// store writes a row, or deletes it.
func store(ctx context.Context, tx pgx.Tx, name string, r *accounts.Row) error {
	if r == nil {
		if _, err := tx.Exec(ctx, "DELETE FROM exporter.accounts WHERE name = $1", name); err != nil {
			return describe("remove account", err)
		}
		return nil
	}
	if err := accounts.CheckRow(name, r); err != nil {
		return err
	}
	if r.KeyID == "" {
		return noKey()
	}
	_, err := tx.Exec(ctx, `INSERT INTO exporter.accounts (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (name) DO UPDATE SET account_id = EXCLUDED.account_id, user_name = EXCLUDED.user_name, client_id = EXCLUDED.client_id,
			api_url = EXCLUDED.api_url, accounts_url = EXCLUDED.accounts_url, scopes = EXCLUDED.scopes,
			signed_in_at = EXCLUDED.signed_in_at, signed_in_guessed = EXCLUDED.signed_in_guessed, used_at = EXCLUDED.used_at,
			refused_at = EXCLUDED.refused_at, last_refused_at = EXCLUDED.last_refused_at, seed_sha256 = EXCLUDED.seed_sha256,
			key_id = EXCLUDED.key_id, sealed = EXCLUDED.sealed`,
		r.Name, r.AccountID, r.User, r.ClientID, r.API, r.Accounts, r.Scopes, r.SignedInAt, r.Guessed,
		orNull(r.UsedAt), orNull(r.RefusedAt), orNull(r.LastRefusedAt), r.SeedHash, r.KeyID, r.Sealed)
	if err != nil {
		return describe("store account", err)
	}
	return nil
}

// noKey keeps tokens out of a database unencrypted.
func noKey() error {
	return &accounts.Error{
		Message: "accounts in PostgreSQL are always encrypted, but there is no key",
		Advice:  "set EXPORTER_TOKEN_KEY or EXPORTER_TOKEN_KEY_FILE to one; make it with: openssl rand -base64 32",
	}
}

// Check does what storing a row takes, to no row.
func (b *Backend) Check(ctx context.Context, encrypted bool) error {
	if !encrypted {
		return noKey()
	}
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	tx, err := b.quick.Begin(ctx)
	if err != nil {
		return describe("connect to the accounts", err)
	}
	defer rollback(ctx, tx)
	for _, statement := range []string{
		"INSERT INTO exporter.accounts SELECT * FROM exporter.accounts WHERE false",
		"UPDATE exporter.accounts SET sealed = sealed WHERE false",
		"DELETE FROM exporter.accounts WHERE false",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return describe("store account", err)
		}
	}
	return nil
}

// describe wraps an error of the database and says what to do. Addresses, which
// hold passwords, do not get through.
func describe(doing string, err error) error {
	out := &accounts.Error{Message: doing + ": the database does not answer", Advice: "check the network and the database server, then run it again"}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var silent *reach.Error
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.As(err, &connect) && errors.As(reach.Unreachable(connect.Config, err), &silent):
		out.Message, out.Advice = doing+": "+silent.Message, silent.Advice
	case errors.Is(err, context.DeadlineExceeded):
		out.Err = context.DeadlineExceeded
	case errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000"):
		out.Message, out.Advice = doing+": the database has no table for accounts yet", "create it: exporter migrate"
	case errors.As(err, &pg) && pg.Code == "42703":
		out.Message, out.Advice = doing+": the database's table for accounts is outdated", "migrate it: exporter migrate"
	case errors.As(err, &pg):
		out.Message, out.Advice = doing+": "+pg.Message, reach.Advice(pg)
	}
	return out
}
