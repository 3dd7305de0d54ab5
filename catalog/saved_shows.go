package catalog

import (
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A savedShow is a row of the list of saved shows.
type savedShow struct {
	AddedAt time.Time `json:"added_at"`
	Show    *show     `json:"show"`
}

// A show is Spotify's simplified show object.
// https://developer.spotify.com/documentation/web-api/reference/get-a-show
type show struct {
	ID                 string   `json:"id"`
	Type               *string  `json:"type"`
	Name               *string  `json:"name"`
	Publisher          *string  `json:"publisher"`
	Description        *string  `json:"description"`
	MediaType          *string  `json:"media_type"`
	Languages          []string `json:"languages"`
	Explicit           *bool    `json:"explicit"`
	TotalEpisodes      *int32   `json:"total_episodes"`
	IsExternallyHosted *bool    `json:"is_externally_hosted"`
	URI                *string  `json:"uri"`
	Images             []image  `json:"images"`
}

// savedShows are the podcasts that the account follows. Every sync is full: a new episode
// changes a show and not the list.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-shows
func savedShows() spec[savedShow] {
	return spec[savedShow]{
		Name: "saved_shows",
		Doc:  "The podcasts in the account's library.",
		Noun: "show",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me/shows",
			Bucket: "me/shows",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-shows",
			Scope:  "user-library-read",
			Limit:  50,
		},
		Key: savedShowKey, Column: "show_id", Unique: true, Check: checkSavedShow,
		Table: transform.Table[savedShow]{
			Name:      "saved_shows",
			Doc:       "One row for each podcast that is or was saved in the account's library.",
			Key:       []string{"show_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"show_id"}, Name: "show_name"},
			Columns: []transform.Column[savedShow]{
				addedAt("show", func(s *savedShow) time.Time { return s.AddedAt }),
				transform.String("show_id", "Spotify ID of the show.", func(s *savedShow) string { return s.Show.ID }),
				transform.OptString("show_name", "Name of the show.", func(s *savedShow) *string { return s.Show.Name }),
				transform.OptString("publisher", "Publisher of the show; NULL for apps in development mode, which do not get it.", func(s *savedShow) *string { return s.Show.Publisher }),
				transform.OptString("description", "Description of the show.", func(s *savedShow) *string { return nonEmpty(s.Show.Description) }),
				transform.OptString("media_type", "audio, video or mixed.", func(s *savedShow) *string { return s.Show.MediaType }),
				languages(func(s *savedShow) []string { return s.Show.Languages }),
				transform.OptBool("explicit", "Whether the show is marked explicit.", func(s *savedShow) *bool { return s.Show.Explicit }),
				transform.OptInt32("total_episodes", "Number of episodes.", func(s *savedShow) *int32 { return s.Show.TotalEpisodes }),
				transform.OptBool("is_externally_hosted", "Whether the episodes lie outside Spotify.", func(s *savedShow) *bool { return s.Show.IsExternallyHosted }),
				transform.OptString("show_uri", "Spotify URI of the show.", func(s *savedShow) *string { return nonEmpty(s.Show.URI) }),
				transform.OptString("image_url", "Address of the show's picture, in its widest size.", func(s *savedShow) *string { return widest(s.Show.Images) }),
			},
		},
	}
}

// languages is the column of the languages of something spoken.
func languages[T any](get func(*T) []string) transform.Column[T] {
	return transform.Strings("languages", "Languages that are spoken, as ISO 639 codes.", get, func(s *string) string { return *s })
}

func savedShowKey(s *savedShow) listdiff.Key {
	if s.Show == nil {
		return savedKey("", s.AddedAt)
	}
	return savedKey(s.Show.ID, s.AddedAt)
}

func checkSavedShow(s *savedShow) (why string, rowless bool) {
	if s.Show == nil {
		return "the entry has no show", false
	}
	return checkObject("a show", s.Show.Type, s.Show.ID), false
}
