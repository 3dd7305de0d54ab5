package pipeline

import (
	"context"
	"errors"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A partReading is the result of reading a part.
type partReading struct {
	index   int
	part    catalog.Part
	memory  memory
	steps   []catalog.Step // empty if they were taken as they came
	count   stepCount
	reading listdiff.Reading
	verdict reconcile.Verdict // of a complete reading of a snapshot
	partial *partial          // of a reading that was interrupted
	err     error
}

// stepCount sums up steps.
type stepCount struct{ items, rejects, short, fieldErrors int }

func (c *stepCount) add(s catalog.Step) {
	c.items += s.Items
	c.rejects += s.Rejects
	c.short += s.Short
	c.fieldErrors += s.FieldErrors
}

// A partReader reads one part.
type partReader struct {
	*export
	feed *catalog.Feed
	out  partReading
	// take gets the steps as they come; nil: they are kept. drop discards those that
	// it got.
	take func(catalog.Step) error
	drop func() error
}

// newPartReader prepares the reading of a part that keeps its steps.
func newPartReader(x *export, feed *catalog.Feed, i int) *partReader {
	part := feed.Parts[i]
	return &partReader{export: x, feed: feed, out: partReading{index: i, part: part, memory: x.state.of(part, x.policy.fanOut())}}
}

// read reads the part, incrementally if that is enough, else in full.
func (r *partReader) read(ctx context.Context) partReading {
	r.out.err = r.try(ctx)
	return r.out
}

func (r *partReader) try(ctx context.Context) error {
	stored, err := r.stored(ctx)
	if err != nil {
		return err
	}
	plan := r.policy.plan(r.out.part, r.out.memory)
	if err := r.once(ctx, plan); err != nil {
		return err
	}
	if plan.Incremental || plan.Resume {
		reason := r.out.reading.Reason
		if r.out.reading.Complete {
			r.decide(stored)
			reason = "the incremental sync left removals open"
			switch there, err := r.mayBeThere(ctx, plan); {
			case err != nil:
				return err
			case there:
				reason = "an entry that the incremental sync did not find may still be there"
			case !r.out.verdict.Doubt || !r.policy.fitsBudget(r.out.part, r.out.reading.Keys.Count):
				return nil
			}
		}
		r.log.Info("syncing the list in full", "list", r.listName(r.out.part.Name), "reason", reason)
		if err := r.again(); err != nil {
			return err
		}
		if err := r.once(ctx, r.policy.full(r.out.memory)); err != nil {
			return err
		}
	}
	if r.out.reading.Complete {
		r.decide(stored)
	}
	return nil
}

// mayBeThere reports whether any row that an incremental sync takes for removed may still be
// there: the API says so, or does not tell.
func (r *partReader) mayBeThere(ctx context.Context, plan extract.Plan) (bool, error) {
	removed := r.out.verdict.Removed
	if !plan.Incremental || len(removed) == 0 || r.feed.Holds == nil {
		return false, nil
	}
	there, err := r.feed.Holds(ctx, r.client, removed)
	if api := (*extract.Error)(nil); errors.As(err, &api) {
		r.log.Debug("cannot ask for the rows that seem to be gone", "list", r.listName(r.out.part.Name), "error", err)
		return true, nil
	}
	return there, err
}

// stored returns the rows that the tables may hold besides those in the state.
func (r *partReader) stored(ctx context.Context) ([]string, error) {
	if m := r.out.memory; !m.lost || !r.out.part.Sole {
		return m.partial.rows(), nil
	}
	return r.tables.rows(ctx, r.out.part)
}

// decide applies the rules of removal to a complete reading of a snapshot.
func (r *partReader) decide(stored []string) {
	if r.out.part.Mode != catalog.Snapshot {
		return
	}
	r.out.verdict = reconcile.Decide(reconcile.Input{
		Before: r.out.memory.list, Stored: stored, Reading: r.out.reading, Query: r.out.part.Endpoint.Query.Encode(),
		At: r.policy.at, Stable: r.out.part.Order == catalog.Stable, AcceptRemovals: r.mode.AcceptRemovals,
	})
}

// again discards what was read so far.
func (r *partReader) again() error {
	r.out.steps, r.out.count = nil, stepCount{}
	r.progress.restart(r.out.part.Name)
	if r.drop != nil {
		return r.drop()
	}
	return nil
}

// once reads the part by one plan.
func (r *partReader) once(ctx context.Context, plan extract.Plan) error {
	reading := r.feed.Read(r.client, r.out.index, plan)
	for step, err := range reading.Steps(ctx) {
		if err != nil {
			r.out.partial = r.partial(plan, reading.Result())
			return err
		}
		if step.Restart {
			r.log.Info("the list changed while it was read; reading it again", "list", r.listName(r.out.part.Name))
			if err := r.again(); err != nil {
				return err
			}
		}
		r.out.count.add(step)
		r.note(plan, step)
		if r.take == nil {
			r.out.steps = append(r.out.steps, step)
		} else if err := r.take(step); err != nil {
			return err
		}
	}
	r.out.reading = reading.Result()
	return nil
}

// note reports a page to progress. Only a reading of all pages takes as many as the
// list is long.
func (r *partReader) note(plan extract.Plan, s catalog.Step) {
	total := 0
	if s.Total >= 0 && !plan.Incremental && !r.out.part.Endpoint.NoTotal {
		total = pages(r.out.part, s.Total)
		if plan.Resume {
			total = rest(r.out.part, s.Total, r.out.memory.partial)
		}
	}
	r.progress.page(r.out.part.Name, s.Items, total)
}

// partial returns what an interrupted reading leaves to resume; nil if it read no more
// than an earlier run, or cannot be resumed.
func (r *partReader) partial(plan extract.Plan, read listdiff.Reading) *partial {
	part, before := r.out.part, r.out.memory.partial
	if part.Mode != catalog.Snapshot || part.Endpoint.Cursor != "" || plan.Incremental || read.Keys.Count <= before.count() {
		return nil
	}
	out := &partial{Kind: r.policy.cycle.Kind, StartedAt: r.policy.at, Query: part.Endpoint.Query.Encode(), Keys: read.Keys.Lines}
	shown := map[string]bool{}
	for _, row := range rowsOf(read.Keys) {
		shown[row] = true
	}
	for _, row := range before.rows() {
		if !shown[row] {
			shown[row] = true
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}
