package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/pipeline/schedule"
)

// world is what a loop serves: tasks that write down when they ran. Time is that
// of a synctest bubble, which begins at midnight.
type world struct {
	t    *testing.T
	line *schedule.Line
	loop *schedule.Loop
	stop context.CancelFunc
	over sync.WaitGroup

	mu      sync.Mutex
	tasks   []schedule.Task
	listing func(ctx context.Context) error // nil: succeeds
	ran     []string
	shared  []string
	log     strings.Builder
	slept   atomic.Int64 // how long the machine did, as a time.Duration
}

// task adds a task that is due at every full hour.
func (w *world) task(job, group string, last func(context.Context) (schedule.Past, error), run func(context.Context) schedule.Past) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last == nil {
		last = func(context.Context) (schedule.Past, error) { return schedule.Past{}, nil }
	}
	w.tasks = append(w.tasks, schedule.Task{
		Key: job, Group: group, Job: job, Line: w.line, Last: last,
		Run: func(ctx context.Context) schedule.Past {
			past := schedule.Past{StartedAt: w.now()}
			w.mu.Lock()
			w.ran = append(w.ran, job+" "+past.StartedAt.UTC().Format(time.TimeOnly))
			w.mu.Unlock()
			if run != nil {
				return run(ctx)
			}
			return past
		},
	})
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.slept.Load())) }

// Write takes a log line.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

// inWorld runs a test in a bubble. The loop ends with it.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, line: parse(t, "0 */1 * * *", "UTC")}
		w.loop = schedule.NewLoop(schedule.Options{
			Tasks: func(ctx context.Context) ([]schedule.Task, error) {
				w.mu.Lock()
				listing := w.listing
				tasks := slices.Clone(w.tasks)
				w.mu.Unlock()
				if listing != nil {
					if err := listing(ctx); err != nil {
						return nil, err
					}
				}
				return tasks, nil
			},
			Share: func(group string, tasks int) {
				w.change(func() { w.shared = append(w.shared, fmt.Sprint(group, " ", tasks)) })
			},
			Tick: time.Second, Now: w.now, Hint: func(error) string { return "a hint" },
			Log: slog.New(slog.NewTextHandler(w, nil)),
		})
		test(w)
		w.end()
	})
}

func (w *world) serve() {
	ctx, stop := context.WithCancel(w.t.Context())
	w.stop = stop
	w.over.Go(func() { w.loop.Serve(ctx) })
}

func (w *world) end() {
	if w.stop != nil {
		w.stop()
		w.over.Wait()
	}
}

// sleep lets time pass.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// change changes what the callbacks read.
func (w *world) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// runs returns what has run since the last call, by name and time.
func (w *world) runs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.ran
	slices.Sort(out)
	w.ran = nil
	return out
}

func (w *world) wantRuns(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.runs()); diff != "" {
		w.t.Errorf("runs at %s: -want +got\n%s", w.now().UTC().Format(time.TimeOnly), diff)
	}
}

// lines counts the lines of the log that have a text.
func (w *world) lines(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.log.String(), text)
}

func (w *world) wantReady(want string) {
	w.t.Helper()
	if got := fmt.Sprint(w.loop.Ready()); !strings.Contains(got, want) {
		w.t.Errorf("ready: %s, want %s", got, want)
	}
	if err := w.loop.Alive(); err != nil {
		w.t.Errorf("not alive: %v", err)
	}
}

// never is a destination that does not answer.
func never(ctx context.Context) (schedule.Past, error) {
	<-ctx.Done()
	return schedule.Past{}, fmt.Errorf("open destination warehouse: %w", ctx.Err())
}

// after is a destination that is slow.
func after(d time.Duration) func(context.Context) (schedule.Past, error) {
	return func(context.Context) (schedule.Past, error) {
		time.Sleep(d)
		return schedule.Past{}, nil
	}
}

