package parquet

import (
	"context"

	"github.com/tracklake/tracklake/load"
)

// Driver makes lakes of Parquet files.
func Driver() load.Driver {
	return load.Driver{
		Type: "parquet", Setting: "path", Folder: true,
		Doc: "Folder of the files; ${NAME} is an environment variable.",
		Open: func(ctx context.Context, address string, o load.OpenOptions) (load.Destination, error) {
			d, err := Open(ctx, address, options(o))
			if err != nil {
				return nil, err
			}
			return d, nil
		},
		Migrate: func(ctx context.Context, address string, o load.OpenOptions, dryRun bool) ([]string, error) {
			return Migrate(ctx, address, options(o), dryRun)
		},
	}
}

func options(o load.OpenOptions) Options {
	return Options{Version: o.Version, Tables: o.Tables, Views: o.Views, NoMigrate: o.NoMigrate, Log: o.Log}
}
