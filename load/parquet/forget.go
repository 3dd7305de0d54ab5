package parquet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// Forget deletes an account's files. They are moved out of the tables first, so
// that readers see each of them whole or not at all, and what a crash leaves is
// deleted by the next process.
func (d *Destination) Forget(ctx context.Context, account string, dryRun bool) (load.Forgotten, error) {
	if account == "" {
		return load.Forgotten{}, errors.New("forget account: it has no name")
	}
	if !dryRun {
		locks, err := d.lockJobs(account)
		if err != nil {
			return load.Forgotten{}, fmt.Errorf("forget account: %w", err)
		}
		defer unlock(locks)
	}
	var out load.Forgotten
	err := d.exclusively(ctx, func() (err error) {
		if err := d.rollPending(); err != nil {
			return err
		}
		if out, err = d.kept(account); err != nil || dryRun {
			return err
		}
		return d.forget(account)
	})
	if err != nil {
		return load.Forgotten{}, fmt.Errorf("forget account: %w", err)
	}
	return out, nil
}

// lockJobs takes the locks of all jobs that were ever run for an account.
func (d *Destination) lockJobs(account string) (locks []*flock.Flock, err error) {
	defer func() {
		if err != nil {
			unlock(locks)
		}
	}()
	entries, err := os.ReadDir(d.inner("locks"))
	if err != nil {
		return nil, describe("read locks", err)
	}
	for _, e := range entries {
		job, ok := strings.CutPrefix(e.Name(), escape(account)+".")
		if !ok {
			continue
		}
		lock := flock.New(d.inner("locks", e.Name()), flock.SetPermissions(0o600))
		got, err := lock.TryLock()
		if err != nil {
			return locks, describe("lock", err)
		}
		if !got {
			return locks, heldBy(lock.Path(), strings.TrimSuffix(job, ".lock"))
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

func unlock(locks []*flock.Flock) {
	for _, lock := range locks {
		_ = lock.Unlock() // closing the file ends the lock in any case
	}
}

// kept counts what there is of an account.
func (d *Destination) kept(account string) (load.Forgotten, error) {
	out := load.Forgotten{Rows: map[string]int{}}
	folders, err := d.partitionsOf(account)
	if err != nil {
		return out, err
	}
	for _, folder := range folders {
		rows, err := countRows(folder, nil)
		if err != nil {
			return out, err
		}
		if rows > 0 {
			out.Rows[filepath.Base(filepath.Dir(folder))] = rows
		}
	}
	err = d.eachOwn(account, func(folder, path string) error {
		switch folder {
		case "state":
			state := load.State{}
			if err := readJSON(path, &state); err != nil {
				return err
			}
			out.State += len(state)
		case "runs":
			var runs []load.Run
			if err := readJSON(path, &runs); err != nil {
				return err
			}
			out.Runs += len(runs)
		}
		return nil
	})
	return out, err
}

// partitionsOf lists the folders of an account in all tables.
func (d *Destination) partitionsOf(account string) ([]string, error) {
	tables, err := os.ReadDir(d.root)
	if err != nil {
		return nil, describe("read tables", err)
	}
	var out []string
	for _, t := range tables {
		folder := filepath.Join(d.root, t.Name(), transform.AccountID+"="+escape(account))
		if info, err := os.Stat(folder); err == nil && info.IsDir() && t.Name() != filepath.Base(d.inner()) {
			out = append(out, folder)
		}
	}
	return out, nil
}

// eachOwn calls f for every file of an account in the bookkeeping folders.
func (d *Destination) eachOwn(account string, f func(folder, path string) error) error {
	for _, folder := range []string{"state", "rows", "runs", "fences", "staging", "locks"} {
		entries, err := os.ReadDir(d.inner(folder))
		if err != nil {
			return describe("read "+folder, err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), escape(account)+".") {
				continue
			}
			if err := f(folder, d.inner(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget deletes what kept has counted. The fences go before the rows, so that
// a run which comes to publish now finds itself overtaken.
func (d *Destination) forget(account string) error {
	if err := d.dropForgotten(); err != nil { // a crash may have left some
		return err
	}
	err := d.eachOwn(account, func(folder, path string) error {
		if folder == "locks" {
			return nil
		}
		return d.files.remove(path)
	})
	if err != nil {
		return err
	}
	folders, err := d.partitionsOf(account)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		table := filepath.Dir(folder)
		if err := d.files.rename(folder, d.forgotten(filepath.Base(table))); err != nil {
			return err
		}
		if err := d.files.syncFolder(table); err != nil {
			return err
		}
	}
	if err := d.dropForgotten(); err != nil {
		return err
	}
	return d.eachOwn(account, func(_, path string) error { return d.files.remove(path) })
}

// forgotten is where folders lie until they are deleted.
func (d *Destination) forgotten(parts ...string) string {
	return d.inner(append([]string{"forgotten"}, parts...)...)
}

// dropForgotten deletes what was moved out of the tables, now or before a crash.
func (d *Destination) dropForgotten() error {
	if err := os.RemoveAll(d.forgotten()); err != nil {
		return describe("delete", err)
	}
	return d.files.syncFolder(d.inner())
}
