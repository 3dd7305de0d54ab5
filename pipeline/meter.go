package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

const (
	// leastBlock is how many requests to a family without a budget are booked
	// at once, as booking writes to disk; each time twice as many, up to
	// mostBlock. A crash leaves as many counted that were never made.
	leastBlock = 50
	mostBlock  = 800
	// blockLife is how long they may then be made; the ledger counts them from
	// when they were booked.
	blockLife = 30 * time.Second
	// longestWait is how long a run waits for a budget to have room again.
	longestWait = time.Minute
	// lookEvery is how often a run looks for what other processes have found
	// closed, if it books in blocks; else it does so with every booking.
	lookEvery = time.Second
)

// A meter books the requests of one run, in all of its books, before they are
// made, and makes none to a family that another process has found closed. It is
// safe for concurrent use: a family that waits does not hold up the others.
type meter struct {
	runner *Runner
	user   *User
	books  []book

	mu     sync.Mutex
	ahead  map[string]*ahead // by family
	looked time.Time
	slept  time.Duration
}

// ahead is what is booked of a family and not made.
type ahead struct {
	mu     sync.Mutex
	booked load.Booking
	block  int // size of the next one
}

func (r *Runner) newMeter(u *User) *meter {
	return &meter{runner: r, user: u, ahead: map[string]*ahead{}}
}

// admit books one request, or refuses it.
func (m *meter) admit(ctx context.Context, family string) error {
	if len(m.books) == 0 {
		return nil
	}
	a := m.aheadOf(family)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.booked.N > 0 && m.runner.Now().Sub(a.booked.At) > blockLife {
		if err := m.giveBack(ctx, a); err != nil {
			return err
		}
	}
	if a.booked.N == 0 {
		a.block = min(max(2*a.block, leastBlock), mostBlock)
		booked, err := m.book(ctx, family, a.block)
		if err != nil {
			return err
		}
		a.booked = booked
	} else if err := m.look(ctx, family, lookEvery); err != nil {
		return err
	}
	a.booked.N--
	return nil
}

func (m *meter) aheadOf(family string) *ahead {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ahead[family] == nil {
		m.ahead[family] = &ahead{}
	}
	return m.ahead[family]
}

// look returns an error of kind Closed while a family is closed, as far as
// anybody knew a while ago.
func (m *meter) look(ctx context.Context, family string, ago time.Duration) error {
	now := m.runner.Now()
	m.mu.Lock()
	since := now.Sub(m.looked)
	due := m.looked.IsZero() || since < 0 || since >= ago
	m.mu.Unlock()
	if due {
		if err := m.learn(ctx); err != nil {
			return err
		}
	}
	return m.user.Client.CheckFamily(family)
}

// learn tells the client which families are closed, as the books say.
func (m *meter) learn(ctx context.Context) error {
	now := m.runner.Now()
	for _, b := range m.books {
		closed, err := b.Closed(ctx, m.user.App, now)
		if err != nil {
			return fmt.Errorf("read closed families at %s: %w", b.name, err)
		}
		for family, until := range closed {
			m.user.Client.CloseFamily(family, until)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked = now
	return nil
}

// book books a few requests, after a short wait if need be.
func (m *meter) book(ctx context.Context, family string, block int) (load.Booking, error) {
	b := load.Booking{Client: m.user.App, Family: family, Budget: m.runner.config.Budget(family), N: block}
	if b.Budget > 0 {
		b.N = 1
	}
	for {
		if err := m.look(ctx, family, 0); err != nil {
			return b, err
		}
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
		if err := m.wait(ctx, wait); err != nil {
			return b, err
		}
	}
}

func (m *meter) wait(ctx context.Context, d time.Duration) error {
	if err := m.runner.Sleep(ctx, max(d, time.Millisecond)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slept += max(d, 0)
	return nil
}

// everywhere books in every book as many as all of them have room for.
func (m *meter) everywhere(ctx context.Context, b load.Booking) (int, error) {
	least := b.N
	for i, ledger := range m.books {
		got, err := ledger.Book(ctx, load.Booking{Client: b.Client, Family: b.Family, At: b.At, Budget: b.Budget, N: least})
		if err != nil {
			return 0, err
		}
		if got == least {
			continue
		}
		back := b
		back.N, least = least-got, got
		for _, earlier := range m.books[:i] {
			if err := earlier.Unbook(ctx, back); err != nil {
				return 0, err
			}
		}
	}
	return least, nil
}

// freesAt is when a family's budget has room again.
func (m *meter) freesAt(ctx context.Context, family string) (time.Time, error) {
	var latest time.Time
	now := m.runner.Now()
	for _, ledger := range m.books {
		booked, err := ledger.Booked(ctx, m.user.App, now)
		if err != nil {
			return latest, fmt.Errorf("read what was booked: %w", err)
		}
		if at := booked[family].FreesAt; booked[family].Requests >= m.runner.config.Budget(family) && at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}

// spent is how many requests of a family were booked in the last 24 hours.
func (m *meter) spent(ctx context.Context, family string) (int, error) {
	most := 0
	for _, b := range m.books {
		booked, err := b.Booked(ctx, m.user.App, m.runner.Now())
		if err != nil {
			return 0, fmt.Errorf("read what was booked: %w", err)
		}
		most = max(most, booked[family].Requests)
	}
	return most, nil
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
	all := slices.Collect(maps.Values(m.ahead))
	m.mu.Unlock()
	var errs []error
	for _, a := range all {
		a.mu.Lock()
		if a.booked.N > 0 {
			errs = append(errs, m.giveBack(ctx, a))
		}
		a.mu.Unlock()
	}
	return errors.Join(errs...)
}

// giveBack takes what is booked of a family and not made out of the books.
func (m *meter) giveBack(ctx context.Context, a *ahead) error {
	var errs []error
	for _, ledger := range m.books {
		errs = append(errs, ledger.Unbook(ctx, a.booked))
	}
	a.booked = load.Booking{}
	return errors.Join(errs...)
}
