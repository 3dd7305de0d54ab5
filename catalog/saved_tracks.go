package catalog

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A savedTrack is a row of the list of saved tracks.
type savedTrack struct {
	AddedAt time.Time `json:"added_at"`
	Track   *track    `json:"track"`
}

func (s *savedTrack) track() *track { return s.Track }

// savedTracks are the account's "Liked Songs", newest first.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-tracks
func savedTracks() spec[savedTrack] {
	return spec[savedTrack]{
		Name: "saved_tracks",
		Doc:  "The tracks in the account's library (Liked Songs).",
		Noun: "track",
		Size: Essentials,
		Endpoint: extract.Endpoint{
			Path:   "/me/tracks",
			Bucket: "me/tracks",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-tracks",
			Scope:  "user-library-read",
			Limit:  50,
		},
		Order: Stable, Key: savedTrackKey, Column: "track_id", Unique: true, Check: checkSavedTrack,
		// An item can be saved with an old date, and one that came can hide one
		// that went, so an incremental sync does not find everything.
		FullEvery: 7 * 24 * time.Hour,
		Holds:     holdsTracks,
		Names:     []Naming{{Noun: "artist", Column: "artist_ids"}, {Noun: "album", Column: "album_id"}},
		Table: transform.Table[savedTrack]{
			Name:      "saved_tracks",
			Doc:       "One row for each track that is or was saved in the account's library.",
			Key:       []string{"track_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"track_id"}, Name: "track_name"},
			Columns: append([]transform.Column[savedTrack]{
				addedAt("track", func(s *savedTrack) time.Time { return s.AddedAt }),
			}, trackColumns((*savedTrack).track)...),
		},
	}
}

// holdsTracks asks whether any of some tracks may still be saved: one that was saved again
// with another date stands elsewhere, where an incremental sync may not read.
// https://developer.spotify.com/documentation/web-api/reference/check-library-contains
func holdsTracks(ctx context.Context, c *extract.Client, ids []string) (bool, error) {
	const most = 40 // in one request
	for some := range slices.Chunk(ids, most) {
		saved, err := extract.Get[[]bool](ctx, c, extract.Endpoint{
			Path:   "/me/library/contains",
			Bucket: "me/library/contains",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/check-library-contains",
			Query:  url.Values{"uris": {"spotify:track:" + strings.Join(some, ",spotify:track:")}},
		})
		if err != nil {
			return false, fmt.Errorf("look for saved tracks: %w", err)
		}
		if len(*saved) != len(some) || slices.Contains(*saved, true) {
			return true, nil
		}
	}
	return false, nil
}

// savedTrackKey ranks entries by when the track was saved. Two saved tracks can
// be played by one and the same third, and then share an id, but not that time.
func savedTrackKey(s *savedTrack) listdiff.Key {
	if s.Track == nil {
		return savedKey("", s.AddedAt)
	}
	return savedKey(s.Track.ID, s.AddedAt)
}

// savedKey ranks entries by when a thing was saved.
func savedKey(id string, at time.Time) listdiff.Key {
	if at.IsZero() {
		return listdiff.NewKey(id, 0)
	}
	return listdiff.NewKey(id, at.Unix())
}

func checkSavedTrack(s *savedTrack) (why string, rowless bool) { return checkTrack(s.Track) }

// checkTrack returns why a track has no row.
func checkTrack(t *track) (why string, rowless bool) {
	switch {
	case t == nil:
		return "the entry has no track", false
	case t.Type != nil && *t.Type != "track":
		return "the entry is not a track but of type " + strconv.Quote(*t.Type), false
	case t.ID == "" && t.IsLocal:
		return "the track is a local file, which has no Spotify ID", true
	case t.ID == "":
		return "the track has no Spotify ID", false
	}
	return "", false
}
