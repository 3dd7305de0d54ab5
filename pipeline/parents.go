package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// parents are the parents of a fan-out, most important first.
type parents struct {
	noun string
	all  []catalog.Parent
	// listed: they are the entries of a list of the API, with this reading.
	listed  bool
	reading listdiff.Reading
}

// labels returns what each parent is called in messages, by id: by its name, and by its
// id where it has no name or several have it.
func (p *parents) labels() map[string]string {
	named := map[string]int{}
	for _, one := range p.all {
		named[one.Name]++
	}
	out := make(map[string]string, len(p.all))
	for _, one := range p.all {
		name := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) { // PostgreSQL stores no NUL
				return -1
			}
			return r
		}, one.Name)
		switch {
		case name == "":
			out[one.ID] = p.noun + " " + one.ID
		case named[one.Name] > 1:
			out[one.ID] = p.noun + ` "` + name + `" (` + one.ID + ")"
		default:
			out[one.ID] = p.noun + ` "` + name + `"`
		}
	}
	return out
}

// complete reports whether all parents are known: any other has left the list.
func (p *parents) complete() bool {
	return p.listed && p.reading.Complete && !p.reading.Keys.Damaged()
}

// A parentFinder finds out what the parents of a job are.
type parentFinder struct {
	config  *config.Config
	open    func(ctx context.Context, destination string) (load.Destination, error)
	client  *extract.Client
	job     *config.Job
	account string // whose tables are read; empty: those of all accounts
}

// find returns the parents.
func (p *parentFinder) find(ctx context.Context) (parents, error) {
	out := parents{noun: p.job.Resource.Parents.Noun}
	var err error
	if of := p.job.Resource.Parents.Of; of != "" {
		out.listed = true
		out.all, out.reading, err = p.listed(ctx, catalog.Find(of))
		return out, err
	}
	ids := p.job.Options.Parents.IDs
	if len(ids) == 0 {
		ids, err = p.named(ctx, out.noun)
	}
	for _, id := range ids {
		out.all = append(out.all, catalog.Parent{ID: id, Version: p.job.Resource.Parents.Version})
	}
	return out, err
}

// listed reads the list of the API whose entries are the parents.
func (p *parentFinder) listed(ctx context.Context, of *catalog.Resource) ([]catalog.Parent, listdiff.Reading, error) {
	feed, err := of.Open(catalog.Params{Account: p.account, Job: p.job.Name, Options: of.Defaults()})
	if err != nil {
		return nil, listdiff.Reading{}, err
	}
	defer feed.Release()
	reading := feed.Read(p.client, 0, extract.Plan{})
	var all []catalog.Parent
	for step, err := range reading.Steps(ctx) {
		if err != nil {
			return nil, listdiff.Reading{}, fmt.Errorf("list each %s: %w", p.job.Resource.Parents.Noun, err)
		}
		if step.Restart {
			all = nil
		}
		all = append(all, feed.Parents(step)...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(p catalog.Parent) bool {
		before := seen[p.ID]
		seen[p.ID] = true
		return before
	}), reading.Result(), nil
}

// named returns the ids that tables name, most frequent first.
func (p *parentFinder) named(ctx context.Context, noun string) ([]string, error) {
	rows := map[string]int{}
	ran := false
	for _, from := range p.job.Options.Parents.From {
		known, values, err := p.source(ctx, from, noun)
		if err != nil {
			return nil, fmt.Errorf("read the %ss of %s: %w", noun, from, err)
		}
		ran = ran || known
		for _, v := range values {
			if v.Value != "" {
				rows[v.Value] += v.Rows
			}
		}
	}
	if len(rows) == 0 && !ran {
		return nil, p.noSource(noun)
	}
	return byRows(rows), nil
}

// noSource returns the error for parents that no job has named yet.
func (p *parentFinder) noSource(noun string) error {
	from := p.job.Options.Parents.From
	var jobs []string
	for _, resource := range from {
		jobs = append(jobs, p.config.SourceOf(resource).Name)
	}
	has := "has"
	if len(from) > 1 {
		has = "have"
	}
	return &noSourceError{
		text: fmt.Sprintf("job %s takes its %ss from %s, which %s not been exported yet", p.job.Name, noun, strings.Join(from, " and "), has),
		hint: "run first: exporter run " + strings.Join(jobs, " "),
	}
}

// source reads the ids of a kind that another job's table names, and reports whether
// that job has ever succeeded.
func (p *parentFinder) source(ctx context.Context, resource, noun string) (bool, []load.ValueCount, error) {
	feeder := p.config.SourceOf(resource)
	name := feeder.Destinations[0]
	for _, own := range p.job.Destinations {
		if slices.Contains(feeder.Destinations, own) {
			name = own
			break
		}
	}
	d, err := p.open(ctx, name)
	if err != nil {
		return false, nil, err
	}
	runs, err := history(ctx, d, feeder.Name, p.account, 20)
	if err != nil {
		return false, nil, err
	}
	ran := slices.ContainsFunc(runs, func(r load.Run) bool { return r.Status == load.StatusOK })
	names := feeder.Resource.Naming(noun)
	values, err := d.Values(ctx, load.ValueQuery{Account: p.account, Table: feeder.Resource.Table().Name, Column: names.Column, Latest: names.Latest})
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

// A noSourceError says that the tables which name a job's parents are not exported
// yet, and what to do next.
type noSourceError struct{ text, hint string }

func (e *noSourceError) Error() string { return e.text }

// Hint is the next step for the user.
func (e *noSourceError) Hint() string { return e.hint }
