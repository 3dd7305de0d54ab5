package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// lookback is how far back a missed schedule is still made up.
const lookback = 31 * 24 * time.Hour

// atOnce is how many runs go on at a time: more would not be faster, as they
// share a rate limit, and each needs memory.
const atOnce = 4

// refreshUsers is how often a scheduler looks for accounts that came or went.
const refreshUsers = 15 * time.Second

// A Scheduler runs jobs when they are due, for every user: one run of a job and
// a user at a time, those that read the same lists one after the other with one
// reading between them, a schedule that was missed (the machine slept, the process
// was down) made up once, a deferred run continued when its time has come.
//
// It looks at the clock on every tick instead of waiting for a point in time,
// because timers stand still while a machine sleeps.
type Scheduler struct {
	runner *Runner
	jobs   []*config.Job
	who    Users
	tick   time.Duration
	slots  chan struct{} // one for each run that goes on
	began  time.Time
	asked  time.Time // when the users were looked up

	mu     sync.Mutex
	tasks  []*scheduled
	ticked time.Time // last look at the clock
	ready  error     // why not ready; nil when ready
	told   readiness // in the log
}

// Users tells who is connected now, and the app itself, if it has a token of
// its own. A user who is still the same is the same pointer.
type Users func(ctx context.Context) (users []*User, app *User, err error)

// A scheduled task knows from when on it looks for the next due time.
type scheduled struct {
	Task
	next    *User     // who it is from the next run on, after signing in again
	known   bool      // last and resume were read from the history
	last    time.Time // start of the last run, or of the scheduler
	resume  time.Time // when a deferred run may go on
	refused time.Time // start of the last run, if it needs a sign-in
	running bool
}

