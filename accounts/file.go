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
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// Folder stores accounts as files that only their owner can read, one for each
// account. It is safe for concurrent use, also by several processes.
type Folder struct {
	path     string
	patience time.Duration        // with a lock
	sync     func(*os.File) error // of files and folders
}

// NewFolder returns a backend in a folder, which need not exist yet.
func NewFolder(path string) *Folder {
	return &Folder{path: path, patience: 90 * time.Second, sync: (*os.File).Sync}
}

const (
	suffix    = ".json"
	checkName = "_check" // no account can have this name
	shards    = 16
)

// Rows reads all files.
func (f *Folder) Rows(ctx context.Context) ([]Row, error) {
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, onDisk(fmt.Errorf("read accounts: %w", err))
	}
	if err := f.closed(); err != nil {
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

// Change locks, reads and writes the file of one account.
func (f *Folder) Change(ctx context.Context, name string, change func(context.Context, *Row) (*Row, error)) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return f.locked(ctx, name, func() error {
		row := f.row(name)
		out, err := change(ctx, row)
		switch {
		case err != nil || out == row:
			return err
		case out == nil:
			return f.remove(name)
		}
		if err := CheckRow(name, out); err != nil {
			return err
		}
		text, err := json.MarshalIndent(out, "", " ")
		if err != nil {
			return fmt.Errorf("encode account: %w", err)
		}
		return f.write(name, append(text, '\n'))
	})
}

// Check writes a temporary file, as large as that of an account, and removes it.
func (f *Folder) Check(ctx context.Context, _ bool) error {
	return f.locked(ctx, checkName, func() error {
		if err := f.prepare(checkName, make([]byte, 8<<10)); err != nil {
			return err
		}
		return os.Remove(f.temporary(checkName))
	})
}

// locked runs do while no other process changes the same file. The lock ends
// with the process, however that ends. Lock files stay: one that is removed
// could be locked by one process and created again by another. Their names reveal
// nothing about the accounts.
func (f *Folder) locked(ctx context.Context, name string, do func() error) (err error) {
	defer func() { err = onDisk(err) }()
	folder := filepath.Join(f.path, "locks")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make folder for accounts: %w", err)
	}
	if err := f.closed(); err != nil {
		return err
	}
	shard := name
	if name != checkName {
		sum := sha256.Sum256([]byte(name))
		shard = fmt.Sprintf("%x", sum[0]%shards)
	}
	lock := flock.New(filepath.Join(folder, shard+".lock"), flock.SetPermissions(0o600))
	waiting, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	if _, err := lock.TryLockContext(waiting, 5*time.Millisecond); err != nil {
		return fmt.Errorf("lock accounts, wait for the process that holds %s: %w", lock.Path(), err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// onDisk adds to an error of the file system what to do about it.
func onDisk(err error) error {
	var own *Error
	var file *fs.PathError // others are of the network
	out := &Error{Err: err}
	switch {
	case !errors.As(err, &file) || errors.As(err, &own):
		return err
	case errors.Is(err, fs.ErrPermission):
		out.Advice = "make it writable for the user that runs exporter, or set XDG_CONFIG_HOME to another folder"
	case errors.Is(err, syscall.EROFS):
		out.Advice = "the file system is read-only; set XDG_CONFIG_HOME to a folder elsewhere"
	case errors.Is(err, syscall.ENOTDIR):
		out.Advice = "there is a file where a folder is needed; move it away, or set XDG_CONFIG_HOME to another folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		out.Advice = "the disk is full; free some space and run it again"
	default:
		return err
	}
	out.Message = err.Error()
	return out
}

// row reads the file of an account. There may be none: then it returns nil.
func (f *Folder) row(name string) *Row {
	row, err := &Row{}, f.private(name)
	var text []byte
	if err == nil {
		text, err = os.ReadFile(f.file(name))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && json.Unmarshal(text, row) != nil:
		err = &Error{Message: f.file(name) + " is damaged", Advice: "remove it, then sign in again: " + removeCommand + name}
	case err == nil:
		err = CheckRow(name, row)
	}
	if err != nil {
		return &Row{Account: Account{Name: name, Problem: err}}
	}
	return row
}

// write replaces the file of an account. A crash leaves the old file or the new
// one.
func (f *Folder) write(name string, text []byte) error {
	if err := f.prepare(name, text); err != nil {
		return err
	}
	if err := os.Rename(f.temporary(name), f.file(name)); err != nil {
		return fmt.Errorf("write account: %w", errors.Join(err, os.Remove(f.temporary(name))))
	}
	return f.syncFolder()
}

// prepare writes a temporary file, in place of what a killed process left there.
func (f *Folder) prepare(name string, text []byte) error {
	path := f.temporary(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write account: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	_, err = file.Write(text)
	if err == nil {
		err = f.sync(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write account: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// remove removes the file of an account, and what a killed process left of it.
func (f *Folder) remove(name string) error {
	if err := os.Remove(f.temporary(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove account: %w", err)
	}
	path := f.file(name)
	err := os.Remove(path)
	if err == nil {
		return f.syncFolder()
	}
	if inside, _ := os.ReadDir(path); len(inside) > 0 {
		return &Error{Message: path + " is a folder that is not empty; it was not removed", Advice: "check what is in it and remove it yourself"}
	}
	return fmt.Errorf("remove account: %w", err)
}

// private refuses the file of an account that others have rights to, or that lies
// elsewhere.
func (f *Folder) private(name string) error {
	info, err := os.Lstat(f.file(name))
	switch {
	case err != nil:
		return fmt.Errorf("read account: %w", err)
	case !info.Mode().IsRegular():
		return &Error{
			Message: f.file(name) + " is not a regular file; tokens are not read through links",
			Advice:  "remove it, then sign in again: " + removeCommand + name,
		}
	}
	return CheckMode(f.file(name), info, 0o077, "; if somebody may have read it, sign in again: "+loginCommand+name)
}

// closed refuses a folder that others can write to.
func (f *Folder) closed() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	return CheckMode(f.path, info, 0o022, "")
}

// CheckMode refuses a file or folder whose mode gives others one of the forbidden
// rights. The end of the hint follows the command that takes these rights away.
func CheckMode(path string, info fs.FileInfo, forbidden fs.FileMode, end string) error {
	mode := info.Mode().Perm()
	if mode&forbidden == 0 || runtime.GOOS == "windows" { // it has no such modes; the user's folder is closed to others
		return nil
	}
	want := fs.FileMode(0o600)
	if info.IsDir() {
		want = 0o700
	}
	return &Error{
		Message: fmt.Sprintf("others can read or replace %s (mode %04o), so it is not used", path, mode),
		Advice:  fmt.Sprintf("restrict it with `chmod %o '%s'`%s", want, strings.ReplaceAll(path, "'", `'\''`), end),
	}
}

func (f *Folder) file(name string) string      { return filepath.Join(f.path, name+suffix) }
func (f *Folder) temporary(name string) string { return filepath.Join(f.path, "."+name+".tmp") }

func (f *Folder) syncFolder() error {
	d, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	if err := errors.Join(f.sync(d), d.Close()); err != nil {
		return fmt.Errorf("write account: %w", err)
	}
	return nil
}
