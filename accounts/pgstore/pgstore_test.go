package pgstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/backendtest"
	"github.com/tracklake/tracklake/accounts/pgstore"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
)

func open(t *testing.T, url string) *pgstore.Backend {
	t.Helper()
	b, err := pgstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestBackend(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, func(t *testing.T) func() accounts.Backend {
		url := pgtest.URL(t)
		if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false); err != nil {
			t.Fatal(err)
		}
		return func() accounts.Backend { return open(t, url) }
	})
}

func TestBackendIsAlwaysEncrypted(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false); err != nil {
		t.Fatal(err)
	}
	s := accounts.New(open(t, url), accounts.Options{})
	for name, err := range map[string]error{"storing": s.Seed(t.Context(), "client", "", "token"), "checking": s.Check(t.Context(), "")} {
		if err == nil || !strings.Contains(err.Error(), "always encrypted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckOfADatabaseThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false); err != nil {
		t.Fatal(err)
	}
	b := open(t, url+"&default_transaction_read_only=on")
	if _, err := b.Rows(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context(), true); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("error = %v", err)
	}
}

func TestBackendTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ url, want string }{
		"no tables": {pgtest.URL(t), "no table for accounts yet"},
		"no server": {"postgres://somebody:hunter2@127.0.0.1:1/none", "nothing listens there"},
	} {
		_, err := open(t, test.url).Rows(t.Context())
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pgstore.Open(context.Background(), "postgres://somebody:hunter2@:x"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error = %v", err)
	}
}
