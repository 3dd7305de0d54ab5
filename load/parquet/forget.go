package parquet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tracklake/tracklake/load"
)

// Forget deletes an account's files, each of them whole. The fences go first, so
// that a run which comes to publish now finds itself overtaken.
func (d *Destination) Forget(ctx context.Context, account string, dryRun bool) (load.Forgotten, error) {
	if account == "" {
		return load.Forgotten{}, errors.New("forget account: it has no name")
	}
	if !dryRun {
		locks, err := d.locks.takeAll(account)
		if err != nil {
			return load.Forgotten{}, fmt.Errorf("forget account: %w", err)
		}
		defer unlock(locks)
	}
	err := d.storage.Complete(ctx)
	var out load.Forgotten
	if err == nil {
		out, err = d.forget(account, dryRun)
	}
	if err != nil {
		return load.Forgotten{}, fmt.Errorf("forget account: %w", err)
	}
	return out, nil
}

// forget counts what there is of an account and, unless it is a dry run, deletes it.
func (d *Destination) forget(account string, dryRun bool) (load.Forgotten, error) {
	out := load.Forgotten{Rows: map[string]int{}}
	var names []string
	for _, folder := range []string{"fences", "state", "rows", "runs", "staging", "locks"} {
		all, err := d.storage.List("_exporter/" + folder)
		if err != nil {
			return out, err
		}
		for _, name := range all {
			if strings.HasPrefix(name, "_exporter/"+folder+"/"+ownName(account)+".") {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if err := d.countOwn(name, &out); err != nil {
			return out, err
		}
	}
	for table, l := range d.layouts {
		files, err := d.filesOf(l, account)
		if err != nil {
			return out, err
		}
		for _, name := range files {
			n, err := d.countFile(name)
			if err != nil {
				return out, err
			}
			if n > 0 {
				out.Rows[table] += int(n)
			}
		}
		names = append(names, files...)
	}
	if dryRun {
		return out, nil
	}
	for _, name := range names {
		if err := d.storage.Delete(name); err != nil {
			return out, err
		}
	}
	return out, nil
}

// countOwn counts what a bookkeeping file holds.
func (d *Destination) countOwn(name string, out *load.Forgotten) error {
	var state load.State
	var runs []load.Run
	switch strings.Split(name, "/")[1] {
	case "state":
		err := readJSON(d.storage, name, &state)
		out.State += len(state)
		return err
	case "runs":
		err := readJSON(d.storage, name, &runs)
		out.Runs += len(runs)
		return err
	}
	return nil
}
