//go:build unix

package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/load/postgres"
)

// TestUnreachable names the cause and the next step for each way in which a database
// cannot be reached. Servers, passwords and certificates are real.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	existing := pgtest.URL(t)
	server := secured(t)
	at := func(rest string) string {
		return fmt.Sprintf("postgres://%s", strings.Replace(rest, "HOST", fmt.Sprintf("127.0.0.1:%d", server.Port), 1))
	}
	silent, silentURL := pgtest.Proxy(t, existing)
	silent.DoNew(tcpproxy.Silence())
	cut, cutURL := pgtest.Proxy(t, existing)
	cut.DoNew(tcpproxy.Reset)
	full := as(t, existing, "ALTER USER ROLE CONNECTION LIMIT 0")
	for name, c := range map[string]struct{ address, says, hint string }{
		"no such host":         {"postgres://me:s3cr3t@tracklake.invalid/music", `^connect to database music at tracklake.invalid:5432 as me: there is no host named tracklake.invalid$`, "percent-encode the password: @ is %40"},
		"refused":              {"postgres://me:s3cr3t@" + tcpproxy.FreeAddress(t) + "/music", `nothing listens there \(connection refused\)$`, "start the server, or correct host and port"},
		"refused, IPv6":        {"postgres://me:s3cr3t@[::1]:1/music", `^connect to database music at \[::1\]:1 as me: `, "host and port"},
		"no socket":            {"postgres://me:s3cr3t@/music?host=/nowhere", `^connect to database music at /nowhere/.s.PGSQL.5432 as me: there is no such socket$`, "start the server"},
		"silent":               {withPassword(silentURL), `no answer \(timeout\)$`, "firewall"},
		"cut":                  {withPassword(cutURL), `the connection was cut before the server answered$`, "server's log"},
		"another service":      {"postgres://me:s3cr3t@" + tcpproxy.Serve(t, func(conn net.Conn) { _, _ = conn.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) }) + "/music?sslmode=disable", `the server there is not PostgreSQL$`, "host and port"},
		"no TLS":               {withQuery(existing, "sslmode=require"), `the server does not offer TLS$`, "sslmode=disable"},
		"TLS, untrusted":       {at("me:s3cr3t@HOST/music?sslmode=verify-ca"), `TLS certificate is not trusted \(unknown authority\)$`, "sslrootcert=FILE"},
		"TLS, other host":      {at("me:s3cr3t@HOST/music?sslmode=verify-full&sslrootcert=" + server.Folder + "/data/server.crt"), `TLS certificate is for another host name$`, "sslmode=verify-ca"},
		"TLS, expired":         {"postgres://me:s3cr3t@" + expired(t), `TLS certificate has expired$`, "clock"},
		"TLS only":             {at("me:s3cr3t@HOST/music?sslmode=disable"), `no pg_hba.conf entry for host`, "sslmode=require"},
		"no pg_hba.conf":       {at("barred:s3cr3t@HOST/music?sslmode=require"), `no pg_hba.conf entry for host`, "add a line for this role"},
		"an @ in the password": {"postgres://me:s3@cr3t@localhost/music", `a special character in the password is not percent-encoded$`, "@ is %40"},
		"a # in the password":  {"postgres://me:54321#x@localhost/music", `a special character in the password is not percent-encoded$`, "# is %23"},
		"a ? in the password":  {"postgres://me:54321?x@localhost/music", `a special character in the password is not percent-encoded$`, "? is %3F"},
		"wrong sslmode":        {"postgres://me:s3cr3t@localhost/music?sslmode=s3cr3t", `sslmode has an unknown value$`, "verify-full"},
		"no certificate":       {"postgres://me:s3cr3t@localhost/music?sslmode=verify-full&sslrootcert=/nowhere.pem", `names: /nowhere.pem: no such file`, "sslrootcert"},
		"wrong password":       {at("me:s3cr3t@HOST/music?sslmode=require"), `password authentication failed for user "me"$`, "percent-encoded: @ is %40"},
		"no password":          {at("me@HOST/music?sslmode=require"), `; DATABASE_URL has no password$`, "add it"},
		"unknown role":         {withUser(existing, "s3nobody"), `role "s3nobody" does not exist$`, "createuser --pwprompt s3nobody"},
		"unknown database":     {at("me:p%40ss@HOST/absent?sslmode=require"), `database "absent" does not exist$`, fmt.Sprintf("or create it: createdb --host=127.0.0.1 --port=%d --owner=me absent", server.Port)},
		"too many":             {full, `too many connections for role`, "raise the limit"},
		"unknown parameter":    {at("me@HOST/music?sslmode=require&password=p%40ss&s3cr3t=1"), `the server does not know a parameter of the address$`, "& is %26"},
		"starting":             {starting(t), `the database system is (starting up|not yet accepting connections)$`, "wait until the server has started"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), c.address, postgres.WithLimits(postgres.Options{}, 2*time.Second, time.Second))
			if err == nil {
				t.Fatal("no error")
			}
			if !regexp.MustCompile(c.says).MatchString(err.Error()) || !strings.Contains(hint(err), c.hint) {
				t.Errorf("%v\nhint: %s\nwant %s\nhint: %s", err, hint(err), c.says, c.hint)
			}
			if all := err.Error() + hint(err); strings.Contains(all, "s3cr3t") || strings.Contains(all, "p@ss") {
				t.Errorf("the password is shown: %s", all)
			}
		})
	}
	conn := connect(t, at("me:p%40ss@HOST/music?sslmode=verify-ca&sslrootcert="+server.Folder+"/data/server.crt"))
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("the right address: %v", err)
	}
}

