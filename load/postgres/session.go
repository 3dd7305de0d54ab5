package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// session is one run of one job, on a connection of its own: the job's lock
// and the staging tables live and die with it.
type session struct {
	d      *Destination
	job    load.Job
	conn   *pgx.Conn
	server process
	fence  int64

	tables  map[string]*statements
	staged  map[string]int64 // rows in the staging tables; a key for each that exists
	arrival int64
	buffer  []byte

	total   load.Result
	commits int  // that took effect
	stale   bool // the stored state speaks of rows that are not there
	run     load.Run
	broken  error // what was staged is lost; nothing can be committed
	done    bool
}

// A process is that of the server which serves a connection.
type process struct {
	PID     int32
	Started time.Time
}

// lockKey is the advisory lock of a job.
func lockKey(account, job string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "tracklake\x00%s\x00%s", account, job)
	return int64(h.Sum64())
}

// Begin takes the job's lock, raises its fence and records the run. The lock
// belongs to the connection, so it does not outlive the process.
func (d *Destination) Begin(ctx context.Context, job load.Job) (load.Session, load.Start, error) {
	if err := d.usable(); err != nil {
		return nil, load.Start{}, err
	}
	if err := job.CheckLog(); err != nil {
		return nil, load.Start{}, err
	}
	s := d.newSession(job)
	err := s.connect(ctx, 2*time.Second)
	var start load.Start
	if err == nil {
		err = s.do(ctx, "begin run", d.limits.answer, func(ctx context.Context) error {
			return pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) (err error) {
				start, err = s.begin(ctx, tx)
				return err
			})
		})
	}
	if err != nil {
		_ = s.Close(ctx) // what has failed is told already
		return nil, load.Start{}, err
	}
	return s, start, nil
}

func (d *Destination) newSession(job load.Job) *session {
	s := &session{
		d: d, job: job, run: job.Run, tables: map[string]*statements{}, staged: map[string]int64{},
		total: load.Result{Tables: map[string]load.Count{}},
	}
	for _, t := range job.Tables {
		s.tables[t.Name] = newStatements(t)
	}
	return s
}

// do does something on the session's connection, within a limit. What was staged is
// lost with the connection.
func (s *session) do(ctx context.Context, what string, limit time.Duration, f func(ctx context.Context) error) error {
	err := s.d.wait(ctx, what, limit, f)
	if err != nil && s.conn.IsClosed() && s.broken == nil {
		s.broken = err
	}
	return err
}

// connect opens the session's connection, ends the one that it had before, and takes
// the job's lock, for which it tries for a while.
func (s *session) connect(ctx context.Context, patience time.Duration) error {
	conn, err := s.d.dial(ctx)
	if err != nil {
		return err
	}
	s.conn = conn
	before := s.server
	err = s.do(ctx, "prepare session", s.d.limits.answer, func(ctx context.Context) error {
		if before.PID != 0 {
			_, _ = conn.Exec(ctx, endProcess, before.PID, before.Started) // if it may not, the lock is waited for
		}
		return conn.QueryRow(ctx, "SELECT pid, backend_start, set_config('temp_buffers', '32MB', false) FROM pg_stat_activity WHERE pid = pg_backend_pid()").
			Scan(&s.server.PID, &s.server.Started, nil)
	})
	if err != nil {
		return err
	}
	return s.lock(ctx, patience)
}

// endProcess ends what the server still knows of a lost connection, with its
// transaction and its locks.
const endProcess = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2"

// disconnect closes the connection, without waiting for a server that is silent.
func (s *session) disconnect(ctx context.Context) error {
	return s.d.wait(context.WithoutCancel(ctx), "disconnect", s.d.limits.notice, s.conn.Close)
}

