package main

import (
	"context"
	"log/slog"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// drivers lists the types of destinations.
func drivers() []load.Driver {
	return []load.Driver{parquet.Driver(), postgres.Driver()}
}

// opener returns the function that opens destinations.
func opener(noMigrate bool, log *slog.Logger) pipeline.Opener {
	return func(ctx context.Context, d config.Destination) (load.Destination, error) {
		o := openOptions(log)
		o.NoMigrate = noMigrate
		return d.Driver.Open(ctx, d.Address, o)
	}
}

func openOptions(log *slog.Logger) load.OpenOptions {
	return load.OpenOptions{Version: version(), Tables: catalog.Tables(), Views: catalog.Views(), Log: log}
}
