package postgres_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/migrations"
)

// dataOnly is what a role needs that only writes data.
const dataOnly = `GRANT USAGE ON SCHEMA spotify, exporter TO ROLE;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA spotify, exporter TO ROLE`

// as makes a role, grants it something, and returns the address for it.
func as(t *testing.T, address, grants string) string {
	t.Helper()
	conn := connect(t, address)
	role := "role_" + strings.ToLower(rand.Text())
	exec(t, conn, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	exec(t, conn, strings.ReplaceAll(grants, "ROLE", role))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(role)
	return u.String()
}

func check(t *testing.T, address string) ([]string, error) {
	t.Helper()
	d, err := postgres.Open(t.Context(), address, postgres.Options{NoMigrate: true, Tables: catalog.Tables()})
	if err != nil {
		return nil, err
	}
	defer d.Close(t.Context())
	return d.Check(t.Context())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		empty         bool   // the database has never been migrated
		older         bool   // not all migrations were applied
		prepare       string // by its owner
		grants        string // for a role of its own; none: the owner checks
		pending       bool
		message, hint string // none: it passes
	}{
		"owner":                      {},
		"data only":                  {grants: dataOnly},
		"nothing":                    {grants: "SELECT", message: "permission denied for schema exporter", hint: "USAGE on the schemas"},
		"data only, a table missing": {grants: dataOnly + "; REVOKE UPDATE ON spotify.top_tracks FROM ROLE", message: "permission denied for table top_tracks", hint: "UPDATE"},
		"data only, no DELETE":       {grants: dataOnly + "; REVOKE DELETE ON spotify.top_tracks FROM ROLE", message: "permission denied for table top_tracks", hint: "DELETE"},
		"data only, no state":        {grants: dataOnly + "; REVOKE INSERT ON exporter.state FROM ROLE", message: "permission denied for table state", hint: "INSERT"},
		"no temporary tables": {
			grants:  dataOnly + "; DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$",
			message: "permission denied to create temporary tables", hint: "TEMPORARY on the database",
		},
		"read-only": {
			prepare: "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
			message: "read-only transaction", hint: "primary server",
		},
		"older":                    {older: true, pending: true},
		"older, data only":         {older: true, grants: dataOnly, message: "permission denied for schema exporter", hint: "connect as the owner"},
		"empty":                    {empty: true, pending: true},
		"empty, which may not be":  {empty: true, grants: "SELECT", message: "permission denied for database", hint: "connect as the owner"},
		"empty, and nobody else's": {empty: true, grants: "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ROLE', current_database()); END $$", pending: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pgtest.URL(t)
			conn := connect(t, address)
			switch {
			case c.older:
				migrateTo(t, address, migrations.Files, 10)
			case !c.empty:
				open(t, address)
			}
			if c.prepare != "" {
				exec(t, conn, c.prepare)
			}
			own := address
			if c.grants != "" {
				own = as(t, address, c.grants)
			}
			before := contents(t, conn)
			pending, err := check(t, own)
			if c.message == "" && err != nil || c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(hint(err), c.hint)) {
				t.Errorf("error %v, hint %q; want %q, %q", err, hint(err), c.message, c.hint)
			}
			if c.message == "" && (len(pending) > 0) != c.pending || slices.ContainsFunc(pending, func(n string) bool { return !strings.HasSuffix(n, ".sql") }) {
				t.Errorf("pending: %q", pending)
			}
			if diff := cmp.Diff(before, contents(t, conn)); diff != "" {
				t.Errorf("the check has changed the database:\n%s", diff)
			}
		})
	}
}

// contents are what a database holds, and how many runs.
func contents(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	out := relations(t, conn)
	if !slices.Contains(out, "r exporter.runs") {
		return out
	}
	var line string
	each(t, conn, "SELECT account_id || job FROM exporter.fences UNION ALL SELECT run_id FROM exporter.runs", []any{&line}, func() { out = append(out, line) })
	return out
}

// TestRoleThatOnlyWritesData does runs and all that belongs to them without any right to
// change the schema.
func TestRoleThatOnlyWritesData(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	open(t, address)
	d := open(t, as(t, address, dataOnly))
	for n := range 2 {
		if err := export(t.Context(), d, "job", n, span(0, 10)); err != nil {
			t.Fatal(err)
		}
	}
	sameStatuses(t, d, "job", "ok", "ok")
	if out, err := d.Forget(t.Context(), "acc", false); err != nil || out.Rows["saved_tracks"] != 10 {
		t.Errorf("forget: %v, %v", out, err)
	}
}

// TestOwnerThatMayNotMakeSchemas migrates as the owner of all there is, and of a schema
// that somebody has made for it.
func TestOwnerThatMayNotMakeSchemas(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	migrateTo(t, address, migrations.Files, 10)
	own := as(t, address, `ALTER SCHEMA spotify OWNER TO ROLE; ALTER SCHEMA exporter OWNER TO ROLE;
		CREATE SCHEMA analytics AUTHORIZATION ROLE;
		DO $$ DECLARE one regclass; BEGIN
			FOR one IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace IN ('spotify'::regnamespace, 'exporter'::regnamespace)
			LOOP EXECUTE format('ALTER TABLE %s OWNER TO ROLE', one); END LOOP;
		END $$`)
	if pending, err := check(t, own); err != nil || len(pending) == 0 {
		t.Errorf("check: %q, %v", pending, err)
	}
	if err := export(t.Context(), open(t, own), "job", 1, span(0, 10)); err != nil {
		t.Error(err)
	}
}
