package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
)

// State returns what a job has committed last.
func (d *Destination) State(ctx context.Context, account, job string) (load.State, error) {
	return readState(ctx, d.pool, account, job)
}

// readState reads a job's state, in a transaction or out of one.
func readState(ctx context.Context, q interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, account, job string) (load.State, error) {
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
