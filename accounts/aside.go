package accounts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Files aside are named after whose they are, so that what a process left of an
// account can be found. No account's name holds the mark.
const (
	asidePrefix = ".aside-"
	asideMark   = "~"
)

// An aside is a file that no account has yet. Its place on the disk is taken.
type aside struct{ file *os.File }

// aside makes a file aside of a size.
func (f *Folder) aside(name string, size int) (*aside, error) {
	file, err := os.CreateTemp(f.path, asidePrefix+name+asideMark+"*") // made with mode 0600, and never over another file
	if err != nil {
		return nil, fmt.Errorf("write account: %w", err)
	}
	a := &aside{file}
	_, err = file.Write(make([]byte, size))
	if err = errors.Join(err, file.Sync()); err != nil {
		return nil, fmt.Errorf("write account: %w", errors.Join(err, a.drop()))
	}
	return a, nil
}

// publish fills the file and puts it in the place of another.
func (a *aside) publish(text []byte, path string) error {
	_, err := a.file.WriteAt(text, 0)
	err = errors.Join(err, a.file.Truncate(int64(len(text))), a.file.Sync())
	if err != nil {
		return fmt.Errorf("write account: %w", errors.Join(err, a.drop()))
	}
	err = a.file.Close()
	if err == nil {
		err = os.Rename(a.file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write account: %w", errors.Join(err, os.Remove(a.file.Name())))
	}
	return nil
}

// drop removes the file.
func (a *aside) drop() error {
	return errors.Join(a.file.Close(), os.Remove(a.file.Name()))
}

// sweep removes what a process left that ended while it wrote an account aside,
// while nobody else writes that account. Files of versions that did not name
// the account go when they are old: one may be written just now.
func (f *Folder) sweep(name string) error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	var failed []error
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), asidePrefix)
		if !ok {
			continue
		}
		whose, _, named := strings.Cut(rest, asideMark)
		if named && whose == name || !named && old(e) {
			failed = append(failed, os.Remove(filepath.Join(f.path, e.Name())))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("remove what was left aside: %w", err)
	}
	return nil
}

func old(e os.DirEntry) bool {
	info, err := e.Info()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}
