package parquet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tracklake/tracklake/load"
)

// start returns a job's state, unless files were taken from its tables since its last
// finished run.
func (d *Destination) start(job load.Job) (load.Start, error) {
	state, before := load.State{}, load.Rows{}
	name := fileName(job.Account, job.Name) + ".json"
	err := errors.Join(readJSON(d.storage, "_exporter/state/"+name, &state), readJSON(d.storage, "_exporter/rows/"+name, &before))
	if err != nil {
		return load.Start{}, fmt.Errorf("read state: %w", err)
	}
	now, err := d.rows(job, nil)
	if err != nil {
		return load.Start{}, err
	}
	if missing := before.Missing(now); len(missing) > 0 {
		return load.Start{State: load.State{}, Missing: missing}, nil
	}
	return load.Start{State: state}, nil
}

// rows counts the rows of a job's tables that only ever grow, as if the staged files
// were published already.
func (d *Destination) rows(job load.Job, staged []stagedFile) (load.Rows, error) {
	out := load.Rows{}
	for _, t := range job.Tables {
		if !t.Removable {
			continue
		}
		l := d.layouts[t.Name]
		names, err := d.filesOf(l, job.Account)
		if err != nil {
			return nil, err
		}
		rows := int64(0)
		for _, f := range staged {
			if f.layout == l {
				rows += f.rows
				names = slices.DeleteFunc(names, func(name string) bool { return name == f.To })
			}
		}
		for _, name := range names {
			n, err := d.countFile(name)
			if err != nil {
				return nil, err
			}
			rows += n
		}
		out[t.Name] = int(rows)
	}
	return out, nil
}

// live counts the live rows of a job's tables, as if the staged files were published
// already.
func (d *Destination) live(job load.Job, staged []stagedFile) (load.Rows, error) {
	out := load.Rows{}
	for _, t := range job.Tables {
		l := d.layouts[t.Name]
		names, err := d.filesOf(l, job.Account)
		if err != nil {
			return nil, err
		}
		for _, f := range staged {
			if f.layout == l {
				names = slices.DeleteFunc(names, func(name string) bool { return name == f.To })
				names = append(names, f.From)
			}
		}
		rows := int64(0)
		for _, name := range names {
			n, err := d.countLive(l, name)
			if err != nil {
				return nil, err
			}
			rows += n
		}
		out[t.Name] = int(rows)
	}
	return out, nil
}
