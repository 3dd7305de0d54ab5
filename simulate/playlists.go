package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An ItemKind says what stands at a position of a playlist.
type ItemKind string

// The kinds of items.
const (
	TrackItem   ItemKind = "track"
	EpisodeItem ItemKind = "episode"
	LocalItem   ItemKind = "local" // a file of the user's
	NullItem    ItemKind = "null"  // something that is no longer there
)

// An entry is an item of a playlist. raw and hidden are as in saved.
type entry struct {
	kind   ItemKind
	ref    ref       // of a track
	number int       // of an episode or a local file
	added  time.Time // zero: null, as in very old playlists
	by     string    // user; empty: null
	raw    string
	hidden bool
}

func (e entry) readable() bool { return e.raw == "" && !e.hidden }

// A playlist is in the list of one account.
type playlist struct {
	id            string
	name          string
	owner         string
	collaborative bool
	public        bool
	changes       int  // that the snapshot tells of
	frozen        bool // the snapshot stays as it is
	entries       []entry
	forbidden     bool // nobody may read its items
	raw           string
	hidden        bool
}

// changed gives the playlist another snapshot, unless it is frozen.
func (p *playlist) changed() {
	if !p.frozen {
		p.changes++
	}
}

// snapshot changes whenever the items change, and never returns to what it was.
func (p *playlist) snapshot() string {
	sum := sha256.Sum256([]byte(p.id + strconv.Itoa(p.changes)))
	var b [24]byte
	binary.BigEndian.PutUint32(b[:], uint32(p.changes))
	copy(b[4:], sum[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// playlists are those of all accounts. They are safe for concurrent use.
type playlists struct {
	mu    sync.RWMutex
	lists [][]*playlist // by user, in the order of the API
	made  int           // playlists that were made since
}

// People who have playlists without having an account here.
const (
	friend    = "nils_simulated"
	stranger  = "stranger_simulated" // has no display name
	spotify   = "spotify"
	editorial = "37i9dQZF1" // begins the ids of Spotify's own playlists
)

func newPlaylists(w *world, o Options) *playlists {
	ps := &playlists{}
	for user := range o.Users {
		list := w.firstPlaylists(o, user)
		if o.Oddities {
			seed := o.Seed + uint64(user)
			list = slices.Insert(list, 3, w.editorialPlaylist(seed, o.Mode))
			nameless := &playlist{id: newID(source(seed, "nameless playlist")), owner: friend, public: true, entries: w.entries(seed, 7, 5)}
			list = append(list, nameless)
		}
		ps.lists = append(ps.lists, list)
	}
	return ps
}

// firstPlaylists are those that a user has at first.
func (w *world) firstPlaylists(o Options, user int) []*playlist {
	seed := o.Seed + uint64(user)
	list := []*playlist{
		{name: "Road Trip", owner: UserIDOf(user), public: true, entries: w.entries(seed, 0, 34)},
		{name: "Everything, Always", owner: UserIDOf(user), entries: w.entries(seed, 1, 260)},
		{name: "Odds & Ends", owner: UserIDOf(user), entries: w.mixedEntries(seed, 2)},
		{name: "New Playlist", owner: UserIDOf(user), public: true},
		{name: "Küche 🍝", owner: friend, collaborative: true, entries: w.entries(seed, 4, 45)},
		{name: "Sunday Vinyl", owner: friend, public: true, entries: w.entries(seed, 5, 60)},
		{name: "deep cuts", owner: stranger, public: true, entries: w.entries(seed, 6, 25)},
	}
	for i := range o.Playlists {
		list = append(list, &playlist{name: "Mixtape " + strconv.Itoa(i+1), owner: UserIDOf(user), entries: w.entries(seed, 8+i, 100)})
	}
	for i, p := range list {
		p.id = playlistID(seed, i)
		for n := range p.entries {
			p.entries[n].by = p.owner
		}
	}
	old := &list[2].entries[0]
	old.added, old.by = time.Time{}, ""
	large, shared := list[1], list[4]
	large.entries = append(large.entries, large.entries[10]) // one track twice
	for n := 1; n < len(shared.entries); n += 3 {
		shared.entries[n].by = UserIDOf(user)
	}
	return list
}

// editorialPlaylist is one of Spotify's own, which development apps see as null.
func (w *world) editorialPlaylist(seed uint64, mode Mode) *playlist {
	p := &playlist{name: "Mint", owner: spotify, public: true, entries: w.entries(seed, 7, 50)}
	p.id = editorial + playlistID(seed, 7)[len(editorial):]
	if mode == Development {
		p.raw = "null"
	}
	return p
}

// playlistID is the id of the n-th playlist that an account has at first.
func playlistID(seed uint64, n int) string { return newID(source(seed, "playlist", n)) }

// entries fills the n-th playlist of an account with tracks that were added one
// after the other.
func (w *world) entries(seed uint64, n, size int) []entry {
	r := source(seed, "entries", n)
	tracks := w.favourites(seed, "playlist"+strconv.Itoa(n), size)
	at := epoch().Add(-time.Duration(40+r.IntN(2000)) * 24 * time.Hour)
	out := make([]entry, 0, size)
	for i := range size {
		at = at.Add(time.Duration(1+r.IntN(int(30*24*time.Hour/time.Second)/size)) * time.Second)
		out = append(out, entry{kind: TrackItem, ref: tracks[i%len(tracks)], added: at})
	}
	return out
}

// mixedEntries has one of everything that can stand in a playlist.
func (w *world) mixedEntries(seed uint64, n int) []entry {
	out := w.entries(seed, n, 20)
	for position, kind := range map[int]ItemKind{2: EpisodeItem, 3: LocalItem, 7: NullItem, 8: EpisodeItem, 12: LocalItem, 15: EpisodeItem, 19: NullItem} {
		out[position].kind, out[position].number = kind, position
	}
	return out
}

// A localFile is a file of the user's, of which the API knows what stands in it.
type localFile struct {
	artist, album, title string
	seconds              int
}

func (w *world) localFile(n int) localFile {
	r := source(w.seed, "local", n)
	return localFile{artist: "Me & " + pick(r, nouns()), album: "Home Tapes", title: "Demo " + strconv.Itoa(n), seconds: 30 + r.IntN(300)}
}

func (f localFile) uri() string {
	escape := func(s string) string { return strings.NewReplacer(" ", "+", "&", "%26").Replace(s) }
	return "spotify:local:" + escape(f.artist) + ":" + escape(f.album) + ":" + escape(f.title) + ":" + strconv.Itoa(f.seconds)
}

// find returns the playlist of an id and the user in whose list it is; nil for
// none. The caller holds the lock.
func (ps *playlists) find(id string) (*playlist, int) {
	for user, list := range ps.lists {
		for _, p := range list {
			if p.id == id {
				return p, user
			}
		}
	}
	return nil, nobody
}

// page returns a part of a user's playlists and how many there are; those that
// are collaborative only where they are granted.
func (ps *playlists) page(user, offset, limit int, collaborative bool) ([]playlist, int) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	var all []playlist
	for _, p := range ps.lists[user] {
		if collaborative || !p.collaborative {
			all = append(all, *p)
		}
	}
	return cut(all, offset, limit), len(all)
}

// one returns a playlist as it is now, and the user in whose list it is.
func (ps *playlists) one(id string) (p playlist, user int, found bool) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	is, user := ps.find(id)
	if is == nil {
		return playlist{}, nobody, false
	}
	p = *is
	p.entries = slices.Clone(p.entries)
	return p, user, true
}
