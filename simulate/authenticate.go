package simulate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// signed checks the token, the scope, the rate limit and the quota.
func (s *Server) signed(bucket, scope string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g, refusal := s.authenticate(r)
		switch {
		case refusal != nil:
			refusal.send(w)
		case !s.limits[g.client].admit(w, bucket):
		case g.user == nobody && strings.HasPrefix(bucket, "me"):
			fail(w, http.StatusUnauthorized, "Valid user authentication required")
		case !g.allows(scope):
			fail(w, http.StatusForbidden, "Insufficient client scope")
		default:
			serve(w, r.WithContext(context.WithValue(r.Context(), grantKey{}, g)))
		}
	}
}

// allows tells whether every one of some scopes is granted.
func (g grant) allows(scopes string) bool {
	granted := strings.Fields(g.scope)
	return !slices.ContainsFunc(strings.Fields(scopes), func(scope string) bool { return !slices.Contains(granted, scope) })
}

// A badToken is the answer to a request whose token is not accepted. detail is
// told in WWW-Authenticate.
type badToken struct {
	status                int
	message, code, detail string
}

func (t badToken) send(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="spotify", error=%q, error_description=%q`, t.code, t.detail))
	fail(w, t.status, t.message)
}

// authenticate returns what the token of a request grants, or how the request is
// refused. A missing token and an unknown one have one message.
func (s *Server) authenticate(r *http.Request) (grant, *badToken) {
	const unusable = "Missing/invalid/expired access token"
	header := r.Header.Get("Authorization")
	if header == "" {
		return grant{}, &badToken{http.StatusUnauthorized, unusable, "missing_token", "No token provided"}
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		const only = "Only valid bearer authentication supported"
		return grant{}, &badToken{http.StatusBadRequest, only, "invalid_request", only}
	}
	g, known, ended := s.accounts.check(token)
	switch {
	case !known:
		return grant{}, &badToken{http.StatusUnauthorized, unusable, "invalid_token", "Invalid access token"}
	case ended:
		const expired = "The access token expired"
		return grant{}, &badToken{http.StatusUnauthorized, expired, "invalid_token", expired}
	}
	return g, nil
}

// crossOrigin lets the pages of any site use the Web API and the token endpoint,
// as the real services do. It reports whether that was all: whether a browser
// asked what a page may send.
func crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/api/token" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "Accept, App-Platform, Authorization, Content-Type, Origin, Retry-After, Spotify-App-Version, X-Cloud-Trace-Context, client-token")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS, PUT, DELETE, PATCH")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Max-Age", "604800")
	if r.Method != http.MethodOptions {
		return false
	}
	w.WriteHeader(http.StatusOK)
	return true
}
