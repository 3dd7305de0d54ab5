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
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// A listener is a stage with the job plays, and somebody who listens.
type listener struct {
	*stage
	every time.Duration // between two plays
}

// newListener starts with plays that were stored.
func newListener(t *testing.T, jobs string, every time.Duration) *listener {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	o := quiet(simulate.Development)
	o.Clock, o.TokenLife = c.Now, 10_000*time.Hour
	l := &listener{newStageAt(t, jobs, o, c, nil), every}
	return l
}

const playJobs = "jobs:\n  plays: {destinations: [lake]}\n"

// listen lets time pass in which some tracks are played, the last one now.
func (l *listener) listen(plays int) {
	at := l.clock.Now()
	for range plays {
		at = at.Add(l.every)
		l.sim.AddPlay(at)
	}
	l.clock.set(at)
}

// gaps lists the rows that say when plays may be missing.
func (s *stage) gaps(t *testing.T, lake string) []string {
	t.Helper()
	var out []string
	files, err := filepath.Glob(filepath.Join(s.folder, lake, "play_gaps", "*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		err := eachRowOf(path, func(r arrow.Record, i int) {
			at := func(column string) string {
				micros := r.Column(r.Schema().FieldIndices(column)[0]).(*array.Timestamp).Value(i)
				return time.UnixMicro(int64(micros)).UTC().Format(time.TimeOnly)
			}
			out = append(out, fmt.Sprintf("%s-%s %s", at("from_at"), at("to_at"), cell(r, "found_plays", i)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

// TestGaps lets plays come between two runs, and more than Spotify shows.
func TestGaps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		plays []int // before each run
		gap   string
	}{
		{"a first run of many plays", []int{60}, ""},
		{"a first run of none", []int{0, 60}, ""},
		{"as many as leave one that is stored", []int{10, 49}, ""},
		{"as many as Spotify shows", []int{10, 50}, "12:10:00-12:11:00 NULL"},
		{"more", []int{10, 80}, "12:10:00-12:41:00 NULL"},
		{"more, and a quiet day", []int{10, 80, 0}, "12:10:00-12:41:00 NULL"},
		{"none, and then more", []int{10, 0, 51}, "12:10:00-12:12:00 NULL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newListener(t, playJobs, time.Minute)
			told := ""
			for _, n := range tt.plays {
				l.listen(n)
				run := l.run(t, "plays", pipeline.Mode{})
				if run.Status != load.StatusOK || run.Requests > 3 {
					t.Errorf("%+v", run)
				}
				told += run.Message
			}
			if got := strings.Join(l.gaps(t, "lake"), ", "); got != tt.gap {
				t.Errorf("gaps %q, want %q", got, tt.gap)
			}
			if (told != "") != (tt.gap != "") || told != "" && !strings.HasPrefix(told, "play_gaps: plays may be missing from 2026-11-01 12:10:00 to 2026-11-01 12:") {
				t.Errorf("the runs say %q", told)
			}
		})
	}
}

// TestAnEmptyListHidesNoGap lets Spotify show nothing for once.
func TestAnEmptyListHidesNoGap(t *testing.T) {
	t.Parallel()
	l := newListener(t, playJobs, time.Minute)
	l.listen(10)
	l.run(t, "plays", pipeline.Mode{})
	recover := l.sim.Inject(simulate.Fault{Kind: "vacant", Path: "/v1/me/player/"})
	l.listen(40)
	if run := l.run(t, "plays", pipeline.Mode{}); run.Items != 0 || run.Message != "" || len(l.gaps(t, "lake")) > 0 {
		t.Errorf("%v: %+v", l.gaps(t, "lake"), run)
	}
	recover()
	l.listen(20)
	l.run(t, "plays", pipeline.Mode{})
	if got := l.gaps(t, "lake"); !slices.Equal(got, []string{"12:10:00-12:21:00 NULL"}) {
		t.Error(got)
	}
}

// TestUnreadablePlaysFakeNoGap: the last entry of the list may be the newest that is
// stored, unless its time tells that it is not.
func TestUnreadablePlaysFakeNoGap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind     string
		position int
		plays    int
		gap      string
	}{
		{"nullrow", 49, 49, ""},
		{"nullrow", 49, 60, ""},
		{"nullrow", 20, 60, "12:10:00-12:21:00 NULL"},
		{"nullitem", 49, 49, ""},
		{"nullitem", 49, 60, "12:10:00-12:21:00 NULL"},
	} {
		t.Run(fmt.Sprint(tt.kind, tt.position, tt.plays), func(t *testing.T) {
			t.Parallel()
			l := newListener(t, playJobs, time.Minute)
			l.listen(10)
			l.run(t, "plays", pipeline.Mode{})
			l.sim.Inject(simulate.Fault{Kind: tt.kind, Arg: tt.position, Path: "/v1/me/player/"})
			l.listen(tt.plays)
			run := l.run(t, "plays", pipeline.Mode{})
			if got := strings.Join(l.gaps(t, "lake"), ", "); got != tt.gap || run.Unreadable != 1 {
				t.Errorf("gaps %q, want %q: %+v", got, tt.gap, run)
			}
		})
	}
}

