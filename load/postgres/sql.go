package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// statements are the SQL of one table. Names come from declarations only.
type statements struct {
	table  *transform.Schema
	target string // spotify.name
	stage  string // pg_temp.name
}

func newStatements(t *transform.Schema) *statements {
	return &statements{
		table:  t,
		target: pgx.Identifier{"spotify", t.Name}.Sanitize(),
		stage:  pgx.Identifier{"pg_temp", "stage_" + t.Name}.Sanitize(),
	}
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// list writes something for each column, with commas between.
func list(names []string, each func(name string) string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = each(quoted(n))
	}
	return strings.Join(parts, ", ")
}

func plain(name string) string { return name }

func prefixed(prefix string) func(string) string {
	return func(name string) string { return prefix + "." + name }
}

func (s *statements) fields() []string {
	out := make([]string, len(s.table.Fields))
	for i, f := range s.table.Fields {
		out[i] = f.Name
	}
	return out
}

// values are the fields that are not part of the key.
func (s *statements) values() []string {
	var out []string
	for _, f := range s.fields() {
		if !slices.Contains(s.table.Key, f) {
			out = append(out, f)
		}
	}
	return out
}

// createStage makes the staging table: the fields and the order of arrival.
func (s *statements) createStage() string {
	var columns []string
	for _, f := range s.table.Fields {
		columns = append(columns, quoted(f.Name)+" "+f.SQLType())
	}
	return fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s, arrival bigint)", s.stage, strings.Join(columns, ", "))
}

func (s *statements) copyIn() string {
	return fmt.Sprintf("COPY %s (%s, arrival) FROM STDIN (FORMAT binary)", s.stage, list(s.fields(), plain))
}

// versions tells how many versions the most frequent key has, and how many keys
// there are.
func (s *statements) versions() string {
	return fmt.Sprintf("SELECT coalesce(max(n), 0), count(*) FROM (SELECT count(*) AS n FROM %s GROUP BY %s) AS keys", s.stage, list(s.table.Key, plain))
}

// merge upserts the staged rows that are new or differ. In a table that is
// replaced the last version of a key counts; in one that fills up the versions
// are merged one after the other, $2 says which.
//
// What does not differ is found by a join beforehand, so that an unchanged
// table is not written at all. Keys are sorted, so that concurrent merges
// meet them in the same order and do not deadlock. A row whose xmax is 0 was
// inserted: ON CONFLICT locks a row before it updates it.
func (s *statements) merge(single bool) string {
	source := s.stage
	switch {
	case single:
	case s.table.Merge == transform.Replace:
		source = fmt.Sprintf("(SELECT DISTINCT ON (%[1]s) * FROM %[2]s ORDER BY %[1]s, arrival DESC)", list(s.table.Key, plain), s.stage)
	default:
		source = fmt.Sprintf("(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY arrival) AS version FROM %s) AS v WHERE version = $2)",
			list(s.table.Key, plain), s.stage)
	}
	return fmt.Sprintf(`WITH merged AS (
		INSERT INTO %[1]s AS t (%[2]s, first_seen_at, last_seen_at)
		SELECT %[3]s, $1, $1 FROM %[4]s AS s LEFT JOIN %[1]s AS t ON %[5]s
		WHERE t.first_seen_at IS NULL OR %[6]s
		ORDER BY %[7]s
		ON CONFLICT (%[8]s) DO UPDATE SET %[9]s WHERE %[10]s
		RETURNING t.xmax = 0 AS new
	) SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM merged`,
		s.target, list(s.fields(), plain), list(s.fields(), prefixed("s")), source, s.sameKey("s", "t"),
		s.differs("s"), list(s.table.Key, prefixed("s")), list(s.table.Key, plain), s.assignments(), s.differs("EXCLUDED"))
}

// written counts the staged keys whose rows this transaction has written.
func (s *statements) written() string {
	return fmt.Sprintf("SELECT count(*) FROM %s AS t WHERE t.xmin = pg_current_xact_id()::xid AND EXISTS (SELECT FROM %s AS s WHERE %s)",
		s.target, s.stage, s.sameKey("s", "t"))
}

