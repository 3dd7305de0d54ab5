package signin

import (
	"net"
	"net/url"
)

// NewReceiver returns a receiver that listens elsewhere than its redirect
// address says, because not everybody may listen on every port.
func NewReceiver(l net.Listener, redirect *url.URL) *Receiver {
	return &Receiver{listener: l, redirect: redirect}
}
