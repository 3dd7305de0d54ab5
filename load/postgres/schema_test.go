package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/migrations"
	"github.com/tracklake/tracklake/transform"
)

// column is a column as a database or a declaration has it.
type column struct {
	Type, Doc string
	NotNull   bool
}

// relation is a table or view as a database or a declaration has it.
type relation struct {
	Kind, Doc, Key string
	Columns        map[string]column
}

// declared are the relations that the catalog declares. Columns of views may all be
// NULL, as far as PostgreSQL knows.
func declared() map[string]relation {
	out := map[string]relation{}
	for _, s := range catalog.Tables() {
		r := relation{Kind: "table", Doc: s.Doc, Key: strings.Join(s.Key, ","), Columns: map[string]column{}}
		for _, f := range s.Columns() {
			r.Columns[f.Name] = column{Type: typeName(f), Doc: f.Doc, NotNull: !f.Nullable}
		}
		out[s.Name] = r
	}
	for _, v := range views() {
		r := relation{Kind: "view", Doc: v.Doc, Columns: map[string]column{}}
		for _, f := range v.Fields {
			r.Columns[f.Name] = column{Type: typeName(f), Doc: f.Doc}
		}
		out[v.Name] = r
	}
	return out
}

// views are the declared views that are not functions.
func views() []transform.View {
	return slices.DeleteFunc(catalog.Views(), func(v transform.View) bool { return len(v.Arguments) > 0 })
}

// functions are the other ones.
func functions() []transform.View {
	return slices.DeleteFunc(catalog.Views(), func(v transform.View) bool { return len(v.Arguments) == 0 })
}

// typeName is a field's type as the server writes it.
func typeName(f transform.Field) string {
	return strings.ReplaceAll(f.SQLType(), "timestamptz", "timestamp with time zone")
}

