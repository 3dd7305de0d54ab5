package transform

import (
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// A Field describes one column of a table without reference to the item type.
type Field struct {
	Name     string
	Doc      string
	Type     arrow.DataType
	Nullable bool
}

// SQLType is the name that PostgreSQL has for the field's type.
func (f Field) SQLType() string { return sqlType(f.Type) }

func sqlType(t arrow.DataType) string {
	switch t.ID() {
	case arrow.STRING:
		return "text"
	case arrow.INT32:
		return "integer"
	case arrow.INT64:
		return "bigint"
	case arrow.BOOL:
		return "boolean"
	case arrow.TIMESTAMP:
		return "timestamptz"
	case arrow.DATE32:
		return "date"
	case arrow.LIST:
		return sqlType(elementType(t)) + "[]"
	}
	return t.String()
}

// elementType is the type of a list's elements.
func elementType(list arrow.DataType) arrow.DataType { return list.(*arrow.ListType).Elem() }

// A Column is a field together with the way to read it from an item of type T.
type Column[T any] struct {
	Field
	bind binder[T]
}

// A binder is called once per builder; the function it returns runs per row,
// so that no reflection and no type switch is left in the row path.
type binder[T any] func(b array.Builder, n *Notes) func(*T)

// Notes counts what had to be changed on the way into a record.
type Notes struct {
	// Replaced is the number of texts in which NUL became U+FFFD, because
	// PostgreSQL cannot store NUL.
	Replaced int
}

// timestampType is an instant in UTC, kept to the microsecond.
func timestampType() arrow.DataType {
	return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
}

// String declares a text column that is never NULL.
func String[T any](name, doc string, get func(*T) string) Column[T] {
	return column(name, doc, arrow.BinaryTypes.String, false, func(b *array.StringBuilder, n *Notes) func(*T) {
		return func(item *T) { b.Append(n.clean(get(item))) }
	})
}

// OptString declares a text column that is NULL where get returns nil.
func OptString[T any](name, doc string, get func(*T) *string) Column[T] {
	return column(name, doc, arrow.BinaryTypes.String, true, func(b *array.StringBuilder, n *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); v != nil {
				b.Append(n.clean(*v))
			} else {
				b.AppendNull()
			}
		}
	})
}

// Strings declares a list-of-text column: the text of each element of the
// list that get returns. An empty list stays an empty list; nil is NULL.
func Strings[T, E any](name, doc string, get func(*T) []E, text func(*E) string) Column[T] {
	return column(name, doc, arrow.ListOf(arrow.BinaryTypes.String), true, func(b *array.ListBuilder, n *Notes) func(*T) {
		texts := b.ValueBuilder().(*array.StringBuilder)
		return func(item *T) {
			list := get(item)
			if list == nil {
				b.AppendNull()
				return
			}
			b.Append(true)
			for i := range list {
				texts.Append(n.clean(text(&list[i])))
			}
		}
	})
}

// Int32 declares a 32-bit integer column that is never NULL.
func Int32[T any](name, doc string, get func(*T) int32) Column[T] {
	return column(name, doc, arrow.PrimitiveTypes.Int32, false, func(b *array.Int32Builder, _ *Notes) func(*T) {
		return func(item *T) { b.Append(get(item)) }
	})
}

// OptInt32 declares a 32-bit integer column that is NULL where get returns nil.
func OptInt32[T any](name, doc string, get func(*T) *int32) Column[T] {
	return column(name, doc, arrow.PrimitiveTypes.Int32, true, func(b *array.Int32Builder, _ *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); v != nil {
				b.Append(*v)
			} else {
				b.AppendNull()
			}
		}
	})
}

// OptInt64 declares a 64-bit integer column that is NULL where get returns nil.
func OptInt64[T any](name, doc string, get func(*T) *int64) Column[T] {
	return column(name, doc, arrow.PrimitiveTypes.Int64, true, func(b *array.Int64Builder, _ *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); v != nil {
				b.Append(*v)
			} else {
				b.AppendNull()
			}
		}
	})
}

// OptBool declares a boolean column that is NULL where get returns nil.
func OptBool[T any](name, doc string, get func(*T) *bool) Column[T] {
	return column(name, doc, arrow.FixedWidthTypes.Boolean, true, func(b *array.BooleanBuilder, _ *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); v != nil {
				b.Append(*v)
			} else {
				b.AppendNull()
			}
		}
	})
}

// Time declares an instant, kept in UTC to the microsecond. The zero time is NULL.
func Time[T any](name, doc string, get func(*T) time.Time) Column[T] {
	return instant(name, doc, true, get)
}

// KeyTime declares an instant that is never NULL, for use in a key.
func KeyTime[T any](name, doc string, get func(*T) time.Time) Column[T] {
	return instant(name, doc, false, get)
}

func instant[T any](name, doc string, nullable bool, get func(*T) time.Time) Column[T] {
	return column(name, doc, timestampType(), nullable, func(b *array.TimestampBuilder, _ *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); nullable && v.IsZero() {
				b.AppendNull()
			} else {
				b.Append(arrow.Timestamp(v.UnixMicro()))
			}
		}
	})
}

// Date declares a calendar day that is NULL where get returns the zero time.
func Date[T any](name, doc string, get func(*T) time.Time) Column[T] {
	return date(name, doc, true, get)
}

// KeyDate declares a calendar day that is never NULL, for use in a key.
func KeyDate[T any](name, doc string, get func(*T) time.Time) Column[T] {
	return date(name, doc, false, get)
}

func date[T any](name, doc string, nullable bool, get func(*T) time.Time) Column[T] {
	return column(name, doc, arrow.FixedWidthTypes.Date32, nullable, func(b *array.Date32Builder, _ *Notes) func(*T) {
		return func(item *T) {
			if v := get(item); nullable && v.IsZero() {
				b.AppendNull()
			} else {
				b.Append(arrow.Date32FromTime(v))
			}
		}
	})
}

func column[T any, B array.Builder](name, doc string, dt arrow.DataType, nullable bool, bind func(B, *Notes) func(*T)) Column[T] {
	return Column[T]{
		Field: Field{Name: name, Doc: doc, Type: dt, Nullable: nullable},
		bind:  func(b array.Builder, n *Notes) func(*T) { return bind(b.(B), n) },
	}
}

// Of declares columns of a part of each item, which get returns, for tables that hold
// such parts.
func Of[T, P any](get func(*T) *P, columns []Column[P]) []Column[T] {
	out := make([]Column[T], len(columns))
	for i, c := range columns {
		out[i] = Column[T]{Field: c.Field, bind: func(b array.Builder, n *Notes) func(*T) {
			add := c.bind(b, n)
			return func(item *T) { add(get(item)) }
		}}
	}
	return out
}

// clean makes a text storable everywhere.
func (n *Notes) clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	n.Replaced++
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}
