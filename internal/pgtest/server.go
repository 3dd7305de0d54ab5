//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// A Server is a PostgreSQL server of a test's own, with settings that others cannot
// share. It listens on 127.0.0.1 and on a socket in Folder. Its superuser, admin, needs
// no password there.
type Server struct {
	Folder string // that holds its files
	Port   int

	bin   string
	owner *syscall.Credential // nil: who runs the test
}

// NewServer prepares a server: pg_hba.conf has a line for the superuser at the socket,
// and the given ones.
func NewServer(t testing.TB, hba ...string) *Server {
	t.Helper()
	s := &Server{bin: os.Getenv("TEST_POSTGRES_BIN")}
	if s.bin == "" {
		t.Fatal("TEST_POSTGRES_BIN is not set; run make test, or go run ./internal/withpostgres go test …")
	}
	var err error
	if s.Folder, err = os.MkdirTemp("", "tracklake-pg"); err != nil { // t.TempDir is too long for a socket
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(s.Folder) })
	if os.Getuid() == 0 { // the server refuses to run as root
		s.owner = other(t)
	}
	s.Give(t, s.Folder)
	s.run(t, "initdb", "-D", s.data(), "-U", "admin", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	lines := append([]string{"local all admin trust"}, hba...)
	s.Write(t, "pg_hba.conf", strings.Join(lines, "\n")+"\n")
	return s
}

// other is a user who is not root.
func other(t testing.TB) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("this machine has neither the user postgres nor nobody, and PostgreSQL does not run as root")
	return nil
}

func (s *Server) data() string { return filepath.Join(s.Folder, "data") }

// Write writes a file of the server's data.
func (s *Server) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(s.data(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Give(t, path)
}

// Give makes a file the server's.
func (s *Server) Give(t testing.TB, path string) {
	t.Helper()
	if s.owner == nil {
		return
	}
	if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.Folder, &syscall.SysProcAttr{Credential: s.owner}
	log, err := os.Create(filepath.Join(s.Folder, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log // a file: the server keeps it open
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// Start starts the server, which stops with the test. Without wait it may still be
// starting.
func (s *Server) Start(t testing.TB, wait bool, settings ...string) {
	t.Helper()
	address, err := net.ResolveTCPAddr("tcp", tcpproxy.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Port = address.Port
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c fsync=off", s.Port, s.Folder)
	for _, setting := range settings {
		options += " -c " + setting
	}
	args := []string{"-D", s.data(), "-l", filepath.Join(s.Folder, "log"), "-t", "60", "-o", options}
	if wait {
		args = append(args, "-w")
	} else {
		args = append(args, "-W")
	}
	t.Cleanup(func() { s.run(t, "pg_ctl", "-D", s.data(), "-m", "immediate", "-w", "stop") })
	s.run(t, "pg_ctl", append(args, "start")...)
	if !wait {
		tcpproxy.AwaitListener(t, address.String()) // even if it refuses them
	}
}

// Admin is the address of a database for the superuser.
func (s *Server) Admin(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&port=%d&user=admin", database, s.Folder, s.Port)
}
