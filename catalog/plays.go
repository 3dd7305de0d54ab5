package catalog

import (
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A play is a row of the list of recently played tracks.
type play struct {
	PlayedAt time.Time `json:"played_at"` // with milliseconds
	Track    *track    `json:"track"`
	Context  struct {
		Type *string `json:"type"`
		URI  *string `json:"uri"`
	} `json:"context"`
}

func (p *play) track() *track { return p.Track }

// plays are the tracks that the account played last. Spotify shows the newest 50
// only, so a play is lost if too many follow it before the next
// run.
func plays() spec[play] {
	return spec[play]{
		Name: "plays",
		Doc:  "The tracks that the account played. Spotify shows the newest 50 only: run the job every hour or so.",
		Noun: "play",
		Size: Essentials,
		Endpoint: extract.Endpoint{
			Path:    "/me/player/recently-played",
			Bucket:  "me/player/recently-played",
			Doc:     "https://developer.spotify.com/documentation/web-api/reference/get-recently-played",
			Scope:   "user-read-recently-played",
			Limit:   50,
			Cursor:  "before",
			NoTotal: true,
		},
		Mode: Append, Every: Hourly, Max: 50,
		Key: playKey, Check: checkPlay,
		Names: []Naming{{Noun: "album", Column: "album_id"}},
		Table: transform.Table[play]{
			Name: "plays",
			Doc:  "One row for each time that the account played a track. Plays under about 30 seconds, podcasts and private sessions are not in Spotify's list.",
			Key:  []string{"played_at", "track_id"},
			Columns: append(append([]transform.Column[play]{
				transform.KeyTime("played_at", "When the track was played, UTC; Spotify does not say whether that is its start or its end.", func(p *play) time.Time { return p.PlayedAt }),
			}, trackColumns((*play).track)...),
				transform.OptString("context_type", "What the track was played from: album, artist, playlist or collection; NULL where Spotify does not say.", func(p *play) *string { return nonEmpty(p.Context.Type) }),
				transform.OptString("context_uri", "Spotify URI of what the track was played from.", func(p *play) *string { return nonEmpty(p.Context.URI) }),
			),
		},
	}
}

// playKey ranks plays by their time in milliseconds.
func playKey(p *play) listdiff.Key {
	if p.Track == nil || p.PlayedAt.IsZero() {
		return ""
	}
	return listdiff.NewKey(p.Track.ID, p.PlayedAt.UnixMilli())
}

// checkPlay returns why a play has no row.
func checkPlay(p *play) (why string, rowless bool) {
	if p.PlayedAt.IsZero() {
		return "the entry has no time", false
	}
	return checkTrack(p.Track)
}
