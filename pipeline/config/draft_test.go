package config_test

import (
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// TestDraftsAreValid drafts a file for every pair of resources and for many choices of
// more, with and without schedules, and wants the parser and the schema to accept it.
func TestDraftsAreValid(t *testing.T) {
	t.Parallel()
	all := catalog.All()
	places := []config.Destination{
		{Name: "lake", Driver: drivers()[0], Address: "./data"},
		{Name: "warehouse", Driver: drivers()[1], Address: "${DATABASE_URL}"},
	}
	var choices []int
	for i := range all {
		for j := range i + 1 {
			choices = append(choices, 1<<i|1<<j)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 40 {
		choices = append(choices, 1+r.IntN(1<<len(all)-1))
	}
	refusal := regexp.MustCompile(`^\w+ takes its \w+ from other tables; choose \w+( or \w+)* as well$`)
	drafted := 0
	for _, chosen := range choices {
		draft := config.Draft{Timezone: "Europe/Stockholm", Destinations: [][]config.Destination{places[:1], places[1:], places}[chosen%3]}
		if chosen%2 == 0 {
			draft.At = "03:15"
		}
		for i, r := range all {
			if chosen&(1<<i) != 0 {
				draft.Resources = append(draft.Resources, r)
			}
		}
		if err := draft.Check(); err != nil {
			if !refusal.MatchString(err.Error()) {
				t.Error(err)
			}
			continue
		}
		drafted++
		c, err := parse(t, draft.Text(), map[string]string{"DATABASE_URL": "postgres://db/x"})
		if err != nil {
			t.Fatalf("%v\n%s", err, draft.Text())
		}
		if len(c.Jobs) != len(draft.Resources) || len(c.Destinations) != len(draft.Destinations) {
			t.Errorf("%d jobs and %d destinations in\n%s", len(c.Jobs), len(c.Destinations), draft.Text())
		}
		for _, j := range c.Jobs {
			if (j.Schedule != nil) != (draft.At != "") {
				t.Errorf("job %s of a draft at %q has the schedule %v", j.Name, draft.At, j.Schedule)
			}
		}
	}
	if drafted < len(choices)*3/4 {
		t.Errorf("only %d drafts of %d", drafted, len(choices))
	}
}

func TestDraftKeepsItsAddress(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"./data", "/srv/a b", "7", "null", `C:\data`, "a: b # c", "é", "~/x", "../up", "-"} {
		draft := config.Draft{Timezone: "UTC", Destinations: []config.Destination{{Name: "lake", Driver: drivers()[0], Address: path}}, Resources: catalog.All()[:1]}
		c, err := parse(t, draft.Text(), nil)
		if err != nil {
			t.Errorf("%v\n%s", err, draft.Text())
		} else if got := c.Destinations[0].Address; got != path {
			t.Errorf("path %q became %q", path, got)
		}
	}
}

func TestDraftRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		draft config.Draft
		want  string
	}{
		"a zone of this machine only": {config.Draft{Timezone: "Local"}, `unknown time zone "Local"; use a name like Europe/Stockholm, or UTC`},
		"no zone":                     {config.Draft{}, `unknown time zone ""; use a name like Europe/Stockholm, or UTC`},
		"no such time":                {config.Draft{Timezone: "UTC", At: "24:00"}, `unknown time of day "24:00"; write it like 03:15`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.draft.Check(); err == nil || err.Error() != tt.want {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
}

// TestExampleFollowsTheCadence compares the jobs.yaml of the repository with what a
// draft says.
func TestExampleFollowsTheCadence(t *testing.T) {
	t.Parallel()
	c, err := config.Load("../../jobs.yaml", lookup(nil), drivers())
	if err != nil {
		t.Fatal(err)
	}
	d := config.Draft{Timezone: "UTC", At: "03:15", Destinations: c.Destinations[:1], Resources: catalog.All()}
	drafted, err := parse(t, d.Text(), nil)
	if err != nil {
		t.Fatal(err)
	}
	gap := func(l *schedule.Line) time.Duration {
		first := l.Next(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		return l.Next(first).Sub(first)
	}
	for _, j := range c.Jobs {
		want := drafted.Job(j.Name)
		if gap(j.Schedule) != gap(want.Schedule) {
			t.Errorf("job %s runs at another cadence than that of a draft", j.Name)
		}
		if diff := cmp.Diff(want.Options, j.Options); diff != "" {
			t.Errorf("job %s: %s", j.Name, diff)
		}
	}
}

// TestRelativeFolderIsBesideTheFile opens a file in another folder.
func TestRelativeFolderIsBesideTheFile(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"./data": "/srv/music/data", "/lake": "/lake", "${LAKE}": "/srv/music/deep/lake"} {
		text := "destinations:\n  lake: {type: parquet, path: \"" + path + "\"}\n"
		c, err := config.Parse("/srv/music/jobs.yaml", []byte(text), lookup(map[string]string{"LAKE": "deep/lake"}), drivers())
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Destinations[0].Address; got != want {
			t.Errorf("path %s = %s, want %s", path, got, want)
		}
	}
}
