package simulate

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// answerKinds lists the faults that answer in place of the API.
func answerKinds() []FaultKind {
	return []FaultKind{
		{"rate", "429 with a Retry-After of arg seconds (arg below 0: without the header)"},
		{"quota", "429 QUOTA_EXCEEDED with a Retry-After of arg seconds (0: without the header)"},
		{"status", "the status arg (500, 502, 503, 403, 404, …) with a JSON error"},
		{"html", "an HTML page with status 200, or the status arg"},
		{"empty", "an empty body with status 200"},
		{"braces", "{} with status 200"},
		{"null", "null with status 200"},
		{"reset", "the connection closed without an answer"},
		{"expire", "401, as if the access token had expired"},
		{"premium", "403 in plain text: the owner of the app has no Premium"},
		{"unlisted", "403 in plain text: the user is not allow-listed"},
		{"scope", "403: insufficient scope"},
		{"baditem", "500 for every page that holds one of the positions"},
		{"limit", "400 Invalid limit for pages of more than arg items"},
		{"redirect", "302 to another host, or the status arg (301, 307, …)"},
		{"bomb", "a small gzip body that unpacks to arg megabytes"},
		{"echo", "503 with the request's own body and headers in a page of plain text"},
		{"revoked", "the token endpoint answers invalid_grant (path /api/token)"},
		{"client", "the token endpoint answers invalid_client (path /api/token)"},
	}
}

// answer answers in place of the API.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case "rate", "quota":
		f.refuse(w)
	case "status":
		fail(w, f.Arg, messageOf(f.Arg))
	case "baditem":
		fail(w, http.StatusInternalServerError, "Server error")
	case "html":
		f.plain(w, "text/html", max(f.Arg, 200), "<html><body>Sign in to the hotel network</body></html>")
	case "empty":
		f.plain(w, "application/json", 200, "")
	case "braces":
		f.plain(w, "application/json", 200, "{}")
	case "null":
		f.plain(w, "application/json", 200, "null")
	case "expire":
		fail(w, http.StatusUnauthorized, "The access token expired")
	case "premium":
		f.plain(w, "text/plain", http.StatusForbidden, "Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.")
	case "unlisted":
		f.plain(w, "text/plain", http.StatusForbidden, "User not registered in the Developer Dashboard")
	case "scope":
		fail(w, http.StatusForbidden, "Insufficient client scope")
	case "limit":
		fail(w, http.StatusBadRequest, "Invalid limit")
	case "redirect":
		http.Redirect(w, r, "http://127.0.0.2:9/elsewhere", cmp.Or(f.Arg, http.StatusFound))
	case "echo":
		echo(w, r)
	case "revoked":
		refuseToken(w, "invalid_grant", "Refresh token revoked")
	case "client":
		refuseToken(w, "invalid_client", "Invalid client")
	case "bomb":
		f.bomb(w, r)
	case "reset":
		panic(http.ErrAbortHandler)
	}
}

// messageOf is what the API says with a status.
func messageOf(status int) string {
	switch status {
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusNotFound:
		return "Resource not found"
	}
	return "Server error"
}

func (f Fault) plain(w http.ResponseWriter, media string, status int, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (f Fault) refuse(w http.ResponseWriter) {
	if f.Kind == "rate" && f.Arg >= 0 || f.Arg > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Arg))
	}
	if f.Kind == "quota" {
		f.plain(w, "application/json", http.StatusTooManyRequests, `{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}`)
		return
	}
	fail(w, http.StatusTooManyRequests, "API rate limit exceeded")
}

// echo tells everybody what it was told, as some proxies do.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, "%s %s\nAuthorization: %s\n\n%s", r.Method, r.URL, r.Header.Get("Authorization"), body)
}

// bomb unpacks to arg megabytes of spaces.
func (f Fault) bomb(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for range f.Arg {
		if _, err := z.Write(spaces); err != nil || r.Context().Err() != nil {
			return // the client has seen enough
		}
	}
	_ = z.Close()
}
