package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/migrations"
)

// Migrate brings the schema of a database up to date and returns what it
// applied, or, in a dry run, what it would apply.
func Migrate(ctx context.Context, url string, o Options, dryRun bool) ([]string, error) {
	db, _, err := find(ctx, url, o)
	if err != nil {
		return nil, err
	}
	return db.migrate(ctx, dryRun)
}

// migrate is Migrate of a database that answers.
func (db *database) migrate(ctx context.Context, dryRun bool) (names []string, err error) {
	what := "migrate"
	if dryRun {
		what = "check schema"
	}
	err = db.wait(ctx, what, db.limits.work, func(ctx context.Context) (err error) {
		pool := stdlib.OpenDB(*db.config)
		names, err = migrate(ctx, pool, dryRun)
		return errors.Join(err, pool.Close())
	})
	return names, err
}

func migrate(ctx context.Context, db *sql.DB, dryRun bool) (names []string, err error) {
	provider, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	there, err := migrated(ctx, db)
	if err != nil {
		return nil, err
	}
	pending, err := pendingOf(ctx, provider, there)
	if err != nil || dryRun || len(pending) == 0 {
		return pending, err
	}
	if !there {
		if err := makeSchema(ctx, db); err != nil {
			return nil, err
		}
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		names = append(names, r.Source.Path)
	}
	return names, err
}

// firstRelease is the highest version that belongs to the first release.
const firstRelease = 9

// migrated tells whether the database was ever migrated. One that the first
// release migrated is a *load.SchemaError: its tables hold other rows.
func migrated(ctx context.Context, db *sql.DB) (there bool, err error) {
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('exporter.migrations') IS NOT NULL").Scan(&there); err != nil {
		return false, err
	}
	if !there {
		return false, nil
	}
	var old int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM exporter.migrations WHERE version_id <= $1", firstRelease).Scan(&old)
	if err != nil {
		return false, err
	}
	if old > 0 {
		return false, &load.SchemaError{
			Have:    old,
			Message: "the database holds the tables of Tracklake's first release, which this version cannot take over",
			Advice: "use another database; or drop the schemas spotify and exporter, which forgets the sign-ins of token_store postgres too, " +
				"and run: exporter backfill",
		}
	}
	return true, nil
}

// pendingOf lists the migrations to apply. A schema that knows later ones than
// this program is a *load.SchemaError.
func pendingOf(ctx context.Context, p *goose.Provider, there bool) ([]string, error) {
	var have int64
	if there { // to ask goose for the version would make its table
		current, want, err := p.GetVersions(ctx)
		if err != nil {
			return nil, fmt.Errorf("read schema version: %w", err)
		}
		if current > want {
			return nil, &load.SchemaError{
				Have: current, Want: want,
				Message: fmt.Sprintf("the database schema has version %d, this program knows only %d", current, want),
				Advice:  "update exporter; an older program must not write to a newer schema",
			}
		}
		have = current
	}
	var out []string
	for _, s := range p.ListSources() {
		if s.Version > have {
			out = append(out, s.Path)
		}
	}
	return out, nil
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // seconds, tries
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithTableName("exporter.migrations"))
}

// makeSchema makes the schema that the table of migrations lies in. Two
// programs may do so at once; then one of them finds it there.
func makeSchema(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS exporter")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "42P06") {
		return nil
	}
	return err
}