// lock takes the job's lock. It tries for a while: the server takes a moment to notice
// that a process which held it has died.
func (s *session) lock(ctx context.Context, patience time.Duration) error {
	for end := time.Now().Add(patience); ; {
		var got bool
		err := s.do(ctx, "lock job", s.d.limits.answer, func(ctx context.Context) error {
			return s.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey(s.job.Account, s.job.Name)).Scan(&got)
		})
		if err != nil || got {
			return err
		}
		if time.Now().After(end) {
			return s.lockedBy(ctx)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// lockedBy tells who holds the job's lock.
func (s *session) lockedBy(ctx context.Context) error {
	locked := &load.LockedError{Job: s.job.Name, Holder: "another process"}
	key := uint64(lockKey(s.job.Account, s.job.Name))
	var pid int
	var client *string
	var since time.Time
	err := s.do(ctx, "find the holder of the lock", s.d.limits.answer, func(ctx context.Context) error {
		return s.conn.QueryRow(ctx, `SELECT a.pid, host(a.client_addr), a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 1
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
			int64(key>>32), int64(key&0xffffffff)).Scan(&pid, &client, &since)
	})
	if err == nil {
		locked.Holder, locked.Since = fmt.Sprintf("database connection %d", pid), since
		if client != nil {
			locked.Holder += " from " + *client
		}
	}
	return locked
}

func (s *session) begin(ctx context.Context, tx pgx.Tx) (start load.Start, err error) {
	rows := load.Rows{}
	// The fence may have been forgotten with the account: a run of before must
	// not find its number again.
	err = tx.QueryRow(ctx, `INSERT INTO exporter.fences AS f (account_id, job, fence) VALUES ($1, $2, extract(epoch FROM clock_timestamp()) * 1000000)
		ON CONFLICT (account_id, job) DO UPDATE SET fence = f.fence + 1 RETURNING fence, row_counts`, s.job.Account, s.job.Name).Scan(&s.fence, &rows)
	if err != nil {
		return start, fmt.Errorf("raise fence: %w", err)
	}
	// We hold the lock, so runs that are still going on belong to processes
	// that are not.
	_, err = tx.Exec(ctx, `UPDATE exporter.runs SET status = 'failed', message = 'the process ended before the run did'
		WHERE account_id = $1 AND job = $2 AND status = 'running'`, s.job.Account, s.job.Name)
	if err != nil {
		return start, fmt.Errorf("end dead runs: %w", err)
	}
	_, err = tx.Exec(ctx, "DELETE FROM exporter.runs WHERE account_id = $1 AND job = $2 AND started_at < $3",
		s.job.Account, s.job.Name, s.run.StartedAt.Add(-load.RunsKept))
	if err != nil {
		return start, fmt.Errorf("delete old runs: %w", err)
	}
	s.run.Status = load.StatusRunning
	if err := s.record(ctx, tx, s.run); err != nil {
		return start, fmt.Errorf("record run: %w", err)
	}
	start, err = startOf(ctx, tx, s.job, rows)
	s.stale = len(start.Missing) > 0
	return start, err
}

// Write copies a batch into its staging table. No transaction stays open
// between batches: a run may wait long for the API, and must not hold back
// the database meanwhile.
func (s *session) Write(ctx context.Context, b transform.Batch) error {
	if s.broken != nil {
		return s.broken
	}
	name := b.Table.Name
	t := s.tables[name]
	if t == nil {
		return fmt.Errorf("stage %s: the table was not announced when the run began", name)
	}
	if _, there := s.staged[name]; !there {
		err := s.do(ctx, "make staging table of "+name, s.d.limits.answer, func(ctx context.Context) error {
			_, err := s.conn.Exec(ctx, t.createStage())
			return err
		})
		if err != nil {
			return err
		}
		s.staged[name] = 0
	}
	var err error
	if s.buffer, err = appendRows(s.buffer[:0], b.Record, s.arrival); err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	if err := s.copy(ctx, t); err != nil {
		return err
	}
	s.arrival += b.Record.NumRows()
	s.staged[name] += b.Record.NumRows()
	return nil
}

// copy copies the buffer into a staging table. It may take long, as long as it gets on.
func (s *session) copy(ctx context.Context, t *statements) error {
	limited, alive, done := s.d.watch(ctx, "copy into "+t.table.Name, s.d.limits.answer)
	_, err := s.conn.PgConn().CopyFrom(limited, &heard{bytes.NewReader(s.buffer), alive}, t.copyIn())
	if err = done(err); err != nil && s.conn.IsClosed() {
		s.broken = err
	}
	return err
}

// A heard reader tells that it is read.
type heard struct {
	io.Reader
	alive func()
}

// Read reads.
func (h *heard) Read(p []byte) (int, error) {
	h.alive()
	return h.Reader.Read(p)
}

// Discard empties the staging tables.
func (s *session) Discard(ctx context.Context) error {
	for name, rows := range s.staged {
		if rows == 0 {
			continue
		}
		err := s.do(ctx, "empty staging table of "+name, s.d.limits.answer, func(ctx context.Context) error {
			_, err := s.conn.Exec(ctx, "TRUNCATE "+s.tables[name].stage)
			return err
		})
		if err != nil {
			return err
		}
		s.staged[name] = 0
	}
	return nil
}

// Close releases the lock with the connection. A run that did not end is
// recorded as failed.
func (s *session) Close(ctx context.Context) error {
	if s.done || s.conn == nil {
		return nil
	}
	s.done = true
	limit := s.d.limits.connect
	if ctx.Err() != nil { // the program ends; a supervisor does not wait for long
		limit = min(limit, time.Second/2)
	}
	ctx = context.WithoutCancel(ctx)
	var err error
	// The server drops the staging tables after the connection; the lock need
	// not wait for that.
	if !s.conn.IsClosed() {
		err = s.do(ctx, "release the lock", limit, func(ctx context.Context) error {
			_, err := s.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
			return err
		})
	}
	if lost := s.conn.IsClosed(); lost || !s.run.Finished() {
		err = errors.Join(err, s.d.wait(ctx, "record the end of the run", limit, func(ctx context.Context) error { return s.abandon(ctx, lost) }))
	}
	if err = errors.Join(err, s.disconnect(ctx)); err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}

// abandon ends the record of a run that did not end, and what is left of a lost
// connection.
func (s *session) abandon(ctx context.Context, lost bool) error {
	message := "the run was abandoned"
	if s.broken != nil {
		message = s.broken.Error()
	}
	if lost {
		_, _ = s.d.pool.Exec(ctx, endProcess, s.server.PID, s.server.Started) // if it may not, the record is waited for
	}
	_, err := s.d.pool.Exec(ctx, "UPDATE exporter.runs SET status = 'failed', message = $2 WHERE run_id = $1 AND status = 'running'", s.run.ID, text(message))
	return err
}
