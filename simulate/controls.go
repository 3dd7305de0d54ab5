package simulate

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// A Control is a request by which a program in another process steers the
// simulation. The real service has nothing like it.
type Control struct {
	Method, Path string
	Doc          string // what it does, and an example of its parameters

	serve handler
}

// Controls lists all there are. They are not counted among the requests, and no
// fault strikes them.
func Controls() []Control {
	return []Control{
		{http.MethodPost, "/_sim/faults", "switches a fault on: `?fault=status:arg=503`", addFault},
		{http.MethodDelete, "/_sim/faults", "switches all faults off", removeFaults},
		{http.MethodGet, "/_sim/requests", "lists the requests so far, oldest first, as JSON", listRequests},
		{http.MethodPost, "/_sim/library", "saves further tracks of the first user, `?save=3`, or removes the one at a position, `?remove=0`", steered(changeTracks)},
		{http.MethodPost, "/_sim/shelf", "saves further albums, shows, episodes or audiobooks of the first user, `?kind=album&save=3`, or removes the one at a position, `?kind=album&remove=0`", steered(changeShelf)},
		{http.MethodPost, "/_sim/playlists", "makes a playlist of the first user, `?create=NAME`; adds items to one, `?id=ID&add=3&kind=episode` (or `track`, `local`, `null`), removes or moves one, `?id=ID&remove=0`, `?id=ID&move=3:0`; or treats it, `?id=ID&do=delete`: `forbid` (403), `touch` (another snapshot without a change), `freeze` (changes leave the snapshot), `restore`", steered(changePlaylist)},
		{http.MethodPost, "/_sim/vanished", "takes an album, a show, an episode or an audiobook out of Spotify: `?id=ID`", steered(func(s *Server, q url.Values) error { s.Vanish(q.Get("id")); return nil })},
		{http.MethodDelete, "/_sim/vanished", "brings it back: `?id=ID`", steered(func(s *Server, q url.Values) error { s.Reappear(q.Get("id")); return nil })},
		{http.MethodPost, "/_sim/clock", "puts the clock forward, `?advance=24h`: plays and events happen, tokens end", steered(advanceClock)},
	}
}

func (s *Server) routeControls(mux *http.ServeMux) {
	for _, c := range Controls() {
		mux.HandleFunc(c.Method+" "+c.Path, func(w http.ResponseWriter, r *http.Request) { c.serve(s, w, r) })
	}
}

func addFault(s *Server, w http.ResponseWriter, r *http.Request) {
	f, err := ParseFault(r.URL.Query().Get("fault"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Inject(f)
	w.WriteHeader(http.StatusNoContent)
}

func removeFaults(s *Server, w http.ResponseWriter, _ *http.Request) {
	s.ClearFaults()
	w.WriteHeader(http.StatusNoContent)
}

func listRequests(s *Server, w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(s.Requests())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, body)
}
