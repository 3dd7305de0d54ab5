package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Folder keeps accounts as files that only their owner can read: one an
// account, each written aside, synced and renamed, so that a crash leaves the
// old one or the new one. It is safe for concurrent use, also by several
// processes.
type Folder struct{ path string }

// NewFolder returns a backend in a folder, which need not exist yet.
func NewFolder(path string) *Folder { return &Folder{path: path} }

const (
	suffix    = ".json"
	pauseName = "_pause" // no account can be called so
	allName   = "_all"   // nor so
	shards    = 16
)

// Rows reads all files.
func (f *Folder) Rows(ctx context.Context) ([]Row, error) {
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	if err := f.private("", 0o022); err != nil {
		return nil, err
	}
	var out []Row
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || CheckName(name) != nil {
			continue
		}
		if row := f.row(name); row != nil {
			out = append(out, *row)
		}
	}
	return out, ctx.Err()
}

// row reads an account's file. There may be none: then it returns nil.
func (f *Folder) row(name string) *Row {
	row := &Row{}
	there, err := f.read(name, row)
	if err == nil && there {
		err = CheckRow(name, row)
	}
	switch {
	case err != nil:
		return &Row{Account: Account{Name: name, AccountID: f.whose(name, err), Problem: err}}
	case !there:
		return nil
	}
	return row
}

// whose reads whose account it is, and nothing secret, from a file that others
// can read. What others could have written is not relied on.
func (f *Folder) whose(name string, problem error) string {
	var open *OpenFileError
	if !errors.As(problem, &open) || open.Want == 0 || open.Mode.Perm()&0o022 != 0 {
		return ""
	}
	text, err := os.ReadFile(f.file(name))
	var known struct {
		Name      string `json:"name"`
		AccountID string `json:"account_id"`
	}
	if err != nil || json.Unmarshal(text, &known) != nil || known.Name != name {
		return ""
	}
	return known.AccountID
}

// Alone holds a lock over all names.
func (f *Folder) Alone(ctx context.Context, do func(context.Context) error) error {
	return f.locked(ctx, allName, func() error { return do(ctx) })
}

// Change locks, reads and writes one account's file.
func (f *Folder) Change(ctx context.Context, name string, change func(context.Context, *Row) (*Row, error)) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return f.locked(ctx, name, func() error {
		row := f.row(name)
		var room *aside
		if row != nil {
			row.Reserve = func(context.Context) (err error) {
				room, err = f.aside(name, f.roomFor(name))
				return err
			}
		}
		out, err := change(ctx, row)
		if err == nil && out != nil && out != row {
			if err = CheckRow(name, out); err == nil {
				return f.write(name, out, room)
			}
		}
		if room != nil {
			err = errors.Join(err, room.drop())
		}
		if err != nil || out == row {
			return err
		}
		return f.remove(name)
	})
}

// roomFor is more than an account's next file may take.
func (f *Folder) roomFor(name string) int {
	const least = 16 << 10
	info, err := os.Stat(f.file(name))
	if err != nil {
		return least
	}
	return least + 2*int(info.Size())
}

// ChangePause locks, reads and writes the file of the pause.
func (f *Folder) ChangePause(ctx context.Context, change func(context.Context, Pause) (Pause, error)) error {
	return f.locked(ctx, pauseName, func() error {
		var p Pause
		if _, err := f.read(pauseName, &p); err != nil {
			return err
		}
		out, err := change(ctx, p)
		switch {
		case err != nil || out == p:
			return err
		case out == Pause{}:
			return f.remove(pauseName)
		}
		return f.write(pauseName, out, nil)
	})
}

// locked runs do while no other process changes the same file. The lock ends
// with the process, however that ends. Lock files stay: one that is removed
// could be held by one process and made anew by another.
func (f *Folder) locked(ctx context.Context, name string, do func() error) (err error) {
	folder := filepath.Join(f.path, "locks")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder for accounts: %w", err)
	}
	if err := f.private("", 0o022); err != nil {
		return err
	}
	shard := name
	if name != pauseName && name != allName {
		sum := sha256.Sum256([]byte(name))
		shard = fmt.Sprintf("%x", sum[0]%shards)
	}
	lock := flock.New(filepath.Join(folder, shard+".lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return fmt.Errorf("lock accounts: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// read reads a file and tells whether it is there.
func (f *Folder) read(name string, v any) (bool, error) {
	path := f.file(name)
	if err := f.private(name, 0o077); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read account: %w", err)
	}
	if json.Unmarshal(text, v) != nil {
		damaged := &Error{Message: path + " is damaged", Next: removeFirst(name)}
		if name == pauseName {
			damaged.Next = Advice{Text: "remove the file"}
		}
		return false, damaged
	}
	return true, nil
}

// write writes a file aside, in the room that was made before if there is any,
// and puts it in its place.
func (f *Folder) write(name string, v any, room *aside) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("encode account: %w", err)
	}
	text = append(text, '\n')
	if room == nil {
		if room, err = f.aside(name, len(text)); err != nil {
			return err
		}
	}
	if err := room.publish(text, f.file(name)); err != nil {
		return err
	}
	if err := syncFolder(f.path); err != nil {
		return err
	}
	_ = f.sweep(name) // it is tried again at the next write; the account is kept
	return nil
}

// Check makes a file aside, as large as that of an account, and removes it.
func (f *Folder) Check(ctx context.Context, _ bool) error {
	return f.locked(ctx, pauseName, func() error {
		aside, err := f.aside(pauseName, 8<<10)
		if err != nil {
			return err
		}
		if err := aside.drop(); err != nil {
			return fmt.Errorf("write account: %w", err)
		}
		return nil
	})
}

// remove removes a file, and what was left aside of it first.
func (f *Folder) remove(name string) error {
	if err := f.sweep(name); err != nil {
		return err
	}
	path := f.file(name)
	err := os.Remove(path)
	if err == nil {
		return syncFolder(f.path)
	}
	if inside, _ := os.ReadDir(path); len(inside) > 0 {
		return &Error{
			Message: path + " is a folder that holds something, so it is not removed",
			Next:    Advice{Text: "look what it holds, and remove it yourself"},
		}
	}
	return fmt.Errorf("remove account: %w", err)
}

// private refuses files and folders that others have some rights to.
func (f *Folder) private(name string, forbidden fs.FileMode) error {
	path, look, open := f.file(name), os.Lstat, &OpenFileError{Account: name, Want: 0o600}
	switch name {
	case "":
		path, look, open = f.path, os.Stat, &OpenFileError{Want: 0o700}
	case pauseName:
		open.Account = ""
	}
	info, err := look(path)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	open.Path, open.Mode = path, info.Mode()
	switch {
	case name != "" && !info.Mode().IsRegular():
		open.Want = 0
		return open
	case runtime.GOOS == "windows": // it has no such modes; the user's folder is closed to others
		return nil
	case info.Mode().Perm()&forbidden != 0:
		return open
	}
	return nil
}

// file is the path of an account's file.
func (f *Folder) file(name string) string { return filepath.Join(f.path, name+suffix) }

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	return nil
}
