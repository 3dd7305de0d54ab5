package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline/config"
)

const goodFile = `
timezone: Europe/Stockholm
destinations:
  lake:      {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks:
    schedule: "15 3 * * *"
    destinations: [lake, warehouse]
  best:
    resource: top_tracks
    destinations: [lake]
    options: {time_ranges: [long_term], max_rank: 50}
  artist_albums:
    schedule: "0 4 * * 0"
    destinations: [lake]
    options: {artists: {ids: ["spotify:artist:0TnOYISbd1XYRBk9myaseg"]}, include_groups: [album]}
`

func lookup(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := set[name]; return v, ok }
}

func TestParseConfig(t *testing.T) {
	t.Parallel()
	c, err := parse(t, goodFile, map[string]string{"DATABASE_URL": "postgres://db/x"})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Location.String(); got != "Europe/Stockholm" {
		t.Errorf("zone = %s", got)
	}
	if got := c.Destination("warehouse").Address; got != "postgres://db/x" {
		t.Errorf("url = %q, the variable is not expanded", got)
	}
	best := c.Job("best")
	if best.Resource.Name != "top_tracks" || best.Schedule != nil || best.Options.Numbers["max_rank"] != 50 {
		t.Errorf("job best = %+v", best)
	}
	if diff := cmp.Diff([]string{"long_term"}, best.Options.Words["time_ranges"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0TnOYISbd1XYRBk9myaseg"}, c.Job("artist_albums").Options.Parents.IDs); diff != "" {
		t.Error(diff)
	}
}

func TestExampleFileIsValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse(t, string(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := c.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Usable(jobs); err != nil {
		t.Errorf("the example needs more than it says: %v", err)
	}
}

// TestDocsJobsAreValid reads each jobs.yaml, or part of one, of docs/configuration.md.
func TestDocsJobsAreValid(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.Contains(text, "jobs:\n") {
			continue
		}
		if !strings.Contains(text, "destinations:\n") {
			text = "destinations: {lake: {type: parquet, path: ./data}}\n" + text
		}
		found++
		if _, err := parse(t, text, nil); err != nil {
			t.Errorf("%v in:\n%s", err, text)
		}
	}
	if found < 2 {
		t.Errorf("docs/configuration.md has %d examples of jobs, want two at least", found)
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	const head = "destinations:\n  lake: {type: parquet, path: ./data}\njobs:\n"
	tests := map[string]struct{ file, want string }{
		"unknown top key":      {"destination:\n  a: {}\njobs: {}\n", `jobs.yaml:1: the file: unknown key "destination"; did you mean "destinations"?`},
		"unknown resource":     {head + "  saved_trakcs: {destinations: [lake]}\n", `jobs.yaml:4: unknown resource "saved_trakcs"; did you mean "saved_tracks"?`},
		"unknown destination":  {head + "  saved_tracks:\n    destinations: [lak]\n", `jobs.yaml:5: job saved_tracks: unknown destination "lak"; did you mean "lake"?`},
		"unknown option":       {head + "  top_tracks:\n    destinations: [lake]\n    options: {time_range: [short_term]}\n", `jobs.yaml:6: options of top_tracks: unknown key "time_range"; did you mean "time_ranges"?`},
		"unknown word alone":   {head + "  top_tracks:\n    destinations: [lake]\n    options: {time_ranges: [long_trem]}\n", "jobs.yaml:6: unknown value in time_ranges \"long_trem\"; did you mean \"long_term\"?"},
		"no words":             {head + "  top_tracks:\n    destinations: [lake]\n    options: {time_ranges: []}\n", "jobs.yaml:6: time_ranges must name at least one of short_term, medium_term, long_term"},
		"a number as text":     {"timezone: 7\n" + head + "  saved_tracks: {destinations: [lake]}\n", `jobs.yaml:1: timezone must be text; put 7 in quotes`},
		"text as a number":     {head + "  top_tracks:\n    destinations: [lake]\n    options: {max_rank: \"50\"}\n", `jobs.yaml:6: max_rank must be a whole number from 1 to 10000`},
		"misspelled setting":   {"destinations:\n  lake: {type: parquet, pth: ./data}\n", `jobs.yaml:2: destination lake: unknown key "pth"; did you mean "path"?`},
		"misspelled resource":  {head + "  best: {resorce: top_tracks, destinations: [lake]}\n", `jobs.yaml:4: job best: unknown key "resorce"; did you mean "resource"?`},
		"misspelled key":       {head + "  saved_tracks: {destination: [lake]}\n", `jobs.yaml:4: job saved_tracks: unknown key "destination"; did you mean "destinations"?`},
		"an empty cron item":   {head + "  saved_tracks:\n    schedule: \"1,,2 3 * * *\"\n    destinations: [lake]\n", `schedule "1,,2 3 * * *" is not a cron line`},
		"unknown word":         {head + "  top_tracks:\n    destinations: [lake]\n    options: {time_ranges: [shortterm]}\n", `unknown value in time_ranges "shortterm"; did you mean "short_term"?`},
		"number out of bounds": {head + "  top_tracks:\n    destinations: [lake]\n    options: {max_rank: 0}\n", `jobs.yaml:6: max_rank must be a whole number from 1 to 10000`},
		"bad cron line":        {head + "  saved_tracks:\n    schedule: \"61 3 * * *\"\n    destinations: [lake]\n", `jobs.yaml:5: job saved_tracks: schedule "61 3 * * *" is not a cron line`},
		"cron never":           {head + "  saved_tracks:\n    schedule: \"0 0 30 2 *\"\n    destinations: [lake]\n", `never comes`},
		"unknown zone":         {"timezone: Europe/Stokholm\n" + head + "  saved_tracks: {destinations: [lake]}\n", `jobs.yaml:1: unknown time zone "Europe/Stokholm"`},
		"no destinations":      {head + "  saved_tracks: {schedule: \"0 0 * * *\"}\n", `jobs.yaml:4: job saved_tracks: destinations is missing`},
		"missing source":       {head + "  artist_albums: {destinations: [lake]}\n", `takes its artists from saved_tracks and top_tracks, but no job exports that`},
		"bad artist":           {head + "  artist_albums:\n    destinations: [lake]\n    options: {artists: {ids: [abc]}}\n", `jobs.yaml:6: "abc" is no artist ID`},
		"from and ids":         {head + "  artist_albums:\n    destinations: [lake]\n    options: {artists: {ids: [], from: []}}\n", `artists needs either from or ids`},
		"path with postgres":   {"destinations:\n  db: {type: postgres, path: x, url: y}\njobs: {}\n", `path does not go with type postgres, which needs url`},
		"one path, two names":  {"destinations:\n  lake: {type: parquet, path: ./data}\n  pond: {type: parquet, path: data/}\njobs: {}\n", `jobs.yaml:3: destinations lake and pond have the same path; keep one of them`},
		"one url, two names":   {"destinations:\n  db: {type: postgres, url: x}\n  base: {type: postgres, url: x}\njobs: {}\n", `jobs.yaml:3: destinations db and base have the same url; keep one of them`},
		"unknown type":         {"destinations:\n  db: {type: postgers, url: y}\njobs: {}\n", `unknown type of destination db "postgers"; did you mean "postgres"?`},
		"twice":                {head + "  saved_tracks: {destinations: [lake, lake]}\n", `destination "lake" is named twice`},
		"not yaml":             {"jobs: [\n", `is not valid YAML`},
		"empty":                {"", `needs exactly one YAML document`},
		"a text":               {"hello", `must be a mapping`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, tt.file, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error:\n%v\nwant one, with:\n%s", err, tt.want)
			}
		})
	}
}

