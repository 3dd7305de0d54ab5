package parquet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/tracklake/tracklake/load"
)

// files does what changes the disk. Tests let single steps fail.
type files struct {
	fault func(step, path string) error
}

func (f files) check(step, path string) error {
	if f.fault == nil {
		return nil
	}
	return f.fault(step, path)
}

// rename moves a file and syncs the folder that it arrives in.
func (f files) rename(from, to string) error {
	if err := f.makeFolder(filepath.Dir(to)); err != nil {
		return err
	}
	if err := f.check("rename", to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return describe("publish", err)
	}
	return f.syncFolder(filepath.Dir(to))
}

// makeFolder makes a folder and those above it, and syncs each new name.
func (f files) makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // nil, or told by the rename that follows
	}
	parent := filepath.Dir(folder)
	if err := f.makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return describe("make folder", err)
	}
	return f.syncFolder(parent)
}

func (f files) syncFolder(folder string) error {
	if err := f.check("syncdir", folder); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return describe("sync", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return describe("sync", err)
	}
	return nil
}

// remove deletes a file, if it is there, and syncs its folder.
func (f files) remove(path string) error {
	if err := f.check("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return describe("delete", err)
	}
	return f.syncFolder(filepath.Dir(path))
}

// writeJSON replaces a file: written aside, synced, renamed.
func (f files) writeJSON(path string, v any) error {
	aside := path + ".new"
	if err := f.writeAside(aside, v); err != nil {
		return err
	}
	return f.rename(aside, path)
}

// writeAside writes a synced JSON file.
func (f files) writeAside(path string, v any) error {
	if state, ok := v.(load.State); ok {
		return f.writeText(path, stateText(state)...)
	}
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return f.writeText(path, text, []byte("\n"))
}

// stateText is a job's state as JSON, an entry a line. Entries are not copied:
// that of a large library takes several megabytes.
func stateText(state load.State) [][]byte {
	out := [][]byte{[]byte("{")}
	for i, key := range slices.Sorted(maps.Keys(state)) {
		name, _ := json.Marshal(key) //nolint:errchkjson // a text
		if i > 0 {
			out = append(out, []byte(","))
		}
		out = append(out, []byte("\n"), name, []byte(": "), state[key])
	}
	return append(out, []byte("\n}\n"))
}

// writeText writes a synced file.
func (f files) writeText(path string, texts ...[]byte) error {
	if err := f.check("write", path); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return describe("write", err)
	}
	for _, text := range texts {
		if err == nil {
			_, err = out.Write(text)
		}
	}
	if err = errors.Join(err, f.check("sync", path), out.Sync(), out.Close()); err != nil {
		return errors.Join(describe("write", err), os.Remove(path))
	}
	return nil
}

// readJSON reads a file into v, which stays as it is when there is no file.
func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return describe("read", err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

// A diskError tells what to do about an error of the file system.
type diskError struct {
	err  error
	hint string
}

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// Hint is the next step for the user.
func (e *diskError) Hint() string { return e.hint }

// describe wraps an error of the file system and says what to do.
func describe(doing string, err error) error {
	out := &diskError{err: fmt.Errorf("%s: %w", doing, err)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		out.hint = "the disk is full; nothing was published; free some space and run again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		out.hint = "make the folder writable for the user that runs exporter"
	}
	return out
}
