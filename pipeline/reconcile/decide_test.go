package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A ruling is a rule about removals: what is remembered of a list, what is read a
// night later, and what follows.
type ruling struct {
	name    string
	order   string // of the list: stable or other; empty: the rule is the same for both
	before  string
	stored  string // further rows of the table
	reading string
	kind    int           // of reading; full where nothing is said
	later   time.Duration // than the last reading; a night where nothing is said
	accept  bool
	want    string
	keys    string // what is remembered of the list then, where it is not what was read
}

const (
	stable = "stable"
	other  = "other"
)

// rule runs a table of rulings.
func rule(t *testing.T, rulings []ruling) {
	t.Helper()
	for _, r := range rulings {
		for _, order := range []string{stable, other} {
			if r.order == "" || r.order == order {
				t.Run(r.name+", order "+order, func(t *testing.T) {
					t.Parallel()
					r.check(t, order == stable)
				})
			}
		}
	}
}

func (r *ruling) check(t *testing.T, stable bool) {
	t.Helper()
	later := r.later
	if later == 0 {
		later = night
	}
	in := reconcile.Input{
		Before: state(r.before, now), Stored: keys(r.stored), Reading: reading(keys(r.reading), r.kind), At: now.Add(later),
		Stable: stable, AcceptRemovals: r.accept,
	}
	v := reconcile.Decide(in)
	if got := told(v, in.At); got != r.want {
		t.Errorf("%s\nthen %s:\n got %s\nwant %s", r.before, r.reading, got, r.want)
	}
	want := r.keys
	if want == "" {
		want = r.reading
	}
	if got := v.After.Keys.All(); !slices.Equal(got, keys(want)) {
		t.Errorf("%s\nthen %s:\n got keys %s\nwant keys %s", r.before, r.reading, written(got), want)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "nothing changed", before: "a@2 b@1", reading: "a@2 b@1", want: "ok"},
		{name: "one is removed", before: "a@3 b@2 c@1", reading: "a@3 c@1", want: "removed b; ok"},
		{name: "the rows are in order", before: "c a b", reading: "d", want: "removed a b c; ok"},
		{name: "one came", before: "a", reading: "b a", want: "ok"},
		{name: "one moved", before: "a b c", reading: "c a b", want: "ok"},
		{name: "saved again", before: "a@2 b@1", reading: "b@3 a@2", want: "ok"},
		{name: "one of two entries of a row is removed", before: "a@2 b a@1", reading: "a@2 b", want: "ok"},
		{name: "both entries of a row are removed", before: "a@2 b a@1", reading: "b", want: "removed a; ok"},
		{name: "local files have no row", before: "a ~x b ~y", reading: "a b", want: "ok"},
		{name: "a local file hides no row", before: "a b", reading: "a ~x", want: "removed b; ok"},
		{name: "the first reading", before: noState, reading: "a b", want: "ok"},
		{name: "the first reading, with unreadable entries", before: noState, reading: "a ! ?", want: "incomplete"},
		{name: "the first reading, with holes", before: noState, reading: "a ?*93", want: "ok"},
		{name: "the first reading, of nothing", before: noState, reading: "", want: "ok"},
		{name: "nothing, and still nothing", before: "", reading: "", want: "ok"},

		{name: "the state is lost", before: noState, stored: "a b c", reading: "a@3 b@2", want: "removed c; ok"},
		{name: "the state is lost, and nothing is removed", before: noState, stored: "a b", reading: "a@3 b@2", want: "ok"},
		{name: "the state is lost, and an entry unreadable", before: noState, stored: "a b c", reading: "a ! ~x", want: "pending b c: unreadable; incomplete"},
		{name: "the state is lost, and with it when rows were added", before: noState, stored: "a b c", reading: "a@3 !@2", want: "pending b c: unreadable; incomplete"},
		{name: "the state is lost, and an entry names its row", before: noState, stored: "a b c", reading: "a !b", want: "removed c; hidden 1; incomplete"},
		{name: "the state is lost, and there are holes", before: noState, stored: "a b c", reading: "a ? ?", want: "pending b c: holes; incomplete"},
		{name: "the state is lost, and the list empty", before: noState, stored: "a b c", reading: "", want: "pending a b c: empty; incomplete"},
		{name: "a row of an earlier partial is removed", before: "a b", stored: "b c", reading: "a b", want: "removed c; ok"},
		{name: "a row of an earlier partial is unreadable", before: "a b", stored: "b c", reading: "a b !", want: "pending c: unreadable; incomplete"},
	})
}

