package catalog

import (
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A savedEpisode is a row of the list of saved episodes.
type savedEpisode struct {
	AddedAt time.Time `json:"added_at"`
	Episode *episode  `json:"episode"`
}

// An episode is Spotify's episode object. One that is no longer available comes with
// hardly any field.
// https://developer.spotify.com/documentation/web-api/reference/get-an-episode
type episode struct {
	ID                   string   `json:"id"`
	Type                 *string  `json:"type"`
	Name                 *string  `json:"name"`
	Show                 show     `json:"show"`
	Description          *string  `json:"description"`
	ReleaseDate          *string  `json:"release_date"`
	ReleaseDatePrecision *string  `json:"release_date_precision"`
	DurationMS           *int32   `json:"duration_ms"`
	Explicit             *bool    `json:"explicit"`
	IsPlayable           *bool    `json:"is_playable"`
	IsExternallyHosted   *bool    `json:"is_externally_hosted"`
	Languages            []string `json:"languages"`
	ResumePoint          struct {
		FullyPlayed *bool  `json:"fully_played"`
		PositionMS  *int32 `json:"resume_position_ms"`
	} `json:"resume_point"`
	URI    *string `json:"uri"`
	Images []image `json:"images"`
}

// savedEpisodes are the episodes in the account's library. Every sync is full: listening
// to an episode changes it and not the list.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-episodes
func savedEpisodes() spec[savedEpisode] {
	return spec[savedEpisode]{
		Name: "saved_episodes",
		Doc:  "The podcast episodes in the account's library, and how far each was listened to.",
		Noun: "episode",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me/episodes",
			Bucket: "me/episodes",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-episodes",
			Scope:  "user-library-read user-read-playback-position",
			Limit:  50,
		},
		Key: savedEpisodeKey, Column: "episode_id", Unique: true, Check: checkSavedEpisode,
		Table: transform.Table[savedEpisode]{
			Name:      "saved_episodes",
			Doc:       "One row for each podcast episode that is or was saved in the account's library.",
			Key:       []string{"episode_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"episode_id"}, Name: "episode_name"},
			Columns: append([]transform.Column[savedEpisode]{
				addedAt("episode", func(s *savedEpisode) time.Time { return s.AddedAt }),
			}, episodeColumns()...),
		},
	}
}

// episodeColumns are the columns of an episode.
func episodeColumns() []transform.Column[savedEpisode] {
	return []transform.Column[savedEpisode]{
		transform.String("episode_id", "Spotify ID of the episode.", func(s *savedEpisode) string { return s.Episode.ID }),
		transform.OptString("episode_name", "Title of the episode.", func(s *savedEpisode) *string { return s.Episode.Name }),
		transform.OptString("show_id", "Spotify ID of the show that the episode belongs to.", func(s *savedEpisode) *string { return nonEmpty(&s.Episode.Show.ID) }),
		transform.OptString("show_name", "Name of that show.", func(s *savedEpisode) *string { return s.Episode.Show.Name }),
		transform.OptString("description", "Description of the episode.", func(s *savedEpisode) *string { return nonEmpty(s.Episode.Description) }),
		transform.OptString("release_date", "Release date of the episode as Spotify gives it: year, year and month, or day.", func(s *savedEpisode) *string { return s.Episode.ReleaseDate }),
		transform.OptString("release_date_precision", "How exact release_date is: year, month or day.", func(s *savedEpisode) *string { return s.Episode.ReleaseDatePrecision }),
		transform.Date("released_on", "First day of the period that release_date names; NULL when its year is 0000 or absent.", func(s *savedEpisode) time.Time { return firstDayOf(s.Episode.ReleaseDate) }),
		transform.OptInt32("duration_ms", "Length in milliseconds.", func(s *savedEpisode) *int32 { return s.Episode.DurationMS }),
		transform.OptBool("explicit", "Whether the episode is marked explicit.", func(s *savedEpisode) *bool { return s.Episode.Explicit }),
		transform.OptBool("is_playable", "Whether the account can play the episode in its country.", func(s *savedEpisode) *bool { return s.Episode.IsPlayable }),
		transform.OptBool("is_externally_hosted", "Whether the episode lies outside Spotify.", func(s *savedEpisode) *bool { return s.Episode.IsExternallyHosted }),
		languages(func(s *savedEpisode) []string { return s.Episode.Languages }),
		transform.OptBool("fully_played", "Whether the account has listened to the episode to its end.", func(s *savedEpisode) *bool { return s.Episode.ResumePoint.FullyPlayed }),
		transform.OptInt32("resume_position_ms", "Where the account stopped listening, in milliseconds from the start.", func(s *savedEpisode) *int32 { return s.Episode.ResumePoint.PositionMS }),
		transform.OptString("episode_uri", "Spotify URI of the episode.", func(s *savedEpisode) *string { return nonEmpty(s.Episode.URI) }),
		transform.OptString("image_url", "Address of the episode's picture, in its widest size.", func(s *savedEpisode) *string { return widest(s.Episode.Images) }),
	}
}

func savedEpisodeKey(s *savedEpisode) listdiff.Key {
	if s.Episode == nil {
		return savedKey("", s.AddedAt)
	}
	return savedKey(s.Episode.ID, s.AddedAt)
}

func checkSavedEpisode(s *savedEpisode) (why string, rowless bool) {
	if s.Episode == nil {
		return "the entry has no episode", false
	}
	return checkObject("an episode", s.Episode.Type, s.Episode.ID), false
}
