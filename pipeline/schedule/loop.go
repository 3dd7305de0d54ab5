package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// atOnce is how many groups run at a time: more would not be faster, as they
	// share a rate limit, and each needs memory.
	atOnce = 4
	// refreshEvery is how often the loop refreshes its list of tasks.
	refreshEvery = 15 * time.Second
	// refreshTimeout and lastTimeout bound a refresh and the reading of a history.
	// The latter is longer than it takes to give up on a destination.
	refreshTimeout = 30 * time.Second
	lastTimeout    = 20 * time.Second
	// retryHistoryAfter is the pause after a history that could not be read.
	retryHistoryAfter = 5 * time.Second
	// gatherFor is how long a task that may run waits for others of its group.
	gatherFor = time.Second
	// stalledAfter is the silence after which the loop counts as stalled.
	stalledAfter = time.Minute
)

// Options are what a Loop works with.
type Options struct {
	// Tasks lists what to run now, in the order that tasks of a group run in. After an error the loop keeps the tasks it has.
	Tasks func(ctx context.Context) ([]Task, error)
	// Share announces how many tasks of a group run one after the other. It may be
	// nil.
	Share func(group string, tasks int)
	Tick  time.Duration    // how often the loop checks the clock
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger
	Hint  func(error) string // the next step for the user, or nothing
}

// A Loop runs tasks when they are due: one run of a task at a time, a missed
// schedule made up once, a deferred run resumed at its time, and a run that
// needed a sign-in repeated after it. Before each run it reads the history, so
// that it neither repeats what another process ran nor starts a run whose
// destinations do not answer; such a run is made up as soon as they do.
//
// The loop checks the clock on every tick instead of waiting for a point in time,
// because timers stand still while a machine sleeps. It never waits for anything
// else: whatever may take time happens in goroutines of its own.
type Loop struct {
	Options
	began  time.Time
	slots  chan struct{} // one for each group that runs
	logged string        // readiness in the log; only Serve uses it

	mu          sync.Mutex
	ticked      time.Time // by the real clock
	tasks       []*task
	refreshing  bool      // a refresh is under way
	found       bool      // one has succeeded
	failure     error     // of the last one
	refreshedAt time.Time // when a refresh last found tasks
}

// NewLoop returns a loop that has not started.
func NewLoop(o Options) *Loop {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Loop{Options: o, began: o.Now(), slots: make(chan struct{}, atOnce), ticked: time.Now()}
}

// Serve runs tasks until ctx ends, then waits for those that are running.
func (l *Loop) Serve(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	ticker := time.NewTicker(l.Tick)
	defer ticker.Stop()
	for {
		l.tick(ctx, &work)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tick starts what is due.
func (l *Loop) tick(ctx context.Context, work *sync.WaitGroup) {
	now := l.Now()
	l.mu.Lock()
	l.ticked = time.Now()
	if since := now.Sub(l.refreshedAt); !l.refreshing && (l.refreshedAt.IsZero() || since < 0 || since >= refreshEvery) {
		l.refreshing = true
		work.Go(func() { l.refresh(ctx, now) })
	}
	for _, group := range l.take(now) {
		work.Go(func() { l.serve(ctx, group) })
	}
	state, err := l.readiness()
	l.mu.Unlock()
	l.logReadiness(ctx, state, err)
}

// refresh brings the tasks up to date.
func (l *Loop) refresh(ctx context.Context, now time.Time) {
	limited, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	found, err := l.Tasks(limited)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refreshing = false
	if l.failure = err; err != nil {
		l.failure = fmt.Errorf("list accounts: %w", err)
		return
	}
	since := now
	if !l.found {
		since = l.began
	}
	tasks := make([]*task, len(found))
	for i, t := range found {
		if at := slices.IndexFunc(l.tasks, func(old *task) bool { return old.Key == t.Key }); at >= 0 {
			tasks[i], l.tasks[at].Task = l.tasks[at], t
		} else {
			tasks[i] = &task{Task: t, since: since}
		}
	}
	if l.tasks, l.found = tasks, true; len(tasks) > 0 {
		l.refreshedAt = now
	}
}

// take returns the tasks that are to be served, by group, and marks them busy.
func (l *Loop) take(now time.Time) map[string][]*task {
	groups := map[string][]*task{}
	for _, t := range l.tasks {
		if t.busy || t.known && !t.due(now) || time.Now().Before(t.askAt) {
			continue
		}
		t.busy = true
		groups[t.Group] = append(groups[t.Group], t)
	}
	return groups
}

// serve reads the history of tasks of a group and runs those that are due. A slow
// history delays no other task.
func (l *Loop) serve(ctx context.Context, group []*task) {
	asked := make(chan *task, len(group))
	for _, t := range group {
		go func() { asked <- l.ask(ctx, t) }()
	}
	for left := len(group); left > 0; {
		var due []*task
		due, left = gather(asked, left)
		slices.SortFunc(due, func(a, b *task) int { return slices.Index(group, a) - slices.Index(group, b) })
		l.run(ctx, due)
	}
}

// gather waits for a task to run, and for others that come soon after it. It
// returns how many are left to wait for.
func gather(asked <-chan *task, left int) ([]*task, int) {
	var due []*task
	var enough <-chan time.Time
	for left > 0 {
		select {
		case t := <-asked:
			if left--; t == nil {
				continue
			}
			if due = append(due, t); enough == nil {
				enough = time.After(gatherFor)
			}
		case <-enough:
			return due, left
		}
	}
	return due, 0
}

// ask reads the newest run of a task, and returns the task if it is to run now.
func (l *Loop) ask(ctx context.Context, t *task) *task {
	limited, cancel := context.WithTimeout(ctx, lastTimeout)
	defer cancel()
	past, err := l.current(t).Last(limited)
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.err = err; err != nil {
		t.busy, t.askAt = false, time.Now().Add(retryHistoryAfter)
		return nil
	}
	t.learn(past, now)
	if t.busy = t.due(now); !t.busy {
		return nil
	}
	if slot := t.slot(); slot.Equal(t.dueAt()) && now.Sub(slot) > time.Minute {
		l.Log.Info("making up a missed schedule", "job", t.Job, "due_at", slot)
	}
	return t
}

// current returns a task as the last refresh found it.
func (l *Loop) current(t *task) Task {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.Task
}

// run runs tasks of a group one after the other.
func (l *Loop) run(ctx context.Context, due []*task) {
	if len(due) == 0 {
		return
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return
	}
	if len(due) > 1 && l.Share != nil {
		l.Share(due[0].Group, len(due))
	}
	for _, t := range due {
		if ctx.Err() == nil {
			l.runOne(ctx, t)
		}
	}
}

func (l *Loop) runOne(ctx context.Context, t *task) {
	now := l.Now()
	l.mu.Lock()
	run := t.Run
	t.runs = true
	l.mu.Unlock()
	past := run(ctx)
	if past.StartedAt.Before(now) { // whatever it says, this slot is over
		past.StartedAt = now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.past, t.busy, t.runs = past, false, false
}
