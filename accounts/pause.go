package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// When many accounts are refused together, that is rather an incident at
// Spotify than that many users leaving at once.
const (
	incidentWindow  = 10 * time.Minute
	incidentLeast   = 5   // accounts refused within the window
	incidentShare   = 0.2 // of those that asked within the window
	incidentProbing = 15 * time.Minute
)

// A Pause stops all refreshing during an incident, but for one account now and
// then that tries whether it is over.
type Pause struct {
	Since       time.Time `json:"since,omitzero"` // zero: there is none
	NextProbeAt time.Time `json:"next_probe_at,omitzero"`
}

// admit tells whether an account may be refreshed now, and whether it does so
// as the probe of a pause.
func (s *Store) admit(ctx context.Context, a Account) (probe bool, err error) {
	now := s.now()
	var refusal error
	err = s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) {
		suspect := a.RefusedAt.After(p.Since.Add(-incidentWindow))
		switch {
		case p.Since.IsZero() && a.RefusedAt.IsZero():
		case p.Since.IsZero() || !a.RefusedAt.IsZero() && !suspect:
			refusal = signInError("the sign-in has ended: Spotify refused it on " + a.RefusedAt.Format(time.DateOnly))
		case now.Before(p.NextProbeAt):
			refusal = pausedError(p)
		default:
			probe = true
			p.NextProbeAt = now.Add(incidentProbing).UTC()
		}
		return p, nil
	})
	return probe, errors.Join(err, refusal)
}

// suspect is called after a refusal. It begins a pause when there were many,
// and returns an error that says so while there is one.
func (s *Store) suspect(ctx context.Context) error {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	now := s.now()
	refused, asked := 0, 0
	for _, r := range rows {
		recent := func(at time.Time) bool { return !at.IsZero() && now.Sub(at) <= incidentWindow }
		expected := !r.Guessed && !now.Before(r.EndsAt())
		switch {
		case recent(r.RefusedAt) && !expected:
			refused++
			asked++
		case recent(r.UsedAt):
			asked++
		}
	}
	many := refused >= incidentLeast && float64(refused) >= incidentShare*float64(asked)
	var paused error
	err = s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) {
		if p.Since.IsZero() && many {
			p = Pause{Since: now.UTC(), NextProbeAt: now.Add(incidentProbing).UTC()}
		}
		if !p.Since.IsZero() {
			paused = pausedError(p)
		}
		return p, nil
	})
	return errors.Join(err, paused)
}

// resume ends a pause: the accounts that were refused in it may ask again. The
// pause itself ends last: when this stops half-way, the next probe begins anew.
func (s *Store) resume(ctx context.Context) error {
	var since time.Time
	err := s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) {
		since = p.Since
		return p, nil
	})
	if err != nil || since.IsZero() {
		return err //nolint:wrapcheck // the caller says what was done
	}
	if err := s.readmit(ctx, since); err != nil {
		return err
	}
	return s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) { //nolint:wrapcheck // as above
		if p.Since.Equal(since) {
			return Pause{}, nil
		}
		return p, nil
	})
}

// readmit lets the accounts that were refused in a pause ask again.
func (s *Store) readmit(ctx context.Context, since time.Time) error {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, r := range rows { // those with a Problem were not refused
		if !r.RefusedAt.After(since.Add(-incidentWindow)) {
			continue
		}
		err := s.change(ctx, r.Name, func(_ context.Context, r *Row) (*Row, error) {
			if r == nil || r.RefusedAt.IsZero() {
				return r, nil
			}
			out := *r
			out.RefusedAt = time.Time{}
			return &out, nil
		})
		if err != nil {
			return fmt.Errorf("let account %s ask again: %w", r.Name, err)
		}
	}
	return nil
}

func pausedError(p Pause) *extract.Error {
	return &extract.Error{
		Kind: extract.Closed, Path: "/api/token", Until: p.NextProbeAt,
		Message: fmt.Sprintf("Spotify refused the sign-ins of many accounts within ten minutes, since %s; that looks like an incident of theirs, so nothing is discarded and none is asked again before %s",
			p.Since.UTC().Format(time.RFC3339), p.NextProbeAt.UTC().Format(time.RFC3339)),
		Hint: "nothing to do, unless it lasts; then look at https://developer.spotify.com/community",
	}
}
