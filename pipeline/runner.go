package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// An Opener opens the destination that an entry of jobs.yaml describes.
type Opener func(ctx context.Context, d config.Destination) (load.Destination, error)

// Options are what a Runner works with besides the configuration.
type Options struct {
	Open    Opener
	Version string // of the program, for the run record
	Log     *slog.Logger
	Observe func(Event)      // progress; may be nil; must be cheap
	Now     func() time.Time // nil: time.Now
	// Sleep waits, or ends with ctx; nil: in real time.
	Sleep func(ctx context.Context, d time.Duration) error
}

// A Runner runs jobs. It opens each destination once and is safe for concurrent
// use.
type Runner struct {
	config *config.Config
	Options

	mu     sync.Mutex
	open   map[string]load.Destination
	shared map[string]*sharing  // by what the jobs read
	absent map[string]time.Time // when destinations failed that a run could do without
}

// NewRunner returns a Runner. Close it when done.
func NewRunner(config *config.Config, o Options) *Runner {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Runner{config: config, Options: o, open: map[string]load.Destination{}, absent: map[string]time.Time{}}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes the destinations that were opened.
func (r *Runner) Close(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for name, d := range r.open {
		if err := d.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close destination %s: %w", name, err))
		}
	}
	clear(r.open)
	return errors.Join(errs...)
}

// Mode says how a job is run.
type Mode struct {
	// Backfill reads everything again, and goes on where an earlier backfill
	// stopped.
	Backfill bool
	// DryRun reads everything, counts what would change, and writes nothing.
	DryRun bool
	// AcceptRemovals marks rows as removed however many they are.
	AcceptRemovals bool
}

// Run runs one job for one user and returns its record. It does not return before the
// record is kept, or cannot be; the record then says why in its message.
// Cancelling ctx ends the run early as interrupted, with what was read
// committed.
func (r *Runner) Run(ctx context.Context, job *config.Job, user *User, mode Mode) load.Run {
	record := load.Run{
		ID: newRunID(), Job: job.Name, Resource: job.Resource.Name, Kind: mode.kind(),
		Status: load.StatusRunning, StartedAt: r.Now().UTC(), Version: r.Version,
	}
	log := r.Log.With("job", job.Name, "run_id", record.ID)
	if user.Name != "" {
		log = log.With("account", user.Name)
	}
	run := &jobRun{runner: r, job: job, user: user, mode: mode, record: record, log: log}
	r.Observe(Event{Kind: RunStarted, Run: record, Account: user.Name})
	run.do(ctx)
	r.Observe(Event{Kind: RunFinished, Run: run.record, Account: user.Name})
	return run.record
}

func (m Mode) kind() string {
	if m.Backfill {
		return "backfill"
	}
	return "run"
}

// command is what to type to run a job in the same way.
func (m Mode) command(job *config.Job) string {
	text := "exporter " + m.kind() + " " + job.Name
	if m.DryRun {
		text += " --dry-run"
	}
	if m.AcceptRemovals {
		text += " --accept-removals"
	}
	return text
}

func newRunID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness: nothing works then
		return uuid.NewString()
	}
	return id.String()
}

// Destination returns the named destination, opened.
func (r *Runner) Destination(ctx context.Context, name string) (load.Destination, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.open[name]; d != nil {
		return d, nil
	}
	d, err := r.Open(ctx, *r.config.Destination(name))
	if err != nil {
		return nil, fmt.Errorf("open destination %s: %w", name, err)
	}
	r.open[name] = d
	return d, nil
}

// KeepClosed records at every open destination that an endpoint family is
// closed for an app, so that no process asks it before its time. A destination
// that does not answer in time is an error and holds nobody up.
func (r *Runner) KeepClosed(ctx context.Context, app, family string, until time.Time) error {
	r.mu.Lock()
	open := maps.Clone(r.open)
	r.mu.Unlock()
	var errs []error
	for name, d := range open {
		if err := keepClosed(ctx, d, load.Closure{Client: app, Family: family, At: r.Now(), Until: until}); err != nil {
			errs = append(errs, fmt.Errorf("record at %s that %s is closed: %w", name, family, err))
		}
	}
	return errors.Join(errs...)
}

func keepClosed(ctx context.Context, d load.Closures, c load.Closure) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), foreignTimeout)
	defer cancel()
	return d.CloseFamily(ctx, c)
}
