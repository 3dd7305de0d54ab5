package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/tracklake/tracklake/load"
)

// connected tells why the account of the run is not to be written any more: it
// may have been forgotten since the run was planned.
func (j *jobRun) connected(ctx context.Context) error {
	if j.record.Account == "" || j.user.Connected == nil {
		return nil
	}
	return j.user.Connected(ctx, j.record.Account)
}

// withdraw ends the run's sessions without a commit. Where a destination then
// has nothing of the account but the record that this run began, that goes, too.
func (j *jobRun) withdraw(ctx context.Context, opened []load.Destination) error {
	errs := []error{j.sinks.close()}
	j.sinks = newSinks(ctx, j.mode.DryRun)
	for i, d := range opened {
		kept, err := d.Forget(ctx, j.record.Account, true)
		if err == nil && kept.Total() <= 1 && kept.Runs == kept.Total() {
			_, err = d.Forget(ctx, j.record.Account, false)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("withdraw from %s: %w", j.job.Destinations[i], err))
		}
	}
	return errors.Join(errs...)
}
