package accounts_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// losing stands for a disk or a database that takes no changes for a while.
type losing struct {
	accounts.Backend
	left *atomic.Int64 // changes that are lost yet
}

var errLost = errors.New("write: it is lost")

func (l losing) Change(ctx context.Context, name string, f func(context.Context, *accounts.Row) (*accounts.Row, error)) error {
	return l.Backend.Change(ctx, name, func(ctx context.Context, r *accounts.Row) (*accounts.Row, error) {
		out, err := f(ctx, r)
		if err == nil && out != r && l.left.Add(-1) >= 0 {
			return r, errLost
		}
		return out, err
	})
}

// TestATokenThatCannotBeStoredIsNotLost refreshes while nothing can be written, where
// each refresh ends the token before.
func TestATokenThatCannotBeStoredIsNotLost(t *testing.T) {
	t.Parallel()
	for _, lost := range []int64{1, 3, 100} {
		p := newPlace(t, 1, func(o *simulate.Options) { o.Rotate = true })
		whole, left := p.backend, &atomic.Int64{}
		p.backend = losing{whole, left}
		left.Store(lost)
		err := ask(t, p.client(t, 0, p.clock.Now))
		if failed := lost > 3; failed != (err != nil) || failed && (!errors.Is(err, errLost) || !strings.HasSuffix(hint(err), ": exporter login --account "+simulate.UserID)) {
			t.Fatalf("error = %v", err)
		}
		if err != nil {
			continue
		}
		p.backend = whole
		for range 2 { // by another process, and with the refresh token that was stored again
			if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil {
				t.Error(err)
			}
			if n := p.sim.Count("/api/token"); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
			p.sim.ForgetRequests()
			p.sim.ExpireAccess()
			if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestATokenStoredAgainOverwritesNoOther signs in again, or removes the account,
// before the token can be stored.
func TestATokenStoredAgainOverwritesNoOther(t *testing.T) {
	t.Parallel()
	for _, removed := range []bool{false, true} {
		b := folder(t)
		s := store(t, b, "")
		connect(t, s, "sam", "a1")
		left := &atomic.Int64{}
		left.Store(1)
		_, err := store(t, losing{b, left}, "").Tokens("sam").Renew(t.Context(), "", func(_ context.Context, kept extract.Token) (extract.Token, error) {
			time.AfterFunc(100*time.Millisecond, func() { // while the lock is free, before it is tried again
				if err := s.Remove(context.Background(), "sam"); err != nil {
					t.Error(err)
				}
				if !removed {
					_, err := s.Connect(context.Background(), accounts.Connection{Name: "sam", AccountID: "a1", Token: extract.Token{RefreshToken: "newer"}})
					if err != nil {
						t.Error(err)
					}
				}
			})
			kept.RefreshToken = "late"
			return kept, nil
		})
		if removed {
			if err == nil || !strings.Contains(err.Error(), "no longer connected") {
				t.Errorf("error = %v", err)
			}
			if all, err := s.List(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("it came back: %v, %v", all, err)
			}
			continue
		}
		if got, err := refresh(t, s, "sam"); got != "newer" || err != nil {
			t.Errorf("the store has %q, %v", got, err)
		}
	}
}

// TestProcessWithAFullDisk is no test: it is the process that the next one
// starts, which can write no file of more than a few bytes.
func TestProcessWithAFullDisk(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("FULL_FOLDER")
	if folder == "" {
		return // it was not started for that
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		t.Fatal(err)
	}
	_, err := store(t, accounts.NewFolder(folder), "").Tokens("sam").Renew(t.Context(), "", func(context.Context, extract.Token) (extract.Token, error) {
		t.Error("Spotify was asked")
		return extract.Token{}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "no request to Spotify") {
		t.Errorf("error = %v", err)
	}
}

func TestAFullDiskCostsNoRefresh(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessWithAFullDisk$")
	child.Env = append(os.Environ(), "FULL_FOLDER="+filepath.Dir(path))
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := refresh(t, store(t, f, ""), "sam"); got != "refresh-aSam" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left := temporaries(t, path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func temporaries(t *testing.T, path string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestWhatAKilledProcessLeftGoes leaves what a process leaves that is killed while it
// writes, and removes or writes the account.
func TestWhatAKilledProcessLeftGoes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*accounts.Store) error{
		"removing": func(s *accounts.Store) error { return s.Remove(t.Context(), "sam") },
		"writing":  func(s *accounts.Store) error { _, err := refresh(t, s, "sam"); return err },
	} {
		f, path := one(t)
		s := store(t, f, "")
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".sam.tmp"), []byte("token"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := change(s); err != nil {
			t.Fatal(err)
		}
		if left := temporaries(t, path); len(left) != 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
}
