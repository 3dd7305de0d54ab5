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

// A Run is the record of one run of one job for one account. Times are UTC.
type Run struct {
	ID            string           `json:"run_id"`
	Account       string           `json:"account_id"`
	Job           string           `json:"job"`
	Resource      string           `json:"resource"`
	Kind          string           `json:"kind"` // run, backfill
	Status        Status           `json:"status"`
	StartedAt     time.Time        `json:"started_at"`
	FinishedAt    time.Time        `json:"finished_at,omitzero"`
	Version       string           `json:"version"` // of the program
	Tables        map[string]Count `json:"tables,omitempty"`
	Items         int              `json:"items"` // read from the API
	Requests      int              `json:"requests"`
	Retries       int              `json:"retries"`
	SavedRequests int              `json:"saved_requests"` // that reading everything would have cost in addition
	Throttled     int              `json:"throttled"`      // requests that were answered with 429
	WaitedMS      int64            `json:"waited_ms"`      // for the rate limit
	Rejects       int              `json:"rejects"`
	Pending       int              `json:"pending"`      // rows that were not seen and whose removal is not proven
	Unreadable    int              `json:"unreadable"`   // entries of lists that could not be read
	FieldErrors   int              `json:"field_errors"` // values of an unexpected type, stored as NULL
	Message       string           `json:"message,omitempty"`
	Hint          string           `json:"hint,omitempty"`       // what to do next
	DeferredTo    time.Time        `json:"deferred_to,omitzero"` // when a deferred run may go on
	Budgeted      bool             `json:"-"`                    // deferred by a budget of our own; not stored
	Parents       int              `json:"parents,omitempty"`    // of a fan-out: all
	Fresh         int              `json:"fresh,omitempty"`      // of a fan-out: up to date
	Fence         int64            `json:"fence"`                // set by the destination
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
