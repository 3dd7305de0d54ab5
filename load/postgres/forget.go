package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
)

// Forget deletes, in one transaction, all that is kept of an account.
func (d *Destination) Forget(ctx context.Context, account string, dryRun bool) (load.Forgotten, error) {
	out := load.Forgotten{Rows: map[string]int{}}
	if account == "" {
		return out, errors.New("forget account: it has no name")
	}
	err := d.read(ctx, "forget account", d.limits.work, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
			if !dryRun {
				if err := lockJobs(ctx, tx, account); err != nil {
					return err
				}
			}
			return forget(ctx, tx, account, dryRun, &out)
		})
	})
	if err != nil {
		return load.Forgotten{}, err
	}
	return out, nil
}

// lockJobs takes the locks of all jobs that were ever run for an account.
func lockJobs(ctx context.Context, tx pgx.Tx, account string) error {
	rows, err := tx.Query(ctx, `SELECT job FROM exporter.fences WHERE account_id = $1
		UNION SELECT job FROM exporter.state WHERE account_id = $1 UNION SELECT job FROM exporter.runs WHERE account_id = $1`, account)
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	for _, job := range jobs {
		var got bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", lockKey(account, job)).Scan(&got); err != nil {
			return fmt.Errorf("lock job %s: %w", job, err)
		}
		if !got {
			return &load.LockedError{Job: job}
		}
	}
	return nil
}

// forget counts or deletes, table by table.
func forget(ctx context.Context, tx pgx.Tx, account string, dryRun bool, out *load.Forgotten) error {
	rows, err := tx.Query(ctx, `SELECT c.relname FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
		WHERE n.nspname = 'spotify' AND c.relkind IN ('r', 'p') ORDER BY c.relname`)
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, table := range tables {
		n, err := empty(ctx, tx, pgx.Identifier{"spotify", table}, account, dryRun)
		if err != nil {
			return err
		}
		if n > 0 {
			out.Rows[table] = n
		}
	}
	for name, count := range map[string]*int{"state": &out.State, "runs": &out.Runs, "fences": new(int)} {
		if *count, err = empty(ctx, tx, pgx.Identifier{"exporter", name}, account, dryRun); err != nil {
			return err
		}
	}
	return nil
}

// empty counts or deletes an account's rows of one table.
func empty(ctx context.Context, tx pgx.Tx, table pgx.Identifier, account string, dryRun bool) (int, error) {
	if dryRun {
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+table.Sanitize()+" WHERE account_id = $1", account).Scan(&n); err != nil {
			return 0, fmt.Errorf("count rows of %s: %w", table.Sanitize(), err)
		}
		return n, nil
	}
	tag, err := tx.Exec(ctx, "DELETE FROM "+table.Sanitize()+" WHERE account_id = $1", account)
	if err != nil {
		return 0, fmt.Errorf("delete rows of %s: %w", table.Sanitize(), err)
	}
	return int(tag.RowsAffected()), nil
}
