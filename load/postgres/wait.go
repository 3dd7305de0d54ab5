package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load/postgres/reach"
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
			return &reach.Error{
				Message: fmt.Sprintf("%s: no answer from PostgreSQL for %s", what, limit),
				Advice:  "check the network and the database server, then run it again",
			}
		default:
			return reach.Explain(fmt.Errorf("%s: %w", what, err))
		}
	}
}
