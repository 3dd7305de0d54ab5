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
	// After that it was no incident, or Spotify would have mended it. It is less
	// than a day, so that the nightly run after finds it over.
	incidentLife = 23 * time.Hour
)

// A Pause keeps the accounts that were refused in an incident, its suspects,
// from asking again, but for one now and then that tries whether it is over.
// Accounts that were not refused are in nobody's way and go on.
type Pause struct {
	Since       time.Time `json:"since,omitzero"` // zero: there is none
	NextProbeAt time.Time `json:"next_probe_at,omitzero"`
}

// suspects tells whether an account's refusal belongs to the pause.
func (p Pause) suspects(a Account) bool {
	return !p.Since.IsZero() && a.doubtful() &&
		a.RefusedAt.After(p.Since.Add(-incidentWindow)) && a.RefusedAt.Before(p.Since.Add(incidentLife))
}

// lapsed tells whether the pause has lasted too long for an incident.
func (p Pause) lapsed(now time.Time) bool {
	return !p.Since.IsZero() && !now.Before(p.Since.Add(incidentLife))
}

// doubtful tells whether the account's refusal may be a mistake of Spotify's:
// the sign-in should last yet, and a doubt was not cleared up before.
func (a Account) doubtful() bool {
	return !a.RefusedAt.IsZero() && !a.Excused && (a.Guessed || a.RefusedAt.Before(a.EndsAt()))
}

// errLapsed says that a pause is to be ended first.
var errLapsed = errors.New("the pause of sign-ins has lapsed")

// afterLapse does something that may find a pause lapsed, and if it does, once
// more when that is ended.
func (s *Store) afterLapse(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	if !errors.Is(err, errLapsed) {
		return err
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	return do(ctx)
}

// admit tells whether an account may be refreshed now, and whether it does so
// as the probe of a pause. Suspects take turns: the next is whose refusal is
// the oldest.
func (s *Store) admit(ctx context.Context, a Account) (probe bool, err error) {
	if a.RefusedAt.IsZero() {
		return false, nil
	}
	now := s.now()
	p, err := s.pause(ctx)
	switch {
	case err != nil:
		return false, err
	case !p.suspects(a):
		return false, signInError("the sign-in has ended: Spotify refused it on " + a.RefusedAt.Format(time.DateOnly))
	case p.lapsed(now):
		return false, errLapsed
	case now.Before(p.NextProbeAt):
		return false, pausedError(p, p.NextProbeAt)
	}
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return false, fmt.Errorf("list accounts: %w", err)
	}
	if s.nextProbe(rows, p) != a.Name {
		return false, pausedError(p, now.Add(incidentProbing))
	}
	err = s.backend.ChangePause(ctx, func(_ context.Context, is Pause) (Pause, error) {
		if is != p { // another process was faster
			return is, pausedError(p, now.Add(incidentProbing))
		}
		is.NextProbeAt = now.Add(incidentProbing).UTC()
		return is, nil
	})
	return err == nil, err //nolint:wrapcheck // the caller says what was done
}

// pause reads the pause.
func (s *Store) pause(ctx context.Context) (Pause, error) {
	var out Pause
	err := s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) {
		out = p
		return p, nil
	})
	return out, err //nolint:wrapcheck // the caller says what was done
}

// nextProbe is the suspect that was not asked for longest, of those that can be.
func (s *Store) nextProbe(rows []Row, p Pause) string {
	var next Account
	for _, r := range rows {
		able := r.Problem == nil && s.keys.hold(r.KeyID) && p.suspects(r.Account)
		if able && (next.Name == "" || r.RefusedAt.Before(next.RefusedAt)) {
			next = r.Account
		}
	}
	return next.Name
}

// suspect is called after a refusal that may be a mistake. It begins a pause
// when there were many, and returns an error that says so while there is one.
func (s *Store) suspect(ctx context.Context) error {
	return s.afterLapse(ctx, func(ctx context.Context) error {
		rows, err := s.backend.Rows(ctx)
		if err != nil {
			return fmt.Errorf("list accounts: %w", err)
		}
		now := s.now()
		var paused error
		err = s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) {
			if p.lapsed(now) {
				return p, errLapsed
			}
			if p.Since.IsZero() && many(rows, now) {
				p = Pause{Since: now.UTC(), NextProbeAt: now.Add(incidentProbing).UTC()}
			}
			if !p.Since.IsZero() {
				paused = pausedError(p, p.NextProbeAt)
			}
			return p, nil
		})
		return errors.Join(err, paused)
	})
}

// many tells whether so many accounts were refused lately that it looks like an
// incident.
func many(rows []Row, now time.Time) bool {
	recent := func(at time.Time) bool { return !at.IsZero() && now.Sub(at) <= incidentWindow }
	refused, asked := 0, 0
	for _, r := range rows {
		switch {
		case r.doubtful() && recent(r.RefusedAt):
			refused++
			asked++
		case recent(r.UsedAt):
			asked++
		}
	}
	return refused >= incidentLeast && float64(refused) >= incidentShare*float64(asked)
}

// resume ends a pause: its suspects may ask again, each once: who is refused
// then is refused for good. The pause itself ends last: when this stops
// half-way, the next probe begins anew.
func (s *Store) resume(ctx context.Context) error {
	ending, err := s.pause(ctx)
	if err != nil || ending.Since.IsZero() {
		return err
	}
	if err := s.readmit(ctx, ending); err != nil {
		return err
	}
	return s.backend.ChangePause(ctx, func(_ context.Context, p Pause) (Pause, error) { //nolint:wrapcheck // as above
		if p.Since.Equal(ending.Since) {
			return Pause{}, nil
		}
		return p, nil
	})
}

// readmit lets the suspects of a pause ask again.
func (s *Store) readmit(ctx context.Context, p Pause) error {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, r := range rows {
		if r.Problem != nil || !p.suspects(r.Account) {
			continue
		}
		err := s.change(ctx, r.Name, func(_ context.Context, r *Row) (*Row, error) {
			if r == nil || !p.suspects(r.Account) {
				return r, nil
			}
			out := *r
			out.RefusedAt, out.Excused = time.Time{}, true
			return &out, nil
		})
		if err != nil {
			return fmt.Errorf("let account %s ask again: %w", r.Name, err)
		}
	}
	return nil
}

func pausedError(p Pause, until time.Time) *extract.Error {
	return &extract.Error{
		Kind: extract.Closed, Path: "/api/token", Until: until,
		Message: fmt.Sprintf("Spotify refused the sign-ins of many accounts within ten minutes, since %s; that looks like an incident of theirs, so nothing is discarded",
			p.Since.UTC().Format(time.RFC3339)),
		Hint: "nothing to do, unless it lasts; then look at https://developer.spotify.com/community",
	}
}
