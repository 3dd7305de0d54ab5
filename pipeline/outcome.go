package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// end sets the status, message and hint that follow from how a run went. A run
// that was already found incomplete stays so.
func (j *jobRun) end(ctx context.Context, err error) {
	if err == nil {
		if j.record.Status == load.StatusRunning {
			j.record.Status = load.StatusOK
		}
		return
	}
	open := j.record // what its lists leave open
	j.record.Message = err.Error()
	j.record.Hint = ""
	var api *extract.Error
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		j.record.Status = load.StatusInterrupted
		j.record.Message = "stopped before it was done; what was read is kept"
		j.record.Hint = "run it again: " + j.mode.command(j.job)
	case errors.As(err, &api):
		j.endAPI(api)
		if j.record.Status == load.StatusDeferred && open.Status == load.StatusIncomplete {
			j.record.Message, j.record.Hint = j.record.Message+"; "+open.Message, j.record.Hint+"; "+open.Hint
		}
	default:
		j.record.Status = load.StatusFailed
		j.record.Hint = Hint(err)
	}
}

func (j *jobRun) endAPI(err *extract.Error) {
	j.record.Status = load.StatusFailed
	j.record.Hint = err.Hint
	switch err.Kind {
	case extract.Closed:
		j.record.Status = load.StatusDeferred
		j.record.DeferredTo = err.Until.UTC()
		j.record.Budgeted = err.Budget
		if err.Hint != "" {
			break
		}
		j.record.Hint = fmt.Sprintf("nothing to do: run it again after %s, it goes on where it stopped", err.Until.UTC().Format(time.RFC3339))
	case extract.SignIn, extract.Scope:
		j.record.Status = load.StatusNeedsSignIn
		if j.user.SignIn != "" {
			j.record.Hint = "sign in again: " + j.user.SignIn
		}
	}
}

// Hint tells what to do next about an error of a destination or a job, or
// returns nothing.
func Hint(err error) string {
	var locked *load.LockedError
	var schema *load.SchemaError
	var hinted interface{ Hint() string }
	switch {
	case errors.As(err, &locked):
		return "wait until the other run has ended, or stop it"
	case errors.As(err, &schema):
		return schema.Hint
	case errors.Is(err, load.ErrFenced):
		return "nothing to do: the other run goes on"
	case errors.As(err, &hinted):
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