// TestAGapOfOneDestination restores one of two lakes from a backup.
func TestAGapOfOneDestination(t *testing.T) {
	t.Parallel()
	l := newListener(t, "jobs:\n  plays: {destinations: [lake, pond]}\n", time.Minute)
	l.listen(10)
	l.run(t, "plays", pipeline.Mode{})
	pond, backup := filepath.Join(l.folder, "pond"), filepath.Join(l.folder, "backup")
	if err := os.CopyFS(backup, os.DirFS(pond)); err != nil {
		t.Fatal(err)
	}
	l.listen(30)
	l.run(t, "plays", pipeline.Mode{})
	if err := os.RemoveAll(pond); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, pond); err != nil {
		t.Fatal(err)
	}
	l.listen(30)
	run := l.run(t, "plays", pipeline.Mode{})
	if got := l.gaps(t, "pond"); !slices.Equal(got, []string{"12:10:00-12:21:00 NULL"}) {
		t.Errorf("gaps %v: %+v", got, run)
	}
}

// TestStatusTellsOfGaps for 30 days, although later runs are ok, with the schedule that
// prevents them.
func TestStatusTellsOfGaps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		every    time.Duration
		schedule string
		hint     string
	}{
		{25 * time.Minute, "0 3 * * *", `"0 */12 * * *"`},
		{15 * time.Minute, "0 3 * * *", `"0 */8 * * *"`},
		{3 * time.Minute, "0 3 * * *", `"0 * * * *" in jobs.yaml or by cron; its newest 50 plays span 2h27m`},
		{time.Minute, "0 * * * *", `"*/30 * * * *"`},
		{40 * time.Second, "0 * * * *", `"*/20 * * * *"`},
		{30 * time.Second, "0 * * * *", `"*/15 * * * *"`},
		{time.Second, "0 * * * *", `"*/10 * * * *"`},
		{30 * time.Second, "*/15 * * * *", "is frequent enough"},
		{30 * time.Second, "*/15 6-23 * * *", `"*/15 * * * *"`},
	} {
		t.Run(fmt.Sprint(tt.every, tt.schedule), func(t *testing.T) {
			t.Parallel()
			l := newListener(t, `jobs: {plays: {destinations: [lake], schedule: "`+tt.schedule+`"}}`+"\n", tt.every)
			l.listen(10)
			l.run(t, "plays", pipeline.Mode{})
			if got := l.status(t); got.Gaps != nil {
				t.Errorf("before any gap: %+v", got.Gaps)
			}
			from := l.clock.Now()
			l.listen(52)
			run := l.run(t, "plays", pipeline.Mode{})
			for range 2 {
				l.clock.set(l.clock.Now().Add(14 * 24 * time.Hour))
				l.run(t, "plays", pipeline.Mode{})
			}
			got := l.status(t).Gaps
			if got == nil || got.Total != 1 || len(got.Recent) != 1 || !got.Recent[0].From.Equal(from) || !got.Recent[0].To.Equal(from.Add(3*tt.every)) || !strings.Contains(got.Hint, tt.hint) || run.Hint != got.Hint {
				t.Errorf("%+v, the run says %q; want %s", got, run.Hint, tt.hint)
			}
			l.clock.set(l.clock.Now().Add(3 * 24 * time.Hour))
			l.run(t, "plays", pipeline.Mode{})
			if got := l.status(t).Gaps; got == nil || got.Total != 1 || len(got.Recent) != 0 || got.Hint != "" {
				t.Errorf("after a month: %+v", got)
			}
		})
	}
}

// status is that of the stage's only job.
func (s *stage) status(t *testing.T) pipeline.JobStatus {
	t.Helper()
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	all := s.runner.Status(t.Context(), jobs)
	if len(all) != 1 || all[0].Err != nil {
		t.Fatalf("%+v", all)
	}
	return all[0]
}

// TestAnEagerScheduleCostsOneRequestATurn also while many plays come.
func TestAnEagerScheduleCostsOneRequestATurn(t *testing.T) {
	t.Parallel()
	l := newListener(t, `jobs: {plays: {destinations: [lake], schedule: "*/20 * * * *"}}`+"\n", 25*time.Second)
	l.listen(1)
	l.run(t, "plays", pipeline.Mode{}) // finds out whose account it is
	l.serve(t)
	for turn := range 9 {
		l.listen(48) // 20 minutes
		if run := l.next(t); run.Requests != 1 || run.Status != load.StatusOK || run.Message != "" || run.Tables["plays"].Added != 48 {
			t.Errorf("turn %d: %+v", turn, run)
		}
	}
}
