package reconcile

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A List is what is remembered of a list between runs.
type List struct {
	// FullAt is when every page was last read.
	FullAt time.Time
	// Query is what the API was asked; the answers to another query are another
	// list.
	Query string
	// Pending are the rows whose removal is pending, in order, each as the key of
	// its entry, and Why they are.
	Pending []listdiff.Key
	Why     Reason
	// Refused are rows in the same way whose removal is proven, and was refused
	// because they are too many.
	Refused []listdiff.Key
	// Lost are entries that may be unreadable, of rows that other entries show.
	Lost []listdiff.Key
	// UnreadableAt is when the unreadable entries and the pending rows last became
	// others.
	UnreadableAt time.Time
	// RecheckedAt is when unreadable entries were last read again, and
	// RecheckedTo up to which position.
	RecheckedAt time.Time
	RecheckedTo int
	// Came: an entry that could not be identified has come since FullAt.
	Came bool
	// HolesAt is when the list was first read with as many holes as it has, and
	// since when no other row can have come to stand in one.
	HolesAt time.Time
	// Hidden counts the rows whose entries are there, and unreadable.
	Hidden int
	// EmptyAt is when the list was first read without an entry.
	EmptyAt time.Time
	// Keys is the list.
	Keys listdiff.Keys
}

// plainList is a List as JSON.
type plainList struct {
	FullAt       time.Time `json:"full_at"`
	Query        string    `json:"query,omitempty"`
	Pending      []string  `json:"pending,omitempty"`
	Why          Reason    `json:"why,omitempty"`
	Refused      []string  `json:"refused,omitempty"`
	Lost         []string  `json:"lost,omitempty"`
	UnreadableAt time.Time `json:"unreadable_at,omitzero"`
	RecheckedAt  time.Time `json:"rechecked_at,omitzero"`
	RecheckedTo  int       `json:"rechecked_to,omitempty"`
	Came         bool      `json:"came,omitempty"`
	HolesAt      time.Time `json:"holes_at,omitzero"`
	Hidden       int       `json:"hidden,omitempty"`
	EmptyAt      time.Time `json:"empty_at,omitzero"`
	Keys         string    `json:"keys"`
}

func (l *List) plain() plainList {
	return plainList{
		FullAt: l.FullAt, Query: l.Query, Pending: l.Pending, Why: l.Why, Refused: l.Refused, Lost: l.Lost, UnreadableAt: l.UnreadableAt,
		RecheckedAt: l.RecheckedAt, RecheckedTo: l.RecheckedTo, Came: l.Came, HolesAt: l.HolesAt, Hidden: l.Hidden, EmptyAt: l.EmptyAt,
	}
}

// UnmarshalJSON reads a list.
func (l *List) UnmarshalJSON(text []byte) error {
	var p plainList
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	*l = List{
		FullAt: p.FullAt, Query: p.Query, Pending: p.Pending, Why: p.Why, Refused: p.Refused, Lost: p.Lost, UnreadableAt: p.UnreadableAt,
		RecheckedAt: p.RecheckedAt, RecheckedTo: p.RecheckedTo, Came: p.Came, HolesAt: p.HolesAt, Hidden: p.Hidden, EmptyAt: p.EmptyAt,
		Keys: listdiff.ParseKeys(p.Keys),
	}
	return nil
}

// MarshalJSON writes the list with one copy of its keys, of which a large library
// has megabytes.
func (l *List) MarshalJSON() ([]byte, error) {
	p := l.plain()
	head, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	head = head[:len(head)-len(`"}`)]
	out := make([]byte, 0, len(head)+len(l.Keys.Lines)+l.Keys.Count+len(`"}`))
	out = append(out, head...)
	for i := 0; i < len(l.Keys.Lines); i++ {
		switch c := l.Keys.Lines[i]; {
		case c == '\n':
			out = append(out, '\\', 'n')
		case c < ' ', c == '"', c == '\\', c >= 0x7f: // no key of Spotify's
			p.Keys = l.Keys.Lines
			return json.Marshal(p)
		default:
			out = append(out, c)
		}
	}
	return append(out, `"}`...), nil
}

// Same reports whether two lists are the same, and as well known.
func (l *List) Same(o *List) bool {
	if l == nil || o == nil {
		return l == o
	}
	return l.Keys.Lines == o.Keys.Lines && slices.Equal(l.Pending, o.Pending) && slices.Equal(l.Refused, o.Refused) && slices.Equal(l.Lost, o.Lost) && l.Query == o.Query && l.Why == o.Why &&
		l.FullAt.Equal(o.FullAt) && l.UnreadableAt.Equal(o.UnreadableAt) && l.RecheckedAt.Equal(o.RecheckedAt) &&
		l.RecheckedTo == o.RecheckedTo && l.Hidden == o.Hidden && l.Came == o.Came && l.HolesAt.Equal(o.HolesAt) && l.EmptyAt.Equal(o.EmptyAt)
}

// Postpone makes the removal of rows pending until the list is read again.
func (l *List) Postpone(rows []string) {
	l.Pending, l.Why = append(slices.Clone(l.Pending), rows...), Unread
	slices.Sort(l.Pending)
}

// Refuse makes the removal of rows refused.
func (l *List) Refuse(rows []string) {
	l.Refused = append(slices.Clone(l.Refused), rows...)
	slices.Sort(l.Refused)
}

// Undecided reports whether a full sync can decide about the pending removals.
func (l *List) Undecided() bool {
	return l != nil && len(l.Pending) > 0 && (l.Why != Unreadable || !l.Keys.Damaged())
}

// RecheckDue reports whether unreadable entries are to be read again at a time:
// every night, and once a week when they have been the same for seven nights.
func (l *List) RecheckDue(at time.Time) bool {
	return l.Keys.Damaged() && (!Standing(l.UnreadableAt, at) || Standing(l.RecheckedAt, at))
}

// rowSet is the set of the rows of some keys.
func rowSet(keys []listdiff.Key) map[string]bool {
	out := map[string]bool{}
	for _, k := range keys {
		out[listdiff.Row(k)] = true
	}
	return out
}

// Standing reports whether something has been as it is for seven nights. A nightly
// run does not come to the minute.
func Standing(since, at time.Time) bool {
	return at.Sub(since) >= 7*24*time.Hour-4*time.Hour
}

// rows hands on the rows that the list can have, by their keys: the pending ones,
// then those of its entries, readable or not.
func (l *List) rows(yield func(row string, k listdiff.Key)) {
	if l == nil {
		return
	}
	for _, keys := range [][]listdiff.Key{l.Refused, l.Pending, l.Keys.All()} {
		for _, k := range keys {
			if row := listdiff.Row(k); row != "" {
				yield(row, k)
			}
		}
	}
}
