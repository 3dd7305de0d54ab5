package arrowfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// A kind is a type of column that a file can have.
type kind int8

const (
	text kind = iota
	number
	long
	boolean
	date
	timestamp
	texts
)

// A storage is what a kind is in Arrow and in Parquet.
type storage struct {
	arrow    arrow.DataType
	physical parquet.Type
	logical  schema.LogicalType
	width    int // bytes of a value; 0: it varies
}

// storages is by kind. A list is stored as its elements are.
var storages = [...]storage{
	text:      {arrow.BinaryTypes.String, parquet.Types.ByteArray, schema.StringLogicalType{}, 0},
	number:    {arrow.PrimitiveTypes.Int32, parquet.Types.Int32, schema.NewIntLogicalType(32, true), 4},
	long:      {arrow.PrimitiveTypes.Int64, parquet.Types.Int64, schema.NewIntLogicalType(64, true), 8},
	boolean:   {arrow.FixedWidthTypes.Boolean, parquet.Types.Boolean, schema.NoLogicalType{}, 1},
	date:      {arrow.FixedWidthTypes.Date32, parquet.Types.Int32, schema.DateLogicalType{}, 4},
	timestamp: {arrow.FixedWidthTypes.Timestamp_us, parquet.Types.Int64, schema.NewTimestampLogicalTypeForce(true, schema.TimeUnitMicros), 8},
	texts:     {arrow.ListOf(arrow.BinaryTypes.String), parquet.Types.ByteArray, schema.StringLogicalType{}, 0},
}

// kindOf tells how a column of an Arrow type is stored.
func kindOf(f arrow.Field) (kind, error) {
	if list, ok := f.Type.(*arrow.ListType); ok && list.Elem().ID() == arrow.STRING {
		return texts, nil
	}
	for k, s := range storages {
		if arrow.TypeEqual(s.arrow, f.Type) {
			return kind(k), nil
		}
	}
	return 0, fmt.Errorf("column %s: a file cannot hold the type %v", f.Name, f.Type)
}

// nodeOf makes a column's Parquet type. A list has the three levels of the
// standard, and its elements may be NULL, as in the files of other writers.
func nodeOf(f arrow.Field, k kind) (schema.Node, error) {
	repetition := parquet.Repetitions.Required
	if f.Nullable {
		repetition = parquet.Repetitions.Optional
	}
	s := storages[k]
	if k != texts {
		return schema.NewPrimitiveNodeLogical(f.Name, repetition, s.logical, s.physical, -1, -1)
	}
	element, err := schema.NewPrimitiveNodeLogical("element", parquet.Repetitions.Optional, s.logical, s.physical, -1, -1)
	if err != nil {
		return nil, err
	}
	return schema.ListOfWithName(f.Name, element, repetition, -1)
}

// fieldOf is the inverse of nodeOf. It also takes integers without a logical
// type and lists whose elements are never NULL.
func fieldOf(n schema.Node) (arrow.Field, kind, error) {
	f := arrow.Field{Name: n.Name(), Nullable: n.RepetitionType() == parquet.Repetitions.Optional}
	leaf, list := n, false
	if group, ok := n.(*schema.GroupNode); ok {
		leaf, list = elementOf(group), true
	}
	primitive, ok := leaf.(*schema.PrimitiveNode)
	for i, s := range storages {
		k := kind(i)
		if !ok || n.RepetitionType() == parquet.Repetitions.Repeated || list != (k == texts) || primitive.PhysicalType() != s.physical {
			continue
		}
		if s.logical.Equals(leaf.LogicalType()) || (k == number || k == long) && leaf.LogicalType().IsNone() {
			f.Type = s.arrow
			return f, k, nil
		}
	}
	return f, 0, fmt.Errorf("column %s: a type that is not read here", n.Name())
}

// elementOf returns the element of a standard list, or nil.
func elementOf(list *schema.GroupNode) schema.Node {
	if list.NumFields() != 1 || !(schema.ListLogicalType{}).Equals(list.LogicalType()) {
		return nil
	}
	middle, ok := list.Field(0).(*schema.GroupNode)
	if !ok || middle.NumFields() != 1 || middle.RepetitionType() != parquet.Repetitions.Repeated {
		return nil
	}
	return middle.Field(0)
}
