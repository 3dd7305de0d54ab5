package parquet

import (
	"context"
	"time"

	"github.com/tracklake/tracklake/load"
)

// LoseLock releases a session's lock behind its back, as if its process had
// been stopped and its lock taken away.
func (d *Destination) LoseLock(_ context.Context, s load.Session) error {
	return s.(*session).lock.Unlock()
}

// WithPause sets how long commits are coalesced after a publication.
func WithPause(o Options, pause time.Duration) Options {
	o.pause = func(time.Duration) time.Duration { return pause }
	return o
}

// WithFaults lets single steps on the disk fail.
func WithFaults(o Options, fault func(step, path string) error) Options {
	o.faults = fault
	return o
}