// present are the relations that a schema has.
func present(t *testing.T, conn *pgx.Conn, schema string) map[string]relation {
	t.Helper()
	out := map[string]relation{}
	rows, err := conn.Query(t.Context(), `SELECT c.relname, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' ELSE c.relkind::text END,
			coalesce(obj_description(c.oid), ''),
			coalesce((SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(col, n), pg_attribute a
			 WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.col), ''),
			a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), ''), a.attnotnull
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = $1::regnamespace AND c.relkind NOT IN ('i', 'S')`, schema)
	if err != nil {
		t.Fatal(err)
	}
	var name, attribute string
	var r relation
	var c column
	_, err = pgx.ForEachRow(rows, []any{&name, &r.Kind, &r.Doc, &r.Key, &attribute, &c.Type, &c.Doc, &c.NotNull}, func() error {
		if _, there := out[name]; !there {
			r.Columns = map[string]column{}
			out[name] = r
		}
		out[name].Columns[attribute] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeclarationsMatchMigrations(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	if diff := cmp.Diff(declared(), present(t, connect(t, url), "spotify")); diff != "" {
		t.Errorf("declarations in catalog/ and tables of migrations/ differ (-declared +migrated):\n%s", diff)
	}
}

// TestMigrationsHoldTheDDL finds the text of exporter tables --ddl in migrations, but
// for tables that a later one has altered.
func TestMigrationsHoldTheDDL(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	paths, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := fs.ReadFile(migrations.Files, path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	holds := func(name, ddl string) {
		if !strings.Contains(all.String(), ddl) && !strings.Contains(all.String(), "ALTER TABLE spotify."+name) {
			t.Errorf("no migration makes %s by\n%s", name, ddl)
		}
	}
	for _, s := range catalog.Tables() {
		holds(s.Name, postgres.DDL([]*transform.Schema{s}, nil))
	}
	for _, v := range catalog.Views() {
		holds(v.Name, postgres.DDL(nil, []transform.View{v}))
	}
}

// TestDDLMakesWhatMigrationsMake runs the text of exporter tables --ddl in an empty
// database and compares what migrations leave in another one, indexes and queries
// of views included.
func TestDDLMakesWhatMigrationsMake(t *testing.T) {
	t.Parallel()
	migrated, plain := pgtest.URL(t), connect(t, pgtest.URL(t))
	open(t, migrated)
	exec(t, plain, postgres.SchemaDDL+postgres.DDL(catalog.Tables(), catalog.Views()))
	if diff := cmp.Diff(definitions(t, plain), definitions(t, connect(t, migrated))); diff != "" {
		t.Errorf("the DDL and the migrations differ (-DDL +migrations):\n%s", diff)
	}
}

// definitions lists the indexes and the queries of views of schema spotify, and the
// functions of schema analytics.
func definitions(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var out []string
	var text string
	each(t, conn, `SELECT indexdef FROM pg_indexes WHERE schemaname = 'spotify'
		UNION ALL SELECT viewname || ': ' || definition FROM pg_views WHERE schemaname = 'spotify'
		UNION ALL SELECT pg_get_functiondef(oid) || obj_description(oid) FROM pg_proc WHERE pronamespace = to_regnamespace('analytics') ORDER BY 1`, []any{&text}, func() { out = append(out, text) })
	return out
}

func TestBookkeepingIsDescribed(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	for name, r := range present(t, connect(t, url), "exporter") {
		if r.Doc == "" {
			t.Errorf("%s %s has no comment", r.Kind, name)
		}
		for attribute, c := range r.Columns {
			if !strings.HasSuffix(c.Doc, ".") {
				t.Errorf("column %s.%s has the comment %q, want a sentence", name, attribute, c.Doc)
			}
		}
	}
}

// migrateTo makes the schema of some migrations, up to a version.
func migrateTo(t *testing.T, url string, all fs.FS, version int64) {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA exporter"); err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, all, goose.WithTableName("exporter.migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func TestFirstReleaseIsRefused(t *testing.T) {
	t.Parallel()
	ways := map[string]func(ctx context.Context, url string) error{
		"migrate": func(ctx context.Context, url string) error {
			_, err := postgres.Migrate(ctx, url, postgres.Options{}, false)
			return err
		},
		"dry run": func(ctx context.Context, url string) error {
			_, err := postgres.Migrate(ctx, url, postgres.Options{}, true)
			return err
		},
		"open": func(ctx context.Context, url string) error {
			_, err := postgres.Open(ctx, url, postgres.Options{})
			return err
		},
		"open, no more": func(ctx context.Context, url string) error {
			_, err := postgres.Open(ctx, url, postgres.Options{NoMigrate: true})
			return err
		},
	}
	for _, version := range []int64{1, 6} {
		url := pgtest.URL(t)
		migrateTo(t, url, os.DirFS("testdata/first_release"), version)
		conn := connect(t, url)
		exec(t, conn, "INSERT INTO spotify.saved_tracks (account_id, track_id, first_seen_at, last_seen_at) VALUES ('a', 't', now(), now())")
		before, applied := relations(t, conn), appliedTo(t, conn)
		for name, try := range ways {
			err := try(t.Context(), url)
			var schema *load.SchemaError
			if !errors.As(err, &schema) {
				t.Fatalf("version %d: %s says %v, want a *load.SchemaError", version, name, err)
			}
			if schema.Have != version || !strings.Contains(schema.Message, "first release") || !strings.Contains(schema.Advice, "exporter backfill") {
				t.Errorf("version %d: %s says %+v", version, name, schema)
			}
		}
		if diff := cmp.Diff(before, relations(t, conn)); diff != "" || count(t, conn) != 1 || !slices.Equal(applied, appliedTo(t, conn)) {
			t.Errorf("the refused database was changed:\n%s", diff)
		}
	}
}

// appliedTo lists the versions that a database was migrated to.
func appliedTo(t *testing.T, conn *pgx.Conn) []int64 {
	t.Helper()
	var out []int64
	var version int64
	each(t, conn, "SELECT version_id FROM exporter.migrations ORDER BY id", []any{&version}, func() { out = append(out, version) })
	return out
}

// TestRunsAreReadByAnIndex plans the query in a large history.
func TestRunsAreReadByAnIndex(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO exporter.fences SELECT 'a' || a, 'j' || j, 1 FROM generate_series(1, 100) AS a, generate_series(1, 3) AS j;
		INSERT INTO exporter.runs (run_id, account_id, job, resource, kind, status, started_at, version, fence)
		SELECT account_id || job || n, account_id, job, 'r', 'run', 'ok', now() - n * interval '1 day', 'test', 1
		FROM exporter.fences, generate_series(1, 100) AS n;
		ANALYZE exporter.fences, exporter.runs`)
	for _, q := range []load.RunsQuery{{Job: "j1", Account: "a1", Limit: 1}, {Job: "j1", Limit: 1}, {Limit: 2}} {
		var plan []string
		var line string
		rows, err := conn.Query(t.Context(), "EXPLAIN "+postgres.RunsSQL(), q.Job, q.Account, q.Limit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pgx.ForEachRow(rows, []any{&line}, func() error { plan = append(plan, line); return nil }); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on runs") || !strings.Contains(text, "runs_newest") {
			t.Errorf("%+v:\n%s", q, text)
		}
	}
}
