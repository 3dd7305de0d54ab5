package extract_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// BenchmarkDecode decodes one page of 50 saved tracks, beside encoding/json in
// the same run.
func BenchmarkDecode(b *testing.B) {
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		body := onePage(b, mode)
		b.Run(string(mode)+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := extract.DecodePage(body, savedTracks(), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(mode)+"/encoding-json", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var page struct {
					Items []row `json:"items"`
					Total int   `json:"total"`
				}
				if err := json.Unmarshal(body, &page); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// onePage fetches a page as the API sends it.
func onePage(b *testing.B, mode simulate.Mode) []byte {
	b.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.Mode = 50, mode
	sim, err := simulate.New(o)
	if err != nil {
		b.Fatal(err)
	}
	running, err := sim.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer running.Close()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, running.APIURL+"/me/tracks?limit=50", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+sim.AccessToken())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return body
}
