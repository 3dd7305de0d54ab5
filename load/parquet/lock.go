package parquet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tracklake/tracklake/load"
)

// locked runs f while no other process runs one under the same name. The lock ends
// with the process, however that ends.
func (d *Destination) locked(ctx context.Context, name string, f func() error) (err error) {
	lock := flock.New(filepath.Join(d.root, "_exporter", name+".lock"))
	if err := await(ctx, lock, d.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return f()
}

const (
	lockPatience = time.Minute     // for what another process does under a lock
	lockNotice   = 5 * time.Second // until the log tells what is waited for
)

// await takes a lock that another process may hold for a moment.
func await(ctx context.Context, lock *flock.Flock, log *slog.Logger) error {
	limited, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	notice := time.AfterFunc(lockNotice, func() {
		log.Info("waiting for another exporter that works on the same files", "lock", lock.Path(), "at_most", lockPatience)
	})
	defer notice.Stop()
	_, err := lock.TryLockContext(limited, 5*time.Millisecond)
	switch {
	case err == nil:
		return nil
	case limited.Err() != nil && ctx.Err() == nil:
		return &diskError{fmt.Errorf("lock %s: another exporter has held it for %s", lock.Path(), lockPatience), "wait until that exporter is done, or stop it, then run it again"}
	default:
		return describe("lock", err)
	}
}

// holder tells a person who holds a job's lock.
type holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// jobLocks is the folder of the locks of jobs.
type jobLocks string

// take takes the lock of a job, or returns a *load.LockedError.
func (l jobLocks) take(job load.Job) (*flock.Flock, error) {
	if err := os.MkdirAll(string(l), os.ModePerm); err != nil {
		return nil, describe("lock", err)
	}
	path := filepath.Join(string(l), fileName(job.Account, job.Name)+".lock")
	lock := flock.New(path)
	got, err := lock.TryLock()
	if err != nil {
		return nil, describe("lock", err)
	}
	if !got {
		return nil, heldBy(path, job.Name)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	text, err := json.Marshal(holder{Host: host, PID: os.Getpid(), Since: job.Run.StartedAt})
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	if err != nil {
		return nil, errors.Join(describe("lock", err), lock.Unlock())
	}
	return lock, nil
}

// takeAll takes the locks of all jobs that were ever run, or of those of an account.
func (l jobLocks) takeAll(account string) (locks []*flock.Flock, err error) {
	defer func() {
		if err != nil {
			unlock(locks)
		}
	}()
	entries, err := os.ReadDir(string(l))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, describe("read locks", err)
	}
	for _, e := range entries {
		owner, job, ok := strings.Cut(strings.TrimSuffix(e.Name(), ".lock"), ".")
		if !ok || account != "" && owner != ownName(account) {
			continue
		}
		lock := flock.New(filepath.Join(string(l), e.Name()))
		got, err := lock.TryLock()
		if err != nil {
			return locks, describe("lock", err)
		}
		if !got {
			return locks, heldBy(lock.Path(), unescape(job))
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

// heldBy tells who holds a job's lock.
func heldBy(path, job string) *load.LockedError {
	var h holder
	if text, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(text, &h) // the holder may be writing it just now
	}
	return &load.LockedError{Job: job, Holder: fmt.Sprintf("process %d on %s", h.PID, h.Host), Since: h.Since}
}

// fileName makes one name of an account and a job, safe in every file system.
func fileName(account, job string) string { return ownName(account) + "." + ownName(job) }

// ownName is the name of something in the names of files that only we read.
func ownName(s string) string { return strings.ReplaceAll(escape(s), "%5F", "_") }
