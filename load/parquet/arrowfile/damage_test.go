package arrowfile_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// TestDamagedFiles changes every byte of small files in several ways and cuts
// them at each place. What comes out is an error or well-formed records, and soon.
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
			for at := 0; at < len(file); at += 7 {
				try(file, at, 0xff)
				try(file, at, 1<<(at%8))
				if readAll(file[:at]) == nil {
					t.Errorf("%d bytes of %d are read as if they were the whole file", at, len(file))
				}
			}
		})
	}
}

// try reads a file with another byte: an error or other values, but no panic.
func try(file []byte, at int, change byte) {
	damaged := bytes.Clone(file)
	damaged[at] ^= change
	_ = readAll(damaged)
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

func FuzzRead(f *testing.F) {
	g := generator{random: rand.New(rand.NewPCG(6, 6)), distinct: 4, length: 3, nulls: 0.3}
	r := g.record(kinds, 40)
	f.Add(write(f, arrowfile.Options{GroupRows: 30}, kinds, r))
	f.Add(writeTheirs(f, r))
	f.Fuzz(func(_ *testing.T, file []byte) { _ = readAll(file) })
}