func TestLoopFromTheStart(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.wantReady("starting: the list of accounts is being read")
		w.serve()
		w.sleep(2 * time.Second)
		w.wantReady("no account is connected")
		w.task("tracks", "a", nil, nil)
		w.sleep(2 * time.Second)
		w.wantReady("<nil>")
		w.sleep(59 * time.Minute)
		w.wantRuns()
		w.sleep(time.Minute)
		w.wantRuns("tracks 01:00:00")
		w.sleep(2 * time.Hour)
		w.wantRuns("tracks 02:00:00", "tracks 03:00:00")
		if w.lines("\n") != 2 || w.lines(`error="no account is connected" hint="a hint"`) != 1 || w.lines("ready again") != 1 {
			t.Errorf("the log is %s", w.log.String())
		}
	})
}

func TestLoopStalls(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sleep(time.Minute)
		if err := w.loop.Alive(); err != nil {
			t.Errorf("not alive: %v", err)
		}
		w.sleep(time.Minute)
		if got := fmt.Sprint(w.loop.Alive()); got != "scheduler loop stalled for 2m0s" {
			t.Errorf("alive: %s", got)
		}
	})
}

func TestLoopWaitsForNoDestination(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.task("alone", "a", nil, nil)
		w.task("copy", "b", never, nil)
		w.task("tracks", "b", nil, nil)
		for i := range 2 * 4 { // more than run at a time
			w.task("warehouse"+fmt.Sprint(i), fmt.Sprint("c", i), never, nil)
		}
		w.tasks[10].Job = "warehouse6" // of another account
		w.serve()
		w.sleep(10 * time.Second)
		w.wantReady("starting: the history of jobs copy, warehouse0")
		w.sleep(time.Minute)
		w.wantReady("jobs copy, warehouse0, warehouse1, warehouse2, warehouse3, warehouse4, warehouse5, warehouse6 cannot run: open destination warehouse")
		w.sleep(time.Hour)
		w.wantRuns("alone 01:00:00", "tracks 01:00:00")
		if up := w.loop.Upcoming(); up[0].Problem != "" || !strings.Contains(up[1].Problem, "open destination warehouse") {
			t.Errorf("upcoming: %+v", up)
		}
	})
}

// TestLoopRunsBesideASlowOfItsGroup: the history of one task of a group comes
// late, at the time when both are due.
func TestLoopRunsBesideASlowOfItsGroup(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var slow atomic.Bool
		w.task("copy", "a", func(ctx context.Context) (schedule.Past, error) {
			if slow.Load() {
				return after(15 * time.Second)(ctx)
			}
			return schedule.Past{}, nil
		}, nil)
		w.task("tracks", "a", nil, nil)
		w.serve()
		w.sleep(time.Minute)
		slow.Store(true)
		w.sleep(59*time.Minute + 2*time.Second)
		w.wantRuns("tracks 01:00:01")
		w.sleep(time.Minute)
		w.wantRuns("copy 01:00:15")
	})
}

func TestLoopDoesNotWaitForAccounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.task("tracks", "a", nil, nil)
		w.serve()
		w.sleep(time.Minute)
		listings, under := 0, 0
		w.change(func() {
			w.listing = func(ctx context.Context) error {
				w.change(func() { listings++; under++ })
				_, err := never(ctx)
				w.change(func() { under-- })
				return err
			}
		})
		w.sleep(time.Hour)
		w.change(func() {
			if under > 1 || listings > 3600/30 {
				t.Errorf("%d listings, %d under way", listings, under)
			}
		})
		w.wantRuns("tracks 01:00:00")
		w.wantReady("list accounts: ")
	})
}

// TestLoopListsAccountsAfterASlot cannot list accounts until the first slot has passed.
func TestLoopListsAccountsAfterASlot(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.task("tracks", "a", nil, nil)
		w.listing = func(context.Context) error { return errors.New("the database is down") }
		w.serve()
		w.sleep(65 * time.Minute)
		w.wantReady("list accounts: the database is down")
		listings := 0
		w.change(func() { w.listing = nil })
		w.sleep(3 * time.Second)
		if ran := w.runs(); len(ran) != 1 {
			t.Errorf("runs: %v", ran)
		}
		w.change(func() { w.listing = func(context.Context) error { w.change(func() { listings++ }); return nil } })
		w.sleep(14 * time.Second) // accounts are not listed at every tick
		w.change(func() {
			if listings > 1 {
				t.Errorf("%d listings", listings)
			}
		})
	})
}

