package accounts_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// dying ends the process, as a crash does, once a refresh was answered: before
// the answer is kept, or right after.
type dying struct {
	accounts.Backend
	when string
}

func (d dying) Change(ctx context.Context, name string, f func(context.Context, *accounts.Row) (*accounts.Row, error)) error {
	err := d.Backend.Change(ctx, name, func(ctx context.Context, r *accounts.Row) (*accounts.Row, error) {
		out, err := f(ctx, r)
		if d.when == "before" {
			kill()
		}
		return out, err
	})
	kill()
	return err
}

func kill() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }

// TestCrashingProcess is no test: it is the process that the next one kills.
func TestCrashingProcess(t *testing.T) {
	t.Parallel()
	when := os.Getenv("CRASH")
	if when == "" {
		return // it was not started to crash
	}
	c, err := extract.New(extract.Config{
		ClientID: simulate.ClientID, ClientSecret: simulate.ClientSecret, APIURL: os.Getenv("CRASH_API"), AccountsURL: os.Getenv("CRASH_ACCOUNTS"),
		Tokens: accounts.New(dying{accounts.NewFolder(os.Getenv("CRASH_FOLDER")), when}, accounts.Options{
			Services: accounts.Services{API: os.Getenv("CRASH_API"), Accounts: os.Getenv("CRASH_ACCOUNTS")},
		}).Tokens(simulate.UserID),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal("it outlived its crash: ", ask(t, c))
}

// TestACrashAroundKeepingAToken kills a process between the answer of the token
// endpoint and its keeping, and right after it.
func TestACrashAroundKeepingAToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		when   string
		rotate bool
		lost   bool
	}{
		{"before", false, false}, // Spotify today: the refresh token stays valid
		{"after", false, false},
		{"before", true, true}, // the one place where a strict server leaves nothing to be done
		{"after", true, false},
	} {
		name := tt.when
		if tt.rotate {
			name += ", rotating"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, 1, func(o *simulate.Options) { o.Rotate = tt.rotate })
			folder := filepath.Join(t.TempDir(), "accounts")
			p.backend = accounts.NewFolder(folder)
			connectTo(t, p, 0)
			crash := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashingProcess$")
			crash.Env = append(os.Environ(), "CRASH="+tt.when, "CRASH_FOLDER="+folder, "CRASH_API="+p.running.APIURL, "CRASH_ACCOUNTS="+p.running.AccountsURL)
			out, err := crash.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the process was not killed: %v\n%s", err, out)
			}
			if strings.Contains(string(out), "refresh-") {
				t.Errorf("it told a token: %s", out)
			}
			if n := p.sim.Count("/api/token"); n != 1 {
				t.Fatalf("%d token requests before the crash", n)
			}
			err = ask(t, p.client(t, 0, time.Now))
			if tt.lost && kind(err) != extract.SignIn || !tt.lost && err != nil {
				t.Errorf("after the crash: %v", err)
			}
		})
	}
}
