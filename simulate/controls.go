package simulate

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// routeControls serves the simulation's own controls, for programs in another
// process. The real service has nothing like them.
//
//	POST   /_sim/faults?fault=status:arg=503   switches a fault on
//	DELETE /_sim/faults                        switches all off
//	GET    /_sim/requests                      lists what was asked
//	POST   /_sim/library?save=3                saves three further tracks
//	POST   /_sim/library?remove=0              removes the newest track
func (s *Server) routeControls(mux *http.ServeMux) {
	mux.HandleFunc("POST /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		f, err := ParseFault(r.URL.Query().Get("fault"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Inject(f)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(s.Requests())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, http.StatusOK, body)
	})
	mux.HandleFunc("POST /_sim/library", s.changeLibrary)
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
