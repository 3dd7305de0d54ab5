// Package reconcile decides what a reading of a list proves: which rows have been
// removed, which removals are pending, and how the run ends.
//
// It is pure, so that every rule about removals is a case of a table test. It
// knows nothing of HTTP, of resources or of destinations.
//
// A row is removed only when one reading accounts for every position of its list
// and the row's entry is at none of them.
package reconcile
