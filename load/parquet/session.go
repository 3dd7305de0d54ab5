package parquet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/gofrs/flock"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// streamRows is how many rows wait in memory before they go to the files. Fewer
// can be dropped again without touching a file, as a fan-out needs it.
const streamRows = 1000

// session is one run of one job.
type session struct {
	d       *Destination
	job     load.Job
	lock    *flock.Flock
	fence   int64
	layouts map[string]*layout

	state   load.State
	missing []string              // tables
	total   map[string]load.Count // by table

	pending  []transform.Batch // since the last commit, not in the partitions yet
	waiting  int               // rows in pending
	parts    map[string]*partition
	streamed bool // partitions hold rows since the last commit

	// Commits that wait to be published together.
	committed bool
	commit    int32                // number of the one that comes next
	staged    map[string]keyValues // by table
	removals  []removal
	run       load.Run
	published time.Time     // when last
	took      time.Duration // to publish

	broken error // a publication failed; nothing is published after it
	done   bool
}

// Begin takes the job's lock, raises its fence and records the run.
func (d *Destination) Begin(ctx context.Context, job load.Job) (load.Session, load.State, error) {
	lock, err := d.lockJob(job)
	if err != nil {
		return nil, nil, err
	}
	s := &session{
		d: d, job: job, lock: lock, run: job.Run, layouts: map[string]*layout{},
		commit: 1, staged: map[string]keyValues{}, parts: map[string]*partition{}, total: map[string]load.Count{}, state: load.State{},
	}
	for _, t := range job.Tables {
		s.layouts[t.Name] = newLayout(t)
	}
	if err := d.exclusively(ctx, s.begin); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("begin run: %w", err), lock.Unlock())
	}
	return s, maps.Clone(s.state), nil
}

func (s *session) statePath() string { return s.d.inner("state", s.name()+".json") }
func (s *session) rowsPath() string  { return s.d.inner("rows", s.name()+".json") }
func (s *session) runsPath() string  { return s.d.inner("runs", s.name()+".json") }
func (s *session) fencePath() string { return s.d.inner("fences", s.name()+".json") }
func (s *session) name() string      { return fileName(s.job.Account, s.job.Name) }

func (s *session) begin() error {
	if err := s.d.rollPending(); err != nil {
		return err
	}
	if err := readJSON(s.fencePath(), &s.fence); err != nil {
		return err
	}
	if s.fence == 0 {
		// The fence may have been forgotten with the account: a run of before
		// must not find its number again.
		s.fence = time.Now().UnixMicro()
	}
	s.fence++
	if err := s.d.files.writeJSON(s.fencePath(), s.fence); err != nil {
		return err
	}
	var err error
	if s.state, s.missing, err = s.d.state(s.job); err != nil {
		return err
	}
	s.run.Status = load.StatusRunning
	return s.d.files.writeJSON(s.runsPath(), s.runs(s.run, true))
}

// Missing names the tables that have lost rows.
func (s *session) Missing() []string { return s.missing }

// keptRuns is how many runs of a job are remembered.
const keptRuns = 200

