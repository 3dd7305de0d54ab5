package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
)

// entryKinds lists the faults that strike entries of a list by their position.
func entryKinds() []FaultKind {
	return []FaultKind{
		{"mistype", "the entries at the positions have a field of another type, each the next: duration_ms, name, artists, album, explicit, added_at or played_at; total_tracks, name, artists of albums; name, images of artists; name, owner, snapshot_id, items of playlists; duration_ms, name, show, explicit of episodes; name, total_episodes, explicit of shows; name, authors, total_chapters of audiobooks"},
		{"noid", "the entries at the positions come without an id: it is null"},
		{"nullitem", "the object in the entries at the positions is null: {\"added_at\":…,\"track\":null}, in playlists \"item\", or null in a list of bare objects"},
		{"nullrow", "the entries at the positions are null"},
		{"hole", "the entries at the positions are not delivered; total, offset and next stay"},
		{"emptypage", "no items on pages that hold one of the positions (count=-1: on all from position arg on); total and next stay"},
		{"kind", "the type of the entries at the positions says episode for a track, artist for an album, user for an artist or a playlist, track for an episode, audiobook for a show, show for an audiobook"},
	}
}

// changeEntries changes the items of a page that stand at a fault's positions.
func (a *reply) changeEntries(page []byte, f Fault) []byte {
	from, to, found := member(page, "items")
	entries := elements(page[from:to])
	if !found || len(entries) != len(a.at) {
		return page // not a page of the simulation, or raw JSON that is none
	}
	var kept [][]byte
	var at []int
	for i, entry := range entries {
		if f.holds(a.at[i]) {
			entry = f.changeEntry(entry, a.at[i]-f.Arg)
		}
		if entry != nil {
			kept, at = append(kept, entry), append(at, a.at[i])
		}
	}
	a.at = at
	items := append([]byte{'['}, bytes.Join(kept, []byte{','})...)
	return splice(page, from, to, append(items, ']'))
}

// changeEntry returns what is served in place of an entry, the n-th of those
// that a fault strikes; nil for nothing.
func (f Fault) changeEntry(entry []byte, n int) []byte {
	switch f.Kind {
	case "hole":
		return nil
	case "nullrow":
		return []byte("null")
	case "nullitem":
		return changeObject(entry, func([]byte) []byte { return []byte("null") })
	case "noid":
		return changeObject(entry, func(object []byte) []byte { return set(object, "id", "null") })
	case "kind":
		return changeObject(entry, func(object []byte) []byte { return set(object, "type", wrongType(object)) })
	case "mistype":
		return mistype(entry, n)
	}
	return entry
}

// wrappers are the fields in which an entry has the object that it is about.
func wrappers() []string { return []string{"item", "track", "album", "show", "episode"} }

// objectOf finds the object that an entry is about: the one in its wrapper, or
// the entry itself, which then has a type.
func objectOf(entry []byte) (object []byte, wrapped bool) {
	if _, _, typed := member(entry, "type"); typed {
		return entry, false
	}
	for _, name := range wrappers() {
		if from, to, found := member(entry, name); found {
			return entry[from:to], true
		}
	}
	return entry, false
}

// changeObject changes the object that an entry is about, in each of its
// wrappers.
func changeObject(entry []byte, change func([]byte) []byte) []byte {
	if _, wrapped := objectOf(entry); !wrapped {
		return change(entry)
	}
	for _, name := range wrappers() {
		if from, to, found := member(entry, name); found {
			entry = splice(entry, from, to, change(entry[from:to]))
		}
	}
	return entry
}

// typeOf reads what an object says that it is.
func typeOf(object []byte) string {
	var told struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(object, &told) != nil {
		return ""
	}
	return told.Type
}

func wrongType(object []byte) string {
	switch typeOf(object) {
	case "album":
		return `"artist"`
	case "artist", "playlist":
		return `"user"`
	case "episode":
		return `"track"`
	case "show":
		return `"audiobook"`
	case "audiobook":
		return `"show"`
	}
	return `"episode"`
}

// mistype gives one field of an entry a value of another type; n says which
// field. The ids of the entry and of its object stay.
func mistype(entry []byte, n int) []byte {
	object, wrapped := objectOf(entry)
	fields := mistypes(typeOf(object))
	if typeOf(object) != "" { // a track that is listed by its album does not have the album
		fields = slices.DeleteFunc(fields, func(f [2]string) bool {
			_, _, has := member(object, f[0])
			return !has
		})
	}
	date := "added_at"
	if _, _, played := member(entry, "played_at"); played {
		date = "played_at"
	}
	if wrapped {
		fields = append(fields, [2]string{date, `""`})
	}
	field := fields[n%len(fields)]
	if field[0] == date {
		return set(entry, field[0], field[1])
	}
	return changeObject(entry, func(object []byte) []byte { return set(object, field[0], field[1]) })
}

// mistypes lists fields of a kind of object, each with a value of another type.
func mistypes(kind string) [][2]string {
	const name, artists = "1984", `{"name":"Various Artists"}`
	switch kind {
	case "album":
		return [][2]string{{"total_tracks", `"many"`}, {"name", name}, {"artists", artists}}
	case "artist":
		return [][2]string{{"name", name}, {"images", `"none"`}}
	case "playlist":
		return [][2]string{{"name", name}, {"owner", `"me"`}, {"snapshot_id", `7`}, {"items", `"some"`}}
	case "show":
		return [][2]string{{"name", name}, {"total_episodes", `"many"`}, {"explicit", `"yes"`}}
	case "audiobook":
		return [][2]string{{"name", name}, {"authors", `"nobody"`}, {"total_chapters", `"many"`}}
	case "episode":
		return [][2]string{{"duration_ms", `"long"`}, {"name", name}, {"show", `"The Show"`}, {"explicit", `"yes"`}}
	}
	return [][2]string{
		{"duration_ms", `"long"`}, {"name", name}, {"artists", artists}, {"album", `"Greatest Hits"`}, {"explicit", `"yes"`},
	}
}
