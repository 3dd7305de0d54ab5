package parquet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// session is one run of one job.
type session struct {
	d    *Destination
	job  load.Job
	lock *flock.Flock

	fence int64
	guard []byte // content of the fence's file
	state load.State
	run   load.Run
	total map[string]load.Count // by table

	commit   int32 // number of the one that stages rows now, from 1
	staged   map[string]*staging
	removals map[string][]removal
	waits    bool // something is committed and not published
	files    int  // staged, for their names

	published time.Time     // when last
	took      time.Duration // to publish

	broken error // a publication failed; nothing is published after it
	done   bool
}

// Begin takes the job's lock, raises its fence and records the run.
func (d *Destination) Begin(ctx context.Context, job load.Job) (load.Session, load.Start, error) {
	if err := d.usable(); err != nil {
		return nil, load.Start{}, err
	}
	if err := job.CheckLog(); err != nil {
		return nil, load.Start{}, err
	}
	lock, err := d.locks.take(job)
	if err != nil {
		return nil, load.Start{}, err
	}
	s := &session{
		d: d, job: job, lock: lock, run: job.Run, commit: 1,
		total: map[string]load.Count{}, staged: map[string]*staging{}, removals: map[string][]removal{},
	}
	start, err := s.begin(ctx)
	if err != nil {
		return nil, load.Start{}, errors.Join(fmt.Errorf("begin run: %w", err), lock.Unlock())
	}
	s.state = maps.Clone(start.State)
	return s, start, nil
}

func (s *session) statePath() string { return "_exporter/state/" + s.name() + ".json" }
func (s *session) rowsPath() string  { return "_exporter/rows/" + s.name() + ".json" }
func (s *session) runsPath() string  { return "_exporter/runs/" + s.name() + ".json" }
func (s *session) fencePath() string { return "_exporter/fences/" + s.name() + ".json" }
func (s *session) name() string      { return fileName(s.job.Account, s.job.Name) }

func (s *session) begin(ctx context.Context) (load.Start, error) {
	if err := s.d.storage.Complete(ctx); err != nil {
		return load.Start{}, err
	}
	if err := s.d.clearStaging(s.name()); err != nil {
		return load.Start{}, err
	}
	if err := s.d.sameLake(s.job); err != nil {
		return load.Start{}, err
	}
	if err := s.raiseFence(); err != nil {
		return load.Start{}, err
	}
	start, err := s.d.start(s.job)
	if err != nil {
		return load.Start{}, err
	}
	s.run.Status = load.StatusRunning
	return start, s.putRuns(s.runs(s.run, true))
}

func (s *session) raiseFence() (err error) {
	if err := readJSON(s.d.storage, s.fencePath(), &s.fence); err != nil {
		return err
	}
	if s.fence == 0 {
		// The fence may have been forgotten with the account: a run of before
		// must not find its number again.
		s.fence = time.Now().UnixMicro()
	}
	s.fence++
	if err := putJSON(s.d.storage, s.fencePath(), s.fence); err != nil {
		return err
	}
	s.guard, err = readAll(s.d.storage, s.fencePath())
	return err
}

// Write stages a batch.
func (s *session) Write(_ context.Context, b transform.Batch) error {
	if s.broken != nil {
		return s.broken
	}
	if !slices.ContainsFunc(s.job.Tables, func(t *transform.Schema) bool { return t.Name == b.Table.Name }) {
		return fmt.Errorf("stage %s: the table was not announced when the run began", b.Table.Name)
	}
	if err := s.stagingOf(s.d.layouts[b.Table.Name]).add(b.Record, s.commit); err != nil {
		s.broken = fmt.Errorf("stage %s: %w", b.Table.Name, err)
	}
	return s.broken
}

// stagingOf holds what is staged of a table.
func (s *session) stagingOf(l *layout) *staging {
	if s.staged[l.table.Name] == nil {
		s.staged[l.table.Name] = &staging{layout: l, scratch: s.d.scratch, prefix: s.name()}
	}
	return s.staged[l.table.Name]
}

// Discard forgets what was staged since the last commit.
func (s *session) Discard(context.Context) error {
	var err error
	for _, t := range s.staged {
		err = errors.Join(err, t.discard(s.commit))
	}
	return err
}

// Commit publishes, at once or together with later commits; see load.Session.
func (s *session) Commit(ctx context.Context, c load.Change) (load.Result, error) {
	if s.broken != nil {
		return s.result(), s.broken
	}
	if err := s.job.Check(c.Removals); err != nil {
		return s.result(), err
	}
	for _, r := range c.Removals {
		s.removals[r.Table] = append(s.removals[r.Table], removal{s.commit, newMatches(r.Where)})
	}
	s.run = c.Run
	s.commit++
	if c.DryRun {
		err := s.rehearse(ctx)
		return s.result(), err
	}
	s.waits = true
	s.setState(c.State)
	if !c.Run.Finished() && time.Since(s.published) < s.d.pause(s.took) {
		return s.result(), nil
	}
	err := s.publish(ctx)
	return s.result(), err
}

// pauseAfter is how long commits are coalesced after a publication that took so
// long: publishing writes whole files, so at most a fifth of the time goes there.
func pauseAfter(took time.Duration) time.Duration { return 4 * took }

// result is a copy: later commits go on counting.
func (s *session) result() load.Result { return load.Result{Tables: maps.Clone(s.total)} }

func (s *session) setState(entries load.State) {
	for k, v := range entries {
		if v == nil {
			delete(s.state, k)
		} else {
			s.state[k] = v
		}
	}
}

// clear drops what is staged.
func (s *session) clear() error {
	var err error
	for _, t := range s.staged {
		err = errors.Join(err, t.clear())
	}
	clear(s.removals)
	return err
}

// Close publishes what is committed and releases the lock. A run that did not end
// is recorded as failed.
func (s *session) Close(ctx context.Context) error {
	if s.done {
		return nil
	}
	s.done = true
	err := s.Discard(ctx)
	if s.waits && s.broken == nil {
		err = errors.Join(err, s.publish(ctx))
	}
	err = errors.Join(err, s.clear(), s.abandon(ctx))
	return errors.Join(err, s.lock.Unlock())
}
