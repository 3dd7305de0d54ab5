package simulate

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mayRedirect tells whether an app may register an address: it has https, or is
// on a loopback address that is not called localhost.
// https://developer.spotify.com/documentation/web-api/concepts/redirect_uri
func mayRedirect(redirect string) bool {
	u, err := url.Parse(redirect)
	switch {
	case err != nil || u.Host == "":
		return false
	case u.Scheme == "http":
		return slices.Contains(loopback(), u.Hostname())
	}
	return u.Scheme == "https"
}

func loopback() []string { return []string{"127.0.0.1", "::1"} }

// registered tells whether the apps have registered an address. It must be the
// same to the letter; a loopback address that was registered without a port is
// good with any.
func (a *accounts) registered(redirect string) bool {
	if slices.Contains(a.options.RedirectURIs, redirect) {
		return true
	}
	u, err := url.Parse(redirect)
	if err != nil || !slices.Contains(loopback(), u.Hostname()) {
		return false
	}
	return slices.Contains(a.options.RedirectURIs, strings.Replace(redirect, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1))
}

// consent shows the page on which the user agrees or not.
func (a *accounts) consent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if problem := a.refuseAuthorization(q); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	page := template.Must(template.New("consent").Parse(`<!doctype html><title>Simulated Spotify</title>
<h1>Simulated Spotify</h1><p>The app {{.Client}} asks for: {{.Scope}}</p>
<form method="post">{{if .Users}}<select name="user">{{range $i, $name := .Users}}<option value="{{$i}}">{{$name}}</option>{{end}}</select> {{end}}<button name="answer" value="agree">Agree</button> <button name="answer" value="cancel">Cancel</button></form>`))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// A browser that has gone away is no concern of a simulation.
	_ = page.Execute(w, map[string]any{"Client": q.Get("client_id"), "Scope": q.Get("scope"), "Users": a.choices()})
}

// choices names the users to choose from, if there are several.
func (a *accounts) choices() []string {
	if a.options.Users == 1 {
		return nil
	}
	var out []string
	for user := range a.options.Users {
		out = append(out, DisplayName(user))
	}
	return out
}

func (a *accounts) refuseAuthorization(q url.Values) string {
	_, known := secretOf(q.Get("client_id"))
	switch {
	case !known:
		return "INVALID_CLIENT: Invalid client"
	case !mayRedirect(q.Get("redirect_uri")):
		return "INVALID_CLIENT: Insecure redirect URI"
	case !a.registered(q.Get("redirect_uri")):
		return "INVALID_CLIENT: Invalid redirect URI"
	case q.Get("response_type") != "code":
		return "response_type must be code"
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return "code_challenge_method must be S256"
	}
	return ""
}

// decide sends the browser back with a code, or with access_denied.
func (a *accounts) decide(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if problem := a.refuseAuthorization(q); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if r.PostFormValue("answer") == "agree" {
		user, err := strconv.Atoi(cmp.Or(r.PostFormValue("user"), "0"))
		if err != nil || user < 0 || user >= a.options.Users {
			http.Error(w, "there is no such user", http.StatusBadRequest)
			return
		}
		back.Set("code", a.newCode(q, user))
	} else {
		back.Set("error", "access_denied")
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (a *accounts) newCode(q url.Values, user int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	code := a.secret("code-")
	now := a.options.Clock()
	a.codes[code] = authorization{
		grant: grant{client: q.Get("client_id"), user: user, scope: q.Get("scope"), signed: now}, redirect: q.Get("redirect_uri"),
		challenge: q.Get("code_challenge"), ends: now.Add(10 * time.Minute),
	}
	return code
}
