package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// limits bound every wait for the database.
type limits struct {
	connect time.Duration // for a connection, and for a server that is starting
	answer  time.Duration // for the answer to a small statement or to COMMIT, and for progress of a COPY
	work    time.Duration // for a statement that goes over many rows
	lock    time.Duration // for a lock that another session of the database holds
	notice  time.Duration // until the log tells what is waited for
}

func usualLimits() limits {
	return limits{connect: 15 * time.Second, answer: 30 * time.Second, work: 10 * time.Minute, lock: 10 * time.Second, notice: 5 * time.Second}
}

// A database is where it is, and how long it is waited for.
type database struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	limits limits
}

// errSilent ends a wait that took too long.
var errSilent = errors.New("no answer")

// wait does something with the database within a limit. The log tells what is waited
// for if it takes long, and errors say what was done.
func (db *database) wait(ctx context.Context, what string, limit time.Duration, f func(ctx context.Context) error) error {
	ctx, _, done := db.watch(ctx, what, limit)
	return done(f(ctx))
}

// watch bounds something like wait, whose limit counts from the last call of alive.
// The caller passes the outcome to done.
func (db *database) watch(ctx context.Context, what string, limit time.Duration) (_ context.Context, alive func(), done func(error) error) {
	ctx, cancel := context.WithCancelCause(ctx)
	end := time.AfterFunc(limit, func() { cancel(errSilent) })
	told := make(chan struct{})
	notice := time.AfterFunc(db.limits.notice, func() {
		defer close(told)
		db.log.Info("waiting for PostgreSQL", "to", what, "host", db.config.Host, "database", db.config.Database, "at_most", limit)
	})
	return ctx, func() { end.Reset(limit) }, func(err error) error {
		end.Stop()
		if !notice.Stop() {
			<-told
		}
		silent := errors.Is(context.Cause(ctx), errSilent)
		cancel(nil)
		switch {
		case err == nil:
			return nil
		case silent:
			return &hinted{fmt.Errorf("%s: no answer from PostgreSQL for %s", what, limit), "check the network and the database server, then run it again"}
		default:
			return explain(fmt.Errorf("%s: %w", what, err))
		}
	}
}

// A hinted error tells what to do next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint is the next step for the user.
func (e *hinted) Hint() string { return e.hint }

// explain adds a hint to what the server says.
func explain(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	hints := map[string]string{
		"25006": "connect to the primary server, or lift default_transaction_read_only: exporter must write",
		"42501": "grant it, or connect as the owner; a role that only writes data needs TEMPORARY on the database, USAGE on the schemas " +
			"spotify and exporter, and SELECT, INSERT, UPDATE and DELETE on all their tables",
		"53100": "free some space on the disk of the database server",
		"55P03": "another session of the database holds a lock; see pg_stat_activity, end it or wait, then run it again",
	}
	if hint := hints[pg.Code]; hint != "" {
		return &hinted{err, hint}
	}
	return err
}
