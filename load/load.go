// Package load is the contract between the pipeline and its destinations.
//
// A destination takes Arrow records of declared tables and commits them as a
// whole, together with the job's state and the run record. The package knows
// nothing of Spotify, of HTTP, or of any concrete destination.
package load

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tracklake/tracklake/transform"
)

// A Destination keeps tables, and beside them the state and the records of the
// jobs that fill them. It is safe for concurrent use. Whatever it waits for, on a
// network or for a lock, it waits for a limited time.
type Destination interface {
	// Begin takes the lock of one job of one account, raises its fence, and
	// records the run as running. A lock that is held elsewhere is a
	// [*LockedError]. The caller closes the session.
	Begin(ctx context.Context, job Job) (Session, Start, error)
	// Runs returns the records of runs, the newest first. A run older than
	// [RunsKept] is forgotten when its job next runs.
	Runs(ctx context.Context, query RunsQuery) ([]Run, error)
	// State returns what Begin would return, without taking the job's lock.
	State(ctx context.Context, job Job) (State, error)
	// Values counts the values of a text or list-of-text column over the
	// account's rows that are there now, most frequent first, ties by value.
	// A table that does not exist yet has none.
	Values(ctx context.Context, query ValueQuery) ([]ValueCount, error)
	// Check does what a run does, up to the commit, and undoes it. It returns
	// what a run would bring up to date first, as migrate would name it.
	Check(ctx context.Context) (pending []string, err error)
	// Forget deletes all that is kept of an account: its rows in every table, its
	// jobs' state, fences and locks, and its run records. It returns what it
	// deleted; a dry run counts and deletes nothing. While a run of the account
	// is going on, that is a [*LockedError], and nothing is deleted. Repeating it
	// after a crash completes it. An account without a name is an error.
	Forget(ctx context.Context, account string, dryRun bool) (Forgotten, error)
	// Close frees what the destination holds. Sessions must be closed before.
	Close(ctx context.Context) error
}

// A Start is where a run continues from.
type Start struct {
	// State is what the job last committed, or nothing when rows are missing.
	State State
	// Missing names the removable tables that have fewer rows than after the job's
	// last finished run: somebody has emptied or exchanged them. What the state
	// says was read is then not there.
	Missing []string
}

// RunsKept is how long the record of a run is kept. A destination may keep fewer.
const RunsKept = 365 * 24 * time.Hour

// A RunsQuery selects run records.
type RunsQuery struct {
	Job     string // empty: all
	Account string // empty: all
	Limit   int    // of each job and account; 0: none
}

// A Session is one run of one job at one destination. It is used by one
// goroutine at a time.
type Session interface {
	// Write stages a batch. It does not keep the record after it returns.
	// Nothing staged is visible before Commit.
	Write(ctx context.Context, batch transform.Batch) error
	// Discard forgets what was staged since the last Commit.
	Discard(ctx context.Context) error
	// Commit makes visible, together or not at all: the rows staged since the
	// last Commit, the removals, the state entries, and the run record. It may
	// be called several times in a session. A destination may coalesce commits
	// of an unfinished run, in order, so that a crash can lose the last of them,
	// whole; what is committed with a finished run is durable when Commit
	// returns.
	//
	// The result is the sum over the commits of the session. Each of them counts
	// what it did to the table as the commit before left it: a row that one
	// commit inserts and the next one changes is one inserted and one updated,
	// and one inserted and one unchanged when the next one stages it again as it
	// is. Several versions of a key within one commit count once, by the last.
	// A commit that waits to be coalesced counts when it is published. A dry run
	// leaves the table as it is, so each of its commits counts against that. With a
	// finished run, the result has the rows of each of the job's tables as well.
	//
	// A session that was overtaken by another gets [ErrFenced].
	Commit(ctx context.Context, change Change) (Result, error)
	// Close releases the lock, drops what was not committed and publishes
	// what was. It is safe to call twice.
	Close(ctx context.Context) error
}

// Forgotten counts what was kept of an account.
type Forgotten struct {
	// Rows is how many rows, by table; only where there are some.
	Rows map[string]int `json:"rows"`
	// State is how many entries of the state of jobs.
	State int `json:"state_entries"`
	// Runs is how many records of runs.
	Runs int `json:"runs"`
}

// Total is the sum of all counts.
func (f Forgotten) Total() int {
	n := f.State + f.Runs
	for _, rows := range f.Rows {
		n += rows
	}
	return n
}

