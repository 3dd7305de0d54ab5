package reconcile

import (
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A Ranking is what is remembered of a ranking between runs.
type Ranking struct {
	Day    string `json:"day"`    // of the stored ranking, 2006-01-02
	Places int    `json:"places"` // with a row
	Holes  int    `json:"holes,omitempty"`
	// Unreadable counts the places that could not be read, as many since
	// UnreadableAt.
	Unreadable   int       `json:"unreadable,omitempty"`
	UnreadableAt time.Time `json:"unreadable_at,omitzero"`
}

// A RankingVerdict is what follows from reading a ranking.
type RankingVerdict struct {
	// Replace: the reading replaces the day's ranking as a whole. Otherwise a
	// deeper one is stored, and stays.
	Replace    bool
	Unreadable int  // places
	Standing   bool // as many have been unreadable for seven nights
	After      *Ranking
}

// DecideRanking tells what a reading of a ranking is worth. A ranking of the same
// day stays when it has more places, or when the reading is not complete. Two
// readings are never mixed: a track can stand on different places in them.
func DecideRanking(before *Ranking, r listdiff.Reading, day string, at time.Time) RankingVerdict {
	next := &Ranking{Day: day, UnreadableAt: at}
	next.Places, next.Unreadable, next.Holes = r.Keys.Kinds()
	if before != nil && before.Unreadable == next.Unreadable {
		next.UnreadableAt = before.UnreadableAt
	}
	v := RankingVerdict{
		Replace: before == nil || before.Day != day || r.Complete && next.Places >= before.Places,
		After:   next, Unreadable: next.Unreadable, Standing: standing(next.UnreadableAt, at),
	}
	if !v.Replace {
		next.Places = before.Places
	}
	return v
}
