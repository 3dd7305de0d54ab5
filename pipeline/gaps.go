package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

const (
	// gapsTold is for how long a gap is told of.
	gapsTold = 30 * 24 * time.Hour
	// mostGaps is how many gaps the state keeps.
	mostGaps = 100
)

// Gaps says when entries may be missing of a list of which only the newest show.
type Gaps struct {
	// Total is how many gaps were noticed since the job first ran.
	Total int `json:"total"`
	// Recent are the gaps noticed in the last 30 days, the newest last.
	Recent []Gap `json:"recent,omitempty"`
	// Hint is what prevents further gaps.
	Hint string `json:"hint,omitempty"`
}

// A Gap is a stretch of time of which entries may be missing.
type Gap struct {
	// From is the time of the newest entry that was stored before, UTC.
	From time.Time `json:"from_at"`
	// To is the time of the oldest entry that Spotify still showed, UTC.
	To time.Time `json:"to_at"`
	// NoticedAt is when the run started that noticed it, UTC.
	NoticedAt time.Time `json:"noticed_at"`
	// Spanned is how many seconds there were between the oldest entry that Spotify showed
	// and the newest; absent where it showed fewer than it keeps.
	Spanned int64 `json:"spanned_seconds,omitempty"`
}

// rememberedGaps returns the gaps of a job's state that are told of at a time.
func rememberedGaps(state load.State, at time.Time) *Gaps {
	all := stateEntry[Gaps](state, gapsEntry)
	if all == nil {
		return &Gaps{}
	}
	out := &Gaps{Total: all.Total}
	for _, gap := range all.Recent[max(0, len(all.Recent)-mostGaps):] {
		if at.Sub(gap.NoticedAt) < gapsTold {
			out.Recent = append(out.Recent, gap)
		}
	}
	return out
}

// append remembers the newest entry of a list that shows only the newest, and when
// entries may be missing between those stored and those that came.
func (l *lists) append(r partReading) error {
	entries, unreadable, holes := r.reading.Keys.Kinds()
	l.findings.list(l.listName(r.part.Name), reconcile.Open{Entries: entries + unreadable + holes, Unreadable: unreadable})
	shown := timesOf(r.reading.Keys)
	if shown.newest > r.memory.mark {
		remember(l.state, markPrefix+r.part.Name, &shown.newest)
	}
	l.gaps = rememberedGaps(l.state.before, l.policy.at)
	if r.memory.mark == 0 || shown.newest == 0 || shown.oldest <= r.memory.mark || shown.open {
		return nil
	}
	gap := Gap{From: time.UnixMilli(r.memory.mark).UTC(), To: time.UnixMilli(shown.oldest).UTC(), NoticedAt: l.policy.at}
	if r.part.Max > 0 && r.reading.Keys.Count >= r.part.Max {
		gap.Spanned = (shown.newest - shown.oldest) / 1000
	}
	l.gaps.Total++
	l.gaps.Recent = append(l.gaps.Recent, gap)
	remember(l.state, gapsEntry, l.gaps)
	l.noteGap(gap)
	return l.sessions.write(l.feed.Gap(gap.From, gap.To))
}

// noteGap says that entries may be missing.
func (l *lists) noteGap(gap Gap) {
	noun, hint := l.job.Resource.Noun, l.gaps.advice(l.job, l.policy.at)
	l.log.Warn(noun+"s may be missing: more came than Spotify shows", "from", gap.From, "to", gap.To, "hint", hint)
	l.findings.gap(l.job.Resource.Gaps.Name, fmt.Sprintf("%ss may be missing from %s to %s", noun, gap.From.Format(time.DateTime), gap.To.Format(time.DateTime+" MST")), hint)
}

// shownTimes are the times of a list's entries, in Unix milliseconds; 0: none is known.
type shownTimes struct {
	oldest, newest int64
	// open: entries follow the oldest, of which the time is unknown.
	open bool
}

// timesOf reads the times of entries that come the newest first, as far as they are
// known.
func timesOf(keys listdiff.Keys) shownTimes {
	var out shownTimes
	for _, k := range keys.All() {
		at := listdiff.Rank(k)
		if out.open = at == 0; out.open {
			continue
		}
		out.newest = max(out.newest, at)
		if out.oldest == 0 || at < out.oldest {
			out.oldest = at
		}
	}
	return out
}

// A rhythm is a usual interval between two runs, and the schedule that has it.
type rhythm struct {
	every time.Duration
	line  string
}

// rhythms lists those to advise, the longest first.
func rhythms() []rhythm {
	var out []rhythm
	for _, hours := range []int{12, 8, 6, 4, 3, 2} {
		out = append(out, rhythm{time.Duration(hours) * time.Hour, fmt.Sprintf("0 */%d * * *", hours)})
	}
	out = append(out, rhythm{time.Hour, "0 * * * *"})
	for _, minutes := range []int{30, 20, 15, 10} {
		out = append(out, rhythm{time.Duration(minutes) * time.Minute, fmt.Sprintf("*/%d * * * *", minutes)})
	}
	return out
}

// advice says what prevents further gaps: the longest usual interval that is clearly
// shorter than the shortest time in which as many entries came as Spotify shows.
func (g *Gaps) advice(job *config.Job, at time.Time) string {
	spans := slices.DeleteFunc(slices.Clone(g.Recent), func(gap Gap) bool { return gap.Spanned == 0 })
	if len(spans) == 0 {
		return ""
	}
	shortest := slices.MinFunc(spans, func(a, b Gap) int { return int(a.Spanned - b.Spanned) }).Spanned
	span := time.Duration(shortest) * time.Second
	all := rhythms()
	best := all[len(all)-1]
	if i := slices.IndexFunc(all, func(r rhythm) bool { return r.every <= span*3/4 }); i >= 0 {
		best = all[i]
	}
	if job.Schedule != nil && job.Schedule.Longest(at) <= best.every {
		return fmt.Sprintf("the schedule of %s is frequent enough: gaps come only if the machine sleeps or runs fail", job.Name)
	}
	return fmt.Sprintf(`run %s more often, with schedule: "%s" in jobs.yaml or by cron; its newest %d %ss span %s`,
		job.Name, best.line, job.Resource.Endpoint.Limit, job.Resource.Noun, strings.TrimSuffix(max(span, time.Minute).Round(time.Minute).String(), "0s"))
}
