package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/semaphore"
)

// lockWait is how long a process waits for the lock of the file. Its holder
// needs a few milliseconds.
const lockWait = 10 * time.Second

// A File is a [Store] in one file, which only its owner can read. Each change
// replaces the file as a whole, so that a crash leaves the old one or the new
// one. A lock file beside it keeps other processes out meanwhile.
type File struct {
	path string
	wait time.Duration
	turn *semaphore.Weighted // of this process; the lock file is for others
	hook func(step string) error
}

// NewFile returns a store in a file. The file and its folder need not exist.
func NewFile(path string) *File {
	return &File{path: path, wait: lockWait, turn: semaphore.NewWeighted(1), hook: func(string) error { return nil }}
}

// content is what the file holds, by owner and bucket.
type content map[string]map[string]record

// Reserve grants and counts requests; see [Store].
func (f *File) Reserve(ctx context.Context, r Reservation) (granted int, found Usage, err error) {
	err = f.change(ctx, r.Owner, r.Bucket, func(b *record) bool {
		granted, found = b.reserve(r)
		return granted+r.Made > 0 // in vain, a clock that is wrong forgets nothing
	})
	if err != nil {
		return 0, Usage{}, fmt.Errorf("reserve requests: %w", err)
	}
	return granted, found, nil
}

// Block records that a bucket is blocked; see [Store].
func (f *File) Block(ctx context.Context, b Block) error {
	err := f.change(ctx, b.Owner, b.Bucket, func(r *record) bool { return r.block(b) })
	if err != nil {
		return fmt.Errorf("record blocked bucket: %w", err)
	}
	return nil
}

// Usage returns the buckets of an owner; see [Store].
func (f *File) Usage(_ context.Context, owner string, at time.Time) (map[string]Usage, error) {
	all, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	out := map[string]Usage{}
	for bucket, r := range all[owner] {
		if u := r.usage(at); u != (Usage{}) {
			out[bucket] = u
		}
	}
	return out, nil
}

// change lets do change the record of a bucket, exclusively, and
// writes it if do says so.
func (f *File) change(ctx context.Context, owner, bucket string, do func(*record) bool) error {
	return f.locked(ctx, func() error {
		all, err := f.read()
		if err != nil {
			return err
		}
		r := all[owner][bucket]
		if !do(&r) {
			return nil
		}
		if all[owner] == nil {
			all[owner] = map[string]record{}
		}
		all[owner][bucket] = r
		return f.write(all)
	})
}

// locked runs do while it holds the lock, which ends with the process, however
// that ends. The lock file stays: one that is removed could be locked by one
// process and created again by another.
func (f *File) locked(ctx context.Context, do func() error) (err error) {
	defer func() { err = onDisk(err) }()
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	lock := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	limited, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	err = f.turn.Acquire(limited, 1)
	if err == nil {
		defer f.turn.Release(1)
		_, err = lock.TryLockContext(limited, 2*time.Millisecond)
	}
	switch {
	case err != nil && limited.Err() != nil && ctx.Err() == nil:
		return fmt.Errorf("another process has held %s for %s; end or resume that process, then try again", lock.Path(), f.wait)
	case err != nil:
		return fmt.Errorf("lock: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// A diskError says what to do about an error of the file system.
type diskError struct {
	error
	hint string
}

func (e *diskError) Unwrap() error { return e.error }

// Hint is the next step for the user.
func (e *diskError) Hint() string { return e.hint }

// onDisk adds to an error of the file system what to do about it.
func onDisk(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return &diskError{err, "requests are counted there: make it writable for the user that runs exporter, or set XDG_CONFIG_HOME to another folder"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &diskError{err, "the disk is full; free some space and run it again"}
	}
	return err
}

// read returns the content; a file that does not exist has none.
func (f *File) read() (content, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	all := content{}
	if err := json.Unmarshal(text, &all); err != nil || all == nil {
		return nil, fmt.Errorf("%s is damaged; delete it, which forgets the requests of the last 24 hours and the blocked buckets", f.path)
	}
	return all, nil
}

// write replaces the file. The folder is synced too, or else a crash of the
// machine could bring the old file back.
func (f *File) write(all content) error {
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode file: %w", err)
	}
	temporary := f.path + ".new" // the holder of the lock alone writes it
	err = f.writeSynced(temporary, text)
	if err == nil {
		err = f.step("rename", func() error { return os.Rename(temporary, f.path) })
	}
	if err != nil {
		_ = os.Remove(temporary) // it may not exist, and the next write replaces it
		return fmt.Errorf("write file: %w", err)
	}
	if err := f.syncFolder(); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

func (f *File) writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.step("write", func() error { _, err := file.Write(text); return err })
	if err == nil {
		err = f.step("sync", file.Sync)
	}
	return errors.Join(err, file.Close())
}

func (f *File) syncFolder() error {
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(f.step("sync folder", folder.Sync), folder.Close())
}

// step does one step on the disk. Tests let single steps fail.
func (f *File) step(name string, do func() error) error {
	if err := f.hook(name); err != nil {
		return err
	}
	return do()
}
