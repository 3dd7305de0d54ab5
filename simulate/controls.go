package simulate

import (
	"encoding/json"
	"net/http"
	"strconv"
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
		{http.MethodPost, "/_sim/faults", "switches a fault on: `?fault=status:arg=503`", (*Server).addFault},
		{http.MethodDelete, "/_sim/faults", "switches all faults off", (*Server).removeFaults},
		{http.MethodGet, "/_sim/requests", "lists the requests so far, oldest first, as JSON", (*Server).listRequests},
		{http.MethodPost, "/_sim/library", "saves further tracks of the first user, `?save=3`, or removes the one at a position, `?remove=0`", (*Server).changeLibrary},
	}
}

func (s *Server) routeControls(mux *http.ServeMux) {
	for _, c := range Controls() {
		mux.HandleFunc(c.Method+" "+c.Path, func(w http.ResponseWriter, r *http.Request) { c.serve(s, w, r) })
	}
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	f, err := ParseFault(r.URL.Query().Get("fault"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Inject(f)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) removeFaults(w http.ResponseWriter, _ *http.Request) {
	s.ClearFaults()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) listRequests(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(s.Requests())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func (s *Server) changeLibrary(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if n, err := strconv.Atoi(q.Get("save")); err == nil && n > 0 {
		s.SaveTracks(n, s.options.Clock())
	}
	if n, err := strconv.Atoi(q.Get("remove")); err == nil {
		if _, total := s.library.page(0, 0); n < 0 || n >= total {
			http.Error(w, "there is no such position", http.StatusBadRequest)
			return
		}
		s.RemoveTrack(n)
	}
	w.WriteHeader(http.StatusNoContent)
}
