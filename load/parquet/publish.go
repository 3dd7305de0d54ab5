package parquet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// publish makes visible what is committed: first the tables' files, then state and
// run record. A crash before the journal is written leaves all as it was; after it
// the next process completes the publication.
func (s *session) publish(ctx context.Context) error {
	began := time.Now()
	files, err := s.merge(ctx, false)
	var moves []move
	if err == nil {
		moves, err = s.bookkeeping(files)
	}
	if err == nil {
		err = s.d.storage.Publish(ctx, moves, s.fencePath(), s.guard)
	}
	if errors.Is(err, errChanged) {
		err = load.ErrFenced
	}
	if err != nil {
		s.broken = fmt.Errorf("publish: %w", err)
		return s.broken
	}
	s.took, s.published, s.waits = time.Since(began), time.Now(), false
	return s.clear()
}

// rehearse counts what a commit would do and drops it.
func (s *session) rehearse(ctx context.Context) error {
	if _, err := s.merge(ctx, true); err != nil {
		return err
	}
	if err := s.clear(); err != nil || !s.run.Finished() {
		return err
	}
	live, err := s.d.live(s.job, nil)
	if err != nil {
		return err
	}
	s.total = s.result().With(live).Tables
	return s.putRuns(slices.DeleteFunc(s.runs(s.run, false), func(r load.Run) bool { return r.ID == s.run.ID }))
}

// merge joins what is staged with what is stored, table by table, and returns the
// new files. The change log comes last: the other tables fill it.
func (s *session) merge(ctx context.Context, dryRun bool) ([]stagedFile, error) {
	log, err := s.newChanges()
	if err != nil {
		return nil, fmt.Errorf("open the change log: %w", err)
	}
	defer log.release()
	var out []stagedFile
	names := slices.Collect(maps.Keys(s.staged))
	names = slices.AppendSeq(names, maps.Keys(s.removals))
	names = slices.DeleteFunc(names, func(name string) bool { return name == transform.LibraryChanges })
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		files, err := s.mergeTable(ctx, name, log, dryRun)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	if err := log.flush(); err != nil {
		return nil, fmt.Errorf("stage %s: %w", transform.LibraryChanges, err)
	}
	if s.staged[transform.LibraryChanges] == nil {
		return out, nil
	}
	files, err := s.mergeTable(ctx, transform.LibraryChanges, nil, dryRun)
	return append(out, files...), err
}

func (s *session) mergeTable(ctx context.Context, name string, log *changes, dryRun bool) ([]stagedFile, error) {
	t := &tableMerge{
		d: s.d, layout: s.d.layouts[name], account: s.job.Account, now: s.job.Run.StartedAt.UnixMicro(),
		staging: s.stagingOf(s.d.layouts[name]), removals: s.removals[name], name: s.stagedName, changes: log,
	}
	if err := t.run(ctx, dryRun); err != nil {
		return nil, fmt.Errorf("merge %s: %w", name, err)
	}
	if t.count != (load.Count{}) {
		s.total[name] = s.total[name].Add(t.count)
	}
	return t.files, nil
}

// stagedName names a file in the staging folder, after the job, so that its next
// run can tell what is its own.
func (s *session) stagedName() string {
	s.files++
	return fmt.Sprintf("_exporter/staging/%s.%d", s.name(), s.files)
}

// bookkeeping stages the state and the run record, and lists all moves.
func (s *session) bookkeeping(files []stagedFile) ([]move, error) {
	var moves []move
	for _, f := range files {
		moves = append(moves, f.move)
	}
	stage := func(to string, v any) error {
		m := move{From: s.stagedName(), To: to}
		moves = append(moves, m)
		return putJSON(s.d.storage, m.From, v)
	}
	if err := stage(s.statePath(), s.state); err != nil {
		return nil, err
	}
	if s.run.Finished() {
		rows, err := s.d.rows(s.job, files)
		if err != nil {
			return nil, err
		}
		if err := stage(s.rowsPath(), rows); err != nil {
			return nil, err
		}
		live, err := s.d.live(s.job, files)
		if err != nil {
			return nil, err
		}
		s.total = s.result().With(live).Tables
	}
	record := s.run
	record.Tables = s.total
	return moves, stage(s.runsPath(), s.runs(record, false))
}

// keptRuns is how many runs of a job are remembered, of those within load.RunsKept.
const keptRuns = 400

// runs returns the job's history with a record added or replaced. Runs that never
// ended belong to processes that did: we hold their lock.
func (s *session) runs(record load.Run, mendOthers bool) []load.Run {
	var all []load.Run
	if err := readJSON(s.d.storage, s.runsPath(), &all); err != nil {
		all = nil // damaged: the data is worth more than its history
	}
	record.Fence = s.fence
	at := -1
	for i := range all {
		if all[i].ID == record.ID {
			at = i
		} else if mendOthers && !all[i].Finished() {
			all[i].Status, all[i].Message = load.StatusFailed, "the process ended before the run did"
		}
	}
	if at >= 0 {
		all[at] = record
	} else {
		all = append(all, record)
	}
	all = slices.DeleteFunc(all, func(r load.Run) bool { return r.StartedAt.Before(s.job.Run.StartedAt.Add(-load.RunsKept)) })
	return all[max(0, len(all)-keptRuns):]
}

func (s *session) putRuns(runs []load.Run) error { return putJSON(s.d.storage, s.runsPath(), runs) }

// abandon ends the record of a run that did not end itself, unless a publication
// that was cut short counts and has brought it. What is staged is dropped.
func (s *session) abandon(ctx context.Context) error {
	if s.run.Finished() && s.broken == nil {
		return nil
	}
	if err := s.d.storage.Complete(ctx); err != nil {
		return err // the next process completes it, and clears up
	}
	if err := s.d.clearStaging(s.name()); err != nil {
		return err
	}
	record := s.run
	record.Status, record.Message = load.StatusFailed, "the run was abandoned"
	if s.broken != nil {
		record.Message = s.broken.Error()
	}
	var all []load.Run
	if err := readJSON(s.d.storage, s.runsPath(), &all); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(r load.Run) bool { return r.ID == s.run.ID && r.Finished() }) {
		return nil
	}
	m := move{From: s.stagedName(), To: s.runsPath()}
	if err := putJSON(s.d.storage, m.From, s.runs(record, false)); err != nil {
		return err
	}
	if err := s.d.storage.Publish(ctx, []move{m}, s.fencePath(), s.guard); !errors.Is(err, errChanged) {
		return err
	}
	return nil // whoever has taken over has ended the record
}
