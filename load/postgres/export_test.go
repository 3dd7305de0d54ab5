package postgres

import (
	"context"

	"github.com/tracklake/tracklake/load"
)

// LoseLock releases a session's lock behind its back, as if its connection had
// been cut and its process not noticed.
func (d *Destination) LoseLock(ctx context.Context, s load.Session) error {
	_, err := s.(*session).conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	return err
}
