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
	"github.com/tracklake/tracklake/load/postgres/reach"
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
			delay := time.Duration(rand.Int64N(int64(50*time.Millisecond) << try))
			if err := pause(ctx, delay); err != nil {
				return s.total, err
			}
		default:
			return s.total, err
		}
	}
}

// attempt is one try of the transaction.
func (s *session) attempt(ctx context.Context, c load.Change) (load.Result, error) {
	var tx pgx.Tx
	err := s.do(ctx, "begin commit", s.d.limits.answer, func(ctx context.Context) (err error) {
		tx, err = s.conn.Begin(ctx)
		return err
	})
	if err != nil {
		return load.Result{}, err
	}
	s.commits++
	result, err := s.fill(ctx, tx, c)
	if err == nil && c.DryRun {
		err = errDryRun
	}
	if err != nil {
		s.commits--
		if s.conn.IsClosed() {
			return result, err
		}
		return result, errors.Join(err, s.do(ctx, "roll back", s.d.limits.answer, tx.Rollback))
	}
	if err := s.do(ctx, "commit", s.d.limits.answer, tx.Commit); err != nil {
		return result, s.settle(ctx, err)
	}
	return result, nil
}

// fill does the transaction's work.
func (s *session) fill(ctx context.Context, tx pgx.Tx, c load.Change) (load.Result, error) {
	result := load.Result{Tables: maps.Clone(s.total.Tables)}
	err := s.do(ctx, "prepare commit", s.d.limits.answer, func(ctx context.Context) error {
		if err := s.checkFence(ctx, tx); err != nil {
			return err
		}
		return s.plan(ctx, tx)
	})
	if err != nil {
		return result, err
	}
	gone := map[string][]string{}
	for _, r := range c.Removals {
		err := s.do(ctx, "remove rows of "+r.Table, s.d.limits.work, func(ctx context.Context) error {
			removed, lists, err := s.remove(ctx, tx, r)
			result.Tables[r.Table] = result.Tables[r.Table].Add(load.Count{Removed: removed})
			gone[r.Table] = append(gone[r.Table], lists...)
			return err
		})
		if err != nil {
			return result, err
		}
	}
	if err := s.mergeAll(ctx, tx, &result); err != nil {
		return result, err
	}
	if err := s.logChanges(ctx, tx, gone, &result); err != nil {
		return result, err
	}
	err = s.do(ctx, "keep state and run record", s.d.limits.work, func(ctx context.Context) error {
		return s.keep(ctx, tx, c, &result)
	})
	return result, err
}

