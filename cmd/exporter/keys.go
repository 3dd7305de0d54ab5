package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/joho/godotenv"

	"github.com/tracklake/tracklake/accounts"
)

const (
	keyVariable     = "EXPORTER_TOKEN_KEY"
	keyFileVariable = "EXPORTER_TOKEN_KEY_FILE"
)

// everybody is the permission bits that a file of secrets must not have. The group may
// read it: that is how secrets are mounted for a process that does not run as root.
const everybody fs.FileMode = 0o026

// keys reads the keys that encrypt tokens, if there are any. An empty variable counts
// as a missing key.
func (e *environment) keys() (*accounts.Keys, error) {
	if err := e.checkDotenv(); err != nil { // the key may be in it
		return nil, err
	}
	if text, ok := e.env(keyVariable); ok {
		return parseKeys(keyVariable, text)
	}
	if path, ok := e.env(keyFileVariable); ok {
		return readKeys(path)
	}
	for _, name := range []string{keyVariable, keyFileVariable} {
		if e.names(name) {
			return nil, &usageError{fmt.Errorf("%s is set, but empty; give it its value, or unset it to keep tokens unencrypted", name)}
		}
	}
	return nil, nil // no key is fine: nothing is encrypted then
}

func readKeys(path string) (*accounts.Keys, error) {
	if _, err := os.Stat(path); err != nil {
		if _, notPath := accounts.ParseKeys(path); notPath == nil {
			return nil, &usageError{fmt.Errorf("%s is a key, but must be the path of a file; put the key into a file, or into %s instead", keyFileVariable, keyVariable)}
		}
	}
	if err := checkSecretFile(path); err != nil {
		return nil, &usageError{err}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, &usageError{fmt.Errorf("read the key file %s: %w", path, err)}
	}
	return parseKeys(keyFileVariable, string(content))
}

func parseKeys(name, text string) (*accounts.Keys, error) {
	keys, err := accounts.ParseKeys(text)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", name, err)}
	}
	return keys, nil
}

// readDotenv reads a file of variables, which may hold secrets.
func readDotenv(path string) (map[string]string, error) {
	if err := checkSecretFile(path); err != nil {
		return nil, err
	}
	return godotenv.Read(path)
}

// checkSecretFile refuses a file that everybody can read or write. A missing file is the
// caller's concern.
func checkSecretFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return accounts.CheckMode(path, info, everybody, "")
}
