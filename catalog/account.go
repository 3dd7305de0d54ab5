package catalog

import (
	"context"
	"errors"

	"github.com/tracklake/tracklake/extract"
)

// AccountOf asks whose account the client's token is for. It returns the
// account_id where the API sends it, else the user id.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
func AccountOf(ctx context.Context, c *extract.Client) (string, error) {
	type user struct {
		AccountID string `json:"account_id"`
		ID        string `json:"id"`
	}
	u, err := extract.Get[user](ctx, c, extract.Endpoint{
		Path:   "/me",
		Family: "me",
		Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
	})
	switch {
	case err != nil:
		return "", err
	case u.AccountID != "":
		return u.AccountID, nil
	case u.ID != "":
		return u.ID, nil
	}
	return "", errors.New("the profile has no id")
}