func TestLoopMakesUpForASleep(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.task("tracks", "a", nil, nil)
		w.serve()
		w.sleep(time.Minute)
		w.slept.Store(int64(5 * time.Hour))
		w.sleep(10 * time.Second)
		w.wantRuns("tracks 05:01:01")
		w.wantReady("<nil>")
		w.sleep(time.Hour)
		w.wantRuns("tracks 06:00:00")
	})
}

// TestLoopAsksTheHistory: what it says decides about the next run.
func TestLoopAsksTheHistory(t *testing.T) {
	t.Parallel()
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		past schedule.Past
		want []string
	}{
		"it never ran":               {schedule.Past{}, []string{"tracks 01:00:00"}},
		"missed while not serving":   {schedule.Past{StartedAt: began.Add(-3 * time.Hour)}, []string{"tracks 00:00:01", "tracks 01:00:00"}},
		"not missed":                 {schedule.Past{StartedAt: began}, []string{"tracks 01:00:00"}},
		"too long ago":               {schedule.Past{StartedAt: began.AddDate(0, -2, 0)}, []string{"tracks 01:00:00"}},
		"by a clock of next year":    {schedule.Past{StartedAt: began.AddDate(1, 0, 0)}, []string{"tracks 01:00:00"}},
		"deferred":                   {schedule.Past{StartedAt: began, ResumeAt: began.Add(20 * time.Minute)}, []string{"tracks 00:20:00", "tracks 01:00:00"}},
		"deferred beyond the slot":   {schedule.Past{StartedAt: began, ResumeAt: began.Add(99 * time.Minute)}, []string{"tracks 01:00:00"}},
		"it needs a sign-in":         {schedule.Past{StartedAt: began.Add(time.Minute), NeedsSignIn: true}, []string{"tracks 01:00:00"}},
		"signed in since":            {schedule.Past{StartedAt: began.Add(-time.Minute), NeedsSignIn: true}, []string{"tracks 00:00:01", "tracks 01:00:00"}},
		"signed in, and ran already": {schedule.Past{StartedAt: began}, []string{"tracks 01:00:00"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.task("tracks", "a", func(context.Context) (schedule.Past, error) { return tt.past, nil }, nil)
				w.tasks[0].SignedInAt = began.Add(-30 * time.Second)
				w.serve()
				w.sleep(61 * time.Minute)
				w.wantRuns(tt.want...)
				if want := strings.Count(name, "missed while"); w.lines("making up a missed schedule") != want {
					t.Errorf("the log is %s", w.log.String())
				}
			})
		})
	}
}

// TestLoopSharesASlotWithOtherProcesses: another process has run the task a
// moment ago.
func TestLoopSharesASlotWithOtherProcesses(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var past schedule.Past
		w.task("tracks", "a", func(context.Context) (got schedule.Past, err error) {
			w.change(func() { got = past })
			return got, nil
		}, nil)
		w.serve()
		w.sleep(time.Minute)
		w.change(func() { past.StartedAt = time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC) })
		w.sleep(90 * time.Minute)
		w.wantRuns()
		w.sleep(time.Hour)
		w.wantRuns("tracks 02:00:00")
	})
}

func TestLoopMakesUpWhenADestinationIsBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var down atomic.Bool
		w.task("tracks", "a", func(context.Context) (schedule.Past, error) {
			if down.Load() {
				return schedule.Past{}, errors.New("connection refused")
			}
			return schedule.Past{}, nil
		}, nil)
		w.serve()
		w.sleep(time.Minute)
		w.wantReady("<nil>")
		down.Store(true)
		w.sleep(time.Hour)
		w.wantRuns()
		w.wantReady("job tracks cannot run: connection refused")
		w.sleep(30 * time.Minute)
		down.Store(false)
		w.sleep(10 * time.Second)
		if ran := w.runs(); len(ran) != 1 || ran[0] < "tracks 01:31" || ran[0] > "tracks 01:31:06" {
			t.Errorf("runs: %v", ran)
		}
		w.wantReady("<nil>")
		for text, want := range map[string]int{"not ready": 1, "ready again": 1, "making up a missed schedule": 1} {
			if got := w.lines(text); got != want {
				t.Errorf("%d lines say %q, want %d", got, text, want)
			}
		}
	})
}

