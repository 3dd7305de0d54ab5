package parquet

import (
	"context"
	"errors"
	"io"
)

// A storage keeps the files of a lake, under names with slashes. What it holds of a
// file is always whole: readers see the file as it was or as it is. It is safe for
// concurrent use, also by several processes.
type storage interface {
	// Open opens a file for reading; the caller closes it. A file that is not there
	// is fs.ErrNotExist.
	Open(name string) (storedFile, error)
	// Put stores what write writes, in place of what the file held.
	Put(name string, write func(io.Writer) error) error
	// List names the files below a folder, in order. A folder that is not there has
	// none.
	List(folder string) ([]string, error)
	// Delete deletes a file, if it is there.
	Delete(name string) error
	// Publish gives files that were put elsewhere their names, in order, if the file
	// guard still holds the given content, or is still absent where that is nil;
	// else it returns errChanged. It takes the files over: when it fails they are
	// deleted, unless the publication counts already; then Complete finishes it.
	Publish(ctx context.Context, moves []move, guard string, unchanged []byte) error
	// Place names a file as a user finds it.
	Place(name string) string
	// Complete finishes a publication that a crash cut short.
	Complete(ctx context.Context) error
}

// A storedFile is a file that is open for reading.
type storedFile interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

// A move gives a file another name.
type move struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// errChanged says that somebody else has published since.
var errChanged = errors.New("the guard has changed")