// TestUnreadable has the rules by which an entry that cannot be read is identified,
// and whom it may hide.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "it tells its row", before: "a b@2 c", reading: "a !b@2 c", want: "hidden 1; incomplete"},
		{name: "it tells its row, and another is removed", before: "a b c", reading: "a !b", want: "removed c; hidden 1; incomplete"},
		{name: "it tells its row, which has a second entry", before: "a@1 a@2", reading: "a@1 !a@2", want: "incomplete"},
		{name: "it tells a row that is new", before: "a", reading: "a !b", want: "incomplete"},

		{name: "it tells when it was added", before: "a@3 b@2 c@1", reading: "a@3 !@2 c@1", want: "hidden 1; incomplete", keys: "a@3 !b@2 c@1"},
		{name: "it tells when it was added, and another is removed", before: "a@3 b@2 c@1", reading: "a@3 !@2", want: "removed c; hidden 1; incomplete", keys: "a@3 !b@2"},
		{name: "it came, and may be the missing row that was saved again", before: "a@3 b@2 c@1", reading: "!@4 a@3 c@1", want: "pending b@2: unreadable; incomplete"},
		{name: "two were added together, and one is unreadable", before: "a@3 b@2 c@2", reading: "a@3 !@2", want: "pending b@2 c@2: unreadable; incomplete"},
		{name: "two were added together, and both are unreadable", before: "a@3 b@2 c@2", reading: "a@3 !@2 !@2", want: "pending b@2 c@2: unreadable; incomplete"},
		{name: "two are of the time of the missing row", before: "a@3 b@2", reading: "a@3 !@2 !@2", want: "pending b@2: unreadable; incomplete"},
		{name: "it may as well be a row of which the time is not known", before: "a@3 b@2 | unreadable: p", reading: "a@3 !@2", want: "pending b@2 p: unreadable; incomplete"},
		{name: "one of its time was unreadable before", before: "!@2 b@2", reading: "!@2", want: "pending b@2: unreadable; incomplete"},
		{name: "it is unknown when the missing row was added", before: "a@3 b", reading: "a@3 !@2", want: "pending b: unreadable; incomplete"},
		{name: "of two entries of a row, one is unreadable and one removed", before: "a@2 b a@1", reading: "b !@1", want: "hidden 1; incomplete", keys: "b !a@1"},

		{name: "its neighbours tell", order: stable, before: "a b c", reading: "a ! c", want: "hidden 1; incomplete", keys: "a !b c"},
		{name: "its neighbours tell, at the head", order: stable, before: "a b c", reading: "! b c", want: "hidden 1; incomplete", keys: "!a b c"},
		{name: "its neighbours tell, at the end", order: stable, before: "a b c", reading: "a b !", want: "hidden 1; incomplete", keys: "a b !c"},
		{name: "its neighbours tell, though it does not know when it was added", order: stable, before: "a@3 b@2 c@1", reading: "a@3 ! c@1", want: "hidden 1; incomplete", keys: "a@3 !b@2 c@1"},
		{name: "its neighbours tell, and another is removed", order: stable, before: "a b c d", reading: "a ! c", want: "removed d; hidden 1; incomplete", keys: "a !b c"},
		{name: "several side by side", order: stable, before: "a b c d", reading: "a ! ! d", want: "hidden 2; incomplete", keys: "a !b !c d"},
		{name: "all of them", order: stable, before: "a b c", reading: "! ! !", want: "hidden 3; incomplete", keys: "!a !b !c"},
		{name: "all of many", order: stable, before: "a1..a400", reading: "!*400", want: "hidden 400; incomplete", keys: "!a1..!a400"},
		{name: "fewer than are missing", order: stable, before: "a b c d", reading: "a ! d", want: "pending b c: unreadable; incomplete"},
		{name: "more than are missing", order: stable, before: "a b c", reading: "a ! ! c", want: "pending b: unreadable; incomplete"},
		{name: "one came beside it", order: stable, before: "a b c", reading: "a n ! c", want: "pending b: unreadable; incomplete"},
		{name: "it came where no row is missing", order: stable, before: "a b c", reading: "a ! b", want: "pending c: unreadable; incomplete"},
		{name: "a local file may be it", order: stable, before: "a b ~x c", reading: "a ! c", want: "pending b: unreadable; incomplete"},
		{name: "a hole is there as before", order: stable, before: "? a b c", reading: "a ! ? c", want: "hidden 1; incomplete", keys: "a !b ? c"},
		{name: "a hole appeared as well", order: stable, before: "a b c", reading: "a ! c ?", want: "pending b: unreadable; incomplete"},

		{name: "all that is missing may be it", order: other, before: "a b c", reading: "a !", want: "pending b c: unreadable; incomplete"},
		{name: "all that is missing may be one of them", order: other, before: "a b c", reading: "! a !", want: "pending b c: unreadable; incomplete"},
		{name: "but not what has its own place", order: other, before: "a b c", reading: "a !b !", want: "pending c: unreadable; hidden 1; incomplete"},
	})
}

