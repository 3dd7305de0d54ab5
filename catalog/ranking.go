package catalog

import (
	"net/url"
	"time"

	"github.com/tracklake/tracklake/transform"
)

// A place is a rank in the ranking of a day. Rankings are kept by affinity, as Spotify
// calculates it, for each time range.
// https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks
type place struct {
	timeRange string
	day       time.Time
	rank      int32
}

// rankingKey is the key of a table of rankings.
func rankingKey() []string { return []string{"time_range", "snapshot_date", "rank"} }

// placeColumns are the columns of that key.
func placeColumns[T any](of func(*T) *place) []transform.Column[T] {
	return []transform.Column[T]{
		transform.String("time_range", "short_term (about four weeks), medium_term (six months) or long_term (a year).", func(i *T) string { return of(i).timeRange }),
		transform.KeyDate("snapshot_date", "Day on which the ranking was read, in the time zone of jobs.yaml.", func(i *T) time.Time { return of(i).day }),
		transform.Int32("rank", "Place in the ranking, from 1.", func(i *T) int32 { return of(i).rank }),
	}
}

func rankingOptions() []Option {
	return []Option{
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
	}
}

// rankings are those of the run's day, one for each time range.
func rankings[T any](of func(*T) *place) func(Params) []list[T] {
	return func(p Params) []list[T] {
		day := p.Day.Format(time.DateOnly)
		var out []list[T]
		for _, timeRange := range p.Options.Words["time_ranges"] {
			out = append(out, list[T]{
				Name: timeRange, Query: url.Values{"time_range": {timeRange}}, Max: p.Options.Numbers["max_rank"],
				Where: []Match{
					{Column: "time_range", Values: []string{timeRange}},
					{Column: "snapshot_date", Values: []string{day}},
				},
				Version: day, Dated: true,
				Adopt: func(item *T, position int) {
					*of(item) = place{timeRange, p.Day, int32(position + 1)}
				},
			})
		}
		return out
	}
}
