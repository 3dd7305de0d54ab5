package postgres

import (
	"context"
	"time"

	"github.com/tracklake/tracklake/load"
)

// LoseLock releases a session's lock behind its back, as if its connection had
// been cut and its process not noticed.
func (d *Destination) LoseLock(ctx context.Context, s load.Session) error {
	_, err := s.(*session).conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	return err
}

// WithLimits shortens what is waited for: an answer, of which there are two in the time
// for work, and a lock. The notice comes after a third of an answer.
func WithLimits(o Options, answer, lock time.Duration) Options {
	o.limits = &limits{connect: answer, answer: answer, work: 2 * answer, lock: lock, notice: answer / 3}
	return o
}

// RunsSQL is the query of Runs.
func RunsSQL() string { return runsSQL() }
