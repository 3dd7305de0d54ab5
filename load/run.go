package load

import (
	"fmt"
	"time"
)

// Status is how a run ended, or that it has not.
type Status string

// The statuses of a run. A run ends in exactly one of the others than running.
const (
	StatusRunning     Status = "running"
	StatusOK          Status = "ok"
	StatusFailed      Status = "failed"
	StatusNeedsSignIn Status = "needs_sign_in"
	StatusDeferred    Status = "deferred"
	StatusIncomplete  Status = "incomplete"
	StatusInterrupted Status = "interrupted"
)

// Good reports whether a run stored what the API showed of its lists, as far as the
// quota allowed.
func (s Status) Good() bool {
	return s == StatusOK || s == StatusIncomplete || s == StatusDeferred
}

// A Run is the record of one run of one job for one account. Times are UTC.
type Run struct {
	// ID is the name of the run.
	ID string `json:"run_id"`
	// Account is the account_id of the account that the job ran for; app for jobs that
	// need no account.
	Account string `json:"account_id"`
	// Job is the name of the job in jobs.yaml.
	Job string `json:"job"`
	// Resource is what the job exports.
	Resource string `json:"resource"`
	// Kind is either run or backfill.
	Kind string `json:"kind"`
	// Status is how the run ended; running as long as it has not.
	Status Status `json:"status"`
	// StartedAt is when the run began, UTC. Rows that it wrote have it as last_seen_at.
	StartedAt time.Time `json:"started_at"`
	// FinishedAt is when the run ended, UTC; absent while it is running, and after its
	// process died.
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// Version is the version of the program.
	Version string `json:"version"`
	// Tables is what happened to the rows, by table: at the destination that keeps the
	// record, or else at the first destination of the job.
	Tables map[string]Count `json:"tables,omitempty"`
	// Destinations is the same by destination, where the job has several. It is told
	// when a run ends, and not stored.
	Destinations map[string]map[string]Count `json:"destinations,omitempty"`
	// Items is how many items were read from the API.
	Items int `json:"items"`
	// Requests is how many requests were made to the API, retries included.
	Requests int `json:"requests"`
	// Retries is how many requests repeated a failed one.
	Retries int `json:"retries"`
	// SavedRequests is how many more requests reading everything would have taken.
	SavedRequests int `json:"saved_requests"`
	// Throttled is how many requests Spotify answered with 429.
	Throttled int `json:"throttled"`
	// WaitedMS is how long the run waited for rate limits and budgets, in milliseconds.
	WaitedMS int64 `json:"waited_ms"`
	// Rejects is how many items were rejected; they are in the table rejects.
	Rejects int `json:"rejects"`
	// Pending is how many removals are pending: the rows were not found, and that they
	// were removed is not proven.
	Pending int `json:"pending"`
	// Unreadable is how many entries of lists could not be read.
	Unreadable int `json:"unreadable"`
	// FieldErrors is how many values were of an unexpected type; they are NULL.
	FieldErrors int `json:"field_errors"`
	// Message is why the run ended as it did, or what its lists leave open.
	Message string `json:"message,omitempty"`
	// Hint is what to do next.
	Hint string `json:"hint,omitempty"`
	// DeferredTo is when a deferred run can be resumed, UTC.
	DeferredTo time.Time `json:"deferred_to,omitzero"`
	// Budgeted: the run was deferred by a budget of jobs.yaml, not by Spotify.
	Budgeted bool `json:"-"`
	// Parents is how many lists a fan-out has.
	Parents int `json:"parents,omitempty"`
	// UpToDate is how many of them were up to date when the run ended.
	UpToDate int `json:"up_to_date,omitempty"`
	// Fence is a number that orders the runs of a job at one destination; 0 where nothing was stored.
	Fence int64 `json:"fence"`
}

// Finished tells whether the run has ended.
func (r Run) Finished() bool { return r.Status != "" && r.Status != StatusRunning }

// A LockedError says that another run of the job is going on.
type LockedError struct {
	Job    string
	Holder string // host and process, as far as known
	Since  time.Time
}

func (e *LockedError) Error() string {
	msg := fmt.Sprintf("another run of %s is going on", e.Job)
	if e.Holder != "" {
		msg += " (" + e.Holder + ")"
	}
	if !e.Since.IsZero() {
		msg += " since " + e.Since.UTC().Format(time.RFC3339)
	}
	return msg
}

// Hint is the next step for the user.
func (*LockedError) Hint() string { return "wait until the other run has ended, or stop it" }

// ErrFenced says that the session was overtaken: another run took the job
// over, and this one can no longer commit.
var ErrFenced error = fencedError{}

type fencedError struct{}

func (fencedError) Error() string { return "another run has taken over this job" }

// Hint is the next step for the user.
func (fencedError) Hint() string { return "nothing to do: the other run continues" }

// A SchemaError says that a destination's schema does not fit this program.
type SchemaError struct {
	Have, Want int64 // versions
	Message    string
	Advice     string
}

func (e *SchemaError) Error() string { return e.Message }

// Hint is the next step for the user.
func (e *SchemaError) Hint() string { return e.Advice }
