package parquet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Check writes and publishes a file without rows for each table, as a run does, and
// deletes it. Of a lake that is not there, it tries whether its folder can be made.
func (d *Destination) Check(ctx context.Context) (pending []string, err error) {
	lake, err := readAll(d.storage, lakeName)
	switch {
	case err != nil:
	case lake == nil:
		err = mayMake(d.root)
	default:
		err = d.locked(ctx, "lake", func() error { return d.rehearse(ctx, lake) })
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", d.root, err)
	}
	return d.pending, nil
}

// rehearse publishes a file for each table and deletes it. No reader takes it for one
// of the table's.
func (d *Destination) rehearse(ctx context.Context, lake []byte) (err error) {
	var moves []move
	for _, table := range slices.Sorted(maps.Keys(d.layouts)) {
		m := move{From: "_exporter/staging/check." + table, To: table + "/.check"}
		moves = append(moves, m)
		if _, err = d.putFile(m.From, d.layouts[table], func(*fileWriter) error { return nil }); err != nil {
			break
		}
	}
	if err == nil {
		err = d.storage.Publish(ctx, moves, lakeName, lake)
	}
	for _, m := range moves {
		err = errors.Join(err, d.storage.Delete(m.From), d.storage.Delete(m.To))
	}
	return err
}

// mayMake tries whether a folder can be made or, if it is there, written to.
func mayMake(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return mayMake(filepath.Dir(folder))
	}
	made, err := os.MkdirTemp(folder, ".check")
	if err != nil {
		return describe("make folder", err)
	}
	return os.Remove(made)
}
