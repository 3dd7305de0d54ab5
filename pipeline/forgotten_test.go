package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// forgottenAfter forgets the account after a number of checks.
func forgottenAfter(times int) func(context.Context, string) error {
	return func(context.Context, string) error {
		if times--; times >= 0 {
			return nil
		}
		return errors.New("account sam is no longer connected")
	}
}

func (s *stage) kept(t *testing.T) int {
	t.Helper()
	d, err := s.runner.Destination(t.Context(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := d.Forget(t.Context(), simulate.AccountID, true)
	if err != nil {
		t.Fatal(err)
	}
	return kept.Total()
}

// TestRunLeavesNothingOfAForgottenAccount forgets the account before the run
// takes its locks, and between that and its first request.
func TestRunLeavesNothingOfAForgottenAccount(t *testing.T) {
	t.Parallel()
	for times := range 2 {
		s := newStage(t, nightly, world(20))
		s.user.Connected = forgottenAfter(times)
		run := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
		if run.Status != load.StatusFailed || !strings.Contains(run.Message, "no longer connected") {
			t.Errorf("forgotten after %d checks: run = %+v", times, run)
		}
		if n := s.kept(t); n != 0 {
			t.Errorf("forgotten after %d checks: %d entries are kept", times, n)
		}
	}
}

// TestWithdrawingKeepsWhatWasExported removes the credentials only.
func TestWithdrawingKeepsWhatWasExported(t *testing.T) {
	t.Parallel()
	s := newStage(t, nightly, world(20))
	job := s.config.Job("saved_tracks")
	if run := s.runner.Run(t.Context(), pipeline.Task{Job: job, User: s.user}, pipeline.Mode{}); run.Status != load.StatusOK {
		t.Fatalf("run = %+v", run)
	}
	s.user.Connected = forgottenAfter(1)
	if run := s.runner.Run(t.Context(), pipeline.Task{Job: job, User: s.user}, pipeline.Mode{}); run.Status != load.StatusFailed {
		t.Errorf("run = %+v", run)
	}
	if n := s.kept(t); n < 20 {
		t.Errorf("%d entries are kept", n)
	}
}
