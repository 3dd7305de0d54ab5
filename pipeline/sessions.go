package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// sessions are the sessions of one run, one for each destination. Each works in
// a goroutine of its own, so that destinations write concurrently, and while
// further pages arrive. The goroutines end in close.
type sessions struct {
	ctx    context.Context // outlives an interrupt by a moment
	list   []*session
	dryRun bool
}

// A session is the session at one destination.
type session struct {
	name   string
	at     load.Session
	work   chan func()
	worker sync.WaitGroup

	mu  sync.Mutex
	err error // the first one; nothing is done after it
}

func newSessions(ctx context.Context, dryRun bool) *sessions {
	return &sessions{ctx: ctx, dryRun: dryRun}
}

func (s *sessions) add(name string, at load.Session) {
	k := &session{name: name, at: at, work: make(chan func(), 2)}
	k.worker.Go(func() {
		for f := range k.work {
			f()
		}
	})
	s.list = append(s.list, k)
}

// write stages batches at every destination and releases them. An error is
// that of an earlier batch.
func (s *sessions) write(batches []transform.Batch) error {
	for _, b := range batches {
		for _, k := range s.list {
			b.Record.Retain()
			k.work <- func() {
				defer b.Record.Release()
				k.do(func() error { return k.at.Write(s.ctx, b) })
			}
		}
		b.Record.Release()
	}
	return s.failed()
}

// discard forgets what was staged since the last commit.
func (s *sessions) discard() error {
	return s.each(func(k *session) error { return k.at.Discard(s.ctx) })
}

// commit publishes what was staged, together with the change, and returns what each
// session did so far, in the order of the destinations.
func (s *sessions) commit(change load.Change) ([]load.Result, error) {
	change.DryRun = s.dryRun
	results := make([]load.Result, len(s.list))
	err := s.each(func(k *session) error {
		result, err := k.at.Commit(s.ctx, change)
		results[slices.Index(s.list, k)] = result
		return err
	})
	return results, err
}

// each does the same at every destination, concurrently, after all that was
// asked of it before, and waits.
func (s *sessions) each(f func(*session) error) error {
	var wait sync.WaitGroup
	for _, k := range s.list {
		wait.Add(1)
		k.work <- func() {
			defer wait.Done()
			k.do(func() error { return f(k) })
		}
	}
	wait.Wait()
	return s.failed()
}

// failed returns the error of the first destination that has one.
func (s *sessions) failed() error {
	for _, k := range s.list {
		if err := k.failed(); err != nil {
			return err
		}
	}
	return nil
}

// close ends the goroutines and the sessions.
func (s *sessions) close() error {
	var errs []error
	for _, k := range s.list {
		close(k.work)
		k.worker.Wait()
		if err := k.at.Close(s.ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", k.name, err))
		}
	}
	return errors.Join(errs...)
}

// do runs f unless an earlier step failed, and keeps its error.
func (k *session) do(f func() error) {
	if k.failed() != nil {
		return
	}
	if err := f(); err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.err = fmt.Errorf("write to %s: %w", k.name, err)
	}
}

func (k *session) failed() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}
