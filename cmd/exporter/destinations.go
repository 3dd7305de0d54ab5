package main

import (
	"context"
	"fmt"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline"
)

// opener returns the function that opens destinations: the one place that
// knows them all.
func opener(noMigrate bool) pipeline.Opener {
	return func(ctx context.Context, d pipeline.DestinationConfig) (load.Destination, error) {
		switch d.Type {
		case pipeline.Parquet:
			o := lakeOptions()
			o.NoMigrate = noMigrate
			return parquet.Open(ctx, d.Path, o)
		case pipeline.Postgres:
			return postgres.Open(ctx, d.URL, postgres.Options{NoMigrate: noMigrate})
		}
		return nil, fmt.Errorf("destination %s has the unknown type %q", d.Name, d.Type)
	}
}

func lakeOptions() parquet.Options {
	return parquet.Options{Version: version(), Tables: catalog.Tables(), Views: catalog.Views()}
}

// migrate brings a destination up to date, and tells what was done, or, in a dry
// run, what would be.
func migrate(ctx context.Context, d pipeline.DestinationConfig, dryRun bool) ([]string, error) {
	if d.Type == pipeline.Parquet {
		return parquet.Migrate(ctx, d.Path, lakeOptions(), dryRun)
	}
	return postgres.Migrate(ctx, d.URL, dryRun)
}

// A checker is a destination that can test itself.
type checker interface {
	Check(ctx context.Context) error
}
