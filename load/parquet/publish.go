package parquet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tracklake/tracklake/load"
)

// A journal lists the renames that publish a commit. Once it is on the disk
// the commit counts, and a crash leaves the rest to the next process.
type journal struct {
	Renames []rename `json:"renames"`
}

// A rename moves a finished file from the staging folder; both paths are
// relative to the destination.
type rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (d *Destination) journalPath() string { return d.inner("commit.json") }

// publish makes visible what is committed: files, state and run record.
func (s *session) publish(ctx context.Context, dryRun bool) error {
	began := time.Now()
	err := s.d.exclusively(ctx, func() error { return s.publishLocked(ctx, dryRun) })
	if err != nil {
		s.broken = fmt.Errorf("publish: %w", err)
		return errors.Join(s.broken, s.dropPartitions())
	}
	s.took, s.published = time.Since(began), time.Now()
	s.committed, s.removals = false, nil
	clear(s.parts)
	clear(s.staged)
	return nil
}

func (s *session) publishLocked(ctx context.Context, dryRun bool) error {
	var fence int64
	if err := readJSON(s.fencePath(), &fence); err != nil {
		return err
	}
	if fence != s.fence {
		return load.ErrFenced
	}
	if err := s.d.rollPending(); err != nil {
		return err
	}
	if err := s.openScopes(); err != nil {
		return err
	}
	outputs, err := s.finish(ctx)
	if err != nil {
		return err
	}
	if dryRun {
		return s.retract(outputs)
	}
	renames, err := s.bookkeeping(outputs)
	if err != nil {
		return err
	}
	if err := s.d.files.writeJSON(s.d.journalPath(), journal{renames}); err != nil {
		return errors.Join(err, s.withdraw(renames))
	}
	// From here on the commit counts: whatever fails now, the staged files
	// stay, and the next process completes the publication.
	clear(s.parts)
	return s.d.roll(renames)
}

// finish completes all open partitions and counts what they did.
func (s *session) finish(ctx context.Context) (map[string]*output, error) {
	parts := s.sorted()
	outputs := make([]*output, len(parts))
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i, p := range parts {
		group.Go(func() error {
			if err := p.rebase(); err != nil {
				return err
			}
			var err error
			outputs[i], err = p.finish(s.removals)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := map[string]*output{}
	for i, p := range parts {
		name := p.layout.table.Name
		s.total[name] = s.total[name].Add(p.count)
		p.late.release()
		if outputs[i] != nil {
			out[p.stored] = outputs[i]
		}
	}
	return out, nil
}

// bookkeeping writes state and run record beside the finished files and lists
// all renames.
func (s *session) bookkeeping(outputs map[string]*output) ([]rename, error) {
	var renames []rename
	for to, o := range outputs {
		renames = append(renames, rename{s.d.relative(o.path), s.d.relative(to)})
	}
	slices.SortFunc(renames, func(a, b rename) int { return strings.Compare(a.To, b.To) })
	record := s.run
	record.Tables = s.total
	books := map[string]any{s.statePath(): s.state, s.runsPath(): s.runs(record, false)}
	if s.run.Finished() {
		rows, err := s.d.rows(s.job, outputs)
		if err != nil {
			return nil, err
		}
		books[s.rowsPath()] = rows
	}
	for to, v := range books {
		from := s.d.inner("staging", filepath.Base(filepath.Dir(to))+"."+filepath.Base(to))
		if err := s.d.files.writeAside(from, v); err != nil {
			return nil, err
		}
		renames = append(renames, rename{s.d.relative(from), s.d.relative(to)})
	}
	// The files themselves are synced; their names in the staging folder are
	// what the journal relies on.
	return renames, s.d.files.syncFolder(s.d.inner("staging"))
}

// withdraw takes back a journal that could not be made to last. If even that
// fails, the staged files stay, for the journal may be carried out.
func (s *session) withdraw(renames []rename) error {
	if err := os.Remove(s.d.journalPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		clear(s.parts)
		return describe("remove", err)
	}
	for _, r := range renames {
		if err := os.Remove(filepath.Join(s.d.root, r.From)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return describe("remove", err)
		}
	}
	clear(s.parts)
	return nil
}

// retract removes what a dry run has made.
func (s *session) retract(outputs map[string]*output) error {
	var errs []error
	for _, o := range outputs {
		errs = append(errs, os.Remove(o.path))
	}
	if s.run.Finished() {
		errs = append(errs, s.forget())
	}
	return errors.Join(errs...)
}

func (d *Destination) relative(path string) string {
	rel, err := filepath.Rel(d.root, path)
	if err != nil { // both lie below the root
		return path
	}
	return rel
}

// roll carries out a journal and removes it. It can be repeated.
func (d *Destination) roll(renames []rename) error {
	for _, r := range renames {
		from := filepath.Join(d.root, r.From)
		if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
			continue // done before a crash
		}
		if err := d.files.rename(from, filepath.Join(d.root, r.To)); err != nil {
			return err
		}
	}
	if err := d.files.check("remove", d.journalPath()); err != nil {
		return err
	}
	if err := os.Remove(d.journalPath()); err != nil {
		return describe("remove", err)
	}
	return d.files.syncFolder(d.inner())
}

// recover completes a publication that was cut short, and removes files that
// dead runs have left.
func (d *Destination) recover() error {
	if err := d.rollPending(); err != nil {
		return err
	}
	if _, err := os.Stat(d.forgotten()); err == nil {
		if err := d.dropForgotten(); err != nil {
			return err
		}
	}
	return d.clearStaging()
}

// rollPending carries out the journal of a process that did not get to it.
func (d *Destination) rollPending() error {
	var j *journal
	if err := readJSON(d.journalPath(), &j); err != nil {
		return err
	}
	if j == nil {
		return nil
	}
	for _, r := range j.Renames {
		if !filepath.IsLocal(r.From) || !filepath.IsLocal(r.To) {
			return fmt.Errorf("%s names a file outside of the destination", d.journalPath())
		}
	}
	return d.roll(j.Renames)
}

// abandonedAfter is the age at which a staged file without a journal is
// removed; no run takes that long to publish.
const abandonedAfter = 24 * time.Hour

func (d *Destination) clearStaging() error {
	entries, err := os.ReadDir(d.inner("staging"))
	if err != nil {
		return describe("read", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < abandonedAfter {
			continue // removed by now, or perhaps in use
		}
		if err := os.Remove(d.inner("staging", e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return describe("remove", err)
		}
	}
	return nil
}