// mergeAll merges the staging tables. All jobs merge tables in the same order, so that
// they do not deadlock.
func (s *session) mergeAll(ctx context.Context, tx pgx.Tx, result *load.Result) error {
	for _, name := range slices.Sorted(maps.Keys(s.staged)) {
		if s.staged[name] == 0 {
			continue
		}
		err := s.do(ctx, "merge "+name, s.d.limits.work, func(ctx context.Context) error {
			count, err := s.merge(ctx, tx, s.tables[name])
			result.Tables[name] = result.Tables[name].Add(count)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keep writes the state, the row counts and the run record.
func (s *session) keep(ctx context.Context, tx pgx.Tx, c load.Change, result *load.Result) error {
	if err := s.keepState(ctx, tx, c.State); err != nil {
		return err
	}
	if c.Run.Finished() && !c.DryRun {
		live, err := s.keepRowCounts(ctx, tx)
		if err != nil {
			return err
		}
		*result = result.With(live)
	}
	c.Run.Tables = result.Tables
	return s.record(ctx, tx, c.Run)
}

// checkFence keeps other sessions of the job from beginning until the commit, and
// fails if one has begun.
func (s *session) checkFence(ctx context.Context, tx pgx.Tx) error {
	var fence int64
	err := tx.QueryRow(ctx, "SELECT fence FROM exporter.fences WHERE account_id = $1 AND job = $2 FOR UPDATE", s.job.Account, s.job.Name).Scan(&fence)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // no row: the account was forgotten
		return fmt.Errorf("check fence: %w", err)
	}
	if fence != s.fence {
		return load.ErrFenced
	}
	return nil
}

// keepRowCounts keeps how many rows there are at the end of a run, and returns how many
// of them are live.
func (s *session) keepRowCounts(ctx context.Context, tx pgx.Tx) (load.Rows, error) {
	live, kept, err := countLive(ctx, tx, s.job)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, "UPDATE exporter.fences SET row_counts = $3 WHERE account_id = $1 AND job = $2", s.job.Account, s.job.Name, kept)
	return live, err
}

// plan keeps the planner from walking large tables row by row: of those that
// were just filled it knows no statistics yet, and to gather them takes longer
// than it brings.
func (s *session) plan(ctx context.Context, tx pgx.Tx) error {
	for _, rows := range s.staged {
		if rows >= 1000 {
			_, err := tx.Exec(ctx, "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'")
			return err
		}
	}
	return nil
}

// remove carries out a removal and returns how many rows it removed and, where they are
// the places of logged lists, of which.
func (s *session) remove(ctx context.Context, tx pgx.Tx, r load.Removal) (removed int, lists []string, err error) {
	t := s.tables[r.Table]
	condition, args := t.removal(s.job.Account, r, s.staged[r.Table] > 0)
	sql := fmt.Sprintf("DELETE FROM %s AS t WHERE %s", t.target, condition)
	switch {
	case t.table.Removable:
		args = append(args, s.job.Run.StartedAt)
		sql = fmt.Sprintf("UPDATE %s AS t SET removed_at = $%[2]d, last_seen_at = $%[2]d WHERE %[3]s", t.target, len(args), condition)
	case t.table.Log != nil:
		sql = fmt.Sprintf("WITH gone AS (%s RETURNING t.%s AS list) SELECT count(*), array_agg(DISTINCT list) FROM gone", sql, quoted(t.table.Log.List))
		err := tx.QueryRow(ctx, sql, args...).Scan(&removed, &lists)
		return removed, lists, err
	}
	tag, err := tx.Exec(ctx, sql, args...)
	return int(tag.RowsAffected()), nil, err
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
		return load.Count{Added: int(tag.RowsAffected())}, nil
	}
	var versions, keys int
	if err := tx.QueryRow(ctx, t.versions()).Scan(&versions, &keys); err != nil {
		return load.Count{}, fmt.Errorf("count: %w", err)
	}
	var c load.Count
	if err := tx.QueryRow(ctx, t.merge(versions == 1), s.job.Run.StartedAt).Scan(&c.Added, &c.Changed); err != nil {
		return load.Count{}, fmt.Errorf("upsert: %w", err)
	}
	c.Unchanged = keys - c.Added - c.Changed
	return c, nil
}

func (s *session) keepState(ctx context.Context, tx pgx.Tx, state load.State) error {
	batch := &pgx.Batch{}
	if s.stale && s.commits == 1 {
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
	return tx.SendBatch(ctx, batch).Close()
}

// settle finds out whether a COMMIT took effect whose reply was lost: the run
// record carries the number of the commit. To take the job's lock it ends what the
// server still knows of the connection, and so the transaction.
func (s *session) settle(ctx context.Context, cause error) error {
	var pg *pgconn.PgError
	if errors.As(cause, &pg) { // the server itself says that it did not
		s.commits--
		return cause
	}
	// Also an interrupted run wants to know.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.d.limits.answer)
	defer cancel()
	done, err := s.lookUp(ctx)
	switch {
	case err != nil:
		s.broken = &reach.Error{
			Err:    fmt.Errorf("%w; cannot tell whether the commit took effect: %s", cause, err.Error()),
			Advice: "run it again when the database answers: the commit took effect as a whole or not at all, and the next run begins with what is there",
		}
	case done < s.commits:
		s.commits--
		s.broken = &reach.Error{Err: fmt.Errorf("%w; the commit did not take effect", cause), Advice: "run it again"}
	default:
		s.broken = nil
	}
	return s.broken
}

// lookUp connects anew and reads how many commits of the run took effect. What was
// staged is lost with the old connection.
func (s *session) lookUp(ctx context.Context) (commits int, err error) {
	clear(s.staged)
	if err := errors.Join(s.disconnect(ctx), s.connect(ctx, s.d.limits.connect)); err != nil {
		return 0, err
	}
	err = s.do(ctx, "look up the run", s.d.limits.answer, func(ctx context.Context) error {
		return s.conn.QueryRow(ctx, "SELECT commits FROM exporter.runs WHERE run_id = $1", s.run.ID).Scan(&commits)
	})
	return commits, err
}

// committed goes on after a commit, or after a dry run of one.
func (s *session) committed(ctx context.Context, c load.Change, result load.Result) (load.Result, error) {
	s.total, s.run = result, c.Run
	if !c.Run.Finished() {
		return result, s.Discard(ctx)
	}
	// The staging tables go with the connection.
	if c.DryRun {
		err := s.do(ctx, "forget dry run", s.d.limits.answer, func(ctx context.Context) error {
			live, _, err := countLive(ctx, s.conn, s.job)
			if err != nil {
				return err
			}
			s.total = result.With(live)
			_, err = s.conn.Exec(ctx, "DELETE FROM exporter.runs WHERE run_id = $1", c.Run.ID)
			return err
		})
		return s.total, err
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
