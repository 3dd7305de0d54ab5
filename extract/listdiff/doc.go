// Package listdiff compares an ordered list with what was known of it: it says
// which pages to read next, and what the list looks like now.
//
// It is pure: it knows nothing of HTTP, of items or of tables. A list is a
// sequence of keys, one for each position; see [Key].
package listdiff
