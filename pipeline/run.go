package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
)

// graceTime is how long a run that was interrupted may take to commit what it
// has read.
const graceTime = 8 * time.Second

// A run is one run of one job for one account: it opens what the job needs, lets an
// export do the work, and leaves the outcome in the record.
type run struct {
	runner *Runner
	Task
	mode   Mode
	record load.Run
	log    *slog.Logger

	limiter  *quota.Limiter
	client   *extract.Client
	tables   tables
	sessions *sessions
	states   []load.State // by destination
	newest   time.Time    // when the job's newest run ended
	findings findings
	export   *export // nil until the destinations are ready
}

// do runs the job.
func (r *run) do(ctx context.Context) {
	// Writing continues for a moment after an interrupt, to keep the lists that
	// were read.
	writing, stop := lingering(ctx, graceTime)
	defer stop()
	r.sessions = newSessions(writing, r.mode.DryRun)
	r.limiter = r.runner.Limiter(r.User)
	r.client = r.User.Client.For(r.limiter)
	answers, dropAnswers := r.runner.answers(r.Task)
	defer dropAnswers()
	err := r.begin(ctx, writing)
	if err == nil {
		r.client = r.client.Sharing(answers, r.newest)
		err = r.read(ctx)
	}
	err = joinErrors(err, r.limiter.Close(writing))
	r.end(ctx, err)
	if err := r.finish(); err != nil {
		r.end(ctx, err)
		r.lose(err)
	}
	if err := r.sessions.close(); err != nil {
		r.log.Warn("cannot close a destination", "error", err)
	}
}

// begin opens the destinations before the first request to the API, then takes the
// job's lock in each.
func (r *run) begin(ctx, writing context.Context) error {
	if err := r.tables.open(ctx, r.runner, r.Job.Destinations); err != nil {
		return err
	}
	denied := r.identify(ctx, writing)
	if denied != nil && r.record.Account == "" {
		return denied
	}
	if err := r.connected(writing); err != nil {
		return err
	}
	if err := r.openSessions(writing); err != nil {
		return joinErrors(denied, err)
	}
	// exporter forget removes the credentials of an account first, so a session
	// that started meanwhile is noticed here.
	if err := r.connected(writing); err != nil {
		return joinErrors(err, r.withdraw(writing))
	}
	return denied
}

// identify finds out whose account it is, and whether the job may read it.
func (r *run) identify(ctx, writing context.Context) error {
	account, err := r.User.identify(ctx, r.client, r.Job)
	if err != nil && account == "" {
		account = r.tables.lastAccount(writing, r.Job.Name, r.log)
	}
	r.record.Account, r.tables.account = account, account
	return err
}

// openSessions takes the job's lock in each destination.
func (r *run) openSessions(ctx context.Context) error {
	for i, d := range r.tables.opened {
		session, start, err := d.Begin(ctx, r.loadJob())
		if err != nil {
			return fmt.Errorf("begin at %s: %w", r.Job.Destinations[i], err)
		}
		r.sessions.add(r.Job.Destinations[i], session)
		if len(start.Missing) > 0 {
			r.log.Warn("rows that the last run left are missing; syncing every list in full",
				"destination", r.Job.Destinations[i], "tables", start.Missing)
		}
		r.states = append(r.states, start.State)
	}
	var err error
	r.newest, err = r.tables.newest(ctx, r.Job.Name, r.record.ID)
	return err
}

// loadJob is the job as destinations know it.
func (r *run) loadJob() load.Job {
	return load.Job{
		Account: r.record.Account, Name: r.Job.Name, Resource: r.Job.Resource.Name,
		Tables: r.Job.Resource.Tables, Run: r.record,
	}
}

// read exports the job's lists.
func (r *run) read(ctx context.Context) error {
	c := r.runner.config
	r.export = &export{
		job: r.Job, mode: r.mode, client: r.client, policy: newPolicy(c, r.Job, r.mode, r.record.StartedAt), state: newJobState(r.states),
		tables: r.tables, sessions: r.sessions, findings: &r.findings, log: r.log, record: &r.record,
		granted: func() bool { return r.User.grants(r.Job) }, waited: r.limiter.Waited, now: r.runner.Now,
		progress: &progress{run: r.record, client: r.client, observe: r.runner.Observe, budget: -1},
	}
	defer func() { r.findings.apply(&r.record) }()
	if r.Job.Resource.Parents == nil {
		return (&lists{export: r.export}).run(ctx)
	}
	parents, err := r.runner.finder(r.Task, r.record.Account, r.client).find(ctx)
	if err != nil {
		return err
	}
	left, err := r.runner.left(ctx, r.limiter, r.Job)
	if err != nil {
		return err
	}
	return (&fanOut{export: r.export, parents: parents, budget: left}).run(ctx)
}

// finish commits the final record and what goes with it.
func (r *run) finish() error {
	change := load.Change{}
	if r.export != nil {
		r.export.recordCost()
		change.State, change.Removals = r.export.state.change, r.export.removals
	}
	r.record.FinishedAt = r.runner.Now().UTC()
	change.Run = r.record
	results, err := r.sessions.commit(change)
	r.record.FinishedAt = r.runner.Now().UTC() // the commit took its time, too
	if len(results) > 0 {
		r.record.Tables = results[0].Tables
	}
	if len(results) > 1 {
		r.record.Destinations = map[string]map[string]load.Count{}
		for i, result := range results {
			r.record.Destinations[r.sessions.list[i].name] = result.Tables
		}
	}
	return err
}

// connected returns an error if the account of the run must no longer be written: it
// may have been forgotten since the run was planned.
func (r *run) connected(ctx context.Context) error {
	if r.record.Account == "" || r.User.Connected == nil {
		return nil
	}
	return r.User.Connected(ctx, r.record.Account)
}

// withdraw ends the run's sessions without a commit. If a destination then has
// nothing of the account but the record that this run started, it is deleted.
func (r *run) withdraw(ctx context.Context) error {
	errs := []error{r.sessions.close()}
	r.sessions = newSessions(ctx, r.mode.DryRun)
	for i, d := range r.tables.opened {
		kept, err := d.Forget(ctx, r.record.Account, true)
		if err == nil && kept.Total() <= 1 && kept.Runs == kept.Total() {
			_, err = d.Forget(ctx, r.record.Account, false)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("withdraw from %s: %w", r.Job.Destinations[i], err))
		}
	}
	return errors.Join(errs...)
}

// joinErrors joins two errors, of which the second may be the first again: a
// destination that failed repeats its error.
func joinErrors(err, more error) error {
	if err == nil {
		return more
	}
	if more == nil || errors.Is(err, more) {
		return err
	}
	return errors.Join(err, more)
}

// lingering returns a context that ends some time after ctx does.
func lingering(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() { time.AfterFunc(after, cancel) })
	return out, func() {
		unhook()
		cancel()
	}
}
