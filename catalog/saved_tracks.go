package catalog

import (
	"strconv"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract"
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
		Name:   "saved_tracks",
		Doc:    "The tracks in the account's library (Liked Songs).",
		Scope:  "user-library-read",
		Family: "me/tracks",
		// An item can be saved with an old date, and one that came can hide one
		// that went, so a search is no proof.
		FullEvery: 7 * 24 * time.Hour,
		Artists:   &ArtistSource{Table: "saved_tracks", Column: "artist_ids"},
		Tables: append([]transform.Rows[savedTrack]{transform.Table[savedTrack]{
			Name:      "saved_tracks",
			Doc:       "One row for each track that is or was saved in the account's library.",
			Key:       []string{transform.AccountID, "track_id"},
			Partition: []string{transform.AccountID},
			Removable: true,
			Columns: append([]transform.Column[savedTrack]{
				transform.Time("added_at", "When the track was saved, UTC, as Spotify says; it can lie years off.", func(s *savedTrack) time.Time { return s.AddedAt }),
			}, trackColumns((*savedTrack).track)...),
		}}, trackDimensions((*savedTrack).track)...),
		Parts: savedTracksParts,
	}
}

func savedTracksParts(Params) ([]part[savedTrack], error) {
	endpoint := extract.Endpoint{
		Path:   "/me/tracks",
		Family: "me/tracks",
		Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-tracks",
		Scope:  "user-library-read",
		Limit:  50,
	}
	return []part[savedTrack]{{
		Part: Part{Endpoint: endpoint, Covers: []Cover{{Table: "saved_tracks"}}, Gone: goneTracks},
		List: extract.List[savedTrack]{
			Endpoint: endpoint,
			// Two saved tracks can be played by one and the same third, and
			// then share an id, but not the time at which they were saved.
			Key:   func(s *savedTrack) string { return s.Track.ID + " " + strconv.FormatInt(s.AddedAt.Unix(), 36) },
			Check: func(s *savedTrack) string { return checkTrack(s.Track) },
		},
	}}, nil
}

// goneTracks are those of which no entry is left: a track that was saved again
// has a new entry.
func goneTracks(gone, left []string) []Cover {
	there := make(map[string]bool, len(left))
	for _, key := range left {
		id, _, _ := strings.Cut(key, " ")
		there[id] = true
	}
	var ids []string
	for _, key := range gone {
		if id, _, _ := strings.Cut(key, " "); !extract.IsReject(key) && !there[id] {
			there[id] = true
			ids = append(ids, id)
		}
	}
	return rowsOf("saved_tracks", Match{Column: "track_id", Values: ids})
}

// rowsOf covers rows by the values of columns, and nothing where there are none.
func rowsOf(table string, where ...Match) []Cover {
	for _, m := range where {
		if len(m.Values) == 0 {
			return nil
		}
	}
	return []Cover{{Table: table, Where: where}}
}

// checkTrack tells why a track cannot be kept.
func checkTrack(t *track) string {
	switch {
	case t == nil:
		return "the row has no track"
	case t.ID == "" && t.IsLocal:
		return "the track is a local file, which has no Spotify ID"
	case t.ID == "":
		return "the track has no Spotify ID"
	}
	return ""
}