// TestUnreadableBefore has the rules about entries that were unreadable the night
// before.
func TestUnreadableBefore(t *testing.T) {
	t.Parallel()
	rule(t, []ruling{
		{name: "another comes beside it, and a row that stood elsewhere is missing", before: "a@9 b@8 c@7 !@6 d@5", reading: "a@9 c@7 ! !@6 d@5", want: "pending b@8: unreadable; incomplete"},
		{name: "it is the same one", before: "a ! b c", reading: "a ! b", want: "removed c; incomplete"},
		{name: "it is the same one, or the row beside it", order: stable, before: "a ! b c", reading: "a ! c", want: "pending b: unreadable; incomplete"},
		{name: "it is the same one, as there are as many", order: other, before: "a ! b c", reading: "a ! c", want: "removed b; incomplete"},
		{name: "it is the same one by its time, or a row of which the time is not known", before: "a@3 !b@2 | unreadable: p", reading: "a@3 !@2", want: "pending b@2 p: unreadable; incomplete"},
		{name: "it is the same one, and was identified", order: stable, before: "a !b c d", reading: "a ! c", want: "removed d; hidden 1; incomplete", keys: "a !b c"},
		{name: "its row is not known any more where the order is not stable", order: other, before: "a !b c d", reading: "a ! c", want: "pending b d: unreadable; incomplete"},
		{name: "a row beside it became unreadable too", order: stable, before: "a !b c d", reading: "a ! ! d", want: "hidden 2; incomplete", keys: "a !b !c d"},
		{name: "a row beside one that is not identified became unreadable too", order: stable, before: "a ! c d", reading: "a ! ! d", want: "pending c: unreadable; incomplete"},
		{name: "a further one", order: other, before: "a ! c d", reading: "a ! !", want: "pending c d: unreadable; incomplete"},
		{name: "fewer, and no row is missing", before: "a ! ! b", reading: "a ! b", want: "incomplete"},
		{name: "of two, the identified one may be removed or the other", before: "a !b ! c", reading: "a ! c", want: "pending b: unreadable; incomplete"},

		{name: "it recovers", before: "a !b c", reading: "a b c", want: "ok"},
		{name: "it recovers, and another is removed", before: "a !b c d", reading: "a b c", want: "removed d; ok"},
		{name: "it goes", before: "a !b c", reading: "a c", want: "removed b; ok"},
		{name: "it recovers, and its neighbour does not", order: stable, before: "a ! b c", reading: "a n ! c", want: "pending b: unreadable; incomplete"},
		{name: "it recovers as identified, and its neighbour does not", order: stable, before: "a !n b c", reading: "a n ! c", want: "hidden 1; incomplete", keys: "a n !b c"},
		{name: "it recovers, and one elsewhere does not", order: stable, before: "a ! b c", reading: "a n b !", want: "hidden 1; incomplete", keys: "a n b !c"},
		{name: "it recovers, and one elsewhere does not", order: other, before: "a ! b c", reading: "a n b !", want: "pending c: unreadable; incomplete"},
		{name: "it recovers as a pending row, and its neighbour does not", before: "a ! b c | unreadable: p", reading: "a p ! c", want: "pending b: unreadable; incomplete"},
		{name: "it recovers as the second entry of a row, and its neighbour does not", before: "p@3 a ! b@2 c", reading: "p@3 a p@1 ! c", want: "pending b@2: unreadable; incomplete"},
		{name: "it recovers as a local file, and its neighbour does not", before: "a ! b c", reading: "a ~x ! c", want: "pending b: unreadable; incomplete"},
		{name: "more is known of it now, and less of its neighbour", before: "a ! b@2 c", reading: "a !@9 ! c", want: "pending b@2: unreadable; incomplete"},
		{name: "its row is known now, and that of its neighbour is not", before: "a ! b c", reading: "a !x ! c", want: "pending b: unreadable; incomplete"},
		{name: "its time is known now", before: "a !b@2 c", reading: "a !@2 c", want: "hidden 1; incomplete", keys: "a !b@2 c"},

		{name: "pending rows stay while it does", before: "a ! d | unreadable: b c", reading: "a ! d", want: "pending b c: unreadable; incomplete"},
		{name: "pending rows stay while any is there", before: "a ! d | unreadable: b c", reading: "a d e !", want: "pending b c: unreadable; incomplete"},
		{name: "pending rows go when everything is readable", before: "a ! d | unreadable: b c", reading: "a d", want: "removed b c; ok"},
		{name: "the pending row that it was returns, and the other goes", before: "a ! d | unreadable: b c", reading: "a c d", want: "removed b; ok"},
		{name: "pending rows stay while one of their time is there", before: "a !@2 | unreadable: b@2 c@2", reading: "a !@2", want: "pending b@2 c@2: unreadable; incomplete"},
		{name: "pending rows may be one of which only the time is known", before: "a ? | holes: b c", reading: "a !@9", want: "pending b c: unreadable; incomplete"},
		{name: "the pending row is known by its time", before: "a ! | unreadable: b@1 c@2", reading: "a !@2", want: "removed b; hidden 1; incomplete", keys: "a !c@2"},
		{name: "a pending row may be the one that stands for a lost neighbour", order: stable, before: "a b c | resumed: p", reading: "a ! c", want: "pending b p: unreadable; incomplete"},
	})
}
