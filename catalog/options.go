package catalog

import (
	"fmt"
	"regexp"
)

// An Option declares one setting of a resource in jobs.yaml.
type Option struct {
	Name string
	Doc  string
	Kind OptionKind
	// Allowed are the values of a Words option; Default is used when it is
	// not given. A Chosen option allows the resources that name what it needs.
	Allowed []string
	Default []string
	// Least and Most bound a Number option; Number is its default.
	Least, Most, Number int
	// ID reads the id of a parent, as people write it; IDPattern is a regular expression
	// that matches what ID accepts, for RE2 and ECMAScript.
	ID        func(string) (string, error)
	IDPattern string
	// Splits is set for a Words or Chosen option that splits the rows of the
	// resource's table: every row belongs to one value, and the noun says what
	// a value is, like "time range". Two jobs may fill the same table when they
	// have no such value in common. No other option keeps two jobs apart.
	Splits string
}

// OptionKind is the shape of an option's value.
type OptionKind int

const (
	// Words is a list of some of the allowed words.
	Words OptionKind = iota
	// Number is a whole number.
	Number
	// Chosen says which parents to read: {from: [resources]}, those that the tables
	// of resources name, or {ids: [...]}, the ones listed.
	Chosen
)

// Values are the options of one job, checked and with defaults filled in.
type Values struct {
	Words   map[string][]string
	Numbers map[string]int
	Parents Choice
}

// A Choice says which parents a job reads: those that the tables of other
// resources name, or those listed. Exactly one of the two is set.
type Choice struct {
	From []string
	IDs  []string
}

// Listed returns the values that a Words or Chosen option names. It reports
// false when they are not known before the run, because the job takes them
// from tables.
func (v Values) Listed(o Option) (values []string, known bool) {
	switch o.Kind {
	case Words:
		return v.Words[o.Name], true
	case Chosen:
		return v.Parents.IDs, len(v.Parents.From) == 0
	case Number: // it names nothing
	}
	return nil, false
}

// Defaults returns the values of a job that sets no option.
func (r *Resource) Defaults() Values {
	v := Values{Words: map[string][]string{}, Numbers: map[string]int{}}
	for _, o := range r.Options {
		switch o.Kind {
		case Words:
			v.Words[o.Name] = o.Default
		case Number:
			v.Numbers[o.Name] = o.Number
		case Chosen:
			v.Parents = Choice{From: o.Default}
		}
	}
	return v
}

// Sources lists the resources whose tables name the parents of this one.
func (r *Resource) Sources() []string {
	var out []string
	for _, other := range All() {
		if r.Parents != nil && other.Naming(r.Parents.Noun) != nil {
			out = append(out, other.Name)
		}
	}
	return out
}

// Naming says where the table names things of a kind, or is nil.
func (r *Resource) Naming(noun string) *Naming {
	for i := range r.Names {
		if r.Names[i].Noun == noun {
			return &r.Names[i]
		}
	}
	return nil
}

// idPattern matches the ID of a thing as Spotify's apps hand it out: bare, as a URI, or
// as a link.
func idPattern(noun string) string {
	return `^(?:spotify:` + noun + `:|https://open\.spotify\.com/(?:intl-[a-z]+/)?` + noun + `/)?([0-9A-Za-z]{22})(?:\?.*)?$`
}

// idOf returns what reads the ID of a thing.
func idOf(noun string) func(string) (string, error) {
	return func(s string) (string, error) {
		m := regexp.MustCompile(idPattern(noun)).FindStringSubmatch(s)
		if m == nil {
			return "", fmt.Errorf("%q is no %[2]s ID; it has 22 letters and digits, as at the end of the %[2]s's link", s, noun)
		}
		return m[1], nil
	}
}
