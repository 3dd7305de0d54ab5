package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oneArtist     = "0TnOYISbd1XYRBk9myaseg"
	anotherArtist = "4Z8W4fKeB5YxbusRsdQVPb"
)

// overlapProblems returns what is wrong with these jobs, which begin on line 6.
func overlapProblems(t *testing.T, jobs ...string) []string {
	t.Helper()
	const head = `destinations:
  lake: {type: parquet, path: ./lake}
  pond: {type: parquet, path: ./pond}
  well: {type: parquet, path: ./well}
jobs:
`
	_, err := parse(t, head+"  "+strings.Join(jobs, "\n  ")+"\n", nil)
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func TestJobsThatFillTheSameRows(t *testing.T) {
	t.Parallel()
	const source = `saved_tracks: {destinations: [lake]}`
	artists := func(job, choice string) string {
		return job + `: {resource: artist_albums, destinations: [lake], options: {artists: ` + choice + `}}`
	}
	tests := map[string]struct {
		jobs []string
		want []string
	}{
		"nothing keeps them apart": {
			[]string{`saved_tracks: {destinations: [lake]}`, `again: {resource: saved_tracks, destinations: [lake]}`},
			[]string{`jobs.yaml:7: jobs saved_tracks and again would both write saved_tracks in destination lake; give each its own destination, or merge them`},
		},
		"only another setting": {
			[]string{`saved_tracks: {destinations: [lake]}`, `again: {resource: saved_tracks, destinations: [lake], full_every: 0d}`},
			[]string{`jobs.yaml:7: jobs saved_tracks and again would both write saved_tracks in destination lake; give each its own destination, or merge them`},
		},
		"other destinations": {
			[]string{`saved_tracks: {destinations: [lake]}`, `again: {resource: saved_tracks, destinations: [pond]}`}, nil,
		},
		"one of two destinations": {
			[]string{`saved_tracks: {destinations: [lake, pond]}`, `again: {resource: saved_tracks, destinations: [well, pond]}`},
			[]string{`jobs.yaml:7: jobs saved_tracks and again would both write saved_tracks in destination pond; give each its own destination, or merge them`},
		},
		"two destinations, reported once": {
			[]string{`saved_tracks: {destinations: [lake, pond]}`, `again: {resource: saved_tracks, destinations: [pond, lake]}`},
			[]string{`jobs.yaml:7: jobs saved_tracks and again would both write saved_tracks in destinations lake and pond; give each its own destination, or merge them`},
		},
		"other resources": {
			[]string{`saved_tracks: {destinations: [lake]}`, `top_tracks: {destinations: [lake]}`}, nil,
		},
		"three jobs, each pair once": {
			[]string{`a: {resource: saved_tracks, destinations: [lake]}`, `b: {resource: saved_tracks, destinations: [lake, pond]}`, `c: {resource: saved_tracks, destinations: [pond, lake]}`},
			[]string{
				`jobs.yaml:7: jobs a and b would both write saved_tracks in destination lake; give each its own destination, or merge them`,
				`jobs.yaml:8: jobs a and c would both write saved_tracks in destination lake; give each its own destination, or merge them`,
				`jobs.yaml:8: jobs b and c would both write saved_tracks in destinations lake and pond; give each its own destination, or merge them`,
			},
		},

		"other time ranges": {
			[]string{
				`top_tracks: {destinations: [lake], options: {time_ranges: [short_term, medium_term]}}`,
				`year: {resource: top_tracks, destinations: [lake], options: {time_ranges: [long_term]}}`,
			}, nil,
		},
		"one time range in common": {
			[]string{
				`top_tracks: {destinations: [lake], options: {time_ranges: [short_term, medium_term]}}`,
				`year: {resource: top_tracks, destinations: [lake], options: {time_ranges: [long_term, short_term]}}`,
			},
			[]string{`jobs.yaml:7: jobs top_tracks and year would both write top_tracks in destination lake for time range short_term; give each its own time_ranges, or merge them`},
		},
		"the time ranges of a job that names none": {
			[]string{`top_tracks: {destinations: [lake]}`, `year: {resource: top_tracks, destinations: [lake], options: {time_ranges: [short_term, long_term]}}`},
			[]string{`jobs.yaml:7: jobs top_tracks and year would both write top_tracks in destination lake for time ranges short_term and long_term; give each its own time_ranges, or merge them`},
		},
		"another max_rank": {
			[]string{`top_tracks: {destinations: [lake]}`, `best: {resource: top_tracks, destinations: [lake], options: {max_rank: 50}}`},
			[]string{`jobs.yaml:7: jobs top_tracks and best would both write top_tracks in destination lake for time ranges short_term, medium_term and long_term; give each its own time_ranges, or merge them`},
		},

		"artists of tables twice": {
			[]string{source, artists("a", `{from: [saved_tracks]}`), artists("b", `{from: [saved_tracks]}`)},
			[]string{`jobs.yaml:8: jobs a and b would both write artist_albums in destination lake for any artist that both choose; give each its own artists: {ids: […]}, or its own destination`},
		},
		"artists of other tables": {
			[]string{source, `top_tracks: {destinations: [lake]}`, artists("a", `{from: [saved_tracks]}`), artists("b", `{from: [top_tracks]}`)},
			[]string{`jobs.yaml:9: jobs a and b would both write artist_albums in destination lake for any artist that both choose; give each its own artists: {ids: […]}, or its own destination`},
		},
		"artists of a table and listed ones": {
			[]string{source, artists("a", `{from: [saved_tracks]}`), artists("b", `{ids: [`+oneArtist+`]}`)},
			[]string{`jobs.yaml:8: jobs a and b would both write artist_albums in destination lake for any artist that both choose; give each its own artists: {ids: […]}, or its own destination`},
		},
		"listed artists and those of a table": {
			[]string{source, artists("a", `{ids: [`+oneArtist+`]}`), artists("b", `{from: [saved_tracks]}`)},
			[]string{`jobs.yaml:8: jobs a and b would both write artist_albums in destination lake for any artist that both choose; give each its own artists: {ids: […]}, or its own destination`},
		},
		"other listed artists": {
			[]string{artists("a", `{ids: [`+oneArtist+`]}`), artists("b", `{ids: ["spotify:artist:`+anotherArtist+`"]}`)}, nil,
		},
		"one artist as URI and as link": {
			[]string{artists("a", `{ids: ["spotify:artist:`+oneArtist+`"]}`), artists("b", `{ids: [`+anotherArtist+`, "https://open.spotify.com/intl-de/artist/`+oneArtist+`?si=x"]}`)},
			[]string{`jobs.yaml:7: jobs a and b would both write artist_albums in destination lake for artist ` + oneArtist + `; give each its own artists, or merge them`},
		},
		"other parts of the same discography": {
			[]string{
				`a: {resource: artist_albums, destinations: [lake], options: {artists: {ids: [` + oneArtist + `]}, include_groups: [album]}}`,
				`b: {resource: artist_albums, destinations: [lake], options: {artists: {ids: [` + oneArtist + `]}, include_groups: [single]}}`,
			},
			[]string{`jobs.yaml:7: jobs a and b would both write artist_albums in destination lake for artist ` + oneArtist + `; give each its own artists, or merge them`},
		},

		"options that are wrong by themselves": {
			[]string{`top_tracks: {destinations: [lake], options: {time_ranges: [short_term]}}`, `year: {resource: top_tracks, destinations: [lake], options: {time_range: [long_term]}}`},
			[]string{`jobs.yaml:7: options of top_tracks: unknown key "time_range"; did you mean "time_ranges"?`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, overlapProblems(t, tt.jobs...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAnOverlapNamesAFewOfManyArtists lets two jobs list the same ten artists.
func TestAnOverlapNamesAFewOfManyArtists(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 10 {
		ids = append(ids, oneArtist[:21]+string(rune('a'+i)))
	}
	job := `: {resource: artist_albums, destinations: [lake], options: {artists: {ids: [` + strings.Join(ids, ", ") + `]}}}`
	want := []string{`jobs.yaml:7: jobs a and b would both write artist_albums in destination lake for artists ` +
		strings.Join(ids[:3], ", ") + ` and 7 more; give each its own artists, or merge them`}
	if diff := cmp.Diff(want, overlapProblems(t, "a"+job, "b"+job)); diff != "" {
		t.Error(diff)
	}
}
