package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/transform"
)

// graceTime is how long a run that was interrupted may take to commit what it
// has read.
const graceTime = 8 * time.Second

// jobRun is one run of one job.
type jobRun struct {
	runner *Runner
	job    *config.Job
	user   *User
	mode   Mode
	record load.Run
	log    *slog.Logger

	sinks *sinks
	state load.State
	final load.Change // what the last commit publishes besides the record

	meter    *meter
	newest   time.Time     // when the job's newest run ended
	cycle    cycle         // that the run goes through; of lists, the run itself
	due      atomic.Int64  // requests for lists of a fan-out of which every page was due to be read
	rechecks atomic.Int64  // pages with unreadable entries that may still be read again
	tally    extract.Tally // of this run, whatever else the client does
	progress progress
	ends     openEnds
	saved    int // requests, by reading only what changed
}

// do runs the job and leaves the outcome in the record.
func (j *jobRun) do(ctx context.Context) {
	// Writing goes on for a moment after an interrupt, so that lists which
	// were read are kept.
	writing, stop := lingering(ctx, graceTime)
	defer stop()
	j.sinks = newSinks(writing, j.mode.DryRun)
	j.meter = j.runner.newMeter(j.user)
	ctx, dropShared := j.runner.share(ctx, j.job, j.user)
	defer dropShared()
	ctx = extract.WithTally(ctx, &j.tally)
	ctx = extract.WithAdmission(ctx, j.meter.admit)
	err := j.begin(ctx, writing)
	if err == nil {
		err = j.export(extract.SharedSince(ctx, j.newest))
	}
	err = and(err, j.meter.close(writing))
	j.end(ctx, err)
	if err := j.finish(); err != nil {
		j.end(ctx, err)
	}
	if err := j.sinks.close(); err != nil {
		j.log.Warn("closing a destination", "error", err)
	}
}

// begin opens the destinations before the API is asked anything, then takes
// the job's lock in each.
func (j *jobRun) begin(ctx, writing context.Context) error {
	opened, err := j.open(ctx)
	if err != nil {
		return err
	}
	refused := j.identify(ctx, writing, opened)
	if refused != nil && j.record.Account == "" {
		return refused
	}
	if err := j.connected(writing); err != nil {
		return err
	}
	if err := j.openSessions(writing, opened); err != nil {
		return and(refused, err)
	}
	// Who forgets an account takes its credentials away first, so that a session
	// which began meanwhile is noticed here.
	if err := j.connected(writing); err != nil {
		return and(err, j.withdraw(writing, opened))
	}
	return refused
}

// open opens the job's destinations, and the books in which its requests are
// counted.
func (j *jobRun) open(ctx context.Context) ([]load.Destination, error) {
	var opened []load.Destination
	own := map[string]load.Destination{}
	for _, name := range j.job.Destinations {
		d, err := j.runner.Destination(ctx, name)
		if err != nil {
			return nil, err
		}
		opened, own[name] = append(opened, d), d
	}
	j.meter.books = j.runner.booksOf(ctx, j.job, own)
	return opened, j.meter.learn(ctx)
}

// identify finds out whose account it is, and that it may be read.
func (j *jobRun) identify(ctx, writing context.Context, opened []load.Destination) error {
	if j.user.Itself {
		j.record.Account = transform.App
		return nil
	}
	account, err := j.user.Account(ctx)
	if err != nil {
		j.record.Account = j.lastAccount(writing, opened)
		return err
	}
	j.record.Account = account
	if scope := j.user.lacks(j.job); scope != "" {
		return &extract.Error{Kind: extract.Scope, Path: j.job.Resource.Name, Message: "the sign-in lacks the scope " + scope}
	}
	return nil
}

// openSessions takes the job's lock in each destination.
func (j *jobRun) openSessions(ctx context.Context, opened []load.Destination) error {
	for i, d := range opened {
		session, state, err := d.Begin(ctx, j.loadJob())
		if err != nil {
			return fmt.Errorf("begin at %s: %w", j.job.Destinations[i], err)
		}
		if missing := session.Missing(); len(missing) > 0 {
			j.log.Warn("rows are missing that were there after the last run; everything is read again",
				"destination", j.job.Destinations[i], "tables", missing)
		}
		if err := j.lookBack(ctx, d); err != nil {
			return err
		}
		j.sinks.add(j.job.Destinations[i], session)
		j.state = agreed(j.state, state, i == 0)
	}
	return nil
}

// loadJob is the job as destinations know it.
func (j *jobRun) loadJob() load.Job {
	return load.Job{
		Account: j.record.Account, Name: j.job.Name, Resource: j.job.Resource.Name,
		Tables: j.job.Resource.Tables, Run: j.record,
	}
}

// lastAccount names the one account that the job has ever run for, so that a
// run which cannot even ask whose account it is still leaves its record.
func (j *jobRun) lastAccount(ctx context.Context, opened []load.Destination) string {
	last := ""
	for _, d := range opened {
		runs, err := d.Runs(ctx, 1)
		if err != nil {
			j.log.Warn("reading the history", "error", err)
			continue
		}
		for _, r := range runs {
			if r.Job != j.job.Name || r.Account == last {
				continue
			}
			if last != "" {
				return ""
			}
			last = r.Account
		}
	}
	return last
}

func (j *jobRun) export(ctx context.Context) error {
	j.rechecks.Store(mostRechecks)
	j.progress.run = j.record
	var err error
	if j.job.Resource.FanOut {
		err = j.fanOut(ctx)
	} else {
		err = j.lists(ctx)
	}
	j.ends.apply(&j.record)
	return err
}

func (j *jobRun) params(parents []string) catalog.Params {
	return catalog.Params{Account: j.record.Account, Job: j.job.Name, Options: j.job.Options, Parents: parents, Day: j.day()}
}

// day is the calendar day of the run, as midnight UTC of that day.
func (j *jobRun) day() time.Time {
	y, m, d := j.record.StartedAt.In(j.runner.config.Location).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// finish commits the final record and what goes with it.
func (j *jobRun) finish() error {
	j.cost()
	j.record.FinishedAt = j.runner.Now().UTC()
	j.final.Run = j.record
	result, err := j.sinks.commit(j.final)
	j.record.Tables = result.Tables
	j.record.FinishedAt = j.runner.Now().UTC() // the commit took its time, too
	return err
}

// cost fills in what the run has spent so far.
func (j *jobRun) cost() {
	spent := j.tally.Stats()
	j.record.Requests, j.record.Retries, j.record.Refused = spent.Requests, spent.Retries, spent.RateLimited
	j.record.Spared = j.saved + spent.Shared
	j.record.WaitedMS = (spent.Waited + j.meter.waited()).Milliseconds()
}

// and joins two errors, of which the second may be the first again: a
// destination that failed repeats its error.
func and(err, more error) error {
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
