package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

const (
	// openTimeout is how long a destination may take to open. Destinations bound
	// their own waits; what can take long is a migration.
	openTimeout = time.Hour
	// failedFor is how long a failed opening is not repeated, so that not every job
	// waits for a server that has just not answered.
	failedFor = 5 * time.Second
	// waitingAfter is how long an opening takes before it is logged.
	waitingAfter = 5 * time.Second
)

// destinations opens each destination once, however many ask for it, side by
// side. It is safe for concurrent use.
type destinations struct {
	config  *config.Config
	options *Options

	mu       sync.Mutex
	openings map[string]*opening
	logged   map[string]bool // destinations that the log says are waited for
}

// An opening is under way, or done.
type opening struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the rest is set
	load.Destination
	err error
	at  time.Time
}

// get returns the named destination. It waits until that is open, or ctx ends.
// An opening that starts here takes at most patience, and continues when ctx ends.
func (d *destinations) get(ctx context.Context, name string, patience time.Duration) (load.Destination, error) {
	o := d.begin(ctx, name, patience)
	slow := time.NewTimer(waitingAfter)
	defer slow.Stop()
	for {
		select {
		case <-o.done:
			return o.Destination, o.err
		default:
		}
		select {
		case <-o.done:
		case <-slow.C:
			d.logWaiting(name)
		case <-ctx.Done():
			return nil, fmt.Errorf("destination %s is not open yet: %w", name, ctx.Err())
		}
	}
}

// each returns the named destinations, which open concurrently.
func (d *destinations) each(ctx context.Context, names []string) ([]load.Destination, error) {
	for _, name := range names {
		d.begin(ctx, name, openTimeout)
	}
	out := make([]load.Destination, len(names))
	for i, name := range names {
		var err error
		if out[i], err = d.get(ctx, name, openTimeout); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// begin returns the opening of a destination that is under way, done, or has just
// failed, or else a new one.
func (d *destinations) begin(ctx context.Context, name string, patience time.Duration) *opening {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.openings[name]; o != nil && !o.outdated() {
		return o
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &opening{cancel: cancel, done: make(chan struct{})}
	d.openings[name] = o
	go func() {
		defer close(o.done)
		o.Destination, o.err = d.open(ctx, name, patience)
		o.at = time.Now()
	}()
	return o
}

// outdated reports whether the opening failed some time ago.
func (o *opening) outdated() bool {
	select {
	case <-o.done:
		return o.err != nil && time.Since(o.at) > failedFor
	default:
		return false
	}
}

// open opens a destination.
func (d *destinations) open(ctx context.Context, name string, patience time.Duration) (load.Destination, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	opened, err := d.options.Open(ctx, *d.config.Destination(name))
	if err != nil {
		return nil, fmt.Errorf("open destination %s: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logged[name] = false
	return opened, nil
}

// logWaiting logs that a destination is waited for, once until it opens.
func (d *destinations) logWaiting(name string) {
	d.mu.Lock()
	logged := d.logged[name]
	d.logged[name] = true
	d.mu.Unlock()
	if !logged {
		d.options.Log.Info("waiting for destination " + name)
	}
}

// close ends the openings that are under way, and closes what is open.
func (d *destinations) close(ctx context.Context) error {
	d.mu.Lock()
	all := d.openings
	d.openings = map[string]*opening{}
	d.mu.Unlock()
	var errs []error
	for name, o := range all {
		o.cancel()
		if <-o.done; o.err != nil {
			continue
		}
		if err := o.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close destination %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
