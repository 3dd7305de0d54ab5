package accounts

import (
	"os"
	"time"
)

// Impatient has the store say after a while already what it waits for.
func (s *Store) Impatient(d time.Duration) *Store {
	s.patience = d
	return s
}

// Impatient has the folder wait for a lock no longer than that.
func (f *Folder) Impatient(d time.Duration) *Folder {
	f.patience = d
	return f
}

// Syncing has the folder sync files and folders with a function.
func (f *Folder) Syncing(sync func(*os.File) error) *Folder {
	f.sync = sync
	return f
}
