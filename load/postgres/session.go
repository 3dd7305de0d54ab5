package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// session is one run of one job, on a connection of its own: the job's lock
// and the staging tables live and die with it.
type session struct {
	d     *Destination
	job   load.Job
	conn  *pgx.Conn
	fence int64

	tables  map[string]*statements
	staged  map[string]int64 // rows in the staging tables; a key for each that exists
	arrival int64
	buffer  []byte

	total   load.Result
	commits int // that took effect
	missing []string
	run     load.Run
	broken  error // what was staged is lost; nothing can be committed
	done    bool
}

// lockKey is the advisory lock of a job.
func lockKey(account, job string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "tracklake\x00%s\x00%s", account, job)
	return int64(h.Sum64())
}

// Begin takes the job's lock, raises its fence and records the run. The lock
// belongs to the connection, so it does not outlive the process; PgBouncer
// must not pool it by transaction.
func (d *Destination) Begin(ctx context.Context, job load.Job) (load.Session, load.State, error) {
	s := &session{
		d: d, job: job, run: job.Run, tables: map[string]*statements{}, staged: map[string]int64{},
		total: load.Result{Tables: map[string]load.Count{}},
	}
	for _, t := range job.Tables {
		s.tables[t.Name] = newStatements(t)
	}
	if err := s.connect(ctx); err != nil {
		return nil, nil, err
	}
	var state load.State
	err := pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) (err error) {
		state, err = s.begin(ctx, tx)
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("begin run: %w", err), s.conn.Close(ctx))
	}
	return s, state, nil
}

// connect opens the session's connection and takes the lock.
func (s *session) connect(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, s.d.config)
	if err != nil {
		return unreachable(s.d.config, err)
	}
	if _, err := conn.Exec(ctx, "SET temp_buffers = '32MB'"); err != nil {
		return errors.Join(fmt.Errorf("prepare session: %w", err), conn.Close(ctx))
	}
	if err := s.lock(ctx, conn); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	s.conn = conn
	return nil
}

