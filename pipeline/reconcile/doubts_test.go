package reconcile_test

import (
	"testing"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// TestHoles has the rules about entries that are counted, and not delivered.
func TestHoles(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "one is new", before: "a b c", reading: "a c ?", want: "pending b: holes; incomplete"},
		{name: "one is new, and a row is removed as well", before: "a b c", reading: "a ?", want: "pending b c: holes; incomplete"},
		{name: "one is new, and no row is missing", before: "a b", reading: "a b ?", want: "ok"},
		{name: "fifty at once", before: "a1..a60", reading: "a1..a10 ?*50", want: "pending 50 rows: holes; incomplete"},
		{name: "all of them", before: "a b", reading: "? ?", want: "pending a b: holes; incomplete"},
		{name: "it is still there an hour later", before: "a c ? | holes: b", reading: "a c ?", later: hour, want: "pending b: holes; incomplete"},
		{name: "it is still there not quite a day later", before: "a c ? | holes: b", reading: "a c ?", later: 20*hour - 1, want: "pending b: holes; incomplete"},
		{name: "it is still there a night later", before: "a c ? | holes: b", reading: "a c ?", later: 20 * hour, want: "removed b; ok"},
		{name: "its row returns", before: "a c ? | holes: b", reading: "a b c", want: "ok"},
		{name: "it goes, and the row with it", before: "a c ? | holes: b", reading: "a c", want: "removed b; ok"},
		{name: "there are more", before: "a b c ?", reading: "a c ? ?", want: "pending b: holes; incomplete"},
		{name: "there are fewer, but not none", before: "a b c ? ?", reading: "a c ?", want: "pending b: holes; incomplete"},
		{name: "there are as many as a day ago, and a row is removed", before: "a b c ?", reading: "a c ?", want: "pending b: holes; incomplete"},
		{name: "there are as many as an hour ago, and a row is removed", before: "a b c ?", reading: "a c ?", later: hour, want: "pending b: holes; incomplete"},
		{name: "there are as many, and all rows", before: "a b ?", reading: "a b ?", want: "ok"},

		{name: "as many, but its row came, and another's is in it", before: "a c ? | holes: b", reading: "a b ?", want: "pending c: holes; incomplete"},
		{name: "as many, but a new row came", before: "a b ?", reading: "a n ?", want: "pending b: holes; incomplete"},
		{name: "as many, but a local file came", before: "a b ?", reading: "a ~x ?", want: "pending b: holes; incomplete"},
		{name: "as many, but a second entry came", before: "a@1 b@2 ?", reading: "a@1 a@3 ?", want: "pending b@2: holes; incomplete"},
		{name: "as many, but one came, and a pending row may be in it", before: "a ! ? | unreadable: p", reading: "a n ?", want: "pending p: holes; incomplete"},
		{name: "as many, and a row that waited for a day goes though one came", before: "a c ? | holes: b", reading: "a n c ?", want: "removed b; ok"},
		{name: "as many, and one that waited goes while another begins to wait", before: "a c ? | holes: b", reading: "a n ?", want: "removed b; pending c: holes; incomplete"},

		{name: "beside an unreadable entry", before: "a b@2 c@3", reading: "a !@2 ?", want: "pending c@3: holes; hidden 1; incomplete", keys: "a !b@2 ?"},
		{name: "beside one that may be the row", before: "a b c d", reading: "a ! ?", want: "pending b c d: unreadable; incomplete"},
		{name: "a hole becomes unreadable", before: "a c ? | holes: b", reading: "a ! c", want: "pending b: unreadable; incomplete"},
		{name: "an unreadable entry becomes a hole", before: "a ! | unreadable: b", reading: "a ?", want: "pending b: holes; incomplete"},
		{name: "they are not accepted", before: "a b c", reading: "a c ?", accept: true, want: "pending b: holes; incomplete"},
	})
}

