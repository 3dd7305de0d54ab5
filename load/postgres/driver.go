package postgres

import (
	"context"

	"github.com/tracklake/tracklake/load"
)

// Driver makes destinations in PostgreSQL.
func Driver() load.Driver {
	return load.Driver{
		Type: "postgres", Setting: "url", Accounts: true,
		Doc: "Address of the database, like ${DATABASE_URL}.",
		Open: func(ctx context.Context, address string, o load.OpenOptions) (load.Destination, error) {
			d, err := Open(ctx, address, Options{NoMigrate: o.NoMigrate, Tables: o.Tables, Log: o.Log})
			if err != nil {
				return nil, err
			}
			return d, nil
		},
		Migrate: func(ctx context.Context, address string, o load.OpenOptions, dryRun bool) ([]string, error) {
			return Migrate(ctx, address, Options{Log: o.Log}, dryRun)
		},
		GrantRead: func(ctx context.Context, address, role string, o load.OpenOptions) error {
			return GrantRead(ctx, address, role, Options{Log: o.Log})
		},
	}
}