func withUser(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = url.UserPassword(name, "s3cr3t")
	return u.String()
}

func withQuery(address, query string) string {
	before, _, _ := strings.Cut(address, "?")
	return before + "?" + query
}

// secured starts a server that wants TLS and the password p@ss of role me.
func secured(t *testing.T) *pgtest.Server {
	t.Helper()
	s := pgtest.NewServer(t, "hostssl music,absent me 127.0.0.1/32 scram-sha-256")
	certificate, key := selfSigned(t, time.Now().Add(time.Hour))
	s.Write(t, "server.crt", certificate)
	s.Write(t, "server.key", key)
	s.Start(t, true, "ssl=on")
	conn := connect(t, s.Admin("postgres"))
	exec(t, conn, "CREATE ROLE me LOGIN PASSWORD 'p@ss'")
	exec(t, conn, "CREATE DATABASE music OWNER me")
	return s
}

// starting starts a server that waits for its archive.
func starting(t *testing.T) string {
	t.Helper()
	s := pgtest.NewServer(t, "host all all 127.0.0.1/32 trust")
	s.Write(t, "recovery.signal", "")
	s.Write(t, "postgresql.auto.conf", "restore_command = 'sleep 60'\n")
	s.Start(t, false)
	return fmt.Sprintf("postgres://admin@127.0.0.1:%d/postgres?sslmode=disable", s.Port)
}

// selfSigned is a certificate for db.example, which nobody trusts, and its key.
func selfSigned(t *testing.T, until time.Time) (certificate, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db.example"}, DNSNames: []string{"db.example"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &pair.PublicKey, pair)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", private)
}

// expired answers like a PostgreSQL server up to its certificate, which has expired.
// It returns what follows the user in the address.
func expired(t *testing.T) string {
	t.Helper()
	certificate, key := selfSigned(t, time.Now().Add(-24*time.Hour))
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(path, []byte(certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	listening := tcpproxy.Serve(t, func(conn net.Conn) {
		if _, err := io.ReadFull(conn, make([]byte, 8)); err == nil { // the request for TLS
			_, _ = conn.Write([]byte("S"))
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() // the client refuses
		}
	})
	return listening + "/music?sslmode=verify-ca&sslrootcert=" + path
}
