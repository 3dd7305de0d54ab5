package reach

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const adviceLogin = "check user and password in DATABASE_URL; special characters in the password are percent-encoded: @ is %40"

// refusal is why the server refuses a connection.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func refusal(c *pgconn.Config, pg *pgconn.PgError) (why, advice string) {
	switch pg.Code {
	case "28P01":
		if c.Password == "" {
			return pg.Message + "; DATABASE_URL has no password", "add it: postgres://user:password@host:5432/database, with special characters percent-encoded: @ is %40"
		}
		return pg.Message, adviceLogin
	case "28000":
		return pg.Message, notLetIn(c, pg)
	case "3D000":
		return pg.Message, "correct the database in DATABASE_URL, or create it: " + createDatabase(c)
	case "42704", "22023", "08P01": // the message quotes the address
		return "the server does not know a parameter of the address", "remove it from DATABASE_URL; if it is a part of the password, percent-encode that: & is %26"
	}
	if advice = Advice(pg); advice == "" {
		advice = "look into the server's log"
	}
	return pg.Message, advice
}

// notLetIn tells what to do about a 28000: either the role may not log in, or no line
// of pg_hba.conf lets the connection in.
func notLetIn(c *pgconn.Config, pg *pgconn.PgError) string {
	const hba = "add a line for this role, database and address to pg_hba.conf of the server"
	switch {
	case pg.Routine == "InitializeSessionUserId":
		return "correct the user in DATABASE_URL, or create a role that may log in: createuser --pwprompt " + Quoted(c.User)
	case c.TLSConfig == nil:
		return "the server may accept connections with TLS only: put sslmode=require into DATABASE_URL; otherwise " + hba
	}
	return hba
}

// createDatabase is what a role that may do so types.
func createDatabase(c *pgconn.Config) string {
	return fmt.Sprintf("createdb --host=%s --port=%d --owner=%s %s", Quoted(c.Host), c.Port, Quoted(c.User), Quoted(c.Database))
}

// Quoted returns a word quoted for a shell.
func Quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Advice is what to do about an error of the server, or nothing.
func Advice(pg *pgconn.PgError) string {
	return map[string]string{
		"25006": "connect to the primary server, or lift default_transaction_read_only: exporter must write",
		"42501": "grant it, or connect as the owner; a role that only writes data needs TEMPORARY on the database, USAGE on the schemas " +
			"spotify and exporter, and SELECT, INSERT, UPDATE and DELETE on all their tables",
		"53100": "free some space on the disk of the database server",
		"53300": "close other connections, or raise the limit (max_connections, or CONNECTION LIMIT of the role or database), then run it again",
		"55P03": "another session of the database holds a lock; see pg_stat_activity, end it or wait, then run it again",
		"57P01": "wait until the server is back, then run it again",
		"57P02": "wait until the server is back, then run it again",
		"57P03": "wait until the server has started, then run it again",
	}[pg.Code]
}

// Explain adds to an error of the server what to do about it.
func Explain(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && Advice(pg) != "" {
		return &Error{Err: err, Advice: Advice(pg)}
	}
	return err
}