func TestLoopResumesAndRepeats(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		runs := 0
		w.task("albums", "a", nil, func(context.Context) schedule.Past {
			runs++
			past := schedule.Past{StartedAt: w.now()}
			switch runs {
			case 1:
				past.ResumeAt = w.now().Add(10 * time.Minute)
			case 2:
				past.NeedsSignIn = true
			}
			return past
		})
		w.task("failing", "b", nil, func(context.Context) schedule.Past { return schedule.Past{} })
		w.serve()
		w.sleep(70*time.Minute + time.Second)
		w.wantRuns("albums 01:00:00", "albums 01:10:00", "failing 01:00:00")
		w.sleep(10 * time.Minute)
		w.change(func() { w.tasks[0].SignedInAt = w.now() })
		w.sleep(20 * time.Second)
		if ran := w.runs(); len(ran) != 1 || ran[0] > "albums 01:20:17" {
			t.Errorf("after the sign-in: %v", ran)
		}
	})
}

func TestLoopRunsFourGroupsAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		running, most := 0, 0
		slow := func(context.Context) schedule.Past {
			w.change(func() { running++; most = max(most, running) })
			time.Sleep(5 * time.Minute)
			w.change(func() { running-- })
			return schedule.Past{StartedAt: w.now()}
		}
		for i := range 6 {
			w.task(fmt.Sprint("single", i), fmt.Sprint(i), nil, slow)
		}
		w.serve()
		w.sleep(62 * time.Minute)
		shown := 0
		for _, u := range w.loop.Upcoming() {
			if u.Running {
				shown++
			}
		}
		if ran := w.runs(); len(ran) != 4 || shown != 4 {
			t.Errorf("%d are shown as running; %v ran", shown, ran)
		}
		w.sleep(20 * time.Minute)
		w.end()
		if ran := w.runs(); most != 4 || len(ran) != 2 {
			t.Errorf("%d at once; %v", most, ran)
		}
	})
}

func TestLoopRunsAGroupInARow(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, job := range []string{"copy", "tracks"} {
			w.task(job, "a", nil, func(context.Context) schedule.Past {
				past := schedule.Past{StartedAt: w.now()}
				time.Sleep(time.Minute)
				return past
			})
		}
		w.tasks[0].Last = after(300 * time.Millisecond) // it still comes first
		w.task("other", "b", nil, nil)
		w.serve()
		w.sleep(65 * time.Minute)
		w.wantRuns("copy 01:00:00", "other 01:00:00", "tracks 01:01:00")
		w.end()
		if diff := cmp.Diff([]string{"a 2"}, w.shared); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLoopFollowsAccounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.task("first", "a", nil, nil)
		w.serve()
		w.sleep(90 * time.Minute)
		w.wantRuns("first 01:00:00")
		w.task("second", "b", nil, nil)
		w.change(func() { w.tasks = w.tasks[1:] })
		w.sleep(20 * time.Second)
		w.wantRuns() // the slot at one was not the second's
		w.sleep(time.Hour)
		w.wantRuns("second 02:00:00")
	})
}

func TestLoopEndsInOrder(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		ended := false
		w.task("tracks", "a", nil, func(ctx context.Context) schedule.Past {
			<-ctx.Done()
			time.Sleep(3 * time.Second)
			ended = true
			return schedule.Past{StartedAt: w.now()}
		})
		w.task("copy", "a", nil, nil)
		w.change(func() { w.tasks[1].Last = after(100 * time.Millisecond) })
		w.task("waiting", "b", never, nil)
		w.serve()
		w.sleep(61 * time.Minute)
		w.wantRuns("tracks 01:00:00")
		if w.end(); !ended {
			t.Error("Serve returned before the run did")
		}
		w.sleep(time.Minute)
		w.wantRuns()
	})
}
