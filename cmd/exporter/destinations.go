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
			return parquet.Open(ctx, d.Path, parquet.Options{Version: version(), Tables: catalog.Tables(), Views: catalog.Views(), NoMigrate: noMigrate})
		case pipeline.Postgres:
			return postgres.Open(ctx, d.URL, postgres.Options{NoMigrate: noMigrate})
		}
		return nil, fmt.Errorf("destination %s has the unknown type %q", d.Name, d.Type)
	}
}

// A checker is a destination that can test itself.
type checker interface {
	Check(ctx context.Context) error
}
