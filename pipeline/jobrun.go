package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// graceTime is how long a run that was interrupted may take to commit what it
// has read.
const graceTime = 8 * time.Second

// removalGuard holds removals back when they are more than a fifth of the rows
// and more than 50: rather the API was wrong than the user that thorough.
func removalGuard() load.Guard { return load.Guard{Share: 0.2, Floor: 50} }

// jobRun is one run of one job.
type jobRun struct {
	runner *Runner
	job    *Job
	user   *User
	mode   Mode
	record load.Run
	log    *slog.Logger

	sinks *sinks
	state load.State
	final load.Change // what the last commit publishes besides the record

	meter        *meter
	held         bool          // the last run held removals back
	newest       time.Time     // when the job's newest run ended
	round        round         // that the run goes through; of lists, the run itself
	due          int           // requests for lists of a fan-out that were due to be read whole
	tally        extract.Tally // of this run, whatever else the client does
	pages        int
	total        int
	searchSpared int // requests, by searching instead of reading whole
}

// do runs the job and leaves the outcome in the record.
func (j *jobRun) do(ctx context.Context) {
	// Writing goes on for a moment after an interrupt, so that what was read
	// whole is kept.
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
	if !j.job.NeedsUser() {
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

// agreed keeps of two destinations' states only what both say, so that what
// one of them lacks is read again.
func agreed(have, other load.State, first bool) load.State {
	if first {
		return other
	}
	out := load.State{}
	for k, v := range have {
		if o, ok := other[k]; ok && sameJSON(o, v) {
			out[k] = v
		}
	}
	return out
}

func (j *jobRun) export(ctx context.Context) error {
	if j.job.Resource.FanOut {
		return j.fanOut(ctx)
	}
	return j.lists(ctx)
}

// lists reads all lists of the job and stages their rows for one commit.
// Lists that were read whole are kept when a later one breaks off, and so is
// the beginning of a single list, where it can be gone on with.
func (j *jobRun) lists(ctx context.Context) error {
	j.round = round{Kind: j.record.Kind}
	feed, err := j.job.Resource.Open(j.params(nil))
	if err != nil {
		return err
	}
	defer feed.Release()
	var sweeps []load.Sweep
	var broken error
	for i, part := range feed.Parts {
		before := j.snapshotOf(listPrefix + part.Name)
		reading, err := j.readList(ctx, feed, i, before, j.snapshotOf(begunPrefix+part.Name))
		if err != nil {
			broken = err
			if len(feed.Parts) == 1 {
				return and(broken, j.keepBeginning(feed, reading.begun))
			}
			break
		}
		j.judge(part, reading.outcome)
		j.record.Held += reading.held
		sweeps = append(sweeps, reading.sweeps...)
		j.keep(part, before, reading)
	}
	j.noteReplaced(feed)
	j.final.Sweeps = sweeps
	return and(broken, j.sinks.write(feed.Flush()))
}

// keepBeginning lets the last commit keep what was read of the only list, if
// the next run can go on from there.
func (j *jobRun) keepBeginning(feed *catalog.Feed, begun *snapshot) error {
	part := feed.Parts[0]
	if begun == nil || part.Gone == nil {
		return j.sinks.discard()
	}
	j.noteReplaced(feed)
	j.remember(begunPrefix+part.Name, begun)
	return j.sinks.write(feed.Flush())
}

// noteReplaced tells of texts that could not be stored as they came.
func (j *jobRun) noteReplaced(feed *catalog.Feed) {
	if n := feed.Notes().Replaced; n > 0 {
		j.log.Warn("NUL characters in texts were replaced by U+FFFD", "texts", n)
	}
}

// readPart reads one list into the destinations. It returns the keys of its
// entries, if the list held still.
func (j *jobRun) readPart(ctx context.Context, feed *catalog.Feed, i int) (outcome extract.Outcome, keys *catalog.Keys, err error) {
	seen, rejects := 0, j.record.Rejects
	for step, err := range feed.Read(ctx, j.user.Client, i) {
		if err != nil {
			return outcome, step.Keys, err
		}
		if step.Restart {
			if err := j.restart(feed); err != nil {
				return outcome, nil, err
			}
			j.record.Rejects = rejects
		}
		if err := j.sinks.write(step.Batches); err != nil {
			return outcome, nil, err
		}
		if step.Outcome != nil {
			outcome, keys = *step.Outcome, step.Keys
			continue
		}
		j.total += step.Total - seen
		seen = step.Total
		j.note(feed.Parts[i], step)
	}
	return outcome, keys, nil
}

// dropStaged drops what was read of a part in vain.
func (j *jobRun) dropStaged(feed *catalog.Feed) error {
	feed.Reset()
	return j.sinks.discard()
}

// restart drops what was staged of a list that moved while it was read.
// A resource of several lists holds a list back until it is settled, so there
// is nothing of it to drop.
func (j *jobRun) restart(feed *catalog.Feed) error {
	j.log.Info("the list changed while it was read; reading it again")
	if len(feed.Parts) > 1 && !j.job.Resource.FanOut {
		return nil
	}
	return j.sinks.discard()
}

func (j *jobRun) note(part catalog.Part, step catalog.Step) {
	j.pages++
	j.record.Items += step.Items
	j.record.Rejects += step.Rejects
	j.runner.Observe(Event{
		Kind: PageRead, Run: j.record, Part: part.Name, Pages: j.pages, Items: j.record.Items,
		Total: j.total, Wait: j.tally.Stats().Waited,
	})
}

// judge lowers the run to incomplete when a list was not read whole.
func (j *jobRun) judge(part catalog.Part, o extract.Outcome) {
	if o.Complete {
		return
	}
	j.record.Status = load.StatusIncomplete
	name := j.job.Resource.Name
	if part.Name != "" {
		name += " " + part.Name
	}
	j.record.Message = fmt.Sprintf("%s: %s", name, o.Reason)
	j.record.Hint = "the rows that were read are kept and nothing is marked as removed; the next run tries again"
	j.log.Warn("list is incomplete", "list", name, "reason", o.Reason, "skipped", len(o.Skipped))
}

// sweeps turns what a part proves into what the destinations may remove.
func (j *jobRun) sweeps(part catalog.Part) []load.Sweep {
	if j.mode.AcceptRemovals {
		return j.sweepsOf(part.Covers, load.Guard{})
	}
	return j.sweepsOf(part.Covers, removalGuard())
}

func (j *jobRun) sweepsOf(covers []catalog.Cover, guard load.Guard) []load.Sweep {
	var out []load.Sweep
	for _, c := range covers {
		s := load.Sweep{Table: c.Table, Guard: guard}
		for _, m := range c.Where {
			s.Where = append(s.Where, load.Match(m))
		}
		out = append(out, s)
	}
	return out
}

func (j *jobRun) params(parents []string) catalog.Params {
	y, m, d := j.record.StartedAt.In(j.runner.config.Location).Date()
	return catalog.Params{
		Account: j.record.Account, Options: j.job.Options, Parents: parents,
		Entries: j.job.FullEvery > 0 || j.job.Resource.FanOut || j.budget() > 0,
		Day:     time.Date(y, m, d, 0, 0, 0, 0, time.UTC),
	}
}

// finish commits the final record and what goes with it.
func (j *jobRun) finish() error {
	j.cost()
	j.record.FinishedAt = j.runner.Now().UTC()
	j.final.Run = j.record
	result, err := j.sinks.commit(j.final)
	j.record = j.record.With(result)
	j.record.FinishedAt = j.runner.Now().UTC() // the commit took its time, too
	return err
}

// cost fills in what the run has spent so far.
func (j *jobRun) cost() {
	spent := j.tally.Stats()
	j.record.Requests, j.record.Retries, j.record.Refused = spent.Requests, spent.Retries, spent.RateLimited
	j.record.Spared = j.searchSpared + spent.Shared
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
