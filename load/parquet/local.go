package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// local is a storage in a folder of the file system. Tests let single steps fail.
type local struct {
	root  string
	fault func(step, path string) error
	log   *slog.Logger
}

func (l *local) path(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

// Place is the path of a file.
func (l *local) Place(name string) string { return l.path(name) }

func (l *local) check(step, path string) error {
	if l.fault == nil {
		return nil
	}
	return l.fault(step, path)
}

// Open opens a file.
func (l *local) Open(name string) (storedFile, error) {
	f, err := os.Open(l.path(name))
	if err != nil {
		return nil, describe("read", err)
	}
	return f, nil
}

// Put writes a temporary file beside the name, syncs it, and renames it.
func (l *local) Put(name string, write func(io.Writer) error) error {
	temporary := l.path(name) + ".new"
	if err := l.write(temporary, true, write); err != nil {
		return err
	}
	return l.rename(temporary, l.path(name))
}

// write writes a file, or none at all. A lasting one is synced.
func (l *local) write(path string, lasting bool, write func(io.Writer) error) error {
	if err := errors.Join(l.makeFolder(filepath.Dir(path)), l.check("create", path)); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return describe("write", err)
	}
	s := &sink{file: f, check: l.check}
	if err = write(s); s.err != nil {
		err = s.err
	}
	if err == nil && lasting {
		err = l.sync("sync", f)
	}
	if closing := f.Close(); err == nil && closing != nil {
		err = describe("write", closing)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func (l *local) sync(step string, f *os.File) error {
	if err := l.check(step, f.Name()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return describe("sync", err)
	}
	return nil
}

// rename moves a file and syncs the folder that it arrives in.
func (l *local) rename(from, to string) error {
	if err := l.makeFolder(filepath.Dir(to)); err != nil {
		return err
	}
	if err := l.check("rename", to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return describe("publish", err)
	}
	return l.syncFolder(filepath.Dir(to))
}

// makeFolder makes a folder and those above it, and syncs each new name.
func (l *local) makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return describe("make folder", err)
	}
	if parent := filepath.Dir(folder); parent != folder {
		if err := l.makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, fs.ModePerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return describe("make folder", err)
	}
	return l.syncFolder(filepath.Dir(folder))
}

func (l *local) syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return describe("sync", err)
	}
	return errors.Join(l.sync("syncdir", d), d.Close())
}

// List names the files below a folder.
func (l *local) List(folder string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(l.path(folder), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(l.root, path)
		out = append(out, filepath.ToSlash(name))
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, describe("list", err)
	}
	slices.Sort(out)
	return out, nil
}

// Delete deletes a file, and, of a table's file, the folders that are empty then.
func (l *local) Delete(name string) error {
	path := l.path(name)
	if err := l.check("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return describe("delete", err)
	}
	folder := filepath.Dir(path)
	for !strings.HasPrefix(name, "_exporter/") && folder != l.root && os.Remove(folder) == nil {
		folder = filepath.Dir(folder)
	}
	return l.syncFolder(folder)
}

// journalName is the file that lists the moves of a publication. Once it is on the
// disk the publication counts.
const journalName = "_exporter/commit.json"

// Publish writes the journal and carries it out.
func (l *local) Publish(ctx context.Context, moves []move, guard string, unchanged []byte) error {
	counts := false
	err := l.exclusively(ctx, func() error {
		if err := l.complete(); err != nil {
			return err
		}
		if now, err := os.ReadFile(l.path(guard)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return describe("read", err)
		} else if !bytes.Equal(now, unchanged) {
			return errChanged
		}
		if err := putJSON(l, journalName, moves); err != nil {
			// It may be on the disk in spite of the error.
			if gone := os.Remove(l.path(journalName)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				counts = true
			}
			return err
		}
		counts = true
		return l.roll(moves)
	})
	if err == nil || counts {
		return err
	}
	for _, m := range moves {
		if gone := os.Remove(l.path(m.From)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, describe("delete", gone))
		}
	}
	return err
}

// Complete carries out the journal of a process that did not get to it.
func (l *local) Complete(ctx context.Context) error { return l.exclusively(ctx, l.complete) }

func (l *local) complete() error {
	var moves []move
	if err := readJSON(l, journalName, &moves); err != nil || moves == nil {
		return err
	}
	for _, m := range moves {
		if !filepath.IsLocal(m.From) || !filepath.IsLocal(m.To) {
			return fmt.Errorf("%s names a file outside of the lake", l.path(journalName))
		}
	}
	return l.roll(moves)
}

// roll carries out a journal and removes it. It can be repeated.
func (l *local) roll(moves []move) error {
	for _, m := range moves {
		if _, err := os.Stat(l.path(m.From)); errors.Is(err, fs.ErrNotExist) {
			continue // done before a crash
		}
		if err := l.rename(l.path(m.From), l.path(m.To)); err != nil {
			return err
		}
	}
	return l.Delete(journalName)
}

// exclusively runs f while no other process publishes. The lock ends with the
// process, however that ends.
func (l *local) exclusively(ctx context.Context, f func() error) (err error) {
	path := l.path("_exporter/publish.lock")
	if err := l.makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	lock := flock.New(path)
	if err := await(ctx, lock, l.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return f()
}

// A sink is a file that fails for good with its first error. The Arrow writer can
// report success on a full disk.
type sink struct {
	file  *os.File
	check func(step, path string) error
	err   error
}

// Write writes, unless an earlier write failed.
func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.err = s.check("write", s.file.Name()); s.err != nil {
		return 0, s.err
	}
	n, err := s.file.Write(p)
	if err != nil {
		s.err = describe("write", err)
	}
	return n, s.err
}
