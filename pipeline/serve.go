package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// Users returns who is connected now, and the app if it has a token of its own.
type Users func(ctx context.Context) (users []*User, app *User, err error)

// Loop returns a loop that runs those of the jobs that have a schedule, for
// whoever is connected. It checks the clock once every tick.
func (r *Runner) Loop(jobs []*config.Job, who Users, tick time.Duration) *schedule.Loop {
	return schedule.NewLoop(schedule.Options{
		Tasks: func(ctx context.Context) ([]schedule.Task, error) {
			users, app, err := who(ctx)
			if err != nil {
				return nil, err
			}
			return r.scheduled(Tasks(Scheduled(jobs), users, app)), nil
		},
		Share: r.share, Tick: tick, Now: r.Now, Log: r.Log, Hint: Hint,
	})
}

// Scheduled returns the jobs that have a schedule.
func Scheduled(jobs []*config.Job) []*config.Job {
	var out []*config.Job
	for _, j := range jobs {
		if j.Schedule != nil {
			out = append(out, j)
		}
	}
	return out
}

// scheduled turns tasks into those of a loop.
func (r *Runner) scheduled(tasks []Task) []schedule.Task {
	out := make([]schedule.Task, len(tasks))
	for i, t := range tasks {
		out[i] = schedule.Task{
			Key: t.Job.Name + "\x00" + t.User.Name, Group: shareKey(t),
			Job: t.Job.Name, Account: t.User.Name, Line: t.Job.Schedule, SignedInAt: t.User.SignedInAt,
			Last: func(ctx context.Context) (schedule.Past, error) { return r.last(ctx, t) },
			Run:  func(ctx context.Context) schedule.Past { return past(r.Run(ctx, t, Mode{})) },
		}
	}
	return out
}

// last reads the newest run of a task from the history at its destinations.
func (r *Runner) last(ctx context.Context, t Task) (schedule.Past, error) {
	opened, err := r.destinations.each(ctx, t.Job.Destinations)
	if err != nil {
		return schedule.Past{}, err
	}
	var newest load.Run
	for i, d := range opened {
		runs, err := history(ctx, d, t.Job.Name, "", 1)
		if err != nil {
			return schedule.Past{}, fmt.Errorf("read the history at %s: %w", t.Job.Destinations[i], err)
		}
		for _, run := range runs {
			if t.User.mayBe(run.Account) && run.StartedAt.After(newest.StartedAt) {
				newest = run
			}
		}
	}
	return past(newest), nil
}

func past(r load.Run) schedule.Past {
	return schedule.Past{StartedAt: r.StartedAt, ResumeAt: r.DeferredTo, NeedsSignIn: r.Status == load.StatusNeedsSignIn}
}
