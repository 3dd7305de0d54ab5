package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// TestStatusPrintsGaps also when the last run was ok, and as long as one is recent.
func TestStatusPrintsGaps(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	last := load.Run{Job: "plays", Resource: "plays", Status: load.StatusOK, StartedAt: now.Add(-time.Hour), FinishedAt: now.Add(-time.Hour)}
	day := func(n, hour int) pipeline.Gap {
		at := time.Date(2026, 11, n, hour, 5, 30, 0, time.UTC)
		return pipeline.Gap{From: at, To: at.Add(90 * time.Minute), NoticedAt: at.Add(5 * time.Hour)}
	}
	zone := time.FixedZone("CET", 3600)
	for _, tt := range []struct {
		gaps *pipeline.Gaps
		want string
	}{
		{nil, ""},
		{&pipeline.Gaps{Total: 3}, ""},
		{&pipeline.Gaps{Total: 3, Recent: []pipeline.Gap{day(20, 9)}, Hint: "listen less"}, "  plays may be missing from 2026-11-20 10:05 CET to 2026-11-20 11:35 CET\n  hint: listen less\n"},
		{&pipeline.Gaps{Total: 3, Recent: []pipeline.Gap{day(3, 1), day(20, 9)}}, "  plays may be missing from 2026-11-20 10:05 CET to 2026-11-20 11:35 CET; 2 gaps in 30 days\n"},
	} {
		var out bytes.Buffer
		p := &statusPrinter{app: newApp(context.Background(), nil, &out, nil), zone: zone, now: now}
		view := statusView{JobStatus: pipeline.JobStatus{Job: "plays", Destination: "lake", Account: "a", Last: &last, LastOK: last.FinishedAt, Gaps: tt.gaps}, Name: "me"}
		if err := p.print([]statusView{view}, nil); err != nil {
			t.Fatal(err)
		}
		_, notes, _ := strings.Cut(out.String(), "\nplays")
		if _, notes, _ = strings.Cut(notes, "\n"); notes != tt.want {
			t.Errorf("%+v: %s", tt.gaps, cmp.Diff(tt.want, notes))
		}
	}
}

// TestGapsAreAMetric that starts where it was before the process did.
func TestGapsAreAMetric(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	finish := func(job string, gaps *pipeline.Gaps) string {
		m.observe(pipeline.Event{Kind: pipeline.RunFinished, Run: load.Run{Job: job, Account: "a", Status: load.StatusOK}, Gaps: gaps})
		_, values, _ := strings.Cut(expose(m.gaps), "counter\n")
		return values
	}
	const line = `tracklake_play_gaps_total{job="plays",account_id="a"} `
	if got := finish("saved_tracks", nil); got != "" {
		t.Errorf("a job without gaps: %s", got)
	}
	for i, want := range []string{"0", "4", "4", "5"} {
		gaps := &pipeline.Gaps{Total: int(want[0] - '0')}
		if i == 2 {
			gaps = nil // the list could not be read
		}
		if got := finish("plays", gaps); got != line+want+"\n" {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestPlanPrintsDeniedLists(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	all := []pipeline.Denied{
		{ID: "37i9", Name: "Road \x1b[31mtrip", Reason: "403: Spotify does not serve its items to this app", Since: now.AddDate(0, 0, -3)},
		{ID: "37ia", Reason: "404: Spotify does not serve its items to this app", Since: now.AddDate(0, 0, -1)},
	}
	want := []string{
		"\"Road \uFFFD[31mtrip\" (37i9): 403: Spotify does not serve its items to this app, since 2026-11-18 (3 days ago)",
		"37ia: 404: Spotify does not serve its items to this app, since 2026-11-20 (24 hours ago)",
	}
	if diff := cmp.Diff(want, deniedNotes(all, now)); diff != "" {
		t.Error(diff)
	}
	for n := range 30 {
		all = append(all, pipeline.Denied{ID: fmt.Sprint(n), Reason: "403", Since: now})
	}
	if got := deniedNotes(all, now); len(got) != mostDenied+1 || got[mostDenied] != "and 12 more; see --json" {
		t.Errorf("%d lines: %q", len(got), got[len(got)-1])
	}
}
