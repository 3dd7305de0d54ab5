package parquet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// lakeFormat is the number of the file layout. The first release had none.
const lakeFormat = 2

// lakeName is the file in which a lake says what its tables look like.
const lakeName = "_exporter/lake.json"

// lake is its content. All files of a table have these columns, but for a while in
// which they are being rewritten.
type lake struct {
	Format int                 `json:"format"`
	Tables map[string][]column `json:"tables"`
}

// A column is one with its SQL type.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func declared(tables []*transform.Schema) lake {
	out := lake{Format: lakeFormat, Tables: map[string][]column{}}
	for _, t := range tables {
		for _, f := range t.Columns() {
			out.Tables[t.Name] = append(out.Tables[t.Name], column{f.Name, f.SQLType()})
		}
	}
	return out
}

func (l lake) text() ([]byte, error) {
	text, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", lakeName, err)
	}
	return append(text, '\n'), nil
}

// open makes a lake, or brings one up to date.
func (u *upgrader) open(ctx context.Context) (err error) {
	if u.lake, err = u.want.text(); err != nil {
		return err
	}
	stored, err := readAll(u.storage, lakeName)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, u.lake) {
		if err := u.upgrade(ctx, stored); err != nil {
			return err
		}
	}
	if err := u.makeEmptyFiles(ctx); err != nil {
		return err
	}
	return u.makeViews()
}

// refuseFirstRelease tells the lakes of the first release, whose tables had no file
// without rows. A lake of ours that has only lost its own file has those.
func (u *upgrader) refuseFirstRelease() error {
	for _, l := range u.layouts {
		f, err := u.storage.Open(l.emptyName())
		if err == nil {
			return f.Close()
		}
	}
	for _, folder := range []string{"fences", "runs", "state"} {
		names, err := u.storage.List("_exporter/" + folder)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return &load.SchemaError{
				Want:    lakeFormat,
				Message: "the files are those of Tracklake's first release, which this version cannot take over",
				Advice:  "move the folder away and run: exporter backfill",
			}
		}
	}
	return nil
}

// sameLake tells whether the lake is still the one that was opened, and has the
// tables of a job.
func (d *Destination) sameLake(job load.Job) error {
	stored, err := readAll(d.storage, lakeName)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, d.lake) {
		return &load.SchemaError{
			Have: lakeFormat, Want: lakeFormat,
			Message: "another version of exporter has changed the columns of the files since this one opened them",
			Advice:  "start exporter again, in the newer version",
		}
	}
	for _, t := range job.Tables {
		if d.layouts[t.Name] == nil {
			return fmt.Errorf("the lake has no table %s", t.Name)
		}
	}
	return nil
}

// makeEmptyFiles gives every table that lacks it a file with its columns and no row,
// so that no query fails on a table that is still empty.
func (u *upgrader) makeEmptyFiles(ctx context.Context) error {
	var moves []move
	for _, name := range slices.Sorted(maps.Keys(u.layouts)) {
		l := u.layouts[name]
		f, err := u.storage.Open(l.emptyName())
		if err == nil {
			if err := f.Close(); err != nil {
				return describe("read", err)
			}
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		m := move{From: "_exporter/staging/lake." + escape(name), To: l.emptyName()}
		if _, err := u.putFile(m.From, l, func(*fileWriter) error { return nil }); err != nil {
			return err
		}
		moves = append(moves, m)
	}
	if len(moves) == 0 {
		return nil
	}
	return u.storage.Publish(ctx, moves, lakeName, u.lake)
}
