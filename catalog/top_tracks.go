package catalog

import (
	"net/url"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A topTrack is a place in the ranking of a day.
type topTrack struct {
	track
	timeRange string
	day       time.Time
	rank      int32
}

func (t *topTrack) ranked() *track { return &t.track }

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
		Options: []Option{
			{
				Name: "time_ranges", Kind: Words, Splits: "time range",
				Doc:     "Which rankings to keep: short_term is about four weeks, medium_term six months, long_term a year.",
				Allowed: []string{"short_term", "medium_term", "long_term"},
				Default: []string{"short_term", "medium_term", "long_term"},
			},
			{
				Name: "max_rank", Kind: Number, Doc: "How many places of each ranking to keep.",
				Least: 1, Most: 10000, Number: 200,
			},
		},
		Table: transform.Table[topTrack]{
			Name:  "top_tracks",
			Doc:   "A ranking of the account's most played tracks for each time range and day.",
			Key:   []string{"time_range", "snapshot_date", "rank"},
			Split: 1,
			Columns: append([]transform.Column[topTrack]{
				transform.String("time_range", "short_term (about four weeks), medium_term (six months) or long_term (a year).", func(t *topTrack) string { return t.timeRange }),
				transform.KeyDate("snapshot_date", "Day on which the ranking was read, in the time zone of jobs.yaml.", func(t *topTrack) time.Time { return t.day }),
				transform.Int32("rank", "Place in the ranking, from 1.", func(t *topTrack) int32 { return t.rank }),
			}, trackColumns((*topTrack).ranked)...),
		},
		Lists: topTracksLists,
	}
}

// topTracksLists are the rankings of the run's day, one for each time range.
func topTracksLists(p Params) []list[topTrack] {
	day := p.Day.Format(time.DateOnly)
	var out []list[topTrack]
	for _, timeRange := range p.Options.Words["time_ranges"] {
		out = append(out, list[topTrack]{
			Name: timeRange, Query: url.Values{"time_range": {timeRange}}, Max: p.Options.Numbers["max_rank"],
			Where: []Match{
				{Column: "time_range", Values: []string{timeRange}},
				{Column: "snapshot_date", Values: []string{day}},
			},
			Version: day, Dated: true,
			Adopt: func(t *topTrack, position int) {
				t.timeRange, t.day, t.rank = timeRange, p.Day, int32(position+1)
			},
		})
	}
	return out
}
