package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// findings collects what the lists of a run leave open, by name.
type findings struct{ byName map[string]finding }

// A finding is what one list leaves open.
type finding struct {
	reconcile.Open
	failure string // why it could not be read completely
	hint    string
	// permanent: it will not change, and no row is missing because of it.
	permanent bool
}

func (o *findings) set(name string, l finding) {
	if o.byName == nil {
		o.byName = map[string]finding{}
	}
	o.byName[name] = l
}

// list notes what a list leaves open.
func (o *findings) list(name string, open reconcile.Open) { o.set(name, finding{Open: open}) }

// moved notes a list that changed while it was read; what was open before still is.
func (o *findings) moved(name, reason string, before *reconcile.List) {
	l := o.byName[name]
	l.failure, l.hint = reason, "the rows that were read are kept, and none is removed; the next run tries again"
	if before != nil {
		l.Pending = before.Open(before.FullAt).Pending
	}
	o.set(name, l)
}

// failed notes a list that could not be read.
func (o *findings) failed(name, reason, hint string) {
	l := o.byName[name]
	l.failure, l.hint = reason, hint
	o.set(name, l)
}

// short notes a list of which some items could not be completed.
func (o *findings) short(name string, items int) {
	came := fmt.Sprintf("%d items came", items)
	if items == 1 {
		came = "1 item came"
	}
	o.failed(name, came+" cut short, and Spotify did not serve the rest; the table rejects says why",
		"the rows that came are kept, and none is removed; the next full sync requests the rest")
}

// denied notes a list that the API does not serve to the app. If that is new for a
// list that was read before, the run is incomplete.
func (o *findings) denied(name, why string, forGood bool, job string) {
	l := finding{failure: why, permanent: forGood, hint: "nothing to do: its rows stay, and the next run asks again"}
	if forGood {
		l.hint = "to see all such lists: exporter plan " + job
	}
	o.set(name, l)
}

// gap notes that entries may be missing, which nothing can change any more.
func (o *findings) gap(table, what, hint string) {
	o.set(table, finding{failure: what, hint: hint, permanent: true})
}

// weight orders findings: those that need the user first.
func (l finding) weight() int {
	switch {
	case l.Refused > 0:
		return 3
	case l.failure != "" && !l.permanent:
		return 2
	case l.Incomplete():
		return 1
	}
	return 0
}

// apply sets the counts, the status, the message and the hint of a run that has
// read its lists.
func (o *findings) apply(r *load.Run) {
	r.Pending, r.Unreadable = 0, 0
	var names []string
	refused, refusedRows := 0, 0
	for name, l := range o.byName {
		r.Pending += l.Pending
		r.Unreadable += l.Unreadable
		if l.failure != "" || l.String() != "" {
			names = append(names, name)
		}
		if l.weight() == 3 {
			refused, refusedRows = refused+1, refusedRows+l.Refused
		}
	}
	if len(names) == 0 {
		return
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(o.byName[b].weight()-o.byName[a].weight(), cmp.Compare(a, b))
	})
	first := o.byName[names[0]]
	r.Message = names[0] + ": " + cmp.Or(first.failure, first.String())
	r.Hint = cmp.Or(first.hint, "nothing to do: unreadable entries are read again every night, and rows stay until their removal is proven")
	switch {
	case first.permanent:
		r.Hint = first.hint
	case first.weight() == 0:
		r.Message, r.Hint = r.Message+", unchanged for seven nights", ""
	case first.weight() == 3:
		if refused > 1 {
			r.Message = fmt.Sprintf("refused to remove %d rows of %d lists (limit 20 %%); nothing was removed", refusedRows, refused)
		}
		r.Hint = "if you removed them yourself, accept it: exporter run " + r.Job + " --accept-removals"
	}
	switch more := len(names) - max(1, refused); {
	case more == 1:
		r.Message += "; and 1 more list"
	case more > 1:
		r.Message += fmt.Sprintf("; and %d more lists", more)
	}
	if first.weight() > 0 {
		r.Status = load.StatusIncomplete
	}
}
