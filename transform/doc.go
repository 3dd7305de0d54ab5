// Package transform turns typed items into Arrow records of declared tables.
//
// A table is declared once, as a literal: a name, a primary key and typed
// columns, each with a description and an accessor on the item. From that
// declaration follow the Arrow schema, the check of the PostgreSQL tables, the
// merge statement and the reference documentation.
//
// The package knows nothing of HTTP, of Spotify or of any destination, and
// imports nothing else of this project.
package transform
