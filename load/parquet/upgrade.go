package parquet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/load"
)

// Migrate brings the files of a lake up to date, and returns what it did, or, in a
// dry run, what it would do.
func Migrate(ctx context.Context, path string, o Options, dryRun bool) ([]string, error) {
	d, err := newDestination(path, o)
	if err != nil {
		return nil, err
	}
	names, err := newUpgrader(d, o).lacks()
	if err != nil || dryRun || len(names) == 0 {
		return names, err
	}
	o.NoMigrate = false
	if d, err = Open(ctx, path, o); err != nil {
		return nil, err
	}
	return names, d.Close(ctx)
}

// An upgrader makes a lake, and brings its files up to date.
type upgrader struct {
	*Destination
	options Options
	want    lake
}

func newUpgrader(d *Destination, o Options) *upgrader {
	return &upgrader{Destination: d, options: o, want: declared(o.Tables)}
}

// lacks names what is to be brought up to date for the tables as they are declared.
func (u *upgrader) lacks() (names []string, err error) {
	stored, err := readAll(u.storage, lakeName)
	if err != nil {
		return nil, err
	}
	have, err := u.pastLake(stored)
	if err != nil {
		return nil, err
	}
	for _, t := range u.options.Tables {
		if !slices.Equal(have.Tables[t.Name], u.want.Tables[t.Name]) {
			names = append(names, "columns of "+t.Name)
		}
	}
	return names, nil
}

// pastLake reads what a lake says of itself, and tells whether it can be given the
// columns that are wanted.
func (u *upgrader) pastLake(stored []byte) (have lake, err error) {
	if stored == nil {
		return have, u.refuseFirstRelease()
	}
	if err := json.Unmarshal(stored, &have); err != nil {
		return have, damaged(u.storage, lakeName, err)
	}
	return have, u.want.covers(have)
}

// upgrade rewrites the files of a lake with older columns. No job may run meanwhile.
func (u *upgrader) upgrade(ctx context.Context, stored []byte) error {
	have, err := u.pastLake(stored)
	if err != nil {
		return err
	}
	if stored != nil {
		locks, err := u.locks.takeAll("")
		if err != nil {
			return fmt.Errorf("bring the files up to date: %w", err)
		}
		defer unlock(locks)
	}
	for _, name := range slices.Sorted(maps.Keys(u.want.Tables)) { // also of a lake that has lost only its own file
		if !slices.Equal(have.Tables[name], u.want.Tables[name]) {
			if err := u.rewrite(ctx, u.layouts[name], stored); err != nil {
				return fmt.Errorf("bring %s up to date: %w", name, err)
			}
		}
	}
	return u.storage.Put(lakeName, func(w io.Writer) error {
		_, err := w.Write(u.lake)
		return err
	})
}

// covers tells whether a lake can be given these columns: they are only ever
// appended, and types only widened.
func (l lake) covers(have lake) error {
	newer := func(what string) error {
		return &load.SchemaError{
			Have: int64(have.Format), Want: lakeFormat,
			Message: "the files were written by a newer version: this one does not know " + what,
			Advice:  "update exporter; an older program must not write to a newer lake",
		}
	}
	if have.Format > l.Format {
		return newer(fmt.Sprintf("format %d", have.Format))
	}
	for table, stored := range have.Tables {
		for _, c := range stored {
			i := slices.IndexFunc(l.Tables[table], func(w column) bool { return w.Name == c.Name })
			if i < 0 {
				return newer("column " + c.Name + " of " + table)
			}
			if now := l.Tables[table][i].Type; now != c.Type && !(c.Type == "integer" && now == "bigint") {
				return newer(fmt.Sprintf("%s as %s in %s", c.Name, c.Type, table))
			}
		}
	}
	return nil
}

// rewrite gives the files of a table its columns as they are declared now: an absent
// one is NULL, a narrower one is widened.
func (u *upgrader) rewrite(ctx context.Context, l *layout, guard []byte) error {
	names, err := u.storage.List(l.table.Name)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, publishedName) {
			if err := u.rewriteFile(ctx, l, name, guard); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *upgrader) rewriteFile(ctx context.Context, l *layout, name string, guard []byte) error {
	r, f, err := u.readFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if sameFields(r.Schema(), l.file) {
		return nil // rewritten before a crash
	}
	m := move{From: "_exporter/staging/lake." + escape(name), To: name}
	_, err = u.putFile(m.From, l, func(w *fileWriter) error {
		for block, err := range r.Records(nil, blockRows) {
			if err != nil {
				return damaged(u.storage, name, err)
			}
			wide, err := widen(block, l.file)
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			err = w.out.Write(wide)
			wide.Release()
			if err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.storage.Publish(ctx, []move{m}, lakeName, guard)
}

// sameFields tells whether a file has the columns that are declared, in their order.
func sameFields(have, want *arrow.Schema) bool {
	return slices.EqualFunc(have.Fields(), want.Fields(), func(a, b arrow.Field) bool {
		return a.Name == b.Name && a.Type.ID() == b.Type.ID()
	})
}
