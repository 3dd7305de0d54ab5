package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/load"
)

// parents returns the ids to read, the ones that matter most first.
func (j *jobRun) parents(ctx context.Context) ([]string, error) {
	choice := j.job.Options.Artists
	if len(choice.IDs) > 0 {
		return choice.IDs, nil
	}
	rows := map[string]int{}
	ran := false
	for _, from := range choice.From {
		known, values, err := j.source(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("read the artists of %s: %w", from, err)
		}
		ran = ran || known
		for _, v := range values {
			if v.Value != "" {
				rows[v.Value] += v.Rows
			}
		}
	}
	if len(rows) == 0 && !ran {
		return nil, j.noSource()
	}
	return byRows(rows), nil
}

// noSource says that none of the jobs that name artists has run.
func (j *jobRun) noSource() error {
	from := j.job.Options.Artists.From
	var jobs []string
	for _, resource := range from {
		jobs = append(jobs, j.runner.config.SourceOf(resource).Name)
	}
	has := "has"
	if len(from) > 1 {
		has = "have"
	}
	return &missingError{
		text: fmt.Sprintf("job %s takes its artists from %s, which %s not been exported yet", j.job.Name, strings.Join(from, " and "), has),
		hint: "run first: exporter run " + strings.Join(jobs, " "),
	}
}

// source reads the artists that another job's table names, and tells whether
// that job has ever been done.
func (j *jobRun) source(ctx context.Context, resource string) (bool, []load.ValueCount, error) {
	feeder := j.runner.config.SourceOf(resource)
	name := feeder.Destinations[0]
	for _, own := range j.job.Destinations {
		if slices.Contains(feeder.Destinations, own) {
			name = own
			break
		}
	}
	d, err := j.runner.Destination(ctx, name)
	if err != nil {
		return false, nil, err
	}
	account := j.record.Account
	if j.user.Itself {
		account = "" // the artists of all accounts
	}
	runs, err := d.Runs(ctx, 20)
	if err != nil {
		return false, nil, err
	}
	ran := slices.ContainsFunc(runs, func(r load.Run) bool {
		return r.Job == feeder.Name && (account == "" || r.Account == account) && r.Status == load.StatusOK
	})
	a := feeder.Resource.Artists
	values, err := d.Values(ctx, load.ValueQuery{Account: account, Table: a.Table, Column: a.Column, Latest: a.Latest})
	return ran, values, err
}

func byRows(rows map[string]int) []string {
	ids := make([]string, 0, len(rows))
	for id := range rows {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(rows[b], rows[a]), cmp.Compare(a, b))
	})
	return ids
}

// A missingError says that what a job reads from is not there yet, and what to
// do next.
type missingError struct{ text, hint string }

func (e *missingError) Error() string { return e.text }

// Hint is the next step for the user.
func (e *missingError) Hint() string { return e.hint }
