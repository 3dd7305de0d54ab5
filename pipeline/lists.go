package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// lists exports the lists of a job that is no fan-out.
type lists struct {
	*export
	feed *catalog.Feed
}

// run reads all lists of the job and stages their rows for one commit. A single
// list is staged while it is read; several are read concurrently, each staged when
// it ends. Lists that were read are kept when another one fails, and so is a partial
// single list if it can be resumed.
func (l *lists) run(ctx context.Context) error {
	var err error
	if l.feed, err = l.policy.open(l.record.Account, nil); err != nil {
		return err
	}
	defer l.feed.Release()
	for _, part := range l.feed.Parts {
		cost, known := l.policy.cost(part, l.state.of(part, false))
		l.progress.expect(part.Name, max(1, cost), !known)
	}
	if len(l.feed.Parts) == 1 {
		err = l.single(ctx)
	} else {
		all := func(int, int) bool { return true }
		err = l.concurrently(ctx, l.feed, all, l.take)
	}
	l.noteReplaced(l.feed)
	l.remove(l.feed.Renewed()...)
	return joinErrors(err, l.sessions.write(l.feed.Flush()))
}

// single reads the list of a job that has only one.
func (l *lists) single(ctx context.Context) error {
	r := newPartReader(l.export, l.feed, 0)
	if r.out.part.Mode != catalog.Replace { // whether that is stored is not known before its end
		r.take = func(s catalog.Step) error { return l.sessions.write(l.feed.Append(s)) }
		r.drop = l.dropStaged
	}
	out := r.read(ctx)
	l.progress.end(out.part.Name)
	if out.err == nil {
		return l.take(out)
	}
	if out.partial == nil {
		return joinErrors(out.err, l.dropStaged())
	}
	l.count(out)
	remember(l.state, partialPrefix+out.part.Name, out.partial)
	return out.err
}

// take stages a list and what its reading proves.
func (l *lists) take(r partReading) error {
	if r.err != nil {
		return r.err
	}
	if r.part.Mode == catalog.Replace {
		return l.replace(r)
	}
	l.count(r)
	if err := l.stage(l.feed, r); err != nil {
		return err
	}
	if !r.reading.Complete {
		l.findings.moved(l.listName(r.part.Name), r.reading.Reason, r.memory.list)
		return nil
	}
	if r.part.Mode == catalog.Append {
		return l.append(r)
	}
	after := r.verdict.After
	if len(r.verdict.Removed) > 0 {
		l.remove(r.part.Removals(r.verdict.Removed)...)
	}
	if !after.Same(r.memory.list) {
		remember(l.state, listPrefix+r.part.Name, after)
	}
	remember[partial](l.state, partialPrefix+r.part.Name, nil)
	l.findings.list(l.listName(r.part.Name), after.Open(l.policy.at))
	if r.count.short > 0 {
		l.findings.short(l.listName(r.part.Name), r.count.short)
	}
	return nil
}

// replace stages a list that replaces what is stored of it.
func (l *lists) replace(r partReading) error {
	v := l.replacement(r)
	if !v.Replace {
		r.count.rejects = 0 // they are not stored, nor are the rows
	}
	l.count(r)
	if v.Replace {
		if err := l.stage(l.feed, r); err != nil {
			return err
		}
		l.remove(r.part.Rows)
	}
	remember(l.state, storedPrefix+r.part.Name, v.After)
	if !r.reading.Complete {
		l.findings.moved(l.listName(r.part.Name), r.reading.Reason, nil)
		return nil
	}
	l.findings.list(l.listName(r.part.Name), v.Open)
	return nil
}

// replacement decides what follows from reading a list that is replaced as a whole.
func (x *export) replacement(r partReading) reconcile.Replacement {
	return reconcile.DecideReplacement(reconcile.ReplaceInput{
		Before: r.memory.stored, Reading: r.reading, Version: r.part.Version, Dated: r.part.Dated, At: x.policy.at,
		AcceptRemovals: x.mode.AcceptRemovals,
	})
}

// dropStaged discards what was read of a part.
func (l *lists) dropStaged() error {
	l.feed.Reset()
	return l.sessions.discard()
}