// TestEmpty has the rules about lists that come back empty.
func TestEmpty(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "a list comes back empty", before: "a b", reading: "", want: "pending a b: empty; incomplete"},
		{name: "a list of one comes back empty", before: "a", reading: "", want: "pending a: empty; incomplete"},
		{name: "a large list comes back empty", before: "a1..a300", reading: "", want: "pending 300 rows: empty; incomplete"},
		{name: "an hour later it still is", before: "| empty: a b", reading: "", later: hour, want: "pending a b: empty; incomplete"},
		{name: "a night later it still is", before: "| empty: a b", reading: "", later: 20 * hour, want: "removed a b; ok"},
		{name: "a night later it still is, and was larger than the guard lets go", before: "| empty: a1..a51", reading: "", want: "refused 51 rows; incomplete"},
		{name: "as many as the guard lets go", before: "| empty: a1..a50", reading: "", want: "removed 50 rows; ok"},
		{name: "its rows are back", before: "| empty: a b", reading: "a b", want: "ok"},
		{name: "some are back", before: "| empty: a b", reading: "a", want: "removed b; ok"},
		{name: "it is back with unreadable entries", before: "| empty: a b c", reading: "a !", want: "pending b c: unreadable; incomplete"},
		{name: "it is accepted at once", before: "a b", reading: "", accept: true, want: "removed a b; ok"},
		{name: "only pending rows were left", before: "! | unreadable: a b", reading: "", want: "pending a b: empty; incomplete"},
		{name: "only rows that were unreadable", before: "!a !b@2", reading: "", want: "pending a b@2: empty; incomplete"},
		{name: "entries without a row do not make it empty", before: "a b", reading: "~x", want: "removed a b; ok"},
	})
}

// TestGuard has the rules about removals that are too many at once.
func TestGuard(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "fifty of sixty", before: "a1..a60", reading: "a51..a60", want: "removed 50 rows; ok"},
		{name: "a fifth", before: "a1..a255", reading: "a52..a255", want: "removed 51 rows; ok"},
		{name: "more than a fifth", before: "a1..a254", reading: "a52..a254", want: "refused 51 rows; incomplete"},
		{name: "the rows that are left count, not the entries", before: "a1..a254 ~x*9", reading: "a52..a254 ~x*9", want: "refused 51 rows; incomplete"},
		{name: "more than a fifth is accepted", before: "a1..a254", reading: "a52..a254", accept: true, want: "removed 51 rows; ok"},
		{name: "refused rows stay refused", before: "a52..a254 | refused: a1..a51", reading: "a52..a254", want: "refused 51 rows; incomplete"},
		{name: "refused rows are accepted", before: "a52..a254 | refused: a1..a51", reading: "a52..a254", accept: true, want: "removed 51 rows; ok"},
		{name: "a refused row returns, and the rest stays refused", before: "a52..a254 | refused: a1..a51", reading: "a1..a1 a52..a254", want: "refused 50 rows; incomplete"},
		{name: "a further one is refused with them", before: "a52..a254 | refused: a1..a51", reading: "a53..a254", want: "refused 52 rows; incomplete"},

		{name: "rows that may be unreadable do not count", before: "a1..a60@1 b@2", reading: "a51..a60@1 !@2", want: "removed 50 rows; hidden 1; incomplete", keys: "a51..a60@1 !b@2"},
		{name: "refused, but for those that may be unreadable", before: "a1..a60@1 b@2 c@3 d@3", reading: "!@3 a53..a60@1 b@2", want: "refused 52 rows; pending c@3 d@3: unreadable; incomplete"},
		{name: "accepted, but for those that may be unreadable", before: "a1..a8@1 b@2 c@3 d@3", reading: "!@3 b@2", accept: true, want: "removed a1 a2 a3 a4 a5 a6 a7 a8; pending c@3 d@3: unreadable; incomplete"},
		{name: "nothing is accepted that may be unreadable", order: other, before: "a1..a60", reading: "a52..a60 !", accept: true, want: "pending 51 rows: unreadable; incomplete"},
		{name: "accepted a night later, while one is unreadable for good", before: "! a52..a60 | refused: a1..a51", reading: "! a52..a60", accept: true, want: "removed 51 rows; incomplete"},
		{name: "accepted a night later, while one of its own time is unreadable", before: "!@9 a52..a60 | refused: b@1 c@2", reading: "!@9 a52..a60", accept: true, want: "removed b c; incomplete"},
	})
}

