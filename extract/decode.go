package extract

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// Invalid UTF-8 and half surrogate pairs become U+FFFD: a misspelt name must not cost
// a row.
func decodeOptions() json.Options { return jsontext.AllowInvalidUTF8(true) }

// decodeOne reads a single object; a value of an unexpected type is left out.
func decodeOne(body []byte, out any) error {
	if err := json.Unmarshal(body, out, decodeOptions(), lenient(new(int))); err != nil {
		return decodeError(err)
	}
	return nil
}

// envelope is a page of items of some type. Pointers tell what is absent.
type envelope[E any] struct {
	Items   *[]E               `json:"items"`
	Total   *int               `json:"total"`
	Cursors map[string]*string `json:"cursors"`
}

// page checks that no essential field is absent: `{}` is not an empty library. The
// total is -1 where the API sends none.
func (e *envelope[E]) page(l *Endpoint) (total int, next string, err error) {
	if e.Items == nil {
		return 0, "", errors.New("there are no items")
	}
	if at := e.Cursors[l.Cursor]; at != nil {
		next = *at
	}
	if l.NoTotal {
		return -1, next, nil
	}
	total, err = checkTotal(e.Total)
	return total, next, err
}

// UnmarshalJSONFrom reads an item or null.
func (e *Entry[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		e.null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &e.Item)
}

// decodePage reads a page. Only its envelope is essential: an entry that cannot
// be read becomes a reject, and a value of an unexpected type is left out.
func decodePage[T any](body []byte, l *List[T], offset int) (*Page[T], error) {
	body, err := unwrap(body, l.Wrap)
	if err != nil {
		return nil, err
	}
	if l.Single {
		if body, err = listOfOne(body); err != nil {
			return nil, err
		}
	}
	var fast envelope[Entry[T]]
	if err = json.Unmarshal(body, &fast, decodeOptions()); err != nil {
		return decodeLeniently(body, l, offset)
	}
	total, next, err := fast.page(&l.Endpoint)
	if err != nil {
		return nil, err
	}
	page := &Page[T]{Offset: offset, Total: total, Entries: *fast.Items, next: next}
	for i := range page.Entries {
		e := &page.Entries[i]
		if e.null || l.refuses(&e.Item) {
			return decodeLeniently(body, l, offset)
		}
		e.Position, e.Key = offset+i, l.Key(&e.Item)
		if !listdiff.IsEntry(e.Key) {
			return decodeLeniently(body, l, offset)
		}
	}
	return page, nil
}

// refuses reports whether an item has no row.
func (l *List[T]) refuses(item *T) bool {
	if l.Check == nil {
		return false
	}
	why, _ := l.Check(item)
	return why != ""
}

// decodeLeniently reads a page entry by entry, keeping the text of each.
func decodeLeniently[T any](body []byte, l *List[T], offset int) (*Page[T], error) {
	var raw envelope[jsontext.Value]
	// A name that stands twice in an item costs that item, not the page.
	if err := json.Unmarshal(body, &raw, decodeOptions(), jsontext.AllowDuplicateNames(true), lenient(new(int))); err != nil {
		return nil, decodeError(err)
	}
	total, next, err := raw.page(&l.Endpoint)
	if err != nil {
		return nil, err
	}
	page := &Page[T]{Offset: offset, Total: total, Entries: make([]Entry[T], len(*raw.Items)), next: next}
	for i, text := range *raw.Items {
		page.FieldErrors += page.Entries[i].decode(text, l)
		page.Entries[i].Position = offset + i
	}
	return page, nil
}

// decode reads one entry from its text, and returns how many of its values are
// of an unexpected type.
func (e *Entry[T]) decode(text jsontext.Value, l *List[T]) int {
	fieldErrors := 0
	err := json.Unmarshal(text, &e.Item, decodeOptions(), lenient(&fieldErrors))
	why, rowless := "", false
	switch {
	case text.Kind() != '{':
		e.Item, why = *new(T), "the entry is "+kindName(text.Kind())
	case err != nil:
		why = decodeError(err).Error()
	case l.Check != nil:
		why, rowless = l.Check(&e.Item)
	}
	e.Key = l.Key(&e.Item)
	if why == "" && !listdiff.IsEntry(e.Key) {
		why = "the entry has no usable id"
	}
	if why == "" {
		return fieldErrors
	}
	e.Reject = &Reject{Reason: why, Raw: append([]byte(nil), text...)}
	if rowless {
		sum := sha256.Sum256(text)
		e.Key = listdiff.RowlessKey(base64.RawURLEncoding.EncodeToString(sum[:12]))
	} else {
		e.Key = listdiff.UnreadableKey(e.Key)
	}
	return 0
}

func checkTotal(total *int) (int, error) {
	switch {
	case total == nil:
		return 0, errors.New("there is no total")
	case *total < 0:
		return 0, errors.New("the total is negative")
	}
	return *total, nil
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

// listOfOne writes a single object as a page.
func listOfOne(body []byte) ([]byte, error) {
	var one jsontext.Value
	if err := json.Unmarshal(body, &one, decodeOptions(), jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, decodeError(err)
	}
	return slices.Concat([]byte(`{"total":1,"items":[`), one, []byte(`]}`)), nil
}

// decodeError says where a value does not fit, without quoting the answer.
func decodeError(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		return fmt.Errorf("%s is not of the documented type, but JSON %s", semantic.JSONPointer, semantic.JSONKind)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("invalid JSON at byte %d", syntactic.ByteOffset)
	}
	return errors.New("the JSON does not have the documented shape")
}
