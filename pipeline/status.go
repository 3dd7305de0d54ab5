package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// JobStatus is how a job stands at one destination.
type JobStatus struct {
	Job         string    `json:"job"`
	Destination string    `json:"destination"`
	Account     string    `json:"account_id,omitempty"`
	Last        *load.Run `json:"last_run,omitempty"` // nil: never run
	LastOK      time.Time `json:"last_ok_at,omitzero"`
	// Late says that the last good run is older than two turns of the schedule.
	Late   bool      `json:"late"`
	NextAt time.Time `json:"next_at,omitzero"`
}

// Status reads how every job stands at each of its destinations. It asks the
// API nothing.
func (r *Runner) Status(ctx context.Context, jobs []*config.Job) ([]JobStatus, error) {
	var out []JobStatus
	history := map[string][]load.Run{}
	for _, job := range jobs {
		for _, name := range job.Destinations {
			if _, ok := history[name]; !ok {
				d, err := r.Destination(ctx, name)
				if err != nil {
					return nil, err
				}
				if history[name], err = d.Runs(ctx, 50); err != nil {
					return nil, fmt.Errorf("read the history at %s: %w", name, err)
				}
			}
			out = append(out, r.standing(job, name, history[name])...)
		}
	}
	return out, nil
}

// standing sums up a job's history at one destination, by account.
func (r *Runner) standing(job *config.Job, destination string, runs []load.Run) []JobStatus {
	var out []JobStatus
	for _, run := range runs { // newest first
		if run.Job != job.Name {
			continue
		}
		i := slices.IndexFunc(out, func(s JobStatus) bool { return s.Account == run.Account })
		if i < 0 {
			i = len(out)
			out = append(out, JobStatus{Job: job.Name, Destination: destination, Account: run.Account, Last: &run})
		}
		if run.Status == load.StatusOK && out[i].LastOK.IsZero() {
			out[i].LastOK = run.FinishedAt
		}
	}
	if len(out) == 0 {
		out = []JobStatus{{Job: job.Name, Destination: destination}}
	}
	if job.Schedule == nil {
		return out
	}
	now := r.Now()
	for i := range out {
		out[i].NextAt = job.Schedule.Next(now)
		if !out[i].LastOK.IsZero() {
			second := job.Schedule.Next(job.Schedule.Next(out[i].LastOK))
			out[i].Late = !second.IsZero() && now.After(second)
		}
	}
	return out
}