// TestKinds has the rules about readings that did not see every page at once.
func TestKinds(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "resumed: a row is missing", before: "a b", reading: "a", kind: resumed, want: "pending b: resumed; incomplete"},
		{name: "resumed: it is missing again", before: "a | resumed: b", reading: "a", kind: resumed, want: "removed b; ok"},
		{name: "resumed: and one more", before: "a c | resumed: b", reading: "a", kind: resumed, want: "removed b; pending c: resumed; incomplete"},
		{name: "resumed, then full", before: "a | resumed: b", reading: "a", want: "removed b; ok"},
		{name: "resumed: the row returns", before: "a | resumed: b", reading: "a b", kind: resumed, want: "ok"},
		{name: "resumed: accepted", before: "a b", reading: "a", kind: resumed, accept: true, want: "removed b; ok"},
		{name: "resumed: empty", before: "a b", reading: "", kind: resumed, want: "pending a b: empty; incomplete"},
		{name: "resumed: unreadable entries come first", before: "a@3 b@2 c@2 d@1", reading: "a@3 !@2", kind: resumed, want: "pending b@2 c@2 d@1: unreadable; incomplete"},
		{name: "resumed: a row of the partial", order: stable, before: "a b", stored: "b", reading: "a", kind: resumed, want: "removed b; ok"},
		{name: "resumed: a row of the partial", order: other, before: "a b", stored: "b", reading: "a", kind: resumed, want: "pending b: resumed; incomplete"},

		{name: "incremental: a row is missing", order: stable, before: "a b", reading: "a", kind: incremental, want: "removed b; ok"},
		{name: "incremental: a row is missing", order: other, before: "a b", reading: "a", kind: incremental, want: "pending b: unread; doubt; incomplete"},
		{name: "incremental: it is still missing", order: other, before: "a | unread: b", reading: "a", kind: incremental, want: "pending b: unread; incomplete"},
		{name: "incremental: it was found", order: other, before: "a | unread: b", reading: "b a", kind: incremental, want: "ok"},
		{name: "incremental, then full", order: other, before: "a | unread: b", reading: "a", want: "removed b; ok"},
		{name: "incremental: pending rows keep their reason", before: "a | refused: b", reading: "a c", kind: incremental, want: "refused b; incomplete"},
		{name: "incremental: unreadable is no more, and the rows wait for a full sync", before: "a ! | unreadable: b", reading: "a c", kind: incremental, want: "pending b: unreadable; incomplete"},
		{name: "incremental: resumed rows wait for a full sync", before: "a | resumed: b", reading: "a", kind: incremental, want: "pending b: resumed; incomplete"},
		{name: "incremental: a further row is unreadable", before: "a b@2 c@2", reading: "a !@2", kind: incremental, want: "pending b@2 c@2: unreadable; doubt; incomplete"},
		{name: "incremental: unreadable as before", before: "a !@2 | unreadable: b@2 c@2", reading: "a !@2", kind: incremental, want: "pending b@2 c@2: unreadable; incomplete"},
		{name: "incremental: a hole came", before: "a b", reading: "a b ?", kind: incremental, want: "doubt; ok"},
		{name: "incremental: a hole went", before: "a b ?", reading: "a b c", kind: incremental, want: "doubt; ok"},
		{name: "incremental: the hole is there", before: "a b ?", reading: "a c b ?", kind: incremental, want: "ok"},
		{name: "incremental: the guard", order: stable, before: "a1..a60", reading: "a52..a60", kind: incremental, want: "refused 51 rows; doubt; incomplete"},
		{name: "incremental: the guard is lifted", order: stable, before: "a1..a60", reading: "a52..a60", kind: incremental, accept: true, want: "removed 51 rows; ok"},
		{name: "incremental: refused rows are accepted", before: "a | refused: b", reading: "a", kind: incremental, accept: true, want: "removed b; ok"},
		{name: "incremental: what was not read is not accepted", order: other, before: "a c | unread: b", reading: "a", kind: incremental, accept: true, want: "pending b c: unread; doubt; incomplete"},
		{name: "incremental: what was unreadable is not accepted unread", order: other, before: "a ! | unreadable: b", reading: "a", kind: incremental, accept: true, want: "pending b: unreadable; incomplete"},
	})
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		removals, rows int
		want           bool
	}{
		{0, 0, false},
		{50, 50, false},
		{51, 51, true},
		{51, 254, true},
		{51, 255, false},
		{51, 256, false},
		{20_000, 100_000, false},
		{20_001, 100_000, true},
	} {
		if got := reconcile.TooMany(c.removals, c.rows); got != c.want {
			t.Errorf("%d of %d: %v, want %v", c.removals, c.rows, got, c.want)
		}
	}
}
