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
// only, so a play is lost if too many follow it before the next run. The list is always
// asked for its newest: with after, Spotify would hide plays that a device reports late.
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
		Key: playKey, Check: checkPlay, Gaps: playGaps(),
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

// playGaps says when plays are lost, or may be.
func playGaps() *transform.Table[gap] {
	return &transform.Table[gap]{
		Name: "play_gaps",
		Doc:  "One row for each stretch of time of which plays may be missing: more were played than Spotify shows, before the list was read again.",
		Key:  []string{"from_at"},
		Columns: []transform.Column[gap]{
			transform.KeyTime("from_at", "When the newest play was played that was stored before, UTC.", func(g *gap) time.Time { return g.from }),
			transform.KeyTime("to_at", "When the oldest play was played that Spotify still showed after, UTC.", func(g *gap) time.Time { return g.to }),
			transform.OptInt32("found_plays", "Number of plays that a later import found between the two; NULL if none has looked.", func(*gap) *int32 { return nil }),
		},
	}
}

// playKey ranks plays by their time in milliseconds.
func playKey(p *play) listdiff.Key {
	switch {
	case p.PlayedAt.IsZero():
		return ""
	case p.Track == nil:
		return listdiff.NewKey("", p.PlayedAt.UnixMilli())
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
