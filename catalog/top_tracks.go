package catalog

import (
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A topTrack is a track in the ranking of a day.
type topTrack struct {
	track
	place place
}

func (t *topTrack) ranked() *track { return &t.track }
func (t *topTrack) at() *place     { return &t.place }

// topTracks are the tracks that the account plays most, by affinity.
// https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks
func topTracks() spec[topTrack] {
	return spec[topTrack]{
		Name: "top_tracks",
		Doc:  "The tracks that the account plays most, over about four weeks, six months and a year.",
		Noun: "ranked track",
		Size: Essentials,
		Endpoint: extract.Endpoint{
			Path:   "/me/top/tracks",
			Bucket: "me/top",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks",
			Scope:  "user-top-read",
			Limit:  50,
		},
		Mode:  Replace,
		Key:   func(t *topTrack) listdiff.Key { return listdiff.NewKey(t.ID, 0) },
		Check: func(t *topTrack) (string, bool) { return checkTrack(&t.track) },
		Names: []Naming{
			{Noun: "artist", Column: "artist_ids", Latest: "snapshot_date"},
			{Noun: "album", Column: "album_id", Latest: "snapshot_date"},
		},
		Options: rankingOptions(),
		Table: transform.Table[topTrack]{
			Name:    "top_tracks",
			Doc:     "A ranking of the account's most played tracks for each time range and day.",
			Key:     rankingKey(),
			Split:   1,
			Columns: append(placeColumns((*topTrack).at), trackColumns((*topTrack).ranked)...),
		},
		Lists: rankings((*topTrack).at),
	}
}
