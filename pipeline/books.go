package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

const (
	// foreignTimeout bounds how long a run waits for a destination that it
	// does not write to.
	foreignTimeout = 5 * time.Second
	// foreignRest is how long such a destination is left alone after it could
	// not be opened.
	foreignRest = 5 * time.Minute
)

// A book is a destination in which requests are counted, and in which closed
// families are kept.
type book struct {
	name string
	bookkeeping
}

type bookkeeping interface {
	load.Ledger
	load.Closures
}

// booksOf returns where the requests of a job are counted: at its own
// destinations, which are open, and at those of other jobs that ask the same
// family, so that they have one budget between them. All jobs use books in the
// order of the file: two that book at once cannot take each other's last room
// back and forth.
func (r *Runner) booksOf(ctx context.Context, j *config.Job, own map[string]load.Destination) []book {
	var out []book
	for _, d := range r.config.Destinations {
		if opened := own[d.Name]; opened != nil {
			out = append(out, book{d.Name, opened})
		} else if asks(r.config, j.Resource.Family, d.Name) {
			out = append(out, r.foreignBooks(ctx, d)...)
		}
	}
	return out
}

// asks tells whether a job that asks a family has a destination.
func asks(c *config.Config, family, destination string) bool {
	return slices.ContainsFunc(c.Jobs, func(j config.Job) bool {
		return j.Resource.Family == family && slices.Contains(j.Destinations, destination)
	})
}

// Counted returns a context with which a user's requests are counted like those
// of the jobs, and none are made to families that are known to be closed.
// Destinations that cannot be opened are left out. The caller calls done when
// all requests are made.
func (r *Runner) Counted(ctx context.Context, u *User, jobs []*config.Job) (counted context.Context, done func() error) {
	m := r.newMeter(u)
	for _, d := range r.config.Destinations {
		if slices.ContainsFunc(jobs, func(j *config.Job) bool { return slices.Contains(j.Destinations, d.Name) }) {
			m.books = append(m.books, r.foreignBooks(ctx, d)...)
		}
	}
	return extract.WithAdmission(ctx, m.admit), func() error { return m.close(context.WithoutCancel(ctx)) }
}

// foreignBooks opens a destination that a run does not write to; the run goes
// on without one that cannot be opened.
func (r *Runner) foreignBooks(ctx context.Context, d config.Destination) []book {
	r.mu.Lock()
	failed, ever := r.absent[d.Name]
	r.mu.Unlock()
	if since := r.Now().Sub(failed); ever && since >= 0 && since < foreignRest {
		return nil
	}
	opened, err := r.openForeign(ctx, d)
	if err != nil && ctx.Err() == nil {
		r.miss(d.Name, err)
	}
	if err != nil {
		return nil
	}
	return []book{{d.Name, &lenient{bookkeeping: opened, miss: func(err error) { r.miss(d.Name, err) }}}}
}

func (r *Runner) openForeign(ctx context.Context, d config.Destination) (load.Destination, error) {
	if len(d.Unset) > 0 {
		return nil, fmt.Errorf("it needs %s, which is not set", d.Unset[0])
	}
	ctx, cancel := context.WithTimeout(ctx, foreignTimeout)
	defer cancel()
	return r.Destination(ctx, d.Name)
}

// miss notes that requests are not counted at a destination, and tells so once.
func (r *Runner) miss(name string, err error) {
	r.mu.Lock()
	_, told := r.absent[name]
	r.absent[name] = r.Now()
	r.mu.Unlock()
	if !told {
		r.Log.Warn("requests are not counted at a destination that other jobs use, so that budgets do not hold between these jobs and others",
			"destination", name, "error", err, "hint", "make it reachable: exporter check")
	}
}

// lenient bookkeeping goes on without the destination when that fails, or does
// not answer.
type lenient struct {
	bookkeeping
	miss func(error)
	gone atomic.Bool
}

func (l *lenient) try(ctx context.Context, f func(ctx context.Context) error) error {
	if l.gone.Load() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, foreignTimeout)
	defer cancel()
	err := f(limited)
	if err == nil || ctx.Err() != nil {
		return err
	}
	l.gone.Store(true)
	l.miss(err)
	return nil
}

// Book books what there is room for; without the destination, everything.
func (l *lenient) Book(ctx context.Context, b load.Booking) (int, error) {
	got := b.N
	err := l.try(ctx, func(ctx context.Context) error {
		n, err := l.bookkeeping.Book(ctx, b)
		if err == nil {
			got = n
		}
		return err
	})
	return got, err
}

// Unbook gives back what was booked.
func (l *lenient) Unbook(ctx context.Context, b load.Booking) error {
	return l.try(ctx, func(ctx context.Context) error { return l.bookkeeping.Unbook(ctx, b) })
}

// Booked returns what was booked.
func (l *lenient) Booked(ctx context.Context, client string, at time.Time) (out map[string]load.Booked, err error) {
	err = l.try(ctx, func(ctx context.Context) (err error) {
		out, err = l.bookkeeping.Booked(ctx, client, at)
		return err
	})
	return out, err
}

// Closed returns the closed families.
func (l *lenient) Closed(ctx context.Context, client string, at time.Time) (out map[string]time.Time, err error) {
	err = l.try(ctx, func(ctx context.Context) (err error) {
		out, err = l.bookkeeping.Closed(ctx, client, at)
		return err
	})
	return out, err
}