// NewScheduler returns a scheduler for the jobs that have a schedule. It looks
// at the clock once every tick, and now and then at who is connected.
func NewScheduler(r *Runner, jobs []*config.Job, who Users, tick time.Duration) *Scheduler {
	s := &Scheduler{
		runner: r, who: who, tick: tick, slots: make(chan struct{}, atOnce), began: r.Now(), ready: fmt.Errorf("starting"),
	}
	for _, j := range jobs {
		if j.Schedule != nil {
			s.jobs = append(s.jobs, j)
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
	err := s.lookUp(ctx, now)
	if err == nil {
		err = s.learn(ctx)
	}
	s.mu.Lock()
	s.ticked, s.ready = now, err
	tasks := s.tasks
	s.mu.Unlock()
	s.tell(ctx, err)
	due := slices.DeleteFunc(slices.Clone(tasks), func(t *scheduled) bool { return !s.take(t, now) })
	for _, same := range together(due, func(t *scheduled) string { return shareKey(t.Task) }) {
		runs.Go(func() { s.run(ctx, same) })
	}
}

// tell writes a log line when the scheduler can no longer do its work, and when
// it can again. Of what is wrong it tells nobody from anything else; the rest,
// which may change with every look, is for readiness probes.
func (s *Scheduler) tell(ctx context.Context, err error) {
	var nobody *nobodyError
	state := able
	switch {
	case errors.As(err, &nobody):
		state = idle
	case err != nil:
		state = failing
	}
	if ctx.Err() != nil || state == s.told {
		return
	}
	s.told = state
	if err != nil {
		s.runner.Log.Warn("not ready: jobs cannot run as scheduled", "error", err, "hint", Hint(err))
		return
	}
	s.runner.Log.Info("ready again: jobs run as scheduled")
}

// A readiness is how ready a scheduler is, as far as the log is concerned.
type readiness int

const (
	able    readiness = iota
	idle              // there is nobody to run jobs for
	failing           // who there is, or what has run, cannot be looked up
)

// lookUp brings the tasks up to date with who is connected. Users that cannot
// be looked up just now stay as they were.
func (s *Scheduler) lookUp(ctx context.Context, now time.Time) error {
	if since := now.Sub(s.asked); !s.asked.IsZero() && since >= 0 && since < refreshUsers {
		return nil
	}
	users, app, err := s.who(ctx)
	if err != nil {
		return fmt.Errorf("look up accounts: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.tasks
	s.tasks = nil
	for _, t := range Tasks(s.jobs, users, app) {
		i := slices.IndexFunc(before, func(old *scheduled) bool { return old.Job == t.Job && old.User.Name == t.User.Name })
		if i < 0 {
			s.tasks = append(s.tasks, &scheduled{Task: t, last: s.began})
			continue
		}
		before[i].next = t.User
		s.tasks = append(s.tasks, before[i])
	}
	if len(s.tasks) == 0 {
		return &nobodyError{}
	}
	s.asked = now
	return nil
}

// A nobodyError says that there is nobody to run jobs for.
type nobodyError struct{}

func (*nobodyError) Error() string { return "no account is connected" }

// Hint is the next step for the user.
func (*nobodyError) Hint() string { return "connect one: exporter login" }

// take marks a job as running if it is due.
func (s *Scheduler) take(j *scheduled, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	early := !j.resume.IsZero() && !now.Before(j.resume) || j.renewed()
	due := j.Job.Schedule.Next(j.last)
	if j.running || !j.known || !early && (due.IsZero() || now.Before(due)) {
		return false
	}
	if late := now.Sub(due); !early && late > time.Minute {
		s.runner.Log.Info("making up a missed schedule", "job", j.Job.Name, "due_at", due)
	}
	if j.next != nil {
		j.User, j.next = j.next, nil
	}
	j.running, j.last, j.resume, j.refused = true, now, time.Time{}, time.Time{}
	return true
}

// renewed tells whether the user has signed in after a run that needed it.
func (j *scheduled) renewed() bool {
	who := j.User
	if j.next != nil {
		who = j.next
	}
	return !j.refused.IsZero() && who.SignedInAt.After(j.refused)
}

// run runs tasks that may read the same lists one after the other, so that they
// share the answers, which are many: so few groups as go on at once hold any.
func (s *Scheduler) run(ctx context.Context, same []*scheduled) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
	}
	var tasks []Task
	for _, t := range same {
		tasks = append(tasks, t.Task)
	}
	s.runner.share(tasks)
	for _, t := range same {
		var run load.Run
		if ctx.Err() == nil {
			run = s.runner.Run(ctx, t.Task, Mode{})
		}
		s.mu.Lock()
		t.running = false
		t.note(run)
		s.mu.Unlock()
	}
}

// note keeps of a run when the job goes on before its next turn.
func (j *scheduled) note(run load.Run) {
	j.resume, j.refused = run.DeferredTo, time.Time{}
	if run.Status == load.StatusNeedsSignIn {
		j.refused = run.StartedAt
	}
}

// learn reads from the history when jobs ran last, once for each job, so that
// a restart neither repeats nor misses a run.
func (s *Scheduler) learn(ctx context.Context) error {
	var missing error
	s.mu.Lock()
	tasks := s.tasks
	s.mu.Unlock()
	for _, j := range tasks {
		if j.known {
			continue
		}
		last, err := s.lastRun(ctx, j.Task)
		if err != nil {
			missing = err
			continue
		}
		s.mu.Lock()
		j.known = true
		if last != nil && s.runner.Now().Sub(last.StartedAt) < lookback {
			j.last = last.StartedAt
			j.note(*last)
		}
		s.mu.Unlock()
	}
	return missing
}

func (s *Scheduler) lastRun(ctx context.Context, t Task) (*load.Run, error) {
	var newest *load.Run
	for _, name := range t.Job.Destinations {
		d, err := s.runner.Destination(ctx, name)
		if err != nil {
			return nil, err
		}
		runs, err := d.Runs(ctx, 1)
		if err != nil {
			return nil, fmt.Errorf("read the history at %s: %w", name, err)
		}
		for _, r := range runs {
			if r.Job == t.Job.Name && t.User.mayBe(r.Account) && (newest == nil || r.StartedAt.After(newest.StartedAt)) {
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
	Account string    `json:"account,omitempty"` // its name
	Running bool      `json:"running"`
	DueAt   time.Time `json:"due_at"`
}

// Jobs is how many jobs have a schedule.
func (s *Scheduler) Jobs() int { return len(s.jobs) }

// Upcoming lists the scheduled jobs with their next time.
func (s *Scheduler) Upcoming() []Upcoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Upcoming
	for _, j := range s.tasks {
		due := j.Job.Schedule.Next(j.last)
		if !j.resume.IsZero() && j.resume.Before(due) {
			due = j.resume
		}
		out = append(out, Upcoming{Job: j.Job.Name, Account: j.User.Name, Running: j.running, DueAt: due})
	}
	return out
}
