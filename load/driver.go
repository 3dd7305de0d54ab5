package load

import (
	"context"
	"log/slog"

	"github.com/tracklake/tracklake/transform"
)

// A Driver makes the destinations of one type. Each destination package has one,
// and the program lists them: nothing else knows which types there are.
type Driver struct {
	Type string // in jobs.yaml: "parquet"
	// Setting is the one setting of such a destination, beside its type: "path";
	// Doc tells what it is. Its value is the destination's address.
	Setting, Doc string
	// Folder: the address is a path.
	Folder bool
	// Accounts: connected accounts can be kept beside the tables.
	Accounts bool
	// Open opens a destination. The caller closes it.
	Open func(ctx context.Context, address string, o OpenOptions) (Destination, error)
	// Migrate brings what is stored up to date with the tables, and tells what it
	// did, or, in a dry run, what it would do.
	Migrate func(ctx context.Context, address string, o OpenOptions, dryRun bool) ([]string, error)
	// GrantRead lets a role read all tables and views, also later ones; nil: whoever can
	// read the files can.
	GrantRead func(ctx context.Context, address, role string, o OpenOptions) error
}

// OpenOptions are what destinations are opened with.
type OpenOptions struct {
	Version   string // of the program
	Tables    []*transform.Schema
	Views     []transform.View
	NoMigrate bool         // refuse what is not up to date, instead of migrating it
	Log       *slog.Logger // hears what is waited for; may be nil
}
