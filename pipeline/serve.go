package pipeline

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tracklake/tracklake/load"
)

// lookback is how far back a missed schedule is still made up.
const lookback = 31 * 24 * time.Hour

// A Scheduler runs jobs when they are due: one run of a job at a time, a
// schedule that was missed (the machine slept, the process was down) made up
// once, a deferred run continued when its time has come.
//
// It looks at the clock on every tick instead of waiting for a point in time,
// because timers stand still while a machine sleeps.
type Scheduler struct {
	runner *Runner
	jobs   []*scheduled
	tick   time.Duration

	mu     sync.Mutex
	ticked time.Time // last look at the clock
	ready  error     // why not ready; nil when ready
}

// A scheduled job knows from when on it looks for the next due time.
type scheduled struct {
	job     *Job
	known   bool      // last and resume were read from the history
	last    time.Time // start of the last run, or of the scheduler
	resume  time.Time // when a deferred run may go on
	running bool
}

// NewScheduler returns a scheduler for the jobs that have a schedule. It looks
// at the clock once every tick.
func NewScheduler(r *Runner, jobs []*Job, tick time.Duration) *Scheduler {
	s := &Scheduler{runner: r, tick: tick, ready: fmt.Errorf("starting")}
	for _, j := range jobs {
		if j.Schedule != nil {
			s.jobs = append(s.jobs, &scheduled{job: j, last: r.Now()})
		}
	}
	return s
}

// Serve runs jobs until ctx ends, then waits for those that are running; they
// stop at once and keep what they have read whole.
func (s *Scheduler) Serve(ctx context.Context) {
	var runs sync.WaitGroup
	defer runs.Wait()
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	for {
		s.look(ctx, &runs)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look starts what is due.
func (s *Scheduler) look(ctx context.Context, runs *sync.WaitGroup) {
	now := s.runner.Now()
	err := s.learn(ctx)
	s.mu.Lock()
	s.ticked, s.ready = now, err
	s.mu.Unlock()
	for _, j := range s.jobs {
		if s.take(j, now) {
			runs.Go(func() { s.run(ctx, j) })
		}
	}
}

// take marks a job as running if it is due.
func (s *Scheduler) take(j *scheduled, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	resume := !j.resume.IsZero() && !now.Before(j.resume)
	due := j.job.Schedule.Next(j.last)
	if j.running || !j.known || !resume && (due.IsZero() || now.Before(due)) {
		return false
	}
	if late := now.Sub(due); !resume && late > time.Minute {
		s.runner.Log.Info("making up a missed schedule", "job", j.job.Name, "due_at", due)
	}
	j.running, j.last, j.resume = true, now, time.Time{}
	return true
}

func (s *Scheduler) run(ctx context.Context, j *scheduled) {
	record := s.runner.Run(ctx, j.job, Mode{})
	s.mu.Lock()
	defer s.mu.Unlock()
	j.running, j.resume = false, record.DeferredTo
}

// learn reads from the history when jobs ran last, once for each job, so that
// a restart neither repeats nor misses a run.
func (s *Scheduler) learn(ctx context.Context) error {
	var missing error
	for _, j := range s.jobs {
		if j.known {
			continue
		}
		last, err := s.lastRun(ctx, j.job)
		if err != nil {
			missing = err
			continue
		}
		s.mu.Lock()
		j.known = true
		if last != nil && s.runner.Now().Sub(last.StartedAt) < lookback {
			j.last, j.resume = last.StartedAt, last.DeferredTo
		}
		s.mu.Unlock()
	}
	return missing
}

func (s *Scheduler) lastRun(ctx context.Context, job *Job) (*load.Run, error) {
	var newest *load.Run
	for _, name := range job.Destinations {
		d, err := s.runner.Destination(ctx, name)
		if err != nil {
			return nil, err
		}
		runs, err := d.Runs(ctx, 1)
		if err != nil {
			return nil, fmt.Errorf("read the history at %s: %w", name, err)
		}
		for _, r := range runs {
			if r.Job == job.Name && (newest == nil || r.StartedAt.After(newest.StartedAt)) {
				newest = &r
			}
		}
	}
	return newest, nil
}

// Ready tells why no job could run now, or nil.
func (s *Scheduler) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// Alive tells why the scheduler is stuck, or nil.
func (s *Scheduler) Alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if silent := s.runner.Now().Sub(s.ticked); silent > 10*s.tick+time.Minute {
		return fmt.Errorf("the scheduler has not looked at the clock for %s", silent.Round(time.Second))
	}
	return nil
}

// Upcoming is when a job runs next.
type Upcoming struct {
	Job     string    `json:"job"`
	Running bool      `json:"running"`
	DueAt   time.Time `json:"due_at"`
}

// Upcoming lists the scheduled jobs with their next time.
func (s *Scheduler) Upcoming() []Upcoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Upcoming
	for _, j := range s.jobs {
		due := j.job.Schedule.Next(j.last)
		if !j.resume.IsZero() && j.resume.Before(due) {
			due = j.resume
		}
		out = append(out, Upcoming{Job: j.job.Name, Running: j.running, DueAt: due})
	}
	return out
}
