// Package migrations holds the PostgreSQL schema as numbered SQL files. A file
// that has been released is never changed; a later one changes the schema.
package migrations

import "embed"

// Files are the migrations, in goose's format.
//
//go:embed *.sql
var Files embed.FS
