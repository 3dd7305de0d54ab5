package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

const (
	// block is how many requests to a family without a budget are booked at
	// once: booking writes to disk.
	block = 200
	// blockLife is how long they may then be made; the ledger counts them from
	// when they were booked.
	blockLife = 30 * time.Second
	// longestWait is how long a run waits for a budget to have room again.
	longestWait = time.Minute
)

// A meter books the requests of one run, at each of its destinations, before
// they are made. It is safe for concurrent use.
type meter struct {
	runner  *Runner
	client  string // client ID
	ledgers []load.Ledger

	mu    sync.Mutex
	ahead map[string]load.Booking // booked and not made, by family
	slept time.Duration
}

func (r *Runner) newMeter(client string) *meter {
	return &meter{runner: r, client: client, ahead: map[string]load.Booking{}}
}

// admit books one request, or refuses it.
func (m *meter) admit(ctx context.Context, family string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ledgers) == 0 {
		return nil
	}
	now := m.runner.Now()
	if a := m.ahead[family]; a.N > 0 && now.Sub(a.At) > blockLife {
		if err := m.giveBack(ctx, a); err != nil {
			return err
		}
		delete(m.ahead, family)
	}
	if m.ahead[family].N == 0 {
		booked, err := m.book(ctx, family)
		if err != nil {
			return err
		}
		m.ahead[family] = booked
	}
	a := m.ahead[family]
	a.N--
	m.ahead[family] = a
	return nil
}

// book books a few requests, after a short wait if need be.
func (m *meter) book(ctx context.Context, family string) (load.Booking, error) {
	b := load.Booking{Client: m.client, Family: family, Budget: m.runner.config.Budget(family), N: block}
	if b.Budget > 0 {
		b.N = 1
	}
	for {
		b.At = m.runner.Now()
		got, err := m.everywhere(ctx, b)
		if err != nil {
			return b, err
		}
		if got > 0 {
			b.N = got
			return b, nil
		}
		until, err := m.freesAt(ctx, family)
		if err != nil {
			return b, err
		}
		wait := until.Sub(b.At)
		if wait > longestWait {
			return b, extract.BudgetError(family, b.Budget, until)
		}
		if err := m.runner.Sleep(ctx, max(wait, time.Millisecond)); err != nil {
			return b, err
		}
		m.slept += max(0, wait)
	}
}

// everywhere books at every destination as many as all of them have room for.
func (m *meter) everywhere(ctx context.Context, b load.Booking) (int, error) {
	least := b.N
	for i, ledger := range m.ledgers {
		got, err := ledger.Book(ctx, load.Booking{Client: b.Client, Family: b.Family, At: b.At, Budget: b.Budget, N: least})
		if err != nil {
			return 0, err //nolint:wrapcheck // it says what was done
		}
		if got == least {
			continue
		}
		back := b
		back.N, least = least-got, got
		for _, earlier := range m.ledgers[:i] {
			if err := earlier.Unbook(ctx, back); err != nil {
				return 0, err //nolint:wrapcheck // it says what was done
			}
		}
	}
	return least, nil
}

// freesAt is when a family's budget has room again.
func (m *meter) freesAt(ctx context.Context, family string) (time.Time, error) {
	var latest time.Time
	now := m.runner.Now()
	for _, ledger := range m.ledgers {
		booked, err := ledger.Booked(ctx, m.client, now)
		if err != nil {
			return latest, fmt.Errorf("read what was booked: %w", err)
		}
		if at := booked[family].FreesAt; booked[family].Requests >= m.runner.config.Budget(family) && at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}

// waited is how long the run waited for budgets.
func (m *meter) waited() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.slept
}

// close gives back what was booked and not made.
func (m *meter) close(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for family, a := range m.ahead {
		if a.N > 0 {
			errs = append(errs, m.giveBack(ctx, a))
		}
		delete(m.ahead, family)
	}
	return errors.Join(errs...)
}

func (m *meter) giveBack(ctx context.Context, b load.Booking) error {
	var errs []error
	for _, ledger := range m.ledgers {
		errs = append(errs, ledger.Unbook(ctx, b))
	}
	return errors.Join(errs...)
}
