package postgres_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/migrations"
)

// TestGrantRead lets a role read what there is, and what later migrations make.
func TestGrantRead(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	conn := connect(t, address)
	migrateTo(t, address, migrations.Files, 10)
	exec(t, conn, `CREATE SCHEMA analytics; CREATE VIEW analytics.years AS SELECT 1 AS year`)
	own := as(t, address, "SELECT 1")
	u, err := url.Parse(own)
	if err != nil {
		t.Fatal(err)
	}
	role := u.User.Username()
	for range 2 {
		if err := postgres.GrantRead(t.Context(), address, role, postgres.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	before := relations(t, conn)
	open(t, address) // which migrates
	reader := connect(t, own)
	later := 0
	for _, r := range relations(t, conn) {
		kind, name, _ := strings.Cut(r, " ")
		if kind != "r" && kind != "v" {
			continue
		}
		_, err := reader.Exec(t.Context(), "SELECT FROM "+name)
		if secret := strings.HasPrefix(name, "exporter."); secret != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(name, "exporter.") && !slices.Contains(before, r) {
			later++
		}
	}
	if later < 4 {
		t.Errorf("only %d tables came later", later)
	}
	err = postgres.GrantRead(t.Context(), address, "public", postgres.Options{})
	if err == nil || !strings.Contains(err.Error(), `there is no role "public"`) || !strings.Contains(hint(err), "createuser") {
		t.Errorf("nobody: %v", err)
	}
}

// TestGrantReadLetsFunctionsBeCalled takes from everybody what PostgreSQL lets them do by
// itself, and has the role ask for the library of a day.
func TestGrantReadLetsFunctionsBeCalled(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	conn := connect(t, address)
	migrateTo(t, address, migrations.Files, 18)
	exec(t, conn, "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
	own := as(t, address, "SELECT 1")
	u, err := url.Parse(own)
	if err != nil {
		t.Fatal(err)
	}
	const query = "SELECT * FROM analytics.library_on(DATE '2026-11-01')"
	grant := func() {
		if err := postgres.GrantRead(t.Context(), address, u.User.Username(), postgres.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	grant() // before there is the schema analytics
	open(t, address)
	reader := connect(t, own)
	if _, err := reader.Exec(t.Context(), query); err == nil || !strings.Contains(err.Error(), "permission denied for schema analytics") {
		t.Errorf("before the role was granted the new schema: %v", err)
	}
	grant()
	if _, err := reader.Exec(t.Context(), query); err != nil {
		t.Error(err)
	}
	exec(t, conn, "CREATE FUNCTION analytics.later() RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE VIEW analytics.latest AS SELECT 1 AS one")
	if _, err := reader.Exec(t.Context(), "SELECT analytics.later(), one FROM analytics.latest"); err != nil {
		t.Errorf("of a later migration: %v", err)
	}
}
