package catalog

import (
	"strconv"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A followedArtist is Spotify's artist object.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artist
type followedArtist struct {
	ID         string    `json:"id"`
	Type       *string   `json:"type"`
	Name       *string   `json:"name"`
	Genres     []string  `json:"genres"`
	Popularity *int32    `json:"popularity"`
	Followers  followers `json:"followers"`
	Images     []image   `json:"images"` // the widest first
}

type followers struct {
	Total *int32 `json:"total"`
}

// followedArtists are the artists that the account follows. Each page names the next
// one, in an order that Spotify does not document.
func followedArtists() spec[followedArtist] {
	return spec[followedArtist]{
		Name: "followed_artists",
		Doc:  "The artists that the account follows.",
		Endpoint: extract.Endpoint{
			Path:   "/me/following",
			Bucket: "me/following",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-followed",
			Scope:  "user-follow-read",
			Query:  map[string][]string{"type": {"artist"}},
			Limit:  50,
			Wrap:   "artists",
			Cursor: "after",
		},
		Key:    func(a *followedArtist) listdiff.Key { return listdiff.NewKey(a.ID, 0) },
		Column: "artist_id", Unique: true,
		Check: checkArtist,
		Names: &Naming{Noun: "artist", Column: "artist_id"},
		Table: transform.Table[followedArtist]{
			Name:      "followed_artists",
			Doc:       "One row for each artist that the account follows or followed.",
			Key:       []string{"artist_id"},
			Removable: true,
			Columns: []transform.Column[followedArtist]{
				transform.String("artist_id", "Spotify ID of the artist.", func(a *followedArtist) string { return a.ID }),
				transform.OptString("artist_name", "Name of the artist.", func(a *followedArtist) *string { return a.Name }),
				transform.Strings("genres", "Genres of the artist; empty for apps in development mode, which do not get them.", func(a *followedArtist) []string { return a.Genres }, func(s *string) string { return *s }),
				transform.OptInt32("popularity", "Popularity from 0 to 100; NULL for apps in development mode, which do not get it.", func(a *followedArtist) *int32 { return a.Popularity }),
				transform.OptInt32("followers", "Number of followers; NULL for apps in development mode, which do not get it.", func(a *followedArtist) *int32 { return a.Followers.Total }),
				transform.OptString("image_url", "Address of the artist's picture, in its widest size.", func(a *followedArtist) *string {
					if len(a.Images) == 0 {
						return nil
					}
					return nonEmpty(a.Images[0].URL)
				}),
			},
		},
	}
}

// checkArtist tells why an artist has no row.
func checkArtist(a *followedArtist) (why string, rowless bool) {
	switch {
	case a.Type != nil && *a.Type != "artist":
		return "the entry is not an artist but of type " + strconv.Quote(*a.Type), false
	case a.ID == "":
		return "the artist has no Spotify ID", false
	}
	return "", false
}
