package arrowfile_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// TestDamagedFiles cuts small files at each place, and damages the length of their
// footer and the magic behind it. All of that is an error.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	g := generator{random: rand.New(rand.NewPCG(6, 6)), distinct: 4, length: 3, nulls: 0.3}
	r := g.record(kinds, 40)
	files := map[string][]byte{
		"ours":   write(t, arrowfile.Options{GroupRows: 30, Sorting: []string{"id"}, Metadata: map[string]string{"k": "v"}}, kinds, r),
		"theirs": writeTheirs(t, r),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := range file {
				if readAll(file[:at]) == nil {
					t.Errorf("%d bytes of %d are read as if they were the whole file", at, len(file))
				}
			}
			for at := len(file) - 8; at < len(file); at++ { // the length of the footer, and the magic
				damaged := bytes.Clone(file)
				damaged[at] ^= 0xff
				if readAll(damaged) == nil {
					t.Errorf("byte %d of %d is damaged, and nobody notices", at, len(file))
				}
			}
		})
	}
}

// readAll looks at every value of a file.
func readAll(file []byte) error {
	r, err := arrowfile.Open(bytes.NewReader(file))
	if err != nil {
		return err
	}
	for record, err := range r.Records(nil, 7) {
		if err != nil {
			return err
		}
		for _, column := range record.Columns() {
			for i := range column.Len() {
				_ = column.ValueStr(i)
			}
		}
	}
	return nil
}
