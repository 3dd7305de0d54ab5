package main

import (
	"net"
	"net/http"
	"strings"
)

// onlyHosts answers requests that name this machine by a loopback address or by the
// host of the listen address. A web page can have its own name lead here (DNS
// rebinding) and would then read account and job names.
func onlyHosts(listen string, next http.Handler) http.Handler {
	configured, _, _ := net.SplitHostPort(listen)
	ip := net.ParseIP(configured)
	everywhere := configured == "" || ip != nil && ip.IsUnspecified()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		ip := net.ParseIP(host)
		switch {
		case host == "localhost", ip != nil && ip.IsLoopback(), host == strings.ToLower(configured) && host != "":
		case everywhere && ip != nil: // whoever listens everywhere is reached by an address; a name can be anybody's
		default:
			http.Error(w, "this host name is not served; use the address of the machine, or name the host in --listen", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is the host of a Host header, without port and brackets.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil { // there is no port
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
