package extract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// expired is the kind of a 401, which the client handles itself.
const expired Kind = -1

// A throttledError is a 429. It never leaves the package.
type throttledError struct {
	wait   time.Duration // 0: the answer did not say
	quota  bool          // the quota of a day is spent, not the rate of a moment
	ticket int
}

func (r *throttledError) Error() string { return "throttled" }

// errorBody is the shape of the Web API's errors.
type errorBody struct {
	Error struct {
		Message string `json:"message"`
		Reason  string `json:"reason"`
	} `json:"error"`
}

// classify turns an answer other than 200 into an error.
// https://developer.spotify.com/documentation/web-api/concepts/api-calls
func classify(e Endpoint, a answer, body []byte) error {
	status := a.status
	var b errorBody
	isJSON := json.Unmarshal(body, &b) == nil
	out := &Error{Status: status, Path: e.Path, Message: snippet([]byte(b.Error.Message))}
	switch {
	case status == http.StatusTooManyRequests:
		return &throttledError{
			wait:  retryAfter(a.header.Get("Retry-After"), time.Now()),
			quota: b.Error.Reason == "QUOTA_EXCEEDED", ticket: a.ticket,
		}
	case status == http.StatusUnauthorized:
		out.Kind = expired
	case status == http.StatusForbidden:
		return forbidden(e, out, isJSON, body)
	case status == http.StatusNotFound:
		out.Kind = NotFound
	case status == http.StatusNetworkAuthenticationRequired:
		out.Kind, out.Message, out.Advice = Transient, "the network wants you to sign in to it", fmt.Sprintf(advicePortal, apiVariable)
	case status == http.StatusRequestTimeout || status >= 500:
		out.Kind = Transient
		if out.Message == "" {
			out.Message = http.StatusText(status)
		}
	case status >= 300 && status < 400:
		out.Kind, out.Message = BadRequest, "the API redirected to another address; redirects are not followed"
		out.Advice = fmt.Sprintf(advicePortal, apiVariable)
	case status < 300:
		out.Kind, out.Message = Malformed, "the answer is empty"
	default:
		out.Kind = BadRequest
	}
	return out
}

// forbidden distinguishes the reasons for a 403. Two of them come as plain text.
func forbidden(e Endpoint, out *Error, isJSON bool, body []byte) error {
	text := string(body)
	switch {
	case !isJSON && strings.Contains(text, "premium"):
		out.Kind, out.Message = AppBlocked, "the owner of the app has no active Spotify Premium"
		out.Advice = "renew the subscription of the account that owns the app; it can take a few hours before requests are allowed again"
	case !isJSON && strings.Contains(text, "not registered"):
		out.Kind, out.Message = AppBlocked, "the user is not registered for the app"
		out.Advice = "add the user under User Management of the app at https://developer.spotify.com/dashboard"
	case strings.Contains(out.Message, "scope"):
		out.Kind, out.Message = Scope, fmt.Sprintf("the sign-in lacks the scope %s", e.Scope)
		out.Advice = "sign in again and agree to everything"
	default:
		out.Kind = Forbidden
		if out.Message == "" {
			out.Message = snippet(body)
		}
		out.Advice = "Spotify no longer offers this endpoint to apps like yours; remove the job from jobs.yaml. " + e.Doc
	}
	return out
}

// isInvalidLimit reports whether the API refused the size of a page.
func isInvalidLimit(err error) bool {
	kind, ok := kindOf(err)
	return ok && kind == BadRequest && strings.Contains(err.Error(), "Invalid limit")
}
