// Package postgres keeps tables in PostgreSQL: rows are copied into temporary
// staging tables while they arrive and merged in one short transaction, which
// also holds the job's state and the run record. The package knows nothing of
// Spotify.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// Options are what a destination works with besides its address.
type Options struct {
	NoMigrate bool                // refuse an outdated schema instead of migrating it
	Tables    []*transform.Schema // all that jobs may fill, for Check
	Log       *slog.Logger        // tells what is waited for; may be nil

	limits *limits
}

// Destination is a PostgreSQL database. It is safe for concurrent use, also by
// several processes.
type Destination struct {
	*database
	pool    *pgxpool.Pool // for what happens outside of sessions
	tables  []*transform.Schema
	pending []string // migrations that nobody has applied
}

// Open connects and makes sure that the schema fits: an older one is migrated, a newer
// one is a *load.SchemaError. When the options forbid to migrate, an older one is that
// error for everything but Check.
func Open(ctx context.Context, url string, o Options) (*Destination, error) {
	db, config, err := find(ctx, url, o)
	if err != nil {
		return nil, err
	}
	d := &Destination{database: db, tables: o.Tables}
	if d.pending, err = db.migrate(ctx, o.NoMigrate); err != nil {
		return nil, err
	}
	if !o.NoMigrate {
		d.pending = nil
	}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return d, nil
}

// usable refuses a schema that is older than this program.
func (d *Destination) usable() error {
	if len(d.pending) == 0 {
		return nil
	}
	return &load.SchemaError{
		Message: fmt.Sprintf("the database is older than this program: %d migrations are missing", len(d.pending)),
		Advice:  "apply them with: exporter migrate",
	}
}

// read does something outside of sessions, within a limit.
func (d *Destination) read(ctx context.Context, what string, limit time.Duration, f func(ctx context.Context) error) error {
	if err := d.usable(); err != nil {
		return err
	}
	return d.wait(ctx, what, limit, f)
}

// find makes sure that a database answers.
func find(ctx context.Context, url string, o Options) (*database, *pgxpool.Config, error) {
	db := &database{log: o.Log, limits: usualLimits()}
	if o.limits != nil {
		db.limits = *o.limits
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	config, err := parse(url, db.limits)
	if err != nil {
		return nil, nil, err
	}
	db.config = config.ConnConfig
	return db, config, db.reach(ctx)
}

// Close closes the connections.
func (d *Destination) Close(context.Context) error {
	d.pool.Close()
	return nil
}

// Values counts the values of a column; see load.Destination.
func (d *Destination) Values(ctx context.Context, q load.ValueQuery) (out []load.ValueCount, err error) {
	err = d.read(ctx, "read values of "+q.Table, d.limits.work, func(ctx context.Context) error {
		columns, err := d.columns(ctx, q.Table)
		if err != nil {
			return err
		}
		for _, name := range append([]string{q.Column}, columnsOf(q.Where)...) {
			if columns[name] == "" {
				return nil
			}
		}
		sql, args := valuesSQL(q, columns)
		rows, err := d.pool.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[load.ValueCount])
		return err
	})
	return out, err
}

// columns returns the types of a table's columns by name.
func (d *Destination) columns(ctx context.Context, table string) (map[string]string, error) {
	rows, err := d.pool.Query(ctx, "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'spotify' AND table_name = $1", table)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		out[name] = kind
		return nil
	})
	return out, err
}
