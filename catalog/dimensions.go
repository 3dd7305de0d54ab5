package catalog

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/transform"
)

// Views lists the views over all tables: the dimensions, which hold each track,
// album and artist once, what follows from them, and the library of a day.
func Views() []transform.View {
	var out []transform.View
	for _, d := range []transform.Dimension{tracksView(), albumsView(), artistsView()} {
		out = append(out, d.View(Tables()))
	}
	return append(out, trackArtistsView(), libraryOn())
}

// trackArtistsView names every artist of a track once, at the first place in the
// credits.
func trackArtistsView() transform.View {
	return transform.View{
		Name: "track_artists", Doc: "Which artists a track has: one row for each pair.",
		Fields: []transform.Field{
			{Name: "track_id", Doc: "Spotify ID of the track.", Type: arrow.BinaryTypes.String},
			{Name: "artist_id", Doc: "Spotify ID of the artist.", Type: arrow.BinaryTypes.String},
			{Name: "position", Doc: "Place of the artist in the track's credits, from 1.", Type: arrow.PrimitiveTypes.Int32},
			transform.SeenLast(),
		},
		SQL: func(prefix string) string {
			return `SELECT track_id, artist_id, min(position)::integer AS position, last_seen_at
FROM (SELECT track_id, unnest(artist_ids) AS artist_id, generate_subscripts(artist_ids, 1) AS position, last_seen_at
      FROM ` + prefix + `tracks) AS credits
WHERE artist_id <> ''
GROUP BY track_id, artist_id, last_seen_at`
		},
	}
}

func tracksView() transform.Dimension {
	var out []transform.DimensionColumn
	for _, c := range ownTrackColumns() {
		out = append(out, transform.DimensionColumn{Name: c.Name, Doc: c.Doc})
	}
	// An album's own list has its tracks without ISRC, and may leave out the album: what
	// another table tells of them counts more.
	return transform.Dimension{
		Name: "tracks", Doc: "Every track that a table tells of, once, as it was seen last.", Columns: out,
		Telling: []string{"track_name", "isrc", "album_name"},
		Forms: []transform.Form{
			named(out),
			named(out, unsent()...),
			named(out, slices.Concat(unsent(), names(albumColumns((*albumTrack).ofAlbum)))...),
		},
	}
}

// albumsView has the columns of an album under the names that they have where
// everything is about the album.
func albumsView() transform.Dimension {
	out := []transform.DimensionColumn{{Name: "album_id", Doc: "Spotify ID of the album."}}
	short := map[string]string{
		"album_artist_ids": "artist_ids", "album_artist_names": "artist_names", "album_total_tracks": "total_tracks", "album_image_url": "image_url",
	}
	form := transform.Form{Columns: []string{"album_id"}}
	for _, c := range ownAlbumColumns() {
		form.Columns = append(form.Columns, c.Name)
		name := c.Name
		if short[name] != "" {
			name = short[name]
		}
		out = append(out, transform.DimensionColumn{Name: name, Doc: c.Doc})
	}
	return transform.Dimension{Name: "albums", Doc: "Every album that a table tells of, once, as it was seen last.", Columns: out, Telling: []string{"album_name"}, Forms: []transform.Form{form}}
}

func artistsView() transform.Dimension {
	out := []transform.DimensionColumn{
		{Name: "artist_id", Doc: "Spotify ID of the artist."},
		{Name: "artist_name", Doc: "Name of the artist."},
	}
	return transform.Dimension{
		Name: "artists", Doc: "Every artist that a table tells of, once, as it was seen last.", Columns: out,
		Telling: []string{"artist_name"},
		Forms: []transform.Form{
			named(out),
			{Columns: []string{"artist_ids", "artist_names"}, Lists: true},
			{Columns: []string{"album_artist_ids", "album_artist_names"}, Lists: true},
		},
	}
}

// named is the form of tables that have the dimension's columns by their names, but for
// some that they lack.
func named(columns []transform.DimensionColumn, without ...string) transform.Form {
	var f transform.Form
	for _, c := range columns {
		if slices.Contains(without, c.Name) {
			c.Name = ""
		}
		f.Columns = append(f.Columns, c.Name)
	}
	return f
}
