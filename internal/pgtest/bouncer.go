package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// Bouncer starts a real PgBouncer before the server of a database, with a pool_mode
// like session or transaction and settings of its own, and returns the database's
// address there. It ends with the test.
func Bouncer(t testing.TB, address, mode, settings string) string {
	t.Helper()
	program := os.Getenv("TEST_PGBOUNCER")
	if program == "" {
		t.Fatal("TEST_PGBOUNCER is not set; run make test-pooler")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "pgbouncer") // not the test's own, which no other user may read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	_, port, err := net.SplitHostPort(tcpproxy.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s/users
pool_mode = %s
%s
`, u.Hostname(), u.Port(), port, folder, mode, settings)
	write(t, filepath.Join(folder, "users"), fmt.Sprintf("%q \"\"\n", u.User.Username()))
	write(t, filepath.Join(folder, "config"), config)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", filepath.Join(folder, "config")}
	if os.Getuid() == 0 { // it refuses to run as root
		args = append([]string{"-u", "nobody"}, args...)
	}
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = "127.0.0.1:" + port
	tcpproxy.AwaitListener(t, u.Host)
	return u.String()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
