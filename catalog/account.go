package catalog

import (
	"context"
	"errors"

	"github.com/tracklake/tracklake/extract"
)

// A Profile says whose account it is.
type Profile struct {
	AccountID string // account_id where the API sends it, else the user id
	UserID    string
	User      string // display name, else the user id
}

// ProfileOf asks whose account the client's token is for.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
func ProfileOf(ctx context.Context, c *extract.Client) (Profile, error) {
	type user struct {
		AccountID   string `json:"account_id"`
		ID          string `json:"id"`
		DisplayName string `json:"display_name"`
	}
	u, err := extract.Get[user](ctx, c, extract.Endpoint{
		Path:   "/me",
		Bucket: "me",
		Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
	})
	if err != nil {
		return Profile{}, err
	}
	p := Profile{AccountID: u.AccountID, UserID: u.ID, User: u.DisplayName}
	if p.AccountID == "" {
		p.AccountID = u.ID
	}
	if p.User == "" {
		p.User = u.ID
	}
	if p.AccountID == "" {
		return Profile{}, errors.New("the profile has no id")
	}
	return p, nil
}
