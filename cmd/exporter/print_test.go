package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	n := func(rows int) *int { return &rows }
	for _, test := range []struct {
		count  load.Count
		status load.Status
		dryRun bool
		want   string
	}{
		{load.Count{Rows: n(5012), Added: 12, Removed: 3, Unchanged: 50}, load.StatusOK, false, "5,012 tracks: 12 added, 3 removed"},
		{load.Count{Rows: n(5000), Unchanged: 50}, load.StatusOK, false, "5,000 tracks, unchanged"},
		{load.Count{Rows: n(5000), Unchanged: 50}, load.StatusIncomplete, false, "5,000 tracks stored"},
		{load.Count{Rows: n(1), Changed: 1}, load.StatusOK, false, "1 track: 1 changed"},
		{load.Count{Rows: n(0)}, load.StatusOK, false, "no tracks"},
		{load.Count{Rows: n(0), Removed: 7}, load.StatusOK, false, "no tracks: 7 removed"},
		{load.Count{Rows: n(5000), Added: 12, Removed: 3}, load.StatusOK, true, "5,000 tracks; a run would add 12, remove 3"},
		{load.Count{Rows: n(5000)}, load.StatusOK, true, "5,000 tracks; a run would change nothing"},
		{load.Count{Added: 12}, load.StatusFailed, false, "12 added"},
		{load.Count{}, load.StatusFailed, false, ""},
	} {
		if got := summarize(test.count, "track", test.status, test.dryRun); got != test.want {
			t.Errorf("%+v: %q, want %q", test.count, got, test.want)
		}
	}
}

func someRun(rows, added int) load.Run {
	at := time.Date(2026, 11, 21, 3, 15, 0, 0, time.UTC)
	return load.Run{
		Job: "saved_tracks", Resource: "saved_tracks", Status: load.StatusOK, StartedAt: at, FinishedAt: at.Add(1234 * time.Millisecond), Requests: 4,
		Tables: map[string]load.Count{"saved_tracks": {Rows: &rows, Added: added}},
	}
}

func printed(s screen, r load.Run) string {
	var out bytes.Buffer
	p := &runPrinter{out: &out, screen: s, zone: time.UTC}
	p.print(r, p.name(r.Job, ""))
	return out.String()
}

// TestRunFitsTheScreen folds at words, and never where the output is no terminal.
func TestRunFitsTheScreen(t *testing.T) {
	t.Parallel()
	r := someRun(5012, 12)
	r.Message = strings.Repeat("a word and another ", 8)
	for _, width := range []int{24, 40, 80, 120} {
		for line := range strings.Lines(printed(screen{width: width}, r)) {
			if n := len(strings.TrimSuffix(line, "\n")); n > width && width >= 40 {
				t.Errorf("a line of %d columns on a screen of %d: %s", n, width, line)
			}
		}
	}
	want := "saved_tracks  ok  5,012 tracks: 12 added (1.2 s, 4 requests)\n              " + r.Message + "\n"
	if diff := cmp.Diff(want, printed(screen{}, r)); diff != "" {
		t.Error(diff)
	}
	if got := printed(screen{width: 80, colour: true}, r); !strings.Contains(got, "\x1b[32mok\x1b[0m") {
		t.Errorf("no colour: %q", got)
	}
}

// TestRunAtTwoDestinations tells them apart only where they differ.
func TestRunAtTwoDestinations(t *testing.T) {
	t.Parallel()
	r, other := someRun(5012, 12), someRun(5012, 12)
	r.Destinations = map[string]map[string]load.Count{"lake": r.Tables, "warehouse": other.Tables}
	if diff := cmp.Diff("saved_tracks  ok  5,012 tracks: 12 added (1.2 s, 4 requests)\n", printed(screen{}, r)); diff != "" {
		t.Error(diff)
	}
	r.Destinations["warehouse"] = someRun(5012, 5012).Tables
	want := "saved_tracks  ok  (1.2 s, 4 requests)\n              lake: 5,012 tracks: 12 added\n              warehouse: 5,012 tracks: 5,012 added\n"
	if diff := cmp.Diff(want, printed(screen{}, r)); diff != "" {
		t.Error(diff)
	}
}

