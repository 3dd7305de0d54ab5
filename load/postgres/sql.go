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

// order is the order in which rows are written: that of the key, in all merges, so
// that two of them do not deadlock. The account, which is the same in all rows,
// comes last, where sorting does not compare it.
func (s *statements) order() []string {
	return append(slices.Clone(s.table.Key[1:]), s.table.Key[0])
}

// latest is the last version of each staged key.
func (s *statements) latest() string {
	return fmt.Sprintf("(SELECT DISTINCT ON (%[1]s) * FROM %[2]s ORDER BY %[1]s, arrival DESC)", list(s.order(), plain), s.stage)
}

// present tells whether an account has rows.
func (s *statements) present() string {
	return fmt.Sprintf("SELECT EXISTS (SELECT FROM %s WHERE account_id = $1)", s.target)
}

// insert adds the staged rows of an account that has none, which takes two thirds of
// the time of merge. Rows that others add meanwhile are a unique violation.
func (s *statements) insert() string {
	return fmt.Sprintf("INSERT INTO %s (%s, first_seen_at, last_seen_at) SELECT %s, $1, $1 FROM %s AS s",
		s.target, list(s.fields(), plain), list(s.fields(), prefixed("s")), s.latest())
}

// merge upserts the staged rows that are new or differ.
//
// What does not differ is found by a join beforehand, so that an unchanged
// table is not written at all. A row whose xmax is 0 was inserted: ON CONFLICT
// locks a row before it updates it.
func (s *statements) merge(single bool) string {
	source := s.stage
	if !single {
		source = s.latest()
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
		s.differs("s"), list(s.order(), prefixed("s")), list(s.table.Key, plain), s.assignments(), s.differs("EXCLUDED"))
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
		parts = append(parts, fmt.Sprintf("t.%[2]s IS DISTINCT FROM %[1]s.%[2]s", fresh, quoted(v)))
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
		parts = append(parts, fmt.Sprintf("%[1]s = EXCLUDED.%[1]s", quoted(v)))
	}
	parts = append(parts, "last_seen_at = EXCLUDED.last_seen_at")
	if s.table.Removable {
		parts = append(parts, "removed_at = NULL")
	}
	return strings.Join(parts, ", ")
}

// removal builds the condition that finds the rows to remove.
func (s *statements) removal(account string, r load.Removal, staged bool) (string, []any) {
	conditions, args := []string{"t.account_id = $1"}, []any{account}
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
	args := []any{q.Account}
	conditions := []string{"(account_id = $1 OR $1 = '')"}
	if columns[transform.RemovedAt] != "" {
		conditions = append(conditions, "removed_at IS NULL")
	}
	for _, m := range q.Where {
		args = append(args, m.Values)
		conditions = append(conditions, fmt.Sprintf("%s = ANY($%d::text[]::%s[])", quoted(m.Column), len(args), columns[m.Column]))
	}
	if q.Latest != "" {
		latest := quoted(q.Latest)
		conditions = append(conditions, fmt.Sprintf("(account_id, %[1]s) IN (SELECT account_id, max(%[1]s) FROM %[2]s WHERE %[3]s GROUP BY account_id)",
			latest, table, strings.Join(conditions, " AND ")))
	}
	value, from := "t."+quoted(q.Column), table+" AS t"
	if columns[q.Column] == "ARRAY" {
		value, from = "v", from+", unnest("+value+") AS v"
	}
	return fmt.Sprintf(`SELECT %[1]s, count(*)::int FROM %[2]s WHERE %[3]s AND %[1]s IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, %[1]s COLLATE "C"`,
		value, from, strings.Join(conditions, " AND ")), args
}