func TestUnsetVariableMattersOnlyToItsJobs(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("jobs.yaml", []byte(goodFile), lookup(nil), drivers())
	if err != nil {
		t.Fatal(err)
	}
	best, err := c.Select([]string{"best"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Usable(best); err != nil {
		t.Errorf("job best does not use the database: %v", err)
	}
	all, err := c.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Usable(all); err == nil || !strings.Contains(err.Error(), "jobs.yaml:5: destination warehouse needs DATABASE_URL, which is not set") {
		t.Errorf("error = %v", err)
	}
}

func TestSelectRunsSourcesFirst(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("jobs.yaml", []byte(`
destinations: {lake: {type: parquet, path: d}}
jobs:
  artist_albums: {destinations: [lake]}
  top_tracks: {destinations: [lake]}
  saved_tracks: {destinations: [lake]}
`), lookup(nil), drivers())
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := c.Select([]string{"artist_albums", "saved_tracks", "saved_tracks"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name)
	}
	if diff := cmp.Diff([]string{"saved_tracks", "artist_albums"}, names); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Select([]string{"saved_track"}); err == nil || !strings.Contains(err.Error(), `did you mean "saved_tracks"?`) {
		t.Errorf("error = %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Add([]byte("jobs: {a: &x [1], b: *x, <<: {c: d}}"))
	f.Add([]byte("- 1\n- {}\n---\nnull"))
	f.Add([]byte("destinations: {lake: {type: parquet, path: |\n  text\n}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse("jobs.yaml", text, lookup(nil), drivers())
		if err == nil {
			if _, err := c.Select(nil); err != nil {
				t.Errorf("a file that parses cannot be selected from: %v", err)
			}
			return
		}
		var problems *config.Error
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Errorf("error %v names no problem", err)
		}
	})
}

// drivers are those of the program.
func drivers() []load.Driver { return []load.Driver{parquet.Driver(), postgres.Driver()} }
