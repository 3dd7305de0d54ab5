package extract

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lenient decodes JSON in which single values may be of an unexpected type. Such
// a value leaves its field as it is, and is counted. Integers take 204053.0 and
// 1.1e6 as well: Spotify sent these for weeks in 2024.
//
// It reflects on every value, and serves only the pages that strict decoding
// refused.
func lenient(count *int) json.Options {
	return json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, out any) error {
		v := reflect.ValueOf(out).Elem()
		base := baseOf(v)
		kind := d.PeekKind()
		switch {
		case kind == 'n' || kind == 0: // absent, or no JSON: the decoder knows what to do
			return errors.ErrUnsupported
		case base == reflect.TypeFor[time.Time]():
			return lenientTime(d, v, kind, count)
		case base.Kind() >= reflect.Int && base.Kind() <= reflect.Uint64 && kind == '0':
			return lenientInt(d, v, count)
		case fits(base, kind):
			return errors.ErrUnsupported
		}
		*count++
		return d.SkipValue()
	}))
}

// fits reports whether a JSON value can be of a type. A type that decodes itself
// decides by itself.
func fits(t reflect.Type, kind jsontext.Kind) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.UnmarshalerFrom]()) || t == reflect.TypeFor[jsontext.Value]() {
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return kind == '{'
	case reflect.Slice, reflect.Array:
		return kind == '['
	case reflect.String:
		return kind == '"'
	case reflect.Bool:
		return kind == 't' || kind == 'f'
	case reflect.Interface:
		return true
	default:
		return kind == '0'
	}
}

// lenientInt reads an integer in whichever form it is written.
func lenientInt(d *jsontext.Decoder, v reflect.Value, count *int) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	n, exact := integer(token.String())
	target := reflect.New(baseOf(v)).Elem()
	switch {
	case !exact, target.CanInt() && target.OverflowInt(n), target.CanUint() && (n < 0 || target.OverflowUint(uint64(n))):
		*count++
		return nil
	case target.CanInt():
		target.SetInt(n)
	default:
		target.SetUint(uint64(n))
	}
	set(v, target)
	return nil
}

// integer reads a whole number, and reports whether it is one.
func integer(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

// lenientTime reads an instant.
func lenientTime(d *jsontext.Decoder, v reflect.Value, kind jsontext.Kind, count *int) error {
	if kind != '"' {
		*count++
		return d.SkipValue()
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, token.String())
	if err != nil {
		*count++
		return nil
	}
	set(v, reflect.ValueOf(at))
	return nil
}

// baseOf is the type behind v's pointers.
func baseOf(v reflect.Value) reflect.Type {
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// set stores a value behind v's pointers, which it makes.
func set(v, value reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	v.Set(value)
}

// kindName names a kind of JSON value, for people.
func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case 't', 'f':
		return "a truth value"
	case '[':
		return "a list"
	default:
		return "no JSON object"
	}
}
