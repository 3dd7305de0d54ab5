package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// An Opener opens the destination that an entry of jobs.yaml describes.
type Opener func(ctx context.Context, d config.Destination) (load.Destination, error)

// Options are what a Runner works with besides the configuration.
type Options struct {
	Open    Opener
	Quota   quota.Store // in which requests are counted
	Version string      // of the program, for the run record
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

	destinations *destinations

	mu     sync.Mutex
	shared map[string]*sharing // by what the jobs read
}

// NewRunner returns a Runner. Close it when done.
func NewRunner(c *config.Config, o Options) *Runner {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Runner{config: c, Options: o, shared: map[string]*sharing{}}
	r.destinations = &destinations{config: c, options: &r.Options, openings: map[string]*opening{}, logged: map[string]bool{}}
	return r
}

// Close closes the destinations that were opened.
func (r *Runner) Close(ctx context.Context) error { return r.destinations.close(ctx) }

// Mode says how a job is run.
type Mode struct {
	// Backfill syncs everything in full, and resumes an interrupted backfill.
	Backfill bool
	// DryRun reads everything, counts what would change, and writes nothing.
	DryRun bool
	// AcceptRemovals marks rows as removed however many they are.
	AcceptRemovals bool
}

// Run runs one job for one user and returns its record. It returns when the record is
// stored, or cannot be; then its message says why. Cancelling ctx ends the run early
// as interrupted and commits what was read.
func (r *Runner) Run(ctx context.Context, t Task, mode Mode) load.Run {
	record := load.Run{
		ID: newRunID(), Job: t.Job.Name, Resource: t.Job.Resource.Name, Kind: mode.kind(),
		Status: load.StatusRunning, StartedAt: r.Now().UTC(), Version: r.Version,
	}
	log := r.Log.With("job", t.Job.Name, "run_id", record.ID)
	if t.User.Name != "" {
		log = log.With("account", t.User.Name)
	}
	one := &run{runner: r, Task: t, mode: mode, record: record, log: log}
	r.Observe(Event{Kind: RunStarted, Run: record, Account: t.User.Name})
	one.do(ctx)
	finished := Event{Kind: RunFinished, Run: one.record, Account: t.User.Name}
	if one.export != nil {
		finished.Gaps = one.export.gaps
	}
	r.Observe(finished)
	return one.record
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
	return r.destinations.get(ctx, name, openTimeout)
}

// Limiter returns a limiter that counts the requests made for a user and keeps them
// within the budgets. The caller closes it.
func (r *Runner) Limiter(u *User) *quota.Limiter {
	return quota.NewLimiter(quota.Options{Store: r.Quota, Owner: r.owner(u), Budget: r.config.Budget, Now: r.Now, Sleep: r.Sleep, Waiting: r.waiting})
}

// owner is whose budgets a user's requests are counted against.
func (r *Runner) owner(u *User) string { return cmp.Or(r.config.Developer, u.ClientID) }

// waiting writes a log line about what is waited for.
func (r *Runner) waiting(what string) { r.Log.Info("waiting for " + what) }

// left is what is left of the day's budget of a job's bucket; -1: it has none.
func (r *Runner) left(ctx context.Context, l *quota.Limiter, job *config.Job) (int, error) {
	budget := r.config.Budget(job.Resource.Endpoint.Bucket)
	if budget == 0 {
		return -1, nil
	}
	usage, err := l.Usage(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the quota: %w", err)
	}
	return max(0, budget-usage[job.Resource.Endpoint.Bucket].Requests), nil
}

// finder finds the parents of a task.
func (r *Runner) finder(t Task, account string, client *extract.Client) *parentFinder {
	if t.User.IsApp {
		account = "" // the tables of all accounts
	}
	return &parentFinder{config: r.config, open: r.Destination, client: client, job: t.Job, account: account}
}
