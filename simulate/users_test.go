package simulate_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

func TestUsersAreApart(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Users = 2 })
	var ids []string
	for user := range 2 {
		s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(user).RefreshToken))["access_token"].(string)
		me := s.object(t, "/me")
		if me["account_id"] != simulate.AccountIDOf(user) || me["id"] != simulate.UserIDOf(user) || me["display_name"] != simulate.DisplayName(user) {
			t.Errorf("user %d is %v", user, me)
		}
		items := s.object(t, "/me/tracks?limit=1")["items"].([]any)
		ids = append(ids, items[0].(map[string]any)["track"].(map[string]any)["id"].(string))
	}
	if ids[0] == ids[1] || ids[0] != s.SavedTracks()[0].TrackID || ids[1] != s.SavedTracksOf(1)[0].TrackID {
		t.Errorf("first tracks %v", ids)
	}
	s.RevokeUser(1)
	if got := s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(1).RefreshToken)); got["error"] != "invalid_grant" {
		t.Errorf("a revoked user: %v", got)
	}
	if got := s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(0).RefreshToken)); got["access_token"] == nil {
		t.Errorf("another user: %v", got)
	}
}

func TestASignInBelongsToItsApp(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	form := renewal(s.Credentials().RefreshToken)
	form.Set("client_id", simulate.OtherClientID)
	if got := s.ask(t, "", form); got["error"] != "invalid_grant" {
		t.Errorf("another app's token: %v", got)
	}
}

func TestSecretsAreListed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	got := s.ask(t, simulate.ClientSecret, renewal(s.Credentials().RefreshToken))
	s.ask(t, simulate.ClientSecret, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "code_verifier": {"a-verifier"}})
	for _, secret := range []string{simulate.ClientSecret, s.Credentials().RefreshToken, got["access_token"].(string), "a-verifier"} {
		if !slices.Contains(s.Secrets(), secret) {
			t.Errorf("%s… is not listed", strings.Split(secret, "-")[0])
		}
	}
}

// TestProfiles looks at the fields that an app gets in each mode, with several
// scopes.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const always, private = "account_id display_name external_urls href id images type uri", " country explicit_content product"
	for mode, tests := range map[simulate.Mode]map[string]string{
		simulate.Development: {"user-read-private user-read-email": always, "": always},
		simulate.Extended: {
			"user-read-private user-read-email": always + " followers email" + private, "user-read-private": always + " followers" + private, "user-library-read": always + " followers",
		},
	} {
		for scopes, want := range tests {
			s := start(t, func(o *simulate.Options) { o.Mode = mode })
			s.GrantOnly(scopes)
			s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.Credentials().RefreshToken))["access_token"].(string)
			me := s.object(t, "/me")
			if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(want))), keys(me)); diff != "" || me["account_id"] != simulate.AccountID || me["uri"] != "spotify:user:"+simulate.UserID {
				t.Errorf("%s with %q: %v %s", mode, scopes, me, diff)
			}
		}
	}
}