func (s *statements) sameKey(a, b string) string {
	parts := make([]string, len(s.table.Key))
	for i, k := range s.table.Key {
		parts[i] = fmt.Sprintf("%s.%s = %s.%s", a, quoted(k), b, quoted(k))
	}
	return strings.Join(parts, " AND ")
}

// differs compares the stored row t with a new one.
func (s *statements) differs(fresh string) string {
	var parts []string
	for _, v := range s.values() {
		v = quoted(v)
		if s.table.Merge == transform.Fill {
			parts = append(parts, fmt.Sprintf("%[1]s.%[2]s IS NOT NULL AND t.%[2]s IS DISTINCT FROM %[1]s.%[2]s", fresh, v))
		} else {
			parts = append(parts, fmt.Sprintf("t.%[2]s IS DISTINCT FROM %[1]s.%[2]s", fresh, v))
		}
	}
	if s.table.Removable {
		parts = append(parts, "t.removed_at IS NOT NULL")
	}
	if len(parts) == 0 {
		return "false"
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

func (s *statements) assignments() string {
	var parts []string
	for _, v := range s.values() {
		v = quoted(v)
		if s.table.Merge == transform.Fill {
			parts = append(parts, fmt.Sprintf("%[1]s = coalesce(EXCLUDED.%[1]s, t.%[1]s)", v))
		} else {
			parts = append(parts, fmt.Sprintf("%[1]s = EXCLUDED.%[1]s", v))
		}
	}
	parts = append(parts, "last_seen_at = EXCLUDED.last_seen_at")
	if s.table.Removable {
		parts = append(parts, "removed_at = NULL")
	}
	return strings.Join(parts, ", ")
}

// removal builds the condition that finds the rows to remove.
func (s *statements) removal(account string, r load.Removal, staged bool) (string, []any) {
	conditions, args := []string{"true"}, []any{}
	if s.table.HasAccount() {
		args = append(args, account)
		conditions = append(conditions, "t.account_id = $1")
	}
	if s.table.Removable {
		conditions = append(conditions, "t.removed_at IS NULL")
	}
	for _, m := range r.Where {
		args = append(args, m.Values)
		conditions = append(conditions, fmt.Sprintf("t.%s = ANY($%d::text[]::%s[])", quoted(m.Column), len(args), s.table.Fields[s.table.Index(m.Column)].SQLType()))
	}
	if staged {
		conditions = append(conditions, fmt.Sprintf("NOT EXISTS (SELECT FROM %s AS s WHERE %s)", s.stage, s.sameKey("s", "t")))
	}
	return strings.Join(conditions, " AND "), args
}

// columnsOf lists the columns that some matches name.
func columnsOf(where []load.Match) []string {
	var out []string
	for _, m := range where {
		out = append(out, m.Column)
	}
	return out
}

// valuesSQL counts the values of a column.
func valuesSQL(q load.ValueQuery, columns map[string]string) (string, []any) {
	table := pgx.Identifier{"spotify", q.Table}.Sanitize()
	var args []any
	conditions := []string{"true"}
	if columns[transform.AccountID] != "" {
		args = append(args, q.Account)
		conditions = append(conditions, "account_id = $1")
	}
	if columns[transform.RemovedAt] != "" {
		conditions = append(conditions, "removed_at IS NULL")
	}
	for _, m := range q.Where {
		args = append(args, m.Values)
		conditions = append(conditions, fmt.Sprintf("%s = ANY($%d::text[]::%s[])", quoted(m.Column), len(args), columns[m.Column]))
	}
	if q.Latest != "" {
		latest := quoted(q.Latest)
		conditions = append(conditions, fmt.Sprintf("%[1]s = (SELECT max(%[1]s) FROM %[2]s WHERE %[3]s)", latest, table, strings.Join(conditions, " AND ")))
	}
	value, from := "t."+quoted(q.Column), table+" AS t"
	if columns[q.Column] == "ARRAY" {
		value, from = "v", from+", unnest("+value+") AS v"
	}
	return fmt.Sprintf(`SELECT %[1]s, count(*)::int FROM %[2]s WHERE %[3]s AND %[1]s IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, %[1]s COLLATE "C"`,
		value, from, strings.Join(conditions, " AND ")), args
}
