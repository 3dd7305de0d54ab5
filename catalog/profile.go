package catalog

import (
	"strconv"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A user is Spotify's user object, as the account itself sees it.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
type user struct {
	ID              string    `json:"id"`
	Type            *string   `json:"type"`
	DisplayName     *string   `json:"display_name"`
	Country         *string   `json:"country"`
	Product         *string   `json:"product"`
	Followers       followers `json:"followers"`
	ExplicitContent struct {
		Enabled *bool `json:"filter_enabled"`
		Locked  *bool `json:"filter_locked"`
	} `json:"explicit_content"`
	Images []image `json:"images"`
}

// profile is the account itself: the one object of its list.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
func profile() spec[user] {
	return spec[user]{
		Name: "profile",
		Doc:  "The account's profile: its name, country and subscription.",
		Noun: "profile",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me",
			Bucket: "me",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile",
			Scope:  "user-read-private",
			Limit:  1,
			Single: true,
		},
		Every:  Weekly,
		Key:    func(u *user) listdiff.Key { return listdiff.NewKey(u.ID, 0) },
		Column: "user_id", Unique: true, Check: checkUser,
		Table: transform.Table[user]{
			Name:      "profile",
			Doc:       "One row for each account: who stands behind account_id.",
			Key:       []string{"user_id"},
			Removable: true,
			Columns: []transform.Column[user]{
				transform.String("user_id", "Spotify user ID of the account.", func(u *user) string { return u.ID }),
				transform.OptString("display_name", "Name that the account shows.", func(u *user) *string { return u.DisplayName }),
				transform.OptString("country", "Country of the account, as an ISO 3166-1 alpha-2 code.", func(u *user) *string { return nonEmpty(u.Country) }),
				transform.OptString("product", "Subscription of the account: premium, free or another.", func(u *user) *string { return nonEmpty(u.Product) }),
				transform.OptInt32("followers", "Number of followers.", func(u *user) *int32 { return u.Followers.Total }),
				transform.OptBool("explicit_filter_enabled", "Whether explicit content is not played.", func(u *user) *bool { return u.ExplicitContent.Enabled }),
				transform.OptBool("explicit_filter_locked", "Whether the account cannot change that.", func(u *user) *bool { return u.ExplicitContent.Locked }),
				transform.OptString("image_url", "Address of the account's picture, in its widest size.", func(u *user) *string { return widest(u.Images) }),
			},
		},
	}
}

func checkUser(u *user) (why string, rowless bool) {
	switch {
	case u.Type != nil && *u.Type != "user":
		return "the profile is not that of a user but of type " + strconv.Quote(*u.Type), false
	case u.ID == "":
		return "the profile has no Spotify user ID", false
	}
	return "", false
}
