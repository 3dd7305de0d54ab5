package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load/postgres/reach"
)

// GrantRead lets a role read all tables and views and call all functions, also those
// that later migrations make in the same schemas, if the same role applies them. The bookkeeping, where sign-ins may be kept, stays
// closed. It can be repeated.
func GrantRead(ctx context.Context, url, role string, o Options) error {
	db, _, err := find(ctx, url, o)
	if err != nil {
		return err
	}
	conn, err := db.dial(ctx)
	if err != nil {
		return err
	}
	err = db.wait(ctx, "grant "+role+" to read", db.limits.answer, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return grantRead(ctx, tx, role) })
	})
	return errors.Join(err, db.wait(context.WithoutCancel(ctx), "disconnect", db.limits.answer, conn.Close))
}

func grantRead(ctx context.Context, tx pgx.Tx, role string) error {
	// Two such grants at once would fail with "tuple concurrently updated".
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('tracklake grant', 0))"); err != nil {
		return err
	}
	var known bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&known); err != nil {
		return err
	}
	if !known {
		return &reach.Error{
			Message: fmt.Sprintf("there is no role %q", role),
			Advice:  "create it first, as a role that may: createuser --pwprompt " + reach.Quoted(role),
		}
	}
	rows, err := tx.Query(ctx, "SELECT nspname FROM pg_namespace WHERE nspname IN ('spotify', 'analytics')")
	if err != nil {
		return err
	}
	schemas, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, schema := range schemas {
		sql := fmt.Sprintf(`GRANT USAGE ON SCHEMA %[1]s TO %[2]s;
			GRANT SELECT ON ALL TABLES IN SCHEMA %[1]s TO %[2]s;
			GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %[1]s TO %[2]s;
			ALTER DEFAULT PRIVILEGES IN SCHEMA %[1]s GRANT SELECT ON TABLES TO %[2]s;
			ALTER DEFAULT PRIVILEGES IN SCHEMA %[1]s GRANT EXECUTE ON FUNCTIONS TO %[2]s`,
			pgx.Identifier{schema}.Sanitize(), pgx.Identifier{role}.Sanitize())
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
