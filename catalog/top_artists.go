package catalog

import (
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A topArtist is an artist in the ranking of a day.
type topArtist struct {
	fullArtist
	place place
}

func (t *topArtist) ranked() *fullArtist { return &t.fullArtist }
func (t *topArtist) at() *place          { return &t.place }

// topArtists are the artists that the account plays most, by affinity.
// https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks
func topArtists() spec[topArtist] {
	return spec[topArtist]{
		Name: "top_artists",
		Doc:  "The artists that the account plays most, over about four weeks, six months and a year.",
		Noun: "ranked artist",
		Size: Essentials,
		Endpoint: extract.Endpoint{
			Path:   "/me/top/artists",
			Bucket: "me/top",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks",
			Scope:  "user-top-read",
			Limit:  50,
		},
		Mode:    Replace,
		Key:     func(t *topArtist) listdiff.Key { return listdiff.NewKey(t.ID, 0) },
		Check:   func(t *topArtist) (string, bool) { return checkArtist(&t.fullArtist) },
		Names:   []Naming{{Noun: "artist", Column: "artist_id", Latest: "snapshot_date"}},
		Options: rankingOptions(),
		Table: transform.Table[topArtist]{
			Name:    "top_artists",
			Doc:     "A ranking of the account's most played artists for each time range and day.",
			Key:     rankingKey(),
			Split:   1,
			Columns: append(placeColumns((*topArtist).at), artistColumns((*topArtist).ranked)...),
		},
		Lists: rankings((*topArtist).at),
	}
}
