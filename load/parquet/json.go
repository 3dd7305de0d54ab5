package parquet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"github.com/tracklake/tracklake/load"
)

// putJSON stores a value as JSON.
func putJSON(s storage, name string, v any) error {
	return s.Put(name, func(w io.Writer) error {
		if state, ok := v.(load.State); ok {
			return writeState(w, state)
		}
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		if err := e.Encode(v); err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		return nil
	})
}

// writeState writes a job's state as JSON, an entry a line. Entries are not copied:
// that of a large library takes several megabytes.
func writeState(w io.Writer, state load.State) error {
	before := "{\n"
	for _, key := range slices.Sorted(maps.Keys(state)) {
		name, _ := json.Marshal(key)
		if _, err := fmt.Fprintf(w, "%s%s: %s", before, name, []byte(state[key])); err != nil {
			return err
		}
		before = ",\n"
	}
	if len(state) > 0 {
		before = "\n"
	}
	_, err := io.WriteString(w, before+"}\n")
	return err
}

// readJSON reads a file into v, which stays as it is when there is no file.
func readJSON(s storage, name string, v any) error {
	text, err := readAll(s, name)
	if err != nil || text == nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return damaged(s, name, err)
	}
	return nil
}

// readAll returns the content of a file, or nil when there is none.
func readAll(s storage, name string) ([]byte, error) {
	f, err := s.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, describe("read", err)
	}
	return text, nil
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

// damaged says what to do about a file that cannot be read.
func damaged(s storage, name string, err error) error {
	return &diskError{
		err:  fmt.Errorf("%s is damaged: %w", s.Place(name), err),
		hint: "restore it from a backup; or move it away, and read again what Spotify still has: exporter backfill",
	}
}

// describe wraps an error of the file system and says what to do.
func describe(doing string, err error) error {
	out := &diskError{err: fmt.Errorf("%s: %w", doing, err)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		out.hint = "the disk is full; nothing was published; free some space and run again"
	case errors.Is(err, fs.ErrPermission):
		out.hint = "make the folder writable for the user that runs exporter, or name another as path in jobs.yaml"
	case errors.Is(err, syscall.EROFS):
		out.hint = "the file system is read-only; name a folder elsewhere as path in jobs.yaml"
	case errors.Is(err, syscall.ENOTDIR):
		out.hint = "there is a file where the lake needs a folder; move it away, or name another folder as path in jobs.yaml"
	}
	return out
}
