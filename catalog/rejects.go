package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

// A reject is an item that could not be kept.
type reject struct {
	job      string
	resource string
	list     *string
	id       string
	reason   string
	raw      string
}

// newReject gives the reject an identity that is the same whenever the same
// item is refused again, so that repeating a run changes nothing.
func newReject(job, resource, list string, r extract.Reject) *reject {
	sum := sha256.New()
	for _, s := range []string{resource, list, r.Reason} {
		sum.Write([]byte(s))
		sum.Write([]byte{0})
	}
	sum.Write(r.Raw)
	return &reject{
		job: job, resource: resource, list: nonEmpty(&list), reason: r.Reason, raw: string(r.Raw),
		id: hex.EncodeToString(sum.Sum(nil)[:16]),
	}
}

// shortRaw stands for an item that could not be completed, of which there is a row.
func shortRaw(row string) []byte {
	text, _ := json.Marshal(map[string]string{"id": row}) // it always can be
	return text
}

func rejectsTable() transform.Table[reject] {
	return transform.Table[reject]{
		Name:  "rejects",
		Doc:   "Items that could not be kept, each once, with the JSON that Spotify sent.",
		Key:   []string{"job", "resource", "reject_id"},
		Split: 1,
		Columns: []transform.Column[reject]{
			transform.String("job", "Job that read the item.", func(r *reject) string { return r.job }),
			transform.String("resource", "Resource that the item belongs to.", func(r *reject) string { return r.resource }),
			transform.String("reject_id", "Hash of the item and the reason.", func(r *reject) string { return r.id }),
			transform.OptString("list", "Time range or artist of the list that the item stands in; NULL for a resource of one list.", func(r *reject) *string { return r.list }),
			transform.String("reason", "Why the item could not be kept.", func(r *reject) string { return r.reason }),
			transform.String("raw", "The item as Spotify sent it, JSON.", func(r *reject) string { return r.raw }),
		},
	}
}
