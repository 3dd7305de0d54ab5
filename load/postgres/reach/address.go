// Package reach reads addresses of PostgreSQL databases, and says why a database cannot
// be reached or used and what to do about it. Nothing that it returns holds a password,
// in whatever form an address was written. It knows nothing of tables or of Spotify.
package reach

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const adviceAddress = "write it like postgres://user:password@host:5432/database and percent-encode special characters in the password: " +
	"@ is %40, / is %2F, : is %3A, # is %23, ? is %3F, & is %26, % is %25"

// Parse reads an address: a URL, or words like host=… password=…. A URL that can be
// read in two ways is refused, because a part of the password would be taken for the
// host, and shown. Its errors hold no part of the address but the path of a file.
func Parse(address string) (*pgxpool.Config, error) {
	if ambiguous(address) {
		return nil, &Error{Message: "cannot read the database address: a special character in the password is not percent-encoded", Advice: adviceAddress}
	}
	config, err := pgxpool.ParseConfig(address)
	if err == nil {
		return config, nil
	}
	var file *fs.PathError
	switch {
	case !knownMode(address):
		return nil, &Error{Message: "cannot read the database address: sslmode has an unknown value", Advice: "sslmode is one of " + strings.Join(sslModes(), ", ")}
	case errors.As(err, &file):
		return nil, &Error{Message: "cannot read a file that the database address names: " + file.Path + ": " + file.Err.Error(), Advice: "correct sslrootcert, sslcert or sslkey in DATABASE_URL"}
	}
	return nil, &Error{Message: "cannot read the database address", Advice: adviceAddress}
}

// ambiguous tells whether an @ besides the one before the host, or a character that
// ends the host, may belong to the password.
func ambiguous(address string) bool {
	scheme, rest, isURL := strings.Cut(address, "://")
	if !isURL || strings.Contains(scheme, "=") {
		return false
	}
	before, after, found := strings.Cut(rest, "@")
	return found && (strings.ContainsAny(before, "/?#") || strings.Contains(after, "@"))
}

func sslModes() []string {
	return []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
}

// knownMode tells whether the sslmode of an address, if it names one, is a valid one.
func knownMode(address string) bool {
	found := regexp.MustCompile(`[?&\s]sslmode\s*=\s*([^&\s]*)`).FindStringSubmatch(" " + address)
	return found == nil || slices.Contains(sslModes(), strings.Trim(found[1], "'"))
}

// Place names a server by its host and port, or by its socket.
func Place(c *pgconn.Config) string {
	_, address := pgconn.NetworkAddress(c.Host, c.Port)
	return address
}
