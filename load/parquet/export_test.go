package parquet

import (
	"context"

	"github.com/tracklake/tracklake/load"
)

// LoseLock releases a session's lock behind its back, as if its process had
// been stopped and its lock taken away.
func (d *Destination) LoseLock(_ context.Context, s load.Session) error {
	return s.(*session).lock.Unlock()
}

// WithFaults lets single steps on the disk fail.
func WithFaults(o Options, fault func(step, path string) error) Options {
	o.faults = fault
	return o
}
