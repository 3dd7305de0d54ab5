package catalog

import (
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// followedArtists are the artists that the account follows. Each page names the next
// one, in an order that Spotify does not document.
func followedArtists() spec[fullArtist] {
	return spec[fullArtist]{
		Name: "followed_artists",
		Doc:  "The artists that the account follows.",
		Noun: "artist",
		Size: Library,
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
		Key:    func(a *fullArtist) listdiff.Key { return listdiff.NewKey(a.ID, 0) },
		Column: "artist_id", Unique: true,
		Check: checkArtist,
		Names: []Naming{{Noun: "artist", Column: "artist_id"}},
		Table: transform.Table[fullArtist]{
			Name:      "followed_artists",
			Doc:       "One row for each artist that the account follows or followed.",
			Key:       []string{"artist_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"artist_id"}, Name: "artist_name"},
			Columns:   ownArtistColumns(),
		},
	}
}

// checkArtist returns why an artist has no row.
func checkArtist(a *fullArtist) (why string, rowless bool) {
	return checkObject("an artist", a.Type, a.ID), false
}
