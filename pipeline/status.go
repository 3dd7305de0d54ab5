package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// statusTimeout is how long a destination may take to show its history.
const statusTimeout = 5 * time.Second

// JobStatus is how a job stands at one destination.
type JobStatus struct {
	// Job is the name of the job in jobs.yaml.
	Job string `json:"job"`
	// Destination is the name of the destination in jobs.yaml.
	Destination string `json:"destination"`
	// Account is the account_id of the account that the job ran for; absent where it
	// never ran.
	Account string `json:"account_id,omitempty"`
	// Last is the record of the last run; absent where the job never ran, and where
	// the destination could not be read.
	Last *load.Run `json:"last_run,omitempty"`
	// LastOK is when the last run that was ok ended, UTC.
	LastOK time.Time `json:"last_ok_at,omitzero"`
	// LastGood is when the last run ended that stored what there was: ok, incomplete,
	// or deferred.
	LastGood time.Time `json:"last_good_at,omitzero"`
	// Gaps says when entries of a list may be missing of which Spotify shows the newest
	// only; absent while there is no gap.
	Gaps *Gaps `json:"gaps,omitempty"`
	// Overdue: no run has succeeded in the last two scheduled slots.
	Overdue bool `json:"overdue"`
	// Err is why the destination could not be read.
	Err error `json:"-"`

	since time.Time // start of the oldest run that is known
}

// Status reads how every job stands at each of its destinations, which it reads
// concurrently. It asks the API nothing.
func (r *Runner) Status(ctx context.Context, jobs []*config.Job) []JobStatus {
	histories := r.histories(ctx, jobs)
	var out []JobStatus
	for _, job := range jobs {
		for _, name := range job.Destinations {
			all := r.standing(job, name, histories[name])
			for i := range all {
				r.addGaps(ctx, job, &all[i])
			}
			out = append(out, all...)
		}
	}
	return out
}

// recorded is the history of a destination, or why it could not be read.
type recorded struct {
	runs []load.Run // newest first
	err  error
}

// histories reads the histories of all destinations of some jobs, by name.
func (r *Runner) histories(ctx context.Context, jobs []*config.Job) map[string]*recorded {
	out := map[string]*recorded{}
	var reading sync.WaitGroup
	for _, job := range jobs {
		for _, name := range job.Destinations {
			if out[name] == nil {
				h := &recorded{}
				out[name] = h
				reading.Go(func() { h.runs, h.err = r.recorded(ctx, name) })
			}
		}
	}
	reading.Wait()
	return out
}

func (r *Runner) recorded(ctx context.Context, name string) ([]load.Run, error) {
	limited, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	d, err := r.destinations.get(ctx, name, statusTimeout) // which has the same end
	if err != nil {
		return nil, err
	}
	runs, err := d.Runs(limited, load.RunsQuery{Limit: 50})
	if err != nil {
		return nil, fmt.Errorf("read the history at %s: %w", name, err)
	}
	return runs, nil
}

// standing sums up a job's history at one destination, by account.
func (r *Runner) standing(job *config.Job, destination string, h *recorded) []JobStatus {
	var out []JobStatus
	for _, run := range h.runs {
		if run.Job != job.Name {
			continue
		}
		i := slices.IndexFunc(out, func(s JobStatus) bool { return s.Account == run.Account })
		if i < 0 {
			i = len(out)
			out = append(out, JobStatus{Job: job.Name, Destination: destination, Account: run.Account, Last: &run})
		}
		out[i].since = run.StartedAt
		if run.Status == load.StatusOK && out[i].LastOK.IsZero() {
			out[i].LastOK = run.FinishedAt
		}
		if run.Status.Good() && out[i].LastGood.IsZero() {
			out[i].LastGood = run.FinishedAt
		}
	}
	if len(out) == 0 {
		out = []JobStatus{{Job: job.Name, Destination: destination, Err: h.err}}
	}
	if job.Schedule != nil {
		for i := range out {
			out[i].applySchedule(job.Schedule, r.Now())
		}
	}
	return out
}

// addGaps reads when entries may be missing, from what the job remembers.
func (r *Runner) addGaps(ctx context.Context, job *config.Job, s *JobStatus) {
	if job.Resource.Gaps == nil || s.Last == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	d, err := r.destinations.get(ctx, s.Destination, statusTimeout)
	if err != nil {
		s.Err = err
		return
	}
	state, err := d.State(ctx, load.Job{Account: s.Account, Name: job.Name, Resource: job.Resource.Name, Tables: job.Resource.Tables})
	if err != nil {
		s.Err = fmt.Errorf("read the state at %s: %w", s.Destination, err)
		return
	}
	if gaps := rememberedGaps(state, r.Now()); gaps.Total > 0 {
		gaps.Hint = gaps.advice(job, r.Now())
		s.Gaps = gaps
	}
}

// applySchedule sets what follows from the job's schedule.
func (s *JobStatus) applySchedule(line *schedule.Line, now time.Time) {
	since := s.LastOK
	if since.IsZero() {
		since = s.since
	}
	if !since.IsZero() {
		second := line.Next(line.Next(since))
		s.Overdue = !second.IsZero() && now.After(second)
	}
}
