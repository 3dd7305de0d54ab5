//go:build !linux

package postgres

import (
	"net"
	"time"
)

// setUserTimeout does nothing: the limits of the statements end the wait.
func setUserTimeout(*net.TCPConn, time.Duration) {}
