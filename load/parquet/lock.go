package parquet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/tracklake/tracklake/load"
)

// exclusively runs f while no other process publishes. The lock ends with the
// process, however that ends.
func (d *Destination) exclusively(ctx context.Context, f func() error) (err error) {
	lock := flock.New(d.inner("publish.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return describe("lock", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return f()
}

// holder tells a person who holds a job's lock.
type holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// lockJob takes the lock of a job, or returns a *load.LockedError.
func (d *Destination) lockJob(job load.Job) (*flock.Flock, error) {
	path := d.inner("locks", fileName(job.Account, job.Name)+".lock")
	lock := flock.New(path, flock.SetPermissions(0o600))
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
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(describe("lock", err), lock.Unlock())
	}
	return lock, nil
}

// heldBy tells who holds a job's lock.
func heldBy(path, job string) *load.LockedError {
	var h holder
	_ = readJSON(path, &h) // the holder may be writing it just now
	return &load.LockedError{Job: job, Holder: fmt.Sprintf("process %d on %s", h.PID, h.Host), Since: h.Since}
}

// fileName makes one name of an account and a job, safe in every file system.
func fileName(account, job string) string {
	return escape(account) + "." + escape(job)
}

// emptyValue stands for the empty text in folder names.
const emptyValue = "__HIVE_DEFAULT_PARTITION__"

// escape writes a value as Hive does in folder names.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var out []byte
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			out = append(out, c)
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	if len(out) == 0 {
		return emptyValue
	}
	return string(out)
}
