package schedule

import (
	"context"
	"time"
)

// lookback is how far back a missed run is still made up.
const lookback = 31 * 24 * time.Hour

// clockSkew is how far ahead of our clock a run may have started. A record from
// further ahead was written by a clock that was wrong.
const clockSkew = time.Hour

// A Task is something to run whenever a cron line is due.
type Task struct {
	Key          string // the same in every list of tasks
	Group        string // tasks of a group that are due together run one after the other
	Job, Account string // names, for people
	Line         *Line
	SignedInAt   time.Time // when the account last signed in; zero: unknown

	// Last returns the newest run in the history. It must end with ctx.
	Last func(ctx context.Context) (Past, error)
	// Run runs the task. It must end soon after ctx.
	Run func(ctx context.Context) Past
}

// A Past is a task's newest run. The zero value means that it never ran.
type Past struct {
	StartedAt   time.Time
	ResumeAt    time.Time // when a deferred run may resume; zero: it was not deferred
	NeedsSignIn bool
}

// A task is a Task with what the loop knows of it. The mutex of the loop guards it.
type task struct {
	Task
	since time.Time // slots of a task that never ran count from here
	past  Past
	known bool  // past was read from the history
	err   error // why the history could not be read
	askAt time.Time
	busy  bool // a goroutine asks for its past, waits to run it, or runs it
	runs  bool
}

// dueAt returns when the task is to run next; the zero time means never.
func (t *task) dueAt() time.Time {
	resume := t.past.ResumeAt
	if t.past.NeedsSignIn && t.SignedInAt.After(t.past.StartedAt) {
		resume = t.SignedInAt
	}
	if due := t.slot(); resume.IsZero() || !due.IsZero() && due.Before(resume) {
		return due
	}
	return resume
}

// slot returns the first time after the newest run at which the line is due.
func (t *task) slot() time.Time {
	if t.past.StartedAt.IsZero() {
		return t.Line.Next(t.since)
	}
	return t.Line.Next(t.past.StartedAt)
}

func (t *task) due(now time.Time) bool {
	due := t.dueAt()
	return !due.IsZero() && !now.Before(due)
}

// learn takes over what the history says, unless the loop knows of a newer run
// that left no record.
func (t *task) learn(past Past, now time.Time) {
	t.known = true
	age := now.Sub(past.StartedAt)
	if age < lookback && age > -clockSkew && past.StartedAt.After(t.past.StartedAt) {
		t.past = past
	}
}
