package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tracklake/tracklake/load"
)

// mergeTries is how often a transaction is begun that others get in the way of.
const mergeTries = 5

// errDryRun rolls a transaction back that has done what it should.
var errDryRun = errors.New("dry run")

// Commit merges what is staged, with removals, state and run record, in one
// transaction.
func (s *session) Commit(ctx context.Context, c load.Change) (load.Result, error) {
	if s.broken != nil {
		return s.total, s.broken
	}
	if err := s.job.Check(c.Removals); err != nil {
		return s.total, err
	}
	for try := 1; ; try++ {
		result, err := s.attempt(ctx, c)
		switch {
		case err == nil, c.DryRun && errors.Is(err, errDryRun):
			return s.committed(ctx, c, result)
		case try < mergeTries && inTheWay(err):
			pause := time.Duration(rand.Int64N(int64(50*time.Millisecond) << try)) //nolint:gosec // jitter
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return s.total, ctx.Err()
			}
		default:
			return s.total, err
		}
	}
}

// attempt is one try of the transaction.
func (s *session) attempt(ctx context.Context, c load.Change) (load.Result, error) {
	tx, err := s.conn.Begin(ctx)
	if err != nil {
		return load.Result{}, fmt.Errorf("begin commit: %w", err)
	}
	s.commits++
	result, err := s.fill(ctx, tx, c)
	if err == nil && c.DryRun {
		err = errDryRun
	}
	if err != nil {
		s.commits--
		if undo := tx.Rollback(ctx); undo != nil && !s.conn.IsClosed() {
			err = errors.Join(err, undo)
		}
		return result, err
	}
	if err := tx.Commit(ctx); err != nil {
		return result, s.settle(ctx, err)
	}
	return result, nil
}

// fill does the transaction's work.
func (s *session) fill(ctx context.Context, tx pgx.Tx, c load.Change) (load.Result, error) {
	var fence int64
	err := tx.QueryRow(ctx, "SELECT fence FROM exporter.fences WHERE account_id = $1 AND job = $2 FOR UPDATE", s.job.Account, s.job.Name).Scan(&fence)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // no row: the account was forgotten
		return load.Result{}, fmt.Errorf("check fence: %w", err)
	}
	if fence != s.fence {
		return load.Result{}, load.ErrFenced
	}
	if err := s.plan(ctx, tx); err != nil {
		return load.Result{}, err
	}
	result := load.Result{Tables: maps.Clone(s.total.Tables)}
	for _, r := range c.Removals {
		removed, err := s.remove(ctx, tx, r)
		if err != nil {
			return result, fmt.Errorf("remove rows of %s: %w", r.Table, err)
		}
		result.Tables[r.Table] = result.Tables[r.Table].Add(load.Count{Removed: removed})
	}
	// All jobs merge tables in the same order, so that they do not deadlock.
	for _, name := range slices.Sorted(maps.Keys(s.staged)) {
		if s.staged[name] == 0 {
			continue
		}
		count, err := s.merge(ctx, tx, s.tables[name])
		if err != nil {
			return result, fmt.Errorf("merge %s: %w", name, err)
		}
		result.Tables[name] = result.Tables[name].Add(count)
	}
	if err := s.keepState(ctx, tx, c.State); err != nil {
		return result, err
	}
	if err := s.keepRowCounts(ctx, tx, c.Run); err != nil {
		return result, err
	}
	c.Run.Tables = result.Tables
	return result, s.record(ctx, tx, c.Run)
}

// keepRowCounts keeps how many rows there are at the end of a run.
func (s *session) keepRowCounts(ctx context.Context, tx pgx.Tx, run load.Run) error {
	if !run.Finished() {
		return nil
	}
	rows, err := countRows(ctx, tx, s.job)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE exporter.fences SET row_counts = $3 WHERE account_id = $1 AND job = $2", s.job.Account, s.job.Name, rows)
	if err != nil {
		return fmt.Errorf("keep row counts: %w", err)
	}
	return nil
}

// plan keeps the planner from walking large tables row by row: of those that
// were just filled it knows no statistics yet, and to gather them takes longer
// than it brings.
func (s *session) plan(ctx context.Context, tx pgx.Tx) error {
	for _, rows := range s.staged {
		if rows >= 1000 {
			if _, err := tx.Exec(ctx, "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'"); err != nil {
				return fmt.Errorf("prepare merge: %w", err)
			}
			return nil
		}
	}
	return nil
}

