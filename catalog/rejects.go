package catalog

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

// A reject is an item that could not be kept.
type reject struct {
	resource string
	list     *string
	id       string
	reason   string
	raw      string
}

// newReject gives the reject an identity that is the same whenever the same
// item is refused again, so that repeating a run changes nothing.
func newReject(resource, list string, r extract.Reject) *reject {
	sum := sha256.New()
	for _, s := range []string{resource, list, r.Reason} {
		sum.Write([]byte(s))
		sum.Write([]byte{0})
	}
	sum.Write(r.Raw)
	return &reject{
		resource: resource, list: nonEmpty(&list), reason: r.Reason, raw: string(r.Raw),
		id: hex.EncodeToString(sum.Sum(nil)[:16]),
	}
}

func rejectsTable() transform.Table[reject] {
	return transform.Table[reject]{
		Name:      "rejects",
		Doc:       "Items that could not be kept, each once, with the JSON that Spotify sent.",
		Key:       []string{transform.AccountID, "resource", "reject_id"},
		Partition: []string{transform.AccountID},
		Columns: []transform.Column[reject]{
			transform.String("resource", "Resource that the item belongs to.", func(r *reject) string { return r.resource }),
			transform.String("reject_id", "Hash of the item and the reason.", func(r *reject) string { return r.id }),
			transform.OptString("list", "Time range or artist of the list that the item stands in; NULL for a resource of one list.", func(r *reject) *string { return r.list }),
			transform.String("reason", "Why the item could not be kept.", func(r *reject) string { return r.reason }),
			transform.String("raw", "The item as Spotify sent it, JSON.", func(r *reject) string { return r.raw }),
		},
	}
}

// rejectRows is the rejects table as one that resources of any item fill; the
// feed appends to it itself.
func rejectRows[T any]() transform.Rows[T] {
	return transform.Each(rejectsTable(), func(*T, func(*reject)) {})
}
