package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A partReading is what reading a part brought.
type partReading struct {
	index   int
	part    catalog.Part
	memory  memory
	steps   []catalog.Step // empty where they were taken as they came
	count   stepCount
	reading listdiff.Reading
	verdict reconcile.Verdict // of a complete reading of a snapshot
	partial *partial          // of a list whose reading was cut off
	err     error
}

// stepCount sums up steps.
type stepCount struct{ items, rejects, fieldErrors int }

func (c *stepCount) add(s catalog.Step) {
	c.items += s.Items
	c.rejects += s.Rejects
	c.fieldErrors += s.FieldErrors
}

// A partReader reads one part.
type partReader struct {
	*export
	feed *catalog.Feed
	out  partReading
	// take gets the steps as they come; nil: they are kept. drop takes back those
	// that it got.
	take func(catalog.Step) error
	drop func() error
	told int // total that progress was told of
}

// newPartReader prepares the reading of a part that keeps its steps.
func newPartReader(x *export, feed *catalog.Feed, i int) *partReader {
	part := feed.Parts[i]
	return &partReader{export: x, feed: feed, out: partReading{index: i, part: part, memory: x.state.of(part, x.policy.fanOut())}}
}

// read reads the part: what has changed of it where that is enough, else every
// page.
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
			if !r.out.verdict.Doubt || !r.policy.fitsBudget(r.out.part, r.out.reading.Keys.Count) {
				return nil
			}
			reason = "what has changed is not clear"
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

// stored returns the rows that the tables may hold beside those that are remembered.
func (r *partReader) stored(ctx context.Context) ([]string, error) {
	if m := r.out.memory; !m.lost || !r.out.part.Sole {
		return m.partial.rows(), nil
	}
	return r.tables.rows(ctx, r.out.part)
}

// decide tells what a complete reading of a snapshot proves.
func (r *partReader) decide(stored []string) {
	if r.out.part.Mode != catalog.Snapshot {
		return
	}
	r.out.verdict = reconcile.Decide(reconcile.Input{
		Before: r.out.memory.list, Stored: stored, Reading: r.out.reading, Query: r.out.part.Endpoint.Query.Encode(),
		At: r.policy.at, Stable: r.out.part.Order == catalog.Stable, AcceptRemovals: r.mode.AcceptRemovals,
	})
}

// again drops what was read so far.
func (r *partReader) again() error {
	r.out.steps, r.out.count = nil, stepCount{}
	if r.drop != nil {
		return r.drop()
	}
	return nil
}

// once reads the part in one way.
func (r *partReader) once(ctx context.Context, plan extract.Plan) error {
	reading := r.feed.Read(r.client, r.out.index, plan)
	for step, err := range reading.Steps(ctx) {
		if err != nil {
			r.out.partial = r.cutOff(plan, reading.Result())
			return err
		}
		if step.Restart {
			r.log.Info("reading the list again: it changed in between", "list", r.listName(r.out.part.Name))
			if err := r.again(); err != nil {
				return err
			}
		}
		r.out.count.add(step)
		r.note(step)
		if r.take == nil {
			r.out.steps = append(r.out.steps, step)
		} else if err := r.take(step); err != nil {
			return err
		}
	}
	r.out.reading = reading.Result()
	return nil
}

// note tells progress of a page.
func (r *partReader) note(s catalog.Step) {
	total := r.told
	if s.Total >= 0 {
		total = s.Total
	}
	r.progress.page(r.out.part.Name, s.Items, total-r.told)
	r.told = total
}

// cutOff is the beginning of a list whose reading was cut off; nil when no more was
// read of it than an earlier run had read, or when it cannot be resumed.
func (r *partReader) cutOff(plan extract.Plan, read listdiff.Reading) *partial {
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
