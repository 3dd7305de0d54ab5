package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	embedded "github.com/fergusstrange/embedded-postgres"
)

const (
	// version is the newest release that the repository of binaries has.
	version = "18.6.0"
	// serving is the first argument of the process that holds the server. PostgreSQL
	// refuses to run as root, so that process gives root away; the tests keep it.
	serving = "-serve"
	// unprivileged is who holds the server when root asks for it.
	unprivileged = "nobody"
)

// A server is a process that holds PostgreSQL until its standard input ends, however
// the parent dies.
type server struct {
	address  string // postgres://…
	binaries string // the folder of initdb, pg_ctl and postgres
	cmd      *exec.Cmd
	alive    io.Closer
	folder   string // of the data; the process removes it
}

// start starts a server of its own.
func start() (*server, error) {
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "tracklake-postgres-")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, binaries: filepath.Join(cache, version, "bin")}
	return s, s.start(cache)
}

func (s *server) start(cache string) error {
	for _, folder := range []string{cache, s.folder} {
		if err := handOver(folder); err != nil {
			return err
		}
	}
	if _, err := os.Stat(s.binaries); err != nil {
		fmt.Fprintf(os.Stderr, "withpostgres: fetching PostgreSQL %s (15 MB) from repo1.maven.org; it is kept in %s\n", version, cache)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self, serving, cache, s.folder)
	s.cmd.Dir, s.cmd.Stderr = s.folder, os.Stderr
	if s.alive, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	if s.address, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		return errors.Join(errors.New("the server did not start"), s.cmd.Wait())
	}
	s.address = strings.TrimSpace(s.address)
	return nil
}

func (s *server) stop() error {
	return errors.Join(s.alive.Close(), s.cmd.Wait())
}

// cacheFolder is where binaries are kept. Root's own cache can be read by nobody else.
func cacheFolder() (string, error) {
	if os.Getuid() == 0 {
		return "/var/cache/tracklake/postgres", nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "tracklake", "postgres"), err
}

// handOver makes a folder that the process of the server may write to.
func handOver(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	uid, gid, err := serverUser()
	if err != nil || uid == os.Getuid() {
		return err
	}
	return os.Chown(folder, uid, gid)
}

// serverUser is who runs the server.
func serverUser() (uid, gid int, err error) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup(unprivileged)
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

// serve holds a server with its binaries in a cache and its data in a folder, prints
// its address, and stops it when standard input ends.
func serve(folders []string) error {
	if len(folders) != 2 {
		return errors.New("only withpostgres itself serves")
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	if err := dropRoot(); err != nil {
		return fmt.Errorf("give root away: %w", err)
	}
	return errors.Join(hold(folders[0], folders[1]), os.RemoveAll(folders[1]))
}

func hold(cache, folder string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	hba := filepath.Join(folder, "hba.conf") // roles that tests make need no password
	if err := os.WriteFile(hba, []byte("host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n"), 0o600); err != nil {
		return err
	}
	db := embedded.NewDatabase(embedded.DefaultConfig().
		Version(version).Port(port).Username("tracklake").Locale("C").Encoding("UTF8").
		CachePath(cache).BinariesPath(filepath.Join(cache, version)).RuntimePath(filepath.Join(folder, "run")).
		StartParameters(map[string]string{
			"hba_file": hba, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder,
			"fsync": "off", "max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "4GB",
		}).Logger(io.Discard))
	if err := db.Start(); err != nil {
		return err
	}
	fmt.Printf("postgres://tracklake@127.0.0.1:%d/postgres?sslmode=disable\n", port)
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, db.Stop())
}

// dropRoot makes the process one of an unprivileged user, if it is root's.
func dropRoot() error {
	uid, gid, err := serverUser()
	if err != nil || uid == os.Getuid() {
		return err
	}
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(gid), syscall.Setuid(uid))
}

// freePort is a port that nobody listens on.
func freePort() (uint32, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return uint32(port), l.Close()
}
