package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// State returns what a job has committed last, if its rows are still there.
func (d *Destination) State(ctx context.Context, job load.Job) (state load.State, err error) {
	err = d.read(ctx, "read state", d.limits.answer, func(ctx context.Context) error {
		before := load.Rows{}
		err := d.pool.QueryRow(ctx, "SELECT row_counts FROM exporter.fences WHERE account_id = $1 AND job = $2", job.Account, job.Name).Scan(&before)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("row counts: %w", err)
		}
		start, err := startOf(ctx, d.pool, job, before)
		state = start.State
		return err
	})
	return state, err
}

// querier is a connection, a pool of them, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// startOf reads a job's state, unless its tables have fewer rows than before.
func startOf(ctx context.Context, q querier, job load.Job, before load.Rows) (load.Start, error) {
	now, err := countRows(ctx, q, job)
	if err != nil {
		return load.Start{}, err
	}
	if missing := before.Missing(now); len(missing) > 0 {
		return load.Start{State: load.State{}, Missing: missing}, nil
	}
	state, err := readState(ctx, q, job.Account, job.Name)
	return load.Start{State: state}, err
}

// countRows counts the account's rows of a job's tables that keep every row.
func countRows(ctx context.Context, q querier, job load.Job) (load.Rows, error) {
	all := load.Rows{}
	for _, t := range job.Tables {
		if !t.Removable {
			continue
		}
		n, _, err := countTable(ctx, q, t, job.Account)
		if err != nil {
			return nil, err
		}
		all[t.Name] = n
	}
	return all, nil
}

// countTable counts the account's rows of a table: all, and those that are live.
func countTable(ctx context.Context, q querier, t *transform.Schema, account string) (all, live int, err error) {
	condition := "true"
	if t.Removable {
		condition = "removed_at IS NULL"
	}
	sql := "SELECT count(*), count(*) FILTER (WHERE " + condition + ") FROM " + pgx.Identifier{"spotify", t.Name}.Sanitize() + " WHERE account_id = $1"
	if err := q.QueryRow(ctx, sql, account).Scan(&all, &live); err != nil {
		return 0, 0, fmt.Errorf("count rows of %s: %w", t.Name, err)
	}
	return all, live, nil
}

// countLive counts the account's live rows of all tables of a job, and all rows of those
// that keep every row.
func countLive(ctx context.Context, q querier, job load.Job) (live, kept load.Rows, err error) {
	live, kept = load.Rows{}, load.Rows{}
	for _, t := range job.Tables {
		all, n, err := countTable(ctx, q, t, job.Account)
		if err != nil {
			return nil, nil, err
		}
		live[t.Name] = n
		if t.Removable {
			kept[t.Name] = all
		}
	}
	return live, kept, nil
}

// readState reads a job's state, in a transaction or out of one.
func readState(ctx context.Context, q querier, account, job string) (load.State, error) {
	rows, err := q.Query(ctx, "SELECT key, value FROM exporter.state WHERE account_id = $1 AND job = $2", account, job)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	state := load.State{}
	var key string
	var value []byte
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		state[key] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return state, nil
}
