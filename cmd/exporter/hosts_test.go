package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestOnlyHosts asks as a browser does whose page has a name of its own lead to the
// listener.
func TestOnlyHosts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		listen, host string
		served       bool
	}{
		{"127.0.0.1:8484", "127.0.0.1:8484", true},
		{"127.0.0.1:8484", "127.0.0.2", true},
		{"127.0.0.1:8484", "localhost:8484", true},
		{"127.0.0.1:8484", "LOCALHOST.", true},
		{"127.0.0.1:8484", "[::1]:8484", true},
		{"127.0.0.1:8484", "[::1]", true},
		{"127.0.0.1:8484", "evil.test:8484", false},
		{"127.0.0.1:8484", "evil.test", false},
		{"127.0.0.1:8484", "127.0.0.1.evil.test:8484", false},
		{"127.0.0.1:8484", "localhost.evil.test", false},
		{"127.0.0.1:8484", "192.168.1.2:8484", false},
		{"127.0.0.1:8484", "", false},
		{"192.168.1.2:8484", "192.168.1.2:8484", true},
		{"192.168.1.2:8484", "192.168.1.3:8484", false},
		{"Exporter:8484", "exporter:8484", true},
		{"Exporter:8484", "evil.test:8484", false},
		{"0.0.0.0:8484", "192.168.1.2:8484", true},
		{"0.0.0.0:8484", "evil.test:8484", false},
		{":8484", "[fd00::1]:8484", true},
		{":8484", "evil.test:8484", false},
		{":8484", "", false},
	} {
		served := false
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		r.Host = tt.host
		w := httptest.NewRecorder()
		onlyHosts(tt.listen, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true })).ServeHTTP(w, r)
		if served != tt.served || (w.Code == http.StatusMisdirectedRequest) == served {
			t.Errorf("--listen %s, Host %q: served %v with %d", tt.listen, tt.host, served, w.Code)
		}
	}
}
