package extract

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Page is a part of a list as the API sent it.
type Page[T any] struct {
	Offset int
	Total  int // of the list, as this page says; -1 when it does not
	// Items are those that can be kept, in order.
	Items []T
	// Rejects are the others.
	Rejects []Reject
	// Restart says that the list moved and is read anew: what came before is void.
	Restart bool
	// Torn says that it took several answers, and that the list changed between
	// them.
	Torn bool

	skipped []Skip
	cursors cursors
	more    bool
}

// A Reject is an item that cannot be kept.
type Reject struct {
	Position int // in the list
	Reason   string
	Raw      []byte // JSON, as it was sent
}

// strings that are no valid UTF-8 or hold half a surrogate pair are mended
// with U+FFFD: a misspelt name must not cost a row.
func decodeOptions() json.Options { return jsontext.AllowInvalidUTF8(true) }

func decodeOne(body []byte, out any) error {
	if err := json.Unmarshal(body, out, decodeOptions()); err != nil {
		return decodeError(err)
	}
	return nil
}

// envelope is a page of items of some type. Pointers tell what is absent.
type envelope[E any] struct {
	Items   *[]E    `json:"items"`
	Total   *int    `json:"total"`
	Next    *string `json:"next"`
	Cursors cursors `json:"cursors"`
}

type cursors struct {
	After  *string `json:"after"`
	Before *string `json:"before"`
}

// entry is an item that may be null.
type entry[T any] struct {
	value T
	null  bool
}

// UnmarshalJSONFrom reads an item or null.
func (e *entry[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		e.null = true
		return d.SkipValue() //nolint:wrapcheck // the decoder adds the place
	}
	return json.UnmarshalDecode(d, &e.value) //nolint:wrapcheck // the decoder adds the place
}

// decodePage reads a page. An item that cannot be read or kept becomes a
// reject and never costs its neighbours.
func decodePage[T any](body []byte, l *List[T], offset int, needTotal bool) (*Page[T], error) {
	body, err := unwrap(body, l.Wrap)
	if err != nil {
		return nil, err
	}
	var fast envelope[entry[T]]
	if err := json.Unmarshal(body, &fast, decodeOptions()); err != nil {
		return decodeSlowly(body, l, offset, needTotal)
	}
	if err := present(fast.Items != nil, fast.Total, needTotal); err != nil {
		return nil, err
	}
	page := newPage[T](offset, fast.Total, fast.Next, fast.Cursors)
	page.Items = make([]T, 0, len(*fast.Items))
	for i := range *fast.Items {
		e := &(*fast.Items)[i]
		if e.null || l.Check != nil && l.Check(&e.value) != "" {
			return decodeSlowly(body, l, offset, needTotal)
		}
		page.Items = append(page.Items, e.value)
	}
	return page, nil
}

// decodeSlowly reads a page item by item, keeping the text of each.
func decodeSlowly[T any](body []byte, l *List[T], offset int, needTotal bool) (*Page[T], error) {
	var raw envelope[jsontext.Value]
	// A name that stands twice in an item costs that item, not the page.
	if err := json.Unmarshal(body, &raw, decodeOptions(), jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, decodeError(err)
	}
	if err := present(raw.Items != nil, raw.Total, needTotal); err != nil {
		return nil, err
	}
	page := newPage[T](offset, raw.Total, raw.Next, raw.Cursors)
	for i, text := range *raw.Items {
		var item T
		if reason := decodeItem(text, &item, l.Check); reason != "" {
			page.Rejects = append(page.Rejects, Reject{Position: offset + i, Reason: reason, Raw: append([]byte(nil), text...)})
			continue
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// decodeItem returns why an item cannot be kept, or nothing.
func decodeItem[T any](text jsontext.Value, item *T, check func(*T) string) string {
	if text.Kind() == 'n' {
		return "the item is null"
	}
	if err := json.Unmarshal(text, item, decodeOptions()); err != nil {
		return decodeError(err).Error()
	}
	if check != nil {
		return check(item)
	}
	return ""
}

func newPage[T any](offset int, total *int, next *string, c cursors) *Page[T] {
	page := &Page[T]{Offset: offset, Total: -1, cursors: c, more: next != nil}
	if total != nil {
		page.Total = *total
	}
	return page
}

// present refuses a page without items or total: `{}` is not an empty library.
func present(items bool, total *int, needTotal bool) error {
	switch {
	case !items:
		return errors.New("there are no items")
	case needTotal && total == nil:
		return errors.New("there is no total")
	case total != nil && *total < 0:
		return errors.New("the total is negative")
	}
	return nil
}

// unwrap returns the field that holds the page.
func unwrap(body []byte, field string) ([]byte, error) {
	if field == "" {
		return body, nil
	}
	var outer map[string]jsontext.Value
	if err := json.Unmarshal(body, &outer, decodeOptions()); err != nil {
		return nil, decodeError(err)
	}
	if outer[field] == nil {
		return nil, fmt.Errorf("there is no %s", field)
	}
	return outer[field], nil
}

// decodeError tells where a value does not fit, without quoting the answer.
func decodeError(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		return fmt.Errorf("%s does not hold the documented type but JSON %s", semantic.JSONPointer, semantic.JSONKind)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("no valid JSON at byte %d", syntactic.ByteOffset)
	}
	return errors.New("no JSON of the documented shape")
}
