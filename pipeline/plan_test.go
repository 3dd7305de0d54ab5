package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// plans plans all jobs.
func (s *stage) plans(t *testing.T, users []*pipeline.User, app *pipeline.User) (plans []pipeline.Plan, errs []error) {
	t.Helper()
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	planner := s.runner.NewPlanner()
	for _, task := range pipeline.Tasks(jobs, users, app) {
		p, err := planner.Plan(t.Context(), task)
		plans, errs = append(plans, p), append(errs, err)
	}
	return plans, errs
}

func TestAPlanDividesABudget(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 3, 10, 100)
	c.configure(t, "budgets: {artists/albums: 20}\n"+lakeAndPond(t.TempDir(), t.TempDir()), nil)
	plans, errs := c.plans(t, nil, c.user)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ requests, ahead, left, days int }{{15, 0, 20, 1}, {15, 15, 5, 2}} {
		p := plans[i]
		if p.Requests != want.requests || p.Ahead != want.ahead || p.Left() != want.left || p.Days != want.days {
			t.Errorf("%s: %+v, %d left; want %+v", p.Job, p, p.Left(), want)
		}
	}
}

// TestAPlanDividesTheBudgetOfADeveloper plans the same job for two apps.
func TestAPlanDividesTheBudgetOfADeveloper(t *testing.T) {
	t.Parallel()
	for developer, want := range map[string]int{"developer: me\n": 15, "": 0} {
		c := newCalendar(t, 3, 10, 100)
		c.configure(t, developer+lakeAndPond(t.TempDir(), t.TempDir()), nil)
		jobs, err := c.config.Select(nil)
		if err != nil {
			t.Fatal(err)
		}
		planner := c.runner.NewPlanner()
		task := pipeline.Tasks(jobs, nil, c.user)[0]
		if _, err := planner.Plan(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		task.User.ClientID = "another client ID"
		if p, err := planner.Plan(t.Context(), task); err != nil || p.Ahead != want {
			t.Errorf("%q: %d requests ahead, want %d: %v", developer, p.Ahead, want, err)
		}
	}
}

func TestAPlanTellsWhatIsBlocked(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 3, 10, 100)
	block(t, c, 3*time.Hour)
	plans, _ := c.plans(t, nil, c.user)
	if d := plans[0].BlockedUntil.Sub(c.clock.Now()); d.Round(time.Minute) != 3*time.Hour {
		t.Errorf("blocked for 3 hours: the plan says for %s", d)
	}
}

func TestAPlanTellsWhatItCannotTell(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(60))
	plans, errs := s.plans(t, []*pipeline.User{s.user}, nil)
	if errs[0] != nil || plans[0].Unknown || plans[0].Requests != 2 {
		t.Errorf("saved tracks: %+v, %v", plans[0], errs[0])
	}
	if p := plans[1]; !p.Unknown || p.Failed || p.Days != 0 || pipeline.Hint(errs[1]) != "run first: exporter run saved_tracks" {
		t.Errorf("albums of artists that nobody knows yet: %+v, %v", p, errs[1])
	}
	s.sim.Inject(simulate.Fault{Kind: "status", Arg: 404, Path: "/v1/me/tracks"})
	if plans, errs := s.plans(t, []*pipeline.User{s.user}, nil); errs[0] == nil || !plans[0].Failed || !plans[0].Unknown {
		t.Errorf("saved tracks that cannot be read: %+v, %v", plans[0], errs[0])
	}
}
