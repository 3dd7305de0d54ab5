package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// An Error says what is wrong with a database, and what to do next.
type Error struct {
	Message string // empty: the text of Err
	Advice  string
	Err     error // cause, if it may be shown
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the next step for the user.
func (e *Error) Hint() string { return e.Advice }

// MayCome tells whether a server that cannot be reached may be starting.
func MayCome(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57P03"
	}
	var name *net.DNSError
	var network *net.OpError
	var alert tls.AlertError
	return errors.As(err, &network) && !errors.As(err, &alert) && !(errors.As(err, &name) && name.IsNotFound)
}

// Unreachable says why there is no connection. It does not wrap the cause, whose text
// is not ours.
func Unreachable(c *pgconn.Config, err error) error {
	why, advice := reason(c, err)
	return &Error{Message: fmt.Sprintf("connect to database %s at %s as %s: %s", c.Database, Place(c), c.User, why), Advice: advice}
}

const (
	advicePlace   = "check host and port in DATABASE_URL"
	adviceNetwork = "check that this machine is online, and host and port in DATABASE_URL"
	adviceRunning = "start the server, or correct host and port in DATABASE_URL"
)

// reason is why a connection failed, and what to do about it.
func reason(c *pgconn.Config, err error) (why, advice string) {
	var own *Error
	var pg *pgconn.PgError
	var name *net.DNSError
	switch {
	case errors.As(err, &own):
		return own.Error(), own.Advice
	case errors.As(err, &pg):
		return refusal(c, pg)
	case errors.As(err, &name) && name.IsNotFound:
		return "there is no host named " + name.Name, advicePlace + "; if this name is the end of the password, percent-encode the password: @ is %40"
	case errors.As(err, &name):
		return "the host name cannot be looked up", adviceNetwork
	}
	if why, advice := ofTLS(err); why != "" {
		return why, advice
	}
	return ofNetwork(err)
}

// ofNetwork tells why nothing like a PostgreSQL server answered.
func ofNetwork(err error) (why, advice string) {
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)", adviceRunning
	case errors.Is(err, os.ErrNotExist):
		return "there is no such socket", adviceRunning
	case errors.Is(err, os.ErrPermission):
		return "this user may not use the socket", "connect over TCP, with a host in DATABASE_URL, or as a user that may"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EHOSTDOWN):
		return "there is no route to the host", adviceNetwork
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut before the server answered", "check that it is PostgreSQL which listens there, and look into the server's log"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer (timeout)", advicePlace + ", and that no firewall is in between"
	}
	return "the server there is not PostgreSQL", advicePlace
}

// ofTLS tells what is wrong with the encryption; nothing, when that is not the cause.
func ofTLS(err error) (why, advice string) {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return "its TLS certificate is not trusted (unknown authority)", "put sslrootcert=FILE with the certificate of the server's authority into DATABASE_URL"
	case errors.As(err, &host):
		return "its TLS certificate is for another host name", "use the name that the certificate has in DATABASE_URL, or sslmode=verify-ca"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its TLS certificate has expired", "renew the certificate of the server, or set the clock of this machine"
	case errors.As(err, &invalid):
		return "its TLS certificate is not valid", "replace the certificate of the server"
	case errors.As(err, &alert), errors.As(err, &record):
		return "the TLS handshake failed", "if the server asks for a client certificate, put sslcert=FILE and sslkey=FILE into DATABASE_URL"
	case strings.Contains(err.Error(), "server refused TLS connection"): // pgconn has no type for it
		return "the server does not offer TLS", "turn TLS on at the server; or, on a network that you trust, put sslmode=disable into DATABASE_URL"
	}
	return "", ""
}