// remove carries out a removal and returns how many rows it removed.
func (s *session) remove(ctx context.Context, tx pgx.Tx, r load.Removal) (int, error) {
	t := s.tables[r.Table]
	condition, args := t.removal(s.job.Account, r, s.staged[r.Table] > 0)
	sql := fmt.Sprintf("DELETE FROM %s AS t WHERE %s", t.target, condition)
	if t.table.Removable {
		args = append(args, s.job.Run.StartedAt)
		sql = fmt.Sprintf("UPDATE %s AS t SET removed_at = $%[2]d, last_seen_at = $%[2]d WHERE %[3]s", t.target, len(args), condition)
	}
	tag, err := tx.Exec(ctx, sql, args...)
	return int(tag.RowsAffected()), err
}

// merge merges a staging table and counts.
func (s *session) merge(ctx context.Context, tx pgx.Tx, t *statements) (load.Count, error) {
	var present bool
	if err := tx.QueryRow(ctx, t.present(), s.job.Account).Scan(&present); err != nil {
		return load.Count{}, fmt.Errorf("look for rows: %w", err)
	}
	if !present {
		tag, err := tx.Exec(ctx, t.insert(), s.job.Run.StartedAt)
		if err != nil {
			return load.Count{}, fmt.Errorf("insert: %w", err)
		}
		return load.Count{Inserted: int(tag.RowsAffected())}, nil
	}
	var versions, keys int
	if err := tx.QueryRow(ctx, t.versions()).Scan(&versions, &keys); err != nil {
		return load.Count{}, fmt.Errorf("count: %w", err)
	}
	var c load.Count
	if err := tx.QueryRow(ctx, t.merge(versions == 1), s.job.Run.StartedAt).Scan(&c.Inserted, &c.Updated); err != nil {
		return load.Count{}, fmt.Errorf("upsert: %w", err)
	}
	c.Unchanged = keys - c.Inserted - c.Updated
	return c, nil
}

func (s *session) keepState(ctx context.Context, tx pgx.Tx, state load.State) error {
	batch := &pgx.Batch{}
	if len(s.missing) > 0 && s.commits == 1 { // the state speaks of rows that are not there
		batch.Queue("DELETE FROM exporter.state WHERE account_id = $1 AND job = $2", s.job.Account, s.job.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		if state[key] == nil {
			batch.Queue("DELETE FROM exporter.state WHERE account_id = $1 AND job = $2 AND key = $3", s.job.Account, s.job.Name, key)
			continue
		}
		batch.Queue(`INSERT INTO exporter.state AS s (account_id, job, key, value) VALUES ($1, $2, $3, $4)
			ON CONFLICT (account_id, job, key) DO UPDATE SET value = EXCLUDED.value WHERE s.value IS DISTINCT FROM EXCLUDED.value`,
			s.job.Account, s.job.Name, key, []byte(state[key]))
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	return nil
}

// settle finds out whether a COMMIT took effect whose reply was lost: the run
// record carries the number of the commit.
func (s *session) settle(ctx context.Context, cause error) error {
	var pg *pgconn.PgError
	if errors.As(cause, &pg) { // the server itself says that it did not
		s.commits--
		return fmt.Errorf("commit: %w", cause)
	}
	// Also an interrupted run wants to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	// The staging tables go with the connection: this session may neither merge
	// nor remove any more rows, unless the commit took effect.
	s.broken = fmt.Errorf("the connection was lost in a commit: %w", cause)
	closing := s.conn.Close(ctx)
	if err := s.connect(ctx); err != nil {
		return errors.Join(fmt.Errorf("commit: the reply was lost, and whether it took effect is not known: %w", cause), err, closing)
	}
	clear(s.staged)
	var done int
	err := s.conn.QueryRow(ctx, "SELECT commits FROM exporter.runs WHERE run_id = $1", s.run.ID).Scan(&done)
	switch {
	case err != nil:
		return fmt.Errorf("commit: look up whether it took effect: %w", err)
	case done >= s.commits:
		s.broken = nil
		return nil
	}
	s.commits--
	return fmt.Errorf("commit: the connection was lost before it took effect: %w", cause)
}

// committed goes on after a commit, or after a dry run of one.
func (s *session) committed(ctx context.Context, c load.Change, result load.Result) (load.Result, error) {
	s.total, s.run = result, c.Run
	if !c.Run.Finished() {
		return result, s.Discard(ctx)
	}
	// The staging tables go with the connection.
	if c.DryRun {
		if _, err := s.conn.Exec(ctx, "DELETE FROM exporter.runs WHERE run_id = $1", c.Run.ID); err != nil {
			return result, fmt.Errorf("forget dry run: %w", err)
		}
	}
	return result, nil
}

// inTheWay tells whether a transaction failed because of another one: it could not
// be ordered, deadlocked, waited too long for a lock, or met rows that the other
// has added where there were none.
func inTheWay(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{"40001", "40P01", "55P03", "23505"}, pg.Code)
}
