package reconcile_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// The lists of these tests are written as they stand at Spotify, a word a position:
//
//	a       an entry of the row a
//	a@3     the same, added at second 3: its rank
//	!       an entry that could not be read
//	!@3     of which only its rank is known
//	!a !a@3 of which the row is known
//	~x      an entry without a row, such as a local file
//	?       a hole
//	a1..a60 sixty entries, also a1..a60@3; ?*50 fifty holes
func keys(list string) []listdiff.Key {
	var out []listdiff.Key
	for _, word := range strings.Fields(list) {
		word = strings.ReplaceAll(word, "@", " ")
		if span, rank, _ := strings.Cut(word, " "); strings.Contains(span, "..") {
			from, to, _ := strings.Cut(span, "..")
			name := strings.TrimRight(from, "0123456789")
			for n := number(from[len(name):]); n <= number(to[len(name):]); n++ {
				out = append(out, strings.TrimSpace(fmt.Sprint(name, n, " ", rank)))
			}
			continue
		}
		key, times, ok := strings.Cut(word, "*")
		if !ok {
			times = "1"
		}
		out = append(out, slices.Repeat([]listdiff.Key{key}, number(times))...)
	}
	return out
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// written is the reverse of keys.
func written(list []listdiff.Key) string {
	return strings.ReplaceAll(strings.Join(list, "|"), " ", "@")
}

// now is when the readings of these tests begin.
var now = time.Date(2025, 3, 14, 4, 0, 0, 0, time.UTC)

const (
	hour  = time.Hour
	night = 24 * time.Hour
)

// refused is the reason of removals that are proven and too many.
const refused = "refused"

// noState is a list of which nothing is remembered.
const noState = "no state"

// state reads what is remembered of a list that was last read, in full and as it
// is, at some time: its entries and, behind a bar, its pending rows with the reason
// before them: "a b ! | unreadable: c d".
func state(text string, at time.Time) *reconcile.List {
	if text == noState {
		return nil
	}
	list, pending, _ := strings.Cut(text, "|")
	why, rows, _ := strings.Cut(strings.TrimSpace(pending), ":")
	l := &reconcile.List{FullAt: at, RecheckedAt: at, Keys: listdiff.KeysOf(keys(list)), Why: reconcile.Reason(why), Pending: keys(rows)}
	if why == refused {
		l.Refused, l.Pending, l.Why = l.Pending, nil, ""
	}
	if l.Keys.Holes() > 0 {
		l.HolesAt = at
	}
	if l.Keys.Count == 0 && len(l.Pending) > 0 {
		l.EmptyAt = at
	}
	if strings.Contains(list, "!") {
		l.UnreadableAt = at
	}
	return l
}

// The kinds of readings.
const (
	full        = iota // every page was read
	incremental        // what has changed was read
	resumed            // an earlier run read the first part
)

func reading(list []listdiff.Key, kind int) listdiff.Reading {
	r := listdiff.Reading{Keys: listdiff.KeysOf(list), Complete: true}
	r.Full, r.Resumed = kind == full, kind == resumed
	return r
}

// told says in a line what was decided: "removed a b; refused c; pending d: unreadable; hidden
// 1; doubt; incomplete". What is not said is not so, and "ok" is the opposite of
// incomplete.
func told(v reconcile.Verdict, at time.Time) string {
	var out []string
	if len(v.Removed) > 0 {
		out = append(out, "removed "+few(v.Removed))
	}
	if len(v.After.Refused) > 0 {
		out = append(out, fmt.Sprintf("refused %s", few(v.After.Refused)))
	}
	if len(v.After.Pending) > 0 || v.After.Why != "" {
		out = append(out, fmt.Sprintf("pending %s: %s", few(v.After.Pending), v.After.Why))
	}
	if v.After.Hidden > 0 {
		out = append(out, fmt.Sprint("hidden ", v.After.Hidden))
	}
	if v.Doubt {
		out = append(out, "doubt")
	}
	if v.After.Open(at).Incomplete() {
		return strings.Join(append(out, "incomplete"), "; ")
	}
	return strings.Join(append(out, "ok"), "; ")
}

// few names some rows, or how many they are.
func few(rows []string) string {
	if len(rows) > 9 {
		return fmt.Sprint(len(rows), " rows")
	}
	return strings.ReplaceAll(written(rows), "|", " ")
}
