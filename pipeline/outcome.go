package pipeline

import (
	"context"
	"errors"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// scopeRefused says that Spotify refuses a request for a scope that is granted.
const scopeRefused = "Spotify says that the sign-in lacks a scope, which it has"

// end sets the status, message and hint of a run from its error. A run that is
// already incomplete stays so.
func (r *run) end(ctx context.Context, err error) {
	if err == nil {
		if r.record.Status == load.StatusRunning {
			r.record.Status = load.StatusOK
		}
		return
	}
	open := r.record // with what its lists leave open
	r.record.Message = err.Error()
	r.record.Hint = ""
	var api *extract.Error
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		r.record.Status = load.StatusInterrupted
		r.record.Message = "interrupted; what was read is kept"
		switch {
		case r.export == nil:
			r.record.Message = "interrupted before anything was read"
		case r.mode.DryRun:
			r.record.Message = "interrupted"
		}
		r.record.Hint = "run it again: " + r.mode.command(r.Job)
	case errors.As(err, &api):
		r.endAPI(err, api)
		if r.record.Status == load.StatusDeferred && open.Status == load.StatusIncomplete {
			r.record.Message, r.record.Hint = r.record.Message+"; "+open.Message, r.record.Hint+"; "+open.Hint
		}
	default:
		r.record.Status = load.StatusFailed
		r.record.Hint = Hint(err)
	}
}

// lose says of a run that was interrupted that its last commit has failed.
func (r *run) lose(err error) {
	if r.record.Status == load.StatusInterrupted && r.export != nil {
		r.record.Message = "interrupted; what was read since the last commit is lost: " + err.Error()
	}
}

func (r *run) endAPI(cause error, err *extract.Error) {
	r.record.Status = load.StatusFailed
	r.record.Hint = err.Advice
	switch err.Kind {
	case extract.Blocked:
		r.record.Status = load.StatusDeferred
		// Which request it was does not matter, and the time has a field of its own.
		if many := interface{ Unwrap() []error }(nil); !errors.As(cause, &many) {
			r.record.Message = err.Message
		}
		r.record.DeferredTo = err.Until.UTC()
		r.record.Budgeted = err.Budget
		if err.Advice != "" {
			break
		}
		r.record.Hint = "nothing to do: the next run after that time resumes where this one stopped"
	case extract.SignIn, extract.Scope:
		if err.Kind == extract.Scope && r.User.grants(r.Job) {
			r.record.Message = err.Path + ": " + scopeRefused
			r.record.Hint = "nothing to do: the next run tries again"
			break
		}
		r.record.Status = load.StatusNeedsSignIn
		if r.User.SignIn != "" {
			r.record.Hint = "sign in again: " + r.User.SignIn
		}
	}
}

// Hint returns what to do next about an error, or "".
func Hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// severity orders statuses from the best to the worst.
func severity(s load.Status) int {
	for i, known := range []load.Status{
		load.StatusOK, load.StatusDeferred, load.StatusIncomplete,
		load.StatusNeedsSignIn, load.StatusFailed, load.StatusInterrupted,
	} {
		if s == known {
			return i
		}
	}
	return severity(load.StatusFailed)
}

// Worst returns the worst status of some runs; of none, ok.
func Worst(runs []load.Run) load.Status {
	worst := load.StatusOK
	for _, r := range runs {
		if severity(r.Status) > severity(worst) {
			worst = r.Status
		}
	}
	return worst
}
