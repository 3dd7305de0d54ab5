package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// lists reads all lists of the job and stages their rows for one commit. A single
// list is staged while it is read; several are read side by side, each staged when
// it is there. Lists that were read are kept when another one breaks off, and so is
// the beginning of a single list, where it can be resumed.
func (j *jobRun) lists(ctx context.Context) error {
	j.cycle = cycle{Kind: j.record.Kind}
	feed, err := j.job.Resource.Open(j.params(nil))
	if err != nil {
		return err
	}
	defer feed.Release()
	if len(feed.Parts) == 1 {
		err = j.single(ctx, feed)
	} else {
		all := func(int, int) bool { return true }
		err = j.sideBySide(ctx, feed, all, func(r partReading) error { return j.list(feed, r) })
	}
	j.noteReplaced(feed)
	return and(err, j.sinks.write(feed.Flush()))
}

// single reads the only list of a job.
func (j *jobRun) single(ctx context.Context, feed *catalog.Feed) error {
	r := j.newPartReader(feed, 0)
	if feed.Parts[0].Column != "" { // of a ranking it is not known before its end whether it is stored
		r.take = func(s catalog.Step) error { return j.sinks.write(feed.Append(s)) }
		r.drop = func() error { return j.dropStaged(feed) }
	}
	out := r.read(ctx)
	if out.err == nil {
		return j.list(feed, out)
	}
	if out.partial == nil {
		return and(out.err, j.dropStaged(feed))
	}
	j.count(out)
	remember(j, partialPrefix+out.part.Name, out.partial)
	return out.err
}

// list stages a list and what its reading proves.
func (j *jobRun) list(feed *catalog.Feed, r partReading) error {
	if r.err != nil {
		return r.err
	}
	if r.part.Column == "" {
		return j.ranking(feed, r)
	}
	j.count(r)
	if err := j.stage(feed, r); err != nil {
		return err
	}
	if !r.reading.Complete {
		j.ends.moved(j.listName(r.part.Name), r.reading.Reason, r.memory.list)
		return nil
	}
	after := r.verdict.After
	if len(r.verdict.Removed) > 0 {
		j.final.Removals = append(j.final.Removals, removal(r.part, r.verdict.Removed))
	}
	if !after.Same(r.memory.list) {
		remember(j, listPrefix+r.part.Name, after)
	}
	remember[partial](j, partialPrefix+r.part.Name, nil)
	j.ends.list(j.listName(r.part.Name), after.Open(j.record.StartedAt))
	return nil
}

// ranking stages a ranking, which replaces that of the same day.
func (j *jobRun) ranking(feed *catalog.Feed, r partReading) error {
	name, day := rankingPrefix+r.part.Name, j.day().Format("2006-01-02")
	v := reconcile.DecideRanking(stateEntry[reconcile.Ranking](j.state, name), r.reading, day, j.record.StartedAt)
	if !v.Replace {
		r.count.rejects = 0 // they are not stored, nor are the rows
	}
	j.count(r)
	if v.Replace {
		if err := j.stage(feed, r); err != nil {
			return err
		}
		j.final.Removals = append(j.final.Removals, scope(r.part.Rows))
	}
	remember(j, name, v.After)
	if !r.reading.Complete {
		j.ends.moved(j.listName(r.part.Name), r.reading.Reason, nil)
		return nil
	}
	j.ends.list(j.listName(r.part.Name), reconcile.Open{Entries: r.reading.Keys.Count, Unreadable: v.Unreadable, Standing: v.Standing})
	return nil
}

// stage turns the steps of a part into rows at the destinations.
func (j *jobRun) stage(feed *catalog.Feed, r partReading) error {
	for _, s := range r.steps {
		if err := j.sinks.write(feed.Append(s)); err != nil {
			return err
		}
	}
	return nil
}

// count adds what a part brought to the record.
func (j *jobRun) count(r partReading) {
	j.record.Items += r.count.items
	j.record.Rejects += r.count.rejects
	j.record.FieldErrors += r.count.fieldErrors
	j.saved += r.reading.Saved
}

// dropStaged drops what was read of a part in vain.
func (j *jobRun) dropStaged(feed *catalog.Feed) error {
	feed.Reset()
	return j.sinks.discard()
}

// noteReplaced tells of texts that could not be stored as they came.
func (j *jobRun) noteReplaced(feed *catalog.Feed) {
	if n := feed.Notes().Replaced; n > 0 {
		j.log.Warn("replaced NUL characters in texts by U+FFFD", "texts", n)
	}
}

// removal is the removal of rows of a part.
func removal(part catalog.Part, rows []string) load.Removal { return scope(part.Removal(rows)) }

func scope(s catalog.Scope) load.Removal {
	out := load.Removal{Table: s.Table}
	for _, m := range s.Where {
		out.Where = append(out.Where, load.Match(m))
	}
	return out
}
