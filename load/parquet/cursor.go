package parquet

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
)

// A cursor walks rows that are in the order of their keys.
type cursor struct {
	pull  func() (arrow.Record, error) // the next block, which the cursor owns; io.EOF after the last
	close func() error

	block arrow.Record
	at    int
	done  bool
}

// here is the row that the cursor stands on; ok is false behind the last.
func (c *cursor) here() (row cell, ok bool, err error) {
	for !c.done && (c.block == nil || c.at == int(c.block.NumRows())) {
		c.block, err = c.pull()
		c.at = 0
		if errors.Is(err, io.EOF) {
			c.block, c.done, err = nil, true, nil
		}
		if err != nil {
			return cell{}, false, err
		}
	}
	return cell{c.block, c.at}, !c.done, nil
}

// next goes to the row after this one. The block that it leaves, if it does, is
// handed to the caller, who may still need its rows.
func (c *cursor) next() (left arrow.Record) {
	if c.at++; c.at < int(c.block.NumRows()) {
		return nil
	}
	left, c.block = c.block, nil
	return left
}

// end lets go of what the cursor holds.
func (c *cursor) end() error {
	if c.block != nil {
		c.block.Release()
	}
	c.block, c.done = nil, true
	return c.close()
}