// A Job is what a session locks and fills.
type Job struct {
	Account  string // account_id, or transform.App
	Name     string
	Resource string
	Tables   []*transform.Schema
	Run      Run // ID, Kind, StartedAt and Version of the run that begins
}

// Check tells whether the job announced the tables that removals name, and those
// have the columns.
func (j Job) Check(removals []Removal) error {
	for _, r := range removals {
		i := slices.IndexFunc(j.Tables, func(t *transform.Schema) bool { return t.Name == r.Table })
		if i < 0 {
			return fmt.Errorf("remove rows of %s: the table was not announced when the run began", r.Table)
		}
		for _, m := range r.Where {
			if j.Tables[i].Index(m.Column) < 0 {
				return fmt.Errorf("remove rows of %s: the table has no column %s", r.Table, m.Column)
			}
		}
	}
	return nil
}

// CheckLog tells whether the job announced the change log, if one of its tables is
// logged. [transform.ChangeLog] says what destinations write to it, in the commit that
// changes the rows.
func (j Job) CheckLog() error {
	log := func(t *transform.Schema) bool { return t.Name == transform.LibraryChanges }
	logged := slices.IndexFunc(j.Tables, func(t *transform.Schema) bool { return t.Log != nil })
	if logged >= 0 && !slices.ContainsFunc(j.Tables, log) {
		return fmt.Errorf("begin run: the changes of %s are logged, and the job did not announce the table %s", j.Tables[logged].Name, transform.LibraryChanges)
	}
	return nil
}

// State is a job's bookkeeping between runs, by entry: for example one entry
// for each parent of a fan-out.
type State map[string]json.RawMessage

// A Change is what one Commit publishes along with the staged rows.
type Change struct {
	// State entries to set; a nil value deletes the entry.
	State State
	// Removals are carried out before the staged rows are merged.
	Removals []Removal
	// Run is the run record as of now. Its status is StatusRunning until the
	// last Commit of the session. The destination sets Tables.
	Run Run
	// DryRun counts what would happen and publishes nothing at all. The commits of
	// a session are all dry runs, or none is.
	DryRun bool
}

// A Removal says which rows leave a table: live rows of the account within
// Where that were not staged since the last Commit are removed: marked in a
// removable table, deleted elsewhere. Where often names the rows one by one, by
// thousands of keys; without it, the removal covers all rows of the account.
type Removal struct {
	Table string
	Where []Match // all of them match
}

// A Match selects rows whose text or date column has one of the values (dates
// as 2006-01-02). NULL has none.
type Match struct {
	Column string
	Values []string
}

// A Result is what a session did to its destination so far; see
// [Session.Commit] for how it counts.
type Result struct {
	Tables map[string]Count
}

// Count is what happened to the rows of one table. Rows that came back after
// they were removed count as changed.
type Count struct {
	// Rows is how many rows the account has in the table, without those that were
	// removed, when the run ended; absent before. A dry run stores none, so that it is
	// how many there are.
	Rows *int `json:"rows,omitempty"`
	// Added is how many rows are new.
	Added int `json:"added"`
	// Changed is how many rows have other values than before, or came back after they
	// were removed.
	Changed int `json:"changed"`
	// Unchanged is how many rows were read again as they were.
	Unchanged int `json:"unchanged"`
	// Removed is how many rows were marked as removed, or deleted.
	Removed int `json:"removed"`
}

// Add returns the sum of two counts of what happened.
func (c Count) Add(o Count) Count {
	return Count{
		Added: c.Added + o.Added, Changed: c.Changed + o.Changed,
		Unchanged: c.Unchanged + o.Unchanged, Removed: c.Removed + o.Removed,
	}
}

// With returns the counts with the rows of each table at the end of a run.
func (r Result) With(rows Rows) Result {
	out := Result{Tables: map[string]Count{}}
	maps.Copy(out.Tables, r.Tables)
	for table, n := range rows {
		c := out.Tables[table]
		c.Rows = &n
		out.Tables[table] = c
	}
	return out
}

// A ValueQuery names the column to count.
type ValueQuery struct {
	Account string // empty: all accounts
	Table   string
	Column  string
	// Where leaves only rows whose text columns have one of the values.
	Where []Match
	// Latest, if set, names a date column: of the rows that Where leaves, only
	// those of its greatest value in their account count.
	Latest string
}

// A ValueCount is one value with the number of rows that have it.
type ValueCount struct {
	Value string
	Rows  int
}