func TestGrid(t *testing.T) {
	t.Parallel()
	g := &grid{headers: []string{"JOB", "ACCOUNT", "STATUS"}, rows: []gridRow{
		{cells: []cell{{"saved_tracks", bold}, {"sam", plain}, {"ok", green}}},
		{cells: []cell{{"plays", bold}, {"sam", plain}, {"failed", red}}, notes: []string{"HTTP 502 from Spotify"}},
	}}
	for width, want := range map[int]string{
		0:  "JOB           ACCOUNT  STATUS\nsaved_tracks  sam      ok\nplays         sam      failed\n  HTTP 502 from Spotify\n",
		22: "saved_tracks\n  account  sam\n  status   ok\nplays\n  account  sam\n  status   failed\n  HTTP 502 from\n  Spotify\n",
	} {
		var out bytes.Buffer
		if err := g.print(&out, screen{width: width}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("width %d: %s", width, diff)
		}
	}
	g.without("ACCOUNT")
	var out bytes.Buffer
	if err := g.print(&out, screen{}); err != nil || !strings.HasPrefix(out.String(), "JOB           STATUS\nsaved_tracks  ok\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestTimeLeft(t *testing.T) {
	t.Parallel()
	second := time.Second
	for name, test := range map[string]struct {
		event pipeline.Event
		took  time.Duration
		want  time.Duration
	}{
		"what each took so far":           {pipeline.Event{Requests: 50, Left: 100}, 10 * second, 20 * second},
		"nothing is left":                 {pipeline.Event{Requests: 50}, 10 * second, 0},
		"too few to tell":                 {pipeline.Event{Requests: 2, Left: 500}, 50 * time.Millisecond, 0},
		"too few, but the limit tells":    {pipeline.Event{Requests: 2, Left: 500, Pace: extract.Pace{Interval: second / 10}}, second, 50 * second},
		"the limit is slower":             {pipeline.Event{Requests: 50, Left: 100, Pace: extract.Pace{Interval: second}}, 10 * second, 100 * second},
		"a pause comes first":             {pipeline.Event{Requests: 50, Left: 100, Pace: extract.Pace{Pause: 30 * second}}, 10 * second, 50 * second},
		"a pause that is over is no pace": {pipeline.Event{Requests: 50, Left: 100, Wait: 30 * second}, 40 * second, 20 * second},
	} {
		if got := timeLeft(test.event, test.took); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 3, 15, 0, 0, time.UTC)
	at := start.Add(10 * time.Second)
	e := pipeline.Event{Run: load.Run{StartedAt: start}, Requests: 50, Left: 100}
	paused := e
	paused.Pace.Pause = 12 * time.Second
	for want, got := range map[string]string{
		"waiting for the first answer":           tail(pipeline.Event{}, at, at),
		"50 of 150 requests, 20 s left":          tail(e, at, at),
		"50 of 150 requests, 17 s left":          tail(e, at, at.Add(3*time.Second)),
		"50 of 150 requests":                     tail(e, at, at.Add(time.Minute)),
		"50 of 150 requests, throttled for 12 s": tail(paused, at, at),
		"50 of 150 requests, 19 s left":          tail(paused, at, at.Add(13*time.Second)),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[string]string{
		"0.0 s": elapsed(0), "9.9 s": elapsed(9940 * time.Millisecond), "10 s": elapsed(9960 * time.Millisecond), "1 min 0 s": elapsed(59600 * time.Millisecond),
		"3 min 51 s": elapsed(231 * time.Second), "1 h 0 min": elapsed(3599600 * time.Millisecond), "2 h 5 min": elapsed(125 * time.Minute),
		"never": relative(time.Time{}, now), "now": relative(now, now), "1 second ago": relative(now.Add(-time.Second), now),
		"3 hours ago": relative(now.Add(-3*time.Hour), now), "in 2 days": relative(now.Add(50*time.Hour), now),
		"2026-11-21 16:00 CET (in 3 hours)": moment(now.Add(3*time.Hour), now, stockholm), "-": moment(time.Time{}, now, stockholm),
		"-1,234,567": thousands(-1234567), "999": thousands(999), "4 kB": size(3600), "1 kB": size(0), "1.2 MB": size(1_234_567),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestDemoIsHonest does not say that all is well when a job has failed.
func TestDemoIsHonest(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	failed := someRun(0, 0)
	failed.Status = load.StatusFailed
	demo := &demoCmd{Path: t.TempDir()}
	if err := demo.print(newApp(t.Context(), nil, &out, nil), []load.Run{someRun(5, 5), failed}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasPrefix(text, "\n1 of 2 jobs did not end ok.\n\nFiles\n") || !strings.Contains(text, "Queries to try") {
		t.Error(text)
	}
}
