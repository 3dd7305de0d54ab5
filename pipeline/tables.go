package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
)

// tables are the destinations of one run, opened, as far as they are read.
type tables struct {
	names   []string
	opened  []load.Destination
	account string
}

// open opens the destinations concurrently.
func (t *tables) open(ctx context.Context, r *Runner, names []string) (err error) {
	t.names = names
	t.opened, err = r.destinations.each(ctx, names)
	return err
}

// rows returns the rows that the tables hold of a part.
func (t *tables) rows(ctx context.Context, part catalog.Part) ([]string, error) {
	query := load.ValueQuery{Account: t.account, Table: part.Rows.Table, Column: part.Column, Where: scope(part.Rows).Where}
	var out []string
	for i, d := range t.opened {
		values, err := d.Values(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("read the rows of %s at %s: %w", part.Rows.Table, t.names[i], err)
		}
		for _, v := range values {
			out = append(out, v.Value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// newest returns when the newest run of a job ended, except for one run: answers from
// before that time are older than the state.
func (t *tables) newest(ctx context.Context, job, but string) (time.Time, error) {
	var newest time.Time
	for i, d := range t.opened {
		runs, err := history(ctx, d, job, t.account, 20)
		if err != nil {
			return newest, fmt.Errorf("read the history at %s: %w", t.names[i], err)
		}
		for _, r := range runs {
			for _, at := range []time.Time{r.StartedAt, r.FinishedAt} {
				if r.ID != but && at.After(newest) {
					newest = at
				}
			}
		}
	}
	return newest, nil
}

// lastAccount returns the only account that a job has ever run for, so that a run that
// cannot find out whose account it is still leaves its record.
func (t *tables) lastAccount(ctx context.Context, job string, log *slog.Logger) string {
	last := ""
	for _, d := range t.opened {
		runs, err := history(ctx, d, job, "", 1)
		if err != nil {
			log.Warn("cannot read the history", "error", err)
		}
		for _, r := range runs {
			if last != "" && r.Account != last {
				return ""
			}
			last = r.Account
		}
	}
	return last
}

// history returns the newest runs of a job, at most limit of each account; an empty
// account stands for all.
func history(ctx context.Context, d load.Destination, job, account string, limit int) ([]load.Run, error) {
	return d.Runs(ctx, load.RunsQuery{Job: job, Account: account, Limit: limit})
}
