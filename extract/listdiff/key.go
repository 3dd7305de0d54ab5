package listdiff

import (
	"strconv"
	"strings"
)

// A Key stands for one position of a list:
//
//	"id 3f9"   an entry: the id of its row, and its rank in base 36
//	"!id 3f9"  an entry that could not be read; either part may be unknown
//	"~hash"    an entry that was read and has no row, such as a local file
//	"?"        a hole: a position that the API counts and does not deliver
//
// Several entries can belong to one row; the greatest rank counts. A rank is
// absent where it is not known or the list has none.
type Key = string

// Hole is the key of a position that was not delivered.
const Hole Key = "?"

const (
	unreadableMark = "!"
	rowlessMark    = "~"
)

// NewKey makes the key of an entry. A rank of 0 is left out, and so is an id that
// could be mistaken for something else.
func NewKey(row string, rank int64) Key {
	if strings.ContainsAny(row, " \n") || row != "" && !IsEntry(row) {
		row = ""
	}
	if rank == 0 {
		return row
	}
	return row + " " + strconv.FormatInt(rank, 36)
}

// UnreadableKey makes the key of an entry that could not be read, from the key
// that it would have had, as far as its parts are known.
func UnreadableKey(key Key) Key { return unreadableMark + key }

// RowlessKey returns the key of an entry that has no row, from whatever distinguishes it
// from others.
func RowlessKey(identity string) Key { return rowlessMark + identity }

// IsEntry reports whether a key is that of an entry that was read and has a row.
func IsEntry(k Key) bool {
	return k != "" && k != Hole && k[:1] != unreadableMark && k[:1] != rowlessMark && k[:1] != " "
}

// IsUnreadable reports whether a key is that of an entry that could not be read.
func IsUnreadable(k Key) bool { return strings.HasPrefix(k, unreadableMark) }

// Split returns the id of the row and the rank of an entry, readable or not; an
// unknown part is empty.
func Split(k Key) (row, rank string) {
	row, rank, _ = strings.Cut(strings.TrimPrefix(k, unreadableMark), " ")
	return row, rank
}

// Row returns the id of an entry's row, or "" for keys that have none.
func Row(k Key) string {
	if k == Hole || strings.HasPrefix(k, rowlessMark) {
		return ""
	}
	row, _ := Split(k)
	return row
}

// Rank returns an entry's rank, or 0.
func Rank(k Key) int64 {
	_, rank := Split(k)
	n, err := strconv.ParseInt(rank, 36, 64)
	if err != nil {
		return 0
	}
	return n
}
