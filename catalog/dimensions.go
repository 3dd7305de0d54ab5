package catalog

import (
	"github.com/tracklake/tracklake/transform"
)

// The dimensions hold each track, album and artist once, merged from
// everything that any job has seen.

func tracksTable() transform.Table[track] {
	return transform.Table[track]{
		Name:    "tracks",
		Doc:     "Every track that any job has seen, once.",
		Key:     []string{"track_id"},
		Merge:   transform.Fill,
		Columns: trackColumns(func(t *track) *track { return t }),
	}
}

func albumsTable() transform.Table[album] {
	return transform.Table[album]{
		Name:  "albums",
		Doc:   "Every album that any job has seen, once.",
		Key:   []string{"album_id"},
		Merge: transform.Fill,
		Columns: append([]transform.Column[album]{
			transform.String("album_id", "Spotify ID of the album.", func(a *album) string { return a.ID }),
		}, albumColumns(func(a *album) *album { return a })...),
	}
}

func artistsTable() transform.Table[artist] {
	return transform.Table[artist]{
		Name:  "artists",
		Doc:   "Every artist that any job has seen, once.",
		Key:   []string{"artist_id"},
		Merge: transform.Fill,
		Columns: []transform.Column[artist]{
			transform.String("artist_id", "Spotify ID of the artist.", func(a *artist) string { return a.ID }),
			transform.OptString("artist_name", "Name of the artist.", func(a *artist) *string { return a.Name }),
		},
	}
}

// A credit is one artist of one track.
type credit struct {
	trackID  string
	artistID string
	position int32
}

func trackArtistsTable() transform.Table[credit] {
	return transform.Table[credit]{
		Name:  "track_artists",
		Doc:   "Which artists a track has: one row for each pair.",
		Key:   []string{"track_id", "artist_id"},
		Merge: transform.Fill,
		Columns: []transform.Column[credit]{
			transform.String("track_id", "Spotify ID of the track.", func(c *credit) string { return c.trackID }),
			transform.String("artist_id", "Spotify ID of the artist.", func(c *credit) string { return c.artistID }),
			transform.Int32("position", "Place of the artist in the track's credits, from 1.", func(c *credit) int32 { return c.position }),
		},
	}
}

// trackDimensions feeds the dimensions from items that are about one track.
func trackDimensions[T any](of func(*T) *track) []transform.Rows[T] {
	id := transform.By(func(i *T) string { return of(i).ID })
	return []transform.Rows[T]{
		transform.Once(tracksTable(), id, func(i *T, add func(*track)) { add(of(i)) }),
		transform.Distinct(albumsTable(), albumID, func(i *T, add func(*album)) { add(albumOf(of(i))) }),
		transform.Distinct(artistsTable(), artistID, func(i *T, add func(*artist)) {
			addArtists(of(i).Artists, add)
			addArtists(albumOf(of(i)).Artists, add)
		}),
		transform.Once(trackArtistsTable(), id, func(i *T, add func(*credit)) { addCredits(of(i), add) }),
	}
}

func addArtists(list []artist, add func(*artist)) {
	for i := range list {
		add(&list[i])
	}
}

// addCredits names every artist once, at the first place in the credits.
func addCredits(t *track, add func(*credit)) {
	for i, a := range t.Artists {
		if a.ID != "" && !credited(t.Artists[:i], a.ID) {
			add(&credit{trackID: t.ID, artistID: a.ID, position: int32(i + 1)})
		}
	}
}

func credited(list []artist, id string) bool {
	for _, a := range list {
		if a.ID == id {
			return true
		}
	}
	return false
}

func albumID(a *album) string { return a.ID }
