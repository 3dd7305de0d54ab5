package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
)

// connected makes a database with one account, and its store.
func connected(t *testing.T) (url string, keys *accounts.Keys) {
	t.Helper()
	url = pgtest.URL(t)
	if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false); err != nil {
		t.Fatal(err)
	}
	keys, err := accounts.ParseKeys(strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	_, err = accounts.New(open(t, url), accounts.Options{Keys: keys}).Connect(t.Context(), accounts.Connection{
		Name: "sam", AccountID: "aSam", ClientID: "client", Token: extract.Token{RefreshToken: "one", SignedInAt: time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return url, keys
}

// TestALostConnectionCostsNoToken ends all connections while Spotify is asked.
func TestALostConnectionCostsNoToken(t *testing.T) {
	t.Parallel()
	url, keys := connected(t)
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	ended := 0
	renew := func(from, to string, ask bool) {
		t.Helper()
		got, err := accounts.New(open(t, url), accounts.Options{Keys: keys}).Tokens("sam").Renew(t.Context(), from, func(ctx context.Context, kept extract.Token) (extract.Token, error) {
			if !ask || kept.RefreshToken != from {
				t.Errorf("asked with %q", kept.RefreshToken)
			}
			kept.RefreshToken, kept.AccessToken, kept.RenewAt = to, to, time.Now().Add(time.Hour)
			return kept, admin.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'tracklake exporter' AND datname = current_database()`).Scan(&ended)
		})
		if err != nil || got.RefreshToken != to {
			t.Errorf("from %s to %s: %v", from, to, err)
		}
	}
	renew("one", "two", true)
	if ended == 0 {
		t.Error("no connection was ended")
	}
	renew("", "two", false) // another process finds it
}

func TestADatabaseThatCannotBeWrittenCostsNoToken(t *testing.T) {
	t.Parallel()
	url, keys := connected(t)
	s := accounts.New(open(t, url+"&default_transaction_read_only=on"), accounts.Options{Keys: keys})
	_, err := s.Tokens("sam").Renew(t.Context(), "", func(context.Context, extract.Token) (extract.Token, error) {
		t.Error("Spotify was asked")
		return extract.Token{}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("error = %v", err)
	}
}

// TestALockInUseIsNamed waits for an account that a machine which hangs holds.
func TestALockInUseIsNamed(t *testing.T) {
	t.Parallel()
	url, keys := connected(t)
	holding, done := make(chan bool), make(chan bool)
	var work sync.WaitGroup
	work.Go(func() {
		err := open(t, url).Change(t.Context(), "sam", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
			close(holding)
			<-done
			return r, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	s := accounts.New(open(t, url), accounts.Options{Keys: keys})
	if a, err := s.Find(t.Context(), "sam"); err != nil || a.AccountID != "aSam" { // reading waits for no lock
		t.Errorf("%+v, %v", a, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := s.Remove(ctx, "sam")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for the process that holds the lock of account sam") {
		t.Errorf("error = %v", err)
	}
	close(done)
	work.Wait()
}