// lock takes the job's lock. It tries for a moment: the server takes a while
// to notice that a process which held it has died.
func (s *session) lock(ctx context.Context, conn *pgx.Conn) error {
	for try := 0; ; try++ {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey(s.job.Account, s.job.Name)).Scan(&got); err != nil {
			return fmt.Errorf("lock job: %w", err)
		}
		if got {
			return nil
		}
		if try == 20 {
			return s.lockedBy(ctx, conn)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lockedBy tells who holds the job's lock.
func (s *session) lockedBy(ctx context.Context, conn *pgx.Conn) error {
	locked := &load.LockedError{Job: s.job.Name, Holder: "another process"}
	key := uint64(lockKey(s.job.Account, s.job.Name))
	var pid int
	var client *string
	var since time.Time
	err := conn.QueryRow(ctx, `SELECT a.pid, host(a.client_addr), a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
		int64(key>>32), int64(key&0xffffffff)).Scan(&pid, &client, &since)
	if err == nil {
		locked.Holder, locked.Since = fmt.Sprintf("database connection %d", pid), since
		if client != nil {
			locked.Holder += " from " + *client
		}
	}
	return locked
}

func (s *session) begin(ctx context.Context, tx pgx.Tx) (load.State, error) {
	rows := load.Rows{}
	// The fence may have been forgotten with the account: a run of before must
	// not find its number again.
	err := tx.QueryRow(ctx, `INSERT INTO exporter.fences AS f (account_id, job, fence) VALUES ($1, $2, extract(epoch FROM clock_timestamp()) * 1000000)
		ON CONFLICT (account_id, job) DO UPDATE SET fence = f.fence + 1 RETURNING fence, row_counts`, s.job.Account, s.job.Name).Scan(&s.fence, &rows)
	if err != nil {
		return nil, fmt.Errorf("raise fence: %w", err)
	}
	// We hold the lock, so runs that are still going on belong to processes
	// that are not.
	_, err = tx.Exec(ctx, `UPDATE exporter.runs SET status = 'failed', message = 'the process ended before the run did'
		WHERE account_id = $1 AND job = $2 AND status = 'running'`, s.job.Account, s.job.Name)
	if err != nil {
		return nil, fmt.Errorf("end dead runs: %w", err)
	}
	s.run.Status = load.StatusRunning
	if err := s.record(ctx, tx, s.run); err != nil {
		return nil, err
	}
	state, missing, err := stateIfThere(ctx, tx, s.job, rows)
	s.missing = missing
	return state, err
}

// Missing names the tables that have lost rows.
func (s *session) Missing() []string { return s.missing }

// record writes the run record.
func (s *session) record(ctx context.Context, tx pgx.Tx, r load.Run) error {
	tables, err := json.Marshal(r.Tables)
	if err != nil || r.Tables == nil {
		tables = []byte("{}")
	}
	_, err = tx.Exec(ctx, `INSERT INTO exporter.runs (run_id, account_id, job, resource, kind, status, started_at, finished_at, version,
			fence, commits, tables, items, requests, retries, waited_ms, rejects, pending, parents, fresh, message, hint, deferred_to, spared, refused,
			unreadable, field_errors)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
		ON CONFLICT (run_id) DO UPDATE SET status = EXCLUDED.status, finished_at = EXCLUDED.finished_at, commits = EXCLUDED.commits,
			tables = EXCLUDED.tables, items = EXCLUDED.items, requests = EXCLUDED.requests, retries = EXCLUDED.retries,
			waited_ms = EXCLUDED.waited_ms, rejects = EXCLUDED.rejects, pending = EXCLUDED.pending, parents = EXCLUDED.parents,
			fresh = EXCLUDED.fresh, message = EXCLUDED.message, hint = EXCLUDED.hint, deferred_to = EXCLUDED.deferred_to,
			spared = EXCLUDED.spared, refused = EXCLUDED.refused, unreadable = EXCLUDED.unreadable, field_errors = EXCLUDED.field_errors`,
		r.ID, s.job.Account, s.job.Name, r.Resource, r.Kind, string(r.Status), r.StartedAt, moment(r.FinishedAt), r.Version,
		s.fence, s.commits, tables, r.Items, r.Requests, r.Retries, r.WaitedMS, r.Rejects, r.Pending, r.Parents, r.Fresh,
		text(r.Message), text(r.Hint), moment(r.DeferredTo), r.Spared, r.Refused, r.Unreadable, r.FieldErrors)
	if err != nil {
		return fmt.Errorf("record run: %w", err)
	}
	return nil
}

// moment makes the zero time NULL.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// text drops what PostgreSQL cannot store.
func text(s string) string {
	return string(bytes.ReplaceAll(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")), []byte{0}, []byte("\uFFFD")))
}

// Write copies a batch into its staging table. No transaction stays open
// between batches: a run may wait long for the API, and must not hold back
// the database meanwhile.
func (s *session) Write(ctx context.Context, b transform.Batch) error {
	if s.broken != nil {
		return s.broken
	}
	t := s.tables[b.Table.Name]
	if t == nil {
		return fmt.Errorf("stage %s: the table was not announced when the run began", b.Table.Name)
	}
	if _, there := s.staged[b.Table.Name]; !there {
		if _, err := s.conn.Exec(ctx, t.createStage()); err != nil {
			return fmt.Errorf("make staging table of %s: %w", b.Table.Name, err)
		}
		s.staged[b.Table.Name] = 0
	}
	var err error
	if s.buffer, err = appendRows(s.buffer[:0], b.Record, s.arrival); err != nil {
		return fmt.Errorf("encode %s: %w", b.Table.Name, err)
	}
	if _, err := s.conn.PgConn().CopyFrom(ctx, bytes.NewReader(s.buffer), t.copyIn()); err != nil {
		return fmt.Errorf("copy into %s: %w", b.Table.Name, err)
	}
	s.arrival += b.Record.NumRows()
	s.staged[b.Table.Name] += b.Record.NumRows()
	return nil
}

// Discard empties the staging tables.
func (s *session) Discard(ctx context.Context) error {
	for name, rows := range s.staged {
		if rows == 0 {
			continue
		}
		if _, err := s.conn.Exec(ctx, "TRUNCATE "+s.tables[name].stage); err != nil {
			return fmt.Errorf("empty staging table of %s: %w", name, err)
		}
		s.staged[name] = 0
	}
	return nil
}

// Close releases the lock with the connection. A run that did not end is
// recorded as failed.
func (s *session) Close(ctx context.Context) error {
	if s.done {
		return nil
	}
	s.done = true
	var err error
	if !s.run.Finished() {
		_, err = s.d.pool.Exec(ctx, `UPDATE exporter.runs SET status = 'failed', message = 'the run was abandoned'
			WHERE run_id = $1 AND status = 'running'`, s.run.ID)
	}
	// The server drops the staging tables after the connection; the lock need
	// not wait for that.
	if !s.conn.IsClosed() {
		_, unlock := s.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
		err = errors.Join(err, unlock)
	}
	if err = errors.Join(err, s.conn.Close(ctx)); err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}
