package main

import (
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// quietFor is how long a run may go without a log line if stderr is no terminal.
const quietFor = 30 * time.Second

// progress shows the progress of runs on stderr: a bar on a terminal, log lines
// elsewhere.
type progress struct {
	app   *app
	log   *slog.Logger
	quiet bool
	// records: the log has the record of each run, because nothing else tells of it.
	records bool
	barred  bool // a bar is shown

	mu    sync.Mutex
	bars  *mpb.Progress // of the run that goes on
	bar   *mpb.Bar
	lines time.Time // when the last line was written

	// last is read while a bar is drawn, which mu would block.
	last atomic.Pointer[observed]
}

// observed is an event and when it came.
type observed struct {
	pipeline.Event
	at time.Time
}

// progress returns the display for stderr.
func (a *app) progress(quiet bool) *progress {
	p := &progress{app: a, log: a.log(), quiet: quiet, records: a.logFormat == "json"}
	switch {
	case quiet:
		p.log = a.logAt(a.stderr, slog.LevelWarn)
	case a.logFormat == "text" && screenOf(a.stderr).width > 0 && os.Getenv("TERM") != "dumb":
		p.barred = true
		p.log = a.logAt(aboveBar{p}, slog.LevelInfo)
	}
	return p
}

// aboveBar writes to stderr, above the bar if there is one.
type aboveBar struct{ *progress }

// Write implements [io.Writer].
func (w aboveBar) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var to io.Writer = w.app.stderr
	if w.bars != nil {
		to = w.bars
	}
	return to.Write(text)
}

// observe takes the events of all runs.
func (p *progress) observe(e pipeline.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Store(&observed{e, time.Now()})
	if p.barred {
		p.draw(e)
		return
	}
	p.line(e)
}

func (p *progress) line(e pipeline.Event) {
	log := p.log.With("job", e.Run.Job)
	switch e.Kind {
	case pipeline.RunStarted:
		level := slog.LevelDebug
		if p.records {
			level = slog.LevelInfo
		}
		log.Log(p.app.ctx, level, "run started", "run_id", e.Run.ID)
		p.lines = time.Now()
	case pipeline.RunFinished:
		if !p.records || p.quiet && unremarkable(e.Run) {
			return
		}
		e.Run.Hint = p.app.typed(e.Run.Hint, p.app.accountFlag(e.Account))
		logRun(log, e.Run)
	default:
		now := time.Now()
		if now.Sub(p.lines) < quietFor {
			return
		}
		p.lines = now
		attrs := []any{"items", e.Items, "requests", e.Requests, "requests_left", e.Left}
		if left := timeLeft(e, now.Sub(e.Run.StartedAt)); left > 0 {
			attrs = append(attrs, "seconds_left", int(left.Seconds()))
		}
		if e.Parents > 0 {
			attrs = append(attrs, "up_to_date", e.Done, "of", e.Parents)
		}
		log.Info("progress", attrs...)
	}
}

// logRun writes the outcome of a run as one line, in the words of its JSON.
func logRun(log *slog.Logger, r load.Run) {
	attrs := []any{
		"status", r.Status, "items", r.Items, "requests", r.Requests,
		"seconds", float64(r.FinishedAt.Sub(r.StartedAt).Milliseconds()) / 1000,
	}
	attrs = append(attrs, logTables(r)...)
	for _, n := range []struct {
		name  string
		value int
	}{
		{"saved_requests", r.SavedRequests}, {"throttled", r.Throttled}, {"rejects", r.Rejects}, {"unreadable", r.Unreadable},
		{"pending", r.Pending}, {"field_errors", r.FieldErrors}, {"parents", r.Parents}, {"up_to_date", r.UpToDate},
	} {
		if n.value > 0 {
			attrs = append(attrs, n.name, n.value)
		}
	}
	if r.Message != "" {
		attrs = append(attrs, "message", r.Message)
	}
	if !r.DeferredTo.IsZero() {
		attrs = append(attrs, "deferred_to", r.DeferredTo)
	}
	if r.Hint != "" {
		attrs = append(attrs, "hint", r.Hint)
	}
	switch r.Status {
	case load.StatusOK:
		log.Info("run finished", attrs...)
	case load.StatusFailed, load.StatusNeedsSignIn:
		log.Error("run finished", attrs...)
	default:
		log.Warn("run finished", attrs...)
	}
}

// logTables are the counts of a run, by table; by destination where it has several.
func logTables(r load.Run) []any {
	tables := func(all map[string]load.Count) (out []any) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			c := all[name]
			var counts []any
			if c.Rows != nil {
				counts = append(counts, "rows", *c.Rows)
			}
			out = append(out, slog.Group(name, append(counts, "added", c.Added, "changed", c.Changed, "unchanged", c.Unchanged, "removed", c.Removed)...))
		}
		return out
	}
	if len(r.Destinations) == 0 {
		return tables(r.Tables)
	}
	var out []any
	for _, name := range slices.Sorted(maps.Keys(r.Destinations)) {
		out = append(out, slog.Group(name, tables(r.Destinations[name])...))
	}
	return out
}

// draw keeps one bar a run.
func (p *progress) draw(e pipeline.Event) {
	switch e.Kind {
	case pipeline.RunStarted:
		p.bars = mpb.New(mpb.WithOutput(p.app.stderr), mpb.WithWidth(20), mpb.WithAutoRefresh())
		p.bar = p.bars.New(0, mpb.BarStyle().Rbound("]").Lbound("["),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(e.Run.Job+" ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				last := p.last.Load()
				return " " + tail(last.Event, last.at, time.Now())
			})))
	case pipeline.RunFinished:
		p.endBar()
	default:
		p.bar.SetTotal(int64(e.Requests+max(1, e.Left)), false)
		p.bar.SetCurrent(int64(e.Requests))
	}
}

// endBar removes the bar. The line that tells of the run takes its place.
func (p *progress) endBar() {
	if p.bars != nil {
		p.bar.Abort(true)
		p.bars.Wait()
		p.bars = nil
	}
}

// close ends the display, when all runs have. It may be called twice.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endBar()
}
