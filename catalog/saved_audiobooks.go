package catalog

import (
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// An audiobook is Spotify's simplified audiobook object. The list of saved ones says not
// when each was saved, and is null for those that the account's country does not have.
// https://developer.spotify.com/documentation/web-api/reference/get-an-audiobook
type audiobook struct {
	ID            string   `json:"id"`
	Type          *string  `json:"type"`
	Name          *string  `json:"name"`
	Authors       []person `json:"authors"`
	Narrators     []person `json:"narrators"`
	Publisher     *string  `json:"publisher"`
	Description   *string  `json:"description"`
	Edition       *string  `json:"edition"`
	MediaType     *string  `json:"media_type"`
	Languages     []string `json:"languages"`
	Explicit      *bool    `json:"explicit"`
	TotalChapters *int32   `json:"total_chapters"`
	URI           *string  `json:"uri"`
	Images        []image  `json:"images"`
}

// A person is an author or a narrator.
type person struct {
	Name string `json:"name"`
}

func personName(p *person) string { return p.Name }

// savedAudiobooks are the audiobooks in the account's library.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-audiobooks
func savedAudiobooks() spec[audiobook] {
	return spec[audiobook]{
		Name: "saved_audiobooks",
		Doc:  "The audiobooks in the account's library.",
		Noun: "audiobook",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me/audiobooks",
			Bucket: "me/audiobooks",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-audiobooks",
			Scope:  "user-library-read",
			Limit:  50,
		},
		Every:  Weekly,
		Key:    func(a *audiobook) listdiff.Key { return listdiff.NewKey(a.ID, 0) },
		Column: "audiobook_id", Unique: true, Check: checkAudiobook,
		Table: transform.Table[audiobook]{
			Name:      "saved_audiobooks",
			Doc:       "One row for each audiobook that is or was saved in the account's library.",
			Key:       []string{"audiobook_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"audiobook_id"}, Name: "audiobook_name"},
			Columns: []transform.Column[audiobook]{
				transform.String("audiobook_id", "Spotify ID of the audiobook.", func(a *audiobook) string { return a.ID }),
				transform.OptString("audiobook_name", "Title of the audiobook.", func(a *audiobook) *string { return a.Name }),
				transform.Strings("authors", "Names of the authors.", func(a *audiobook) []person { return a.Authors }, personName),
				transform.Strings("narrators", "Names of the narrators.", func(a *audiobook) []person { return a.Narrators }, personName),
				transform.OptString("publisher", "Publisher of the audiobook; NULL for apps in development mode, which do not get it.", func(a *audiobook) *string { return a.Publisher }),
				transform.OptString("edition", "Edition of the audiobook.", func(a *audiobook) *string { return nonEmpty(a.Edition) }),
				transform.OptString("description", "Description of the audiobook.", func(a *audiobook) *string { return nonEmpty(a.Description) }),
				transform.OptString("media_type", "Usually audio.", func(a *audiobook) *string { return a.MediaType }),
				languages(func(a *audiobook) []string { return a.Languages }),
				transform.OptBool("explicit", "Whether the audiobook is marked explicit.", func(a *audiobook) *bool { return a.Explicit }),
				transform.OptInt32("total_chapters", "Number of chapters.", func(a *audiobook) *int32 { return a.TotalChapters }),
				transform.OptString("audiobook_uri", "Spotify URI of the audiobook, which may be that of a show.", func(a *audiobook) *string { return nonEmpty(a.URI) }),
				transform.OptString("image_url", "Address of the audiobook's cover, in its widest size.", func(a *audiobook) *string { return widest(a.Images) }),
			},
		},
	}
}

func checkAudiobook(a *audiobook) (why string, rowless bool) {
	objectType := a.Type
	if objectType != nil && *objectType == "show" { // audiobooks have URIs of shows
		objectType = nil
	}
	return checkObject("an audiobook", objectType, a.ID), false
}
