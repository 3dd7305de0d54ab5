package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/migrations"
)

// Migrate brings the schema of a database up to date and returns what it
// applied, or, in a dry run, what it would apply.
func Migrate(ctx context.Context, url string, dryRun bool) ([]string, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	if err := reach(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	return migrate(ctx, config.ConnConfig, dryRun)
}

func migrate(ctx context.Context, config *pgx.ConnConfig, dryRun bool) (names []string, err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := newProvider(db)
	if err != nil {
		return nil, err
	}
	there, err := migrated(ctx, db)
	if err != nil {
		return nil, err
	}
	if dryRun {
		return wouldApply(ctx, provider, there)
	}
	if err := makeSchema(ctx, db); err != nil {
		return nil, err
	}
	pending, err := pendingOf(ctx, provider)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	names = nil
	for _, r := range results {
		names = append(names, r.Source.Path)
	}
	return names, nil
}

// wouldApply lists what a migration would apply, and changes nothing: asking
// goose for the version makes its table.
func wouldApply(ctx context.Context, p *goose.Provider, there bool) ([]string, error) {
	if there {
		return pendingOf(ctx, p)
	}
	var all []string
	for _, s := range p.ListSources() {
		all = append(all, s.Path)
	}
	return all, nil
}

// firstRelease is the highest version that belongs to the first release.
const firstRelease = 9

// migrated tells whether the database was ever migrated. One that the first
// release migrated is a *load.SchemaError: its tables hold other rows.
func migrated(ctx context.Context, db *sql.DB) (there bool, err error) {
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('exporter.migrations') IS NOT NULL").Scan(&there); err != nil {
		return false, fmt.Errorf("check schema: %w", err)
	}
	if !there {
		return false, nil
	}
	var old int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM exporter.migrations WHERE version_id <= $1", firstRelease).Scan(&old)
	if err != nil {
		return false, fmt.Errorf("check schema: %w", err)
	}
	if old > 0 {
		return false, &load.SchemaError{
			Have:    old,
			Message: "the database holds the tables of Tracklake's first release, which this version cannot take over",
			Hint: "use another database; or drop the schemas spotify and exporter, which forgets the sign-ins of token_store postgres too, " +
				"and run: exporter backfill",
		}
	}
	return true, nil
}

// checkSchema refuses a schema that is not of this program's version.
func checkSchema(ctx context.Context, config *pgx.ConnConfig) (err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	there, err := migrated(ctx, db)
	if err != nil {
		return err
	}
	if !there {
		return &load.SchemaError{Message: "the database has no Tracklake tables yet", Hint: "make them with: exporter migrate"}
	}
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	pending, err := pendingOf(ctx, provider)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return &load.SchemaError{
			Message: fmt.Sprintf("the database schema is older than this program: %d migrations are missing", len(pending)),
			Hint:    "bring it up to date with: exporter migrate",
		}
	}
	return nil
}

// pendingOf lists the migrations to apply. A schema that knows later ones than
// this program is a *load.SchemaError.
func pendingOf(ctx context.Context, p *goose.Provider) ([]string, error) {
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return nil, &load.SchemaError{
			Have: have, Want: want,
			Message: fmt.Sprintf("the database schema has version %d, this program knows only %d", have, want),
			Hint:    "update exporter; an older program must not write to a newer schema",
		}
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
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithTableName("exporter.migrations"))
	if err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return p, nil
}

// makeSchema makes the schema that the table of migrations lies in. Two
// programs may do so at once; then one of them finds it there.
func makeSchema(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS exporter")
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505", "42P06":
			return nil
		case "42501":
			return &hinted{
				err:  errors.New("the database user may not create schemas"),
				hint: "grant it: GRANT CREATE ON DATABASE … TO …; or run exporter migrate as the owner",
			}
		}
	}
	if err != nil {
		return fmt.Errorf("make schema exporter: %w", err)
	}
	return nil
}
