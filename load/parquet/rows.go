package parquet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// state returns a job's state, or none and the tables from which files were
// taken since the job's last finished run.
func (d *Destination) state(job load.Job) (load.State, []string, error) {
	state, before := load.State{}, load.Rows{}
	name := fileName(job.Account, job.Name) + ".json"
	err := errors.Join(readJSON(d.inner("state", name), &state), readJSON(d.inner("rows", name), &before))
	if err != nil {
		return nil, nil, fmt.Errorf("read state: %w", err)
	}
	now, err := d.rows(job, nil)
	if err != nil {
		return nil, nil, err
	}
	if missing := before.Missing(now); len(missing) > 0 {
		return load.State{}, missing, nil
	}
	return state, nil, nil
}

// rows counts the rows of a job's lasting tables, as if the outputs were
// published already.
func (d *Destination) rows(job load.Job, outputs map[string]*output) (load.Rows, error) {
	out := load.Rows{}
	for _, t := range job.Tables {
		if !t.Lasting() {
			continue
		}
		folder := filepath.Join(d.root, t.Name)
		if len(t.Partition) > 0 && t.Partition[0] == transform.AccountID {
			folder = filepath.Join(folder, transform.AccountID+"="+escape(job.Account))
		}
		n, err := countRows(folder, outputs)
		if err != nil {
			return nil, err
		}
		out[t.Name] = n
	}
	for _, o := range outputs {
		if o.table.Lasting() {
			out[o.table.Name] += int(o.rows)
		}
	}
	return out, nil
}

// countRows adds up the rows of all files in a folder, but for those that the
// outputs are going to replace.
func countRows(folder string, replaced map[string]*output) (int, error) {
	rows := 0
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() != publishedName || replaced[path] != nil {
			return err
		}
		r, err := file.OpenParquetFile(path, false)
		if err != nil {
			return fmt.Errorf("open %s: %w", path, err)
		}
		rows += int(r.NumRows())
		return r.Close()
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, describe("count rows", err)
	}
	return rows, nil
}
