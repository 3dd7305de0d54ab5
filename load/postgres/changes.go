package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// logChanges writes what a commit changed in logged tables to the change log. gone are
// the lists from which the removals of the commit deleted rows, by table.
func (s *session) logChanges(ctx context.Context, tx pgx.Tx, gone map[string][]string, result *load.Result) error {
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[name]
		if t.table.Log == nil || !changed(s.total.Tables[name], result.Tables[name]) {
			continue
		}
		err := s.do(ctx, "log the changes of "+name, s.d.limits.work, func(ctx context.Context) error {
			count, err := s.logTable(ctx, tx, t, gone[name])
			result.Tables[transform.LibraryChanges] = result.Tables[transform.LibraryChanges].Add(count)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changed tells whether more happened to a table than before.
func changed(before, after load.Count) bool {
	return after.Added > before.Added || after.Changed > before.Changed || after.Removed > before.Removed
}

func (s *session) logTable(ctx context.Context, tx pgx.Tx, t *statements, gone []string) (c load.Count, err error) {
	args := []any{s.job.Account, s.job.Name, t.table.Name, s.job.Run.StartedAt}
	if t.table.Log.List != "" {
		lists := gone
		if s.staged[t.table.Name] > 0 {
			if err := tx.QueryRow(ctx, t.stagedLists(), gone).Scan(&lists); err != nil {
				return c, fmt.Errorf("list what was staged: %w", err)
			}
		}
		args = append(args, lists)
	}
	// The planner knows no statistics yet of a log that was just filled, and would join
	// it row by row.
	if _, err := tx.Exec(ctx, "SET LOCAL enable_nestloop = off"); err != nil {
		return c, err
	}
	again := changed(load.Count{}, s.total.Tables[t.table.Name])
	err = tx.QueryRow(ctx, t.logChanges(again), args...).Scan(&c.Added, &c.Changed)
	return c, err
}

// stagedLists are the lists that have staged rows, and some others.
func (s *statements) stagedLists() string {
	return fmt.Sprintf("SELECT array_agg(list) FROM (SELECT %s AS list FROM %s UNION SELECT unnest($1::text[])) AS lists", quoted(s.table.Log.List), s.stage)
}

// logChanges compares what a commit touched with the last entries of the log, and adds
// an entry where they differ. The parameters are account, job, table, the start of the
// run and, for a table of lists, those that the commit touched.
//
// All jobs of the account have written what is compared: a job may have been renamed.
// Their names make the index of the key serve for it.
//
// Only when a commit of the run has changed the table before can there be an entry of
// this run. To look for one takes as long again as to insert.
func (s *statements) logChanges(again bool) string {
	join, scope, conflict := "LEFT", "", ""
	if again {
		conflict = "ON CONFLICT (account_id, job, resource, list_id, item_id, changed_at) DO UPDATE SET name = EXCLUDED.name, change = EXCLUDED.change"
	}
	if s.table.Log.List != "" {
		join, scope = "FULL", " AND list_id = ANY($5)"
	}
	return fmt.Sprintf(`WITH now AS (%s), last AS (
		SELECT DISTINCT ON (list_id, item_id) list_id, item_id, name, change <> 'removed' AS live
		FROM spotify.library_changes
		WHERE account_id = $1 AND job = ANY(ARRAY(SELECT job FROM exporter.fences WHERE account_id = $1)) AND resource = $3%s
		ORDER BY list_id, item_id, changed_at DESC, job
	), logged AS (
		INSERT INTO spotify.library_changes AS c (account_id, job, resource, list_id, item_id, changed_at, name, change, first_seen_at, last_seen_at)
		SELECT $1, $2, $3, list_id, item_id, $4, coalesce(now.name, last.name),
			CASE WHEN now.live IS NOT TRUE THEN 'removed' WHEN last.live IS NULL THEN 'added' ELSE 'returned' END, $4, $4
		FROM now %s JOIN last USING (list_id, item_id)
		WHERE coalesce(now.live, false) <> coalesce(last.live, false)
		%s
		RETURNING c.xmax = 0 AS new
	) SELECT count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new) FROM logged`, s.loggedNow(), scope, join, conflict)
}

// loggedNow are the items that the log is about: of a removable table those whose rows
// this run has written, of lists all that are in them.
func (s *statements) loggedNow() string {
	log := s.table.Log
	if log.List == "" {
		return fmt.Sprintf("SELECT '' AS list_id, %s AS item_id, %s AS name, removed_at IS NULL AS live FROM %s WHERE account_id = $1 AND last_seen_at = $4",
			quoted(log.Item[0]), quoted(log.Name), s.target)
	}
	item := fmt.Sprintf("coalesce(%s)", list(log.Item, plain))
	return fmt.Sprintf("SELECT DISTINCT ON (list_id, item_id) %[1]s AS list_id, %[2]s AS item_id, %[3]s AS name, true AS live FROM %[4]s WHERE account_id = $1 AND %[1]s = ANY($5) AND %[2]s IS NOT NULL ORDER BY list_id, item_id, %[5]s",
		quoted(log.List), item, quoted(log.Name), s.target, list(s.table.Key[2:], plain))
}
