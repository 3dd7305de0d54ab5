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

// TestATokenThatCannotBeKeptIsNotLost refreshes while nothing can be written,
// where each refresh ends the token before.
func TestATokenThatCannotBeKeptIsNotLost(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int64{"once": 1, "for long": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, 1, func(o *simulate.Options) { o.Rotate = true })
			whole, left := p.backend, &atomic.Int64{}
			p.backend = losing{whole, left}
			left.Store(lost)
			c := p.client(t, 0, p.clock.Now)
			err := ask(t, c)
			var keep *accounts.KeepError
			if failed := lost > 1; failed != (err != nil) || failed && (!errors.As(err, &keep) || !errors.Is(err, errLost) || !keep.Asked || keep.Advice().Account != simulate.UserID) {
				t.Fatalf("error = %v", err)
			}
			left.Store(0)
			if err := ask(t, c); err != nil { // the same process goes on
				t.Error(err)
			}
			p.backend = whole
			if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil {
				t.Error(err)
			}
			if n := p.sim.Count("/api/token"); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
			p.sim.ExpireAccess()
			if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil {
				t.Errorf("with the token that was kept late: %v", err)
			}
		})
	}
}

// TestATokenThatIsKeptLateReplacesNoOther signs in again, or removes the
// account, before the token can be kept.
func TestATokenThatIsKeptLateReplacesNoOther(t *testing.T) {
	t.Parallel()
	for _, removed := range []bool{false, true} {
		p := newPlace(t, 1)
		whole, left := p.backend, &atomic.Int64{}
		p.backend = losing{whole, left}
		left.Store(100)
		c := p.client(t, 0, p.clock.Now)
		if err := ask(t, c); err == nil {
			t.Fatal("nothing was lost")
		}
		left.Store(0)
		s := accounts.New(whole, nil, p.clock.Now)
		if removed {
			if err := s.Remove(t.Context(), simulate.UserID); err != nil {
				t.Fatal(err)
			}
			if err := ask(t, c); kind(err) != extract.SignIn || !strings.Contains(err.Error(), "no longer connected") {
				t.Errorf("error = %v", err)
			}
			if all, err := s.List(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("it came back: %v, %v", all, err)
			}
			continue
		}
		connect(t, s, simulate.UserID, simulate.AccountID)
		if err := ask(t, c); kind(err) != extract.SignIn { // the test's token is none of Spotify's
			t.Errorf("error = %v", err)
		}
		if got, err := refresh(t, s, simulate.UserID); err == nil || got != "" {
			t.Errorf("the late token is used: %q, %v", got, err)
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
	_, err := accounts.New(accounts.NewFolder(folder), nil, nil).Tokens("sam").Renew(t.Context(), "", func(context.Context, extract.Token) (extract.Token, error) {
		t.Error("Spotify was asked")
		return extract.Token{}, nil
	})
	var keep *accounts.KeepError
	if !errors.As(err, &keep) || keep.Asked || keep.Advice().Step != accounts.NoStep {
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
	if got, err := refresh(t, accounts.New(f, nil, nil), "sam"); got != "refresh-aSam" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if left := asides(t, path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func asides(t *testing.T, path string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".aside-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestWhatWasLeftAsideGoes leaves what a process leaves that is killed while it
// writes, and removes or writes the account.
func TestWhatWasLeftAsideGoes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*accounts.Store) error{
		"removing": func(s *accounts.Store) error { return s.Remove(t.Context(), "sam") },
		"writing":  func(s *accounts.Store) error { _, err := refresh(t, s, "sam"); return err },
	} {
		f, path := one(t)
		s := accounts.New(f, nil, nil)
		connect(t, s, "sam-2", "aOther")
		left := map[string]bool{".aside-sam~123": false, ".aside-sam-2~123": true, ".aside-123": false, ".aside-456": true}
		for file := range left {
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), file), []byte("token"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(filepath.Join(filepath.Dir(path), ".aside-123"), before, before); err != nil {
			t.Fatal(err)
		}
		if err := change(s); err != nil {
			t.Fatal(err)
		}
		for file, want := range left {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), file)); (err == nil) != want {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
	}
}
