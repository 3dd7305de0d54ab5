package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// starting is the readiness of a loop that does not know all pasts yet. The log
// has no line about it.
const starting = "starting"

// Alive returns why the loop is stuck, or nil.
func (l *Loop) Alive() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if silent := time.Since(l.ticked); silent > stalledAfter+10*l.Tick {
		return fmt.Errorf("scheduler loop stalled for %s", silent.Round(time.Second))
	}
	return nil
}

// Ready returns what is missing to run every task when it is due, or nil.
func (l *Loop) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.readiness()
	return err
}

// readiness returns what is missing, and a text that changes whenever it is to be
// logged; "" if nothing is missing.
func (l *Loop) readiness() (string, error) {
	switch {
	case l.failure != nil:
		return "accounts", l.failure
	case !l.found:
		return starting, errors.New("starting: the list of accounts is being read")
	case len(l.tasks) == 0:
		return "no account", &noAccountError{}
	}
	var failed, unknown []string // jobs
	var first error
	for _, t := range l.tasks {
		switch {
		case t.err != nil:
			failed = append(failed, t.Job)
			if first == nil {
				first = t.err
			}
		case !t.known:
			unknown = append(unknown, t.Job)
		}
	}
	switch {
	case first != nil:
		jobs := listed(failed)
		return jobs, fmt.Errorf("%s cannot run: %w", jobs, first)
	case len(unknown) > 0:
		return starting, fmt.Errorf("starting: the history of %s is being read", listed(unknown))
	}
	return "", nil
}

// listed names jobs, each once.
func listed(jobs []string) string {
	slices.Sort(jobs)
	if jobs = slices.Compact(jobs); len(jobs) == 1 {
		return "job " + jobs[0]
	}
	return "jobs " + strings.Join(jobs, ", ")
}

// A noAccountError says that there is nothing to run.
type noAccountError struct{}

func (*noAccountError) Error() string { return "no account is connected" }

// Hint is the next step for the user.
func (*noAccountError) Hint() string { return "connect one: exporter login" }

// logReadiness logs when something is missing and when nothing is missing any more.
func (l *Loop) logReadiness(ctx context.Context, state string, err error) {
	if ctx.Err() != nil || state == starting || state == l.logged {
		return
	}
	l.logged = state
	if err != nil {
		l.Log.Warn("not ready: jobs cannot run as scheduled", "error", err, "hint", l.Hint(err))
		return
	}
	l.Log.Info("ready again: jobs run as scheduled")
}

// Upcoming is when a task runs next.
type Upcoming struct {
	Job     string    `json:"job"`
	Account string    `json:"account,omitempty"` // its name
	Running bool      `json:"running"`
	DueAt   time.Time `json:"due_at,omitzero"`   // zero: not within five years
	Problem string    `json:"problem,omitempty"` // why it cannot run
}

// Upcoming lists the tasks with their next time.
func (l *Loop) Upcoming() []Upcoming {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Upcoming, len(l.tasks))
	for i, t := range l.tasks {
		out[i] = Upcoming{Job: t.Job, Account: t.Account, Running: t.runs, DueAt: t.dueAt()}
		if t.err != nil {
			out[i].Problem = t.err.Error()
		}
	}
	return out
}
