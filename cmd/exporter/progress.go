package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
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

// progress shows the progress of runs: a bar on a terminal, log lines elsewhere.
type progress struct {
	app   *app
	log   *slog.Logger
	quiet bool
	bars  *mpb.Progress // nil when stderr is no terminal

	mu    sync.Mutex
	bar   *mpb.Bar
	lines time.Time // when the last line was written

	// last is read while a bar is drawn, which mu would block.
	last atomic.Pointer[pipeline.Event]
}

// progress returns the display for stderr.
func (a *app) progress(quiet bool) *progress {
	p := &progress{app: a, log: a.log(), quiet: quiet}
	if a.logFormat == "text" && !quiet && isTerminal(a.stderr) {
		p.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(24), mpb.WithAutoRefresh())
		p.log = a.logAt(p.bars, slog.LevelInfo)
	}
	if quiet {
		p.log = a.logAt(a.stderr, slog.LevelWarn)
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// observe takes the events of all runs.
func (p *progress) observe(e pipeline.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind != pipeline.RunFinished {
		p.last.Store(&e)
	}
	if p.bars != nil {
		p.draw(e)
		return
	}
	p.line(e)
}

func (p *progress) line(e pipeline.Event) {
	log := p.log.With("job", e.Run.Job)
	switch e.Kind {
	case pipeline.RunStarted:
		log.Info("run started", "run_id", e.Run.ID)
		p.lines = time.Now()
	case pipeline.RunFinished:
		if p.quiet && unremarkable(e.Run) {
			return
		}
		e.Run.Hint = p.app.typed(e.Run.Hint, p.app.accountFlag(e.Account))
		logRun(log, e.Run)
	default:
		if time.Since(p.lines) < quietFor {
			return
		}
		p.lines = time.Now()
		log.Info("progress", "pages", e.Pages, "items", e.Items, "of", e.Total,
			"parents_done", e.Done, "parents", e.Parents, "waited", roughly(e.Wait))
	}
}

// logRun writes the outcome of a run as one line.
func logRun(log *slog.Logger, r load.Run) {
	attrs := []any{
		"status", r.Status, "items", r.Items, "requests", r.Requests,
		"seconds", float64(r.FinishedAt.Sub(r.StartedAt).Milliseconds()) / 1000,
	}
	for _, name := range tableNames(r) {
		c := r.Tables[name]
		attrs = append(attrs, slog.Group(name, "new", c.Inserted, "changed", c.Updated, "unchanged", c.Unchanged, "removed", c.Removed))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"saved_requests", r.SavedRequests}, {"throttled", r.Throttled}, {"rejects", r.Rejects}, {"unreadable", r.Unreadable}, {"pending", r.Pending}, {"field_errors", r.FieldErrors}} {
		if n.value > 0 {
			attrs = append(attrs, n.name, n.value)
		}
	}
	if r.Message != "" {
		attrs = append(attrs, "message", r.Message)
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

// draw keeps one bar a run.
func (p *progress) draw(e pipeline.Event) {
	switch e.Kind {
	case pipeline.RunStarted:
		p.bar = p.bars.New(0, mpb.BarStyle().Rbound("]").Lbound("["),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(e.Run.Job+" ", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.tail() })))
	case pipeline.RunFinished:
		p.bar.Abort(true)
	default:
		done, total := e.Items, e.Total
		if e.Parents > 0 {
			done, total = e.Done, e.Parents
		}
		p.bar.SetTotal(int64(max(total, done+1)), false)
		p.bar.SetCurrent(int64(done))
	}
}

// tail returns the text behind the bar.
func (p *progress) tail() string {
	e := p.last.Load()
	took := time.Since(e.Run.StartedAt)
	text := fmt.Sprintf(" %s pages, %s rows", thousands(e.Pages), thousands(e.Items))
	if e.Items > 0 && took > 0 {
		text += fmt.Sprintf(", %s/s", thousands(int(float64(e.Items)/took.Seconds())))
	}
	if left := timeLeft(*e, took); left > 0 {
		text += ", " + roughly(left) + " left"
	}
	if e.Wait > 0 {
		text += ", waited " + roughly(e.Wait) + " for the rate limit"
	}
	return text
}

func timeLeft(e pipeline.Event, took time.Duration) time.Duration {
	done, total := e.Items, e.Total
	if e.Parents > 0 {
		done, total = e.Done, e.Parents
	}
	if done == 0 || total <= done {
		return 0
	}
	return time.Duration(float64(took) / float64(done) * float64(total-done))
}

// close ends the display, when all runs have. It may be called twice.
func (p *progress) close() {
	if p.bars != nil {
		p.bars.Wait()
	}
}