// runs returns the job's history with a record added or replaced. Runs that
// never ended belong to processes that did: we hold their lock.
func (s *session) runs(record load.Run, mendOthers bool) []load.Run {
	var all []load.Run
	if err := readJSON(s.runsPath(), &all); err != nil {
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
	return all[max(0, len(all)-keptRuns):]
}

// Write stages a batch.
func (s *session) Write(ctx context.Context, b transform.Batch) error {
	b.Record.Retain()
	s.pending = append(s.pending, b)
	s.waiting += int(b.Record.NumRows())
	if s.waiting < streamRows {
		return nil
	}
	// Rows in the partitions can only be dropped all together, so what is
	// committed leaves first.
	if s.committed && !s.streamed {
		if err := s.publish(ctx, false); err != nil {
			return err
		}
	}
	s.streamed = true
	return s.stage()
}

// stage moves the waiting batches into their partitions.
func (s *session) stage() error {
	defer s.dropPending()
	for _, b := range s.pending {
		if err := s.stageBatch(b); err != nil {
			s.broken = fmt.Errorf("stage %s: %w", b.Table.Name, err)
			return s.broken
		}
	}
	return nil
}

func (s *session) stageBatch(b transform.Batch) error {
	l, err := s.layoutOf(b)
	if err != nil {
		return err
	}
	s.remember(l, b.Record)
	return l.split(b.Record, func(values []string, fields []arrow.Array, rows int) error {
		p, err := s.partition(l, values)
		if err != nil {
			return err
		}
		p.commit = s.commit
		return p.write(fields, rows)
	})
}

func (s *session) layoutOf(b transform.Batch) (*layout, error) {
	if l := s.layouts[b.Table.Name]; l != nil {
		return l, nil
	}
	return nil, errors.New("the table was not announced when the run began")
}

func (s *session) dropPending() {
	for _, b := range s.pending {
		b.Record.Release()
	}
	s.pending, s.waiting = nil, 0
}

// split hands on runs of rows of the same partition, without the partition
// columns.
func (l *layout) split(r arrow.Record, each func(values []string, fields []arrow.Array, rows int) error) error {
	rows := int(r.NumRows())
	for from := 0; from < rows; {
		values := l.valuesAt(r, from)
		to := from + 1
		for to < rows && slices.Equal(values, l.valuesAt(r, to)) {
			to++
		}
		fields := make([]arrow.Array, len(l.fields))
		for i, c := range l.fields {
			fields[i] = array.NewSlice(r.Column(c), int64(from), int64(to))
		}
		err := each(values, fields, to-from)
		releaseAll(fields)
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// valuesAt returns the partition columns of a row.
func (l *layout) valuesAt(r arrow.Record, i int) []string {
	values := make([]string, len(l.partition))
	for k, c := range l.partition {
		values[k] = r.Column(c).(*array.String).Value(i)
	}
	return values
}

func (s *session) partition(l *layout, values []string) (*partition, error) {
	stored := storedPath(s.d.root, l, values)
	if p := s.parts[stored]; p != nil {
		return p, nil
	}
	p, err := newPartition(l, stored, slices.Clone(values), s.job.Run.StartedAt, s.newOutput)
	if err != nil {
		return nil, err
	}
	s.parts[stored] = p
	return p, nil
}

// newOutput begins a file in the staging folder, named after the run so that
// another run can tell what is its own.
func (s *session) newOutput(l *layout) (*output, error) {
	name := fmt.Sprintf("%s.%s.%d.parquet", s.name(), l.table.Name, time.Now().UnixNano())
	return newOutput(s.d.files, s.d.inner("staging", name), l, s.d.version)
}

// Discard forgets what was staged since the last commit.
func (s *session) Discard(context.Context) error {
	s.dropPending()
	if !s.streamed {
		return nil
	}
	s.streamed = false
	return s.dropPartitions()
}

func (s *session) dropPartitions() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.drop())
	}
	clear(s.parts)
	clear(s.staged)
	return errors.Join(errs...)
}

// Commit publishes, at once or together with later commits; see
// load.Session.
func (s *session) Commit(ctx context.Context, c load.Change) (load.Result, error) {
	if s.broken != nil {
		return s.result(), s.broken
	}
	if err := s.job.Check(c.Removals); err != nil {
		return s.result(), err
	}
	if err := s.separate(ctx, c); err != nil {
		return s.result(), err
	}
	if err := s.stage(); err != nil {
		return s.result(), err
	}
	s.streamed, s.committed = false, true
	s.commit++
	for _, r := range c.Removals {
		s.removals = append(s.removals, removal{r.Table, newMatches(r.Where)})
	}
	s.run = c.Run
	if !c.DryRun {
		s.setState(c.State)
	}
	if !c.Run.Finished() && !c.DryRun && time.Since(s.published) < s.d.pause(s.took) {
		return s.result(), nil
	}
	err := s.publish(ctx, c.DryRun)
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

// Close publishes what is committed and releases the lock. A run that did not
// end is recorded as failed.
func (s *session) Close(ctx context.Context) error {
	if s.done {
		return nil
	}
	s.done = true
	s.dropPending()
	var err error
	if s.committed && s.broken == nil {
		err = s.publish(ctx, false)
	}
	err = errors.Join(err, s.dropPartitions(), s.abandon(ctx))
	return errors.Join(err, s.lock.Unlock())
}

// abandon ends the record of a run that did not end itself.
func (s *session) abandon(ctx context.Context) error {
	if s.run.Finished() && s.broken == nil {
		return nil
	}
	if _, err := os.Stat(s.d.journalPath()); err == nil {
		return nil // the next process completes the publication, record included
	}
	record := s.run
	record.Status, record.Message = load.StatusFailed, "the run was abandoned"
	if s.broken != nil {
		record.Message = s.broken.Error()
	}
	return s.d.exclusively(ctx, func() error {
		return s.d.files.writeJSON(s.runsPath(), s.runs(record, false))
	})
}

// forget removes the record of a dry run.
func (s *session) forget() error {
	kept := slices.DeleteFunc(s.runs(s.run, false), func(r load.Run) bool { return r.ID == s.run.ID })
	return s.d.files.writeJSON(s.runsPath(), kept)
}

// sorted lists the open partitions by path, so that runs are alike.
func (s *session) sorted() []*partition {
	return slices.SortedFunc(maps.Values(s.parts), func(a, b *partition) int {
		return cmp.Or(strings.Compare(filepath.Dir(a.stored), filepath.Dir(b.stored)))
	})
}
