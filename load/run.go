package load

import (
	"errors"
	"fmt"
	"strings"
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
	ID         string           `json:"run_id"`
	Account    string           `json:"account_id"`
	Job        string           `json:"job"`
	Resource   string           `json:"resource"`
	Kind       string           `json:"kind"` // run, backfill
	Status     Status           `json:"status"`
	StartedAt  time.Time        `json:"started_at"`
	FinishedAt time.Time        `json:"finished_at,omitzero"`
	Version    string           `json:"version"` // of the program
	Tables     map[string]Count `json:"tables,omitempty"`
	Items      int              `json:"items"` // read from the API
	Requests   int              `json:"requests"`
	Retries    int              `json:"retries"`
	Spared     int              `json:"spared"`    // requests that reading everything would have cost in addition
	Refused    int              `json:"refused"`   // requests that were answered with 429
	WaitedMS   int64            `json:"waited_ms"` // for the rate limit
	Rejects    int              `json:"rejects"`
	Held       int              `json:"held"` // removals that a guard held back
	Message    string           `json:"message,omitempty"`
	Hint       string           `json:"hint,omitempty"`       // what to do next
	DeferredTo time.Time        `json:"deferred_to,omitzero"` // when a deferred run may go on
	Budgeted   bool             `json:"-"`                    // deferred by a budget of our own; not stored
	Parents    int              `json:"parents,omitempty"`    // of a fan-out: all
	Fresh      int              `json:"fresh,omitempty"`      // of a fan-out: up to date
	Fence      int64            `json:"fence"`                // set by the destination
}

// Finished tells whether the run has ended.
func (r Run) Finished() bool { return r.Status != "" && r.Status != StatusRunning }

// With returns the record completed by what a session did: its counts, and,
// where a guard held removals back, now or before, that the run is incomplete,
// or, of one that ended early, that it says so. Destinations call it before they
// store a record.
func (r Run) With(result Result) Run {
	r.Tables, r.Held = result.Tables, r.Held+result.Held
	held := fmt.Sprintf("%d rows would be marked as removed, more than a fifth of them; they were left as they are", r.Held)
	hint := "if they are really gone, let them through with: exporter run " + r.Job + " --accept-removals"
	switch {
	case r.Held == 0:
	case r.Status == StatusOK:
		r.Status, r.Message, r.Hint = StatusIncomplete, held, hint
	case r.Status == StatusDeferred && !strings.Contains(r.Message, held):
		r.Message, r.Hint = r.Message+"; "+held, r.Hint+"; "+hint
	}
	return r
}

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

// ErrFenced says that the session was overtaken: another run took the job
// over, and this one can no longer commit.
var ErrFenced = errors.New("another run has taken over this job")

// A SchemaError says that a destination's schema does not fit this program.
type SchemaError struct {
	Have, Want int64 // versions
	Message    string
	Hint       string
}

func (e *SchemaError) Error() string { return e.Message }
