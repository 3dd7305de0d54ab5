package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// allJobs has a job for each resource.
func allJobs() string {
	var b strings.Builder
	b.WriteString("jobs:\n")
	for _, r := range catalog.All() {
		fmt.Fprintf(&b, "  %s: {destinations: [lake]}\n", r.Name)
	}
	b.WriteString("budgets: {artists/albums: 0}\n")
	return b.String()
}

// quiet is a world in which nobody plays anything.
func quiet(mode simulate.Mode) simulate.Options {
	o := world(120)
	o.Mode, o.PlaysPerDay = mode, 0
	return o
}

// column lists a column of the rows that are there, sorted.
func (s *stage) column(t testing.TB, table, column string) []string {
	t.Helper()
	var out []string
	if _, err := os.Stat(filepath.Join(s.folder, "lake", table)); os.IsNotExist(err) {
		return nil
	}
	s.eachRow(t, table, func(r arrow.Record, i int) {
		if len(r.Schema().FieldIndices("removed_at")) == 0 || cell(r, "removed_at", i) == "NULL" {
			out = append(out, cell(r, column, i))
		}
	})
	slices.Sort(out)
	return out
}

// changes sums up what a run did to its table.
func changes(r load.Run) string {
	c := r.Tables[r.Resource]
	return fmt.Sprintf("%s +%d ~%d =%d -%d", r.Status, c.Added, c.Changed, c.Unchanged, c.Removed)
}

// TestEveryResource exports each resource, again, in a dry run and in full: only the
// first run changes anything.
func TestEveryResource(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, allJobs(), quiet(mode))
			s.sim.AddPlay(s.clock.Now())
			jobs, err := s.config.Select(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []pipeline.Mode{{}, {}, {DryRun: true}, {Backfill: true}, {}} {
				for _, job := range jobs {
					before := len(s.column(t, job.Resource.Name, "account_id"))
					run := s.run(t, job.Name, m)
					c := run.Tables[job.Resource.Name]
					rows := len(s.column(t, job.Resource.Name, "account_id"))
					if run.Status != load.StatusOK || rows == 0 || before == 0 && c.Added != rows || before > 0 && (rows != before || c.Added+c.Changed+c.Removed > 0) {
						t.Errorf("%+v: %s has %d rows, %d before: %+v", m, job.Name, rows, before, run)
					}
				}
				s.clock.set(s.clock.Now().Add(time.Hour))
			}
		})
	}
}
