package parquet

import (
	"fmt"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// ReuseCompressors makes Arrow's Parquet writer compress with one shared zstd
// encoder. Its own codec makes a new encoder, several megabytes of tables, for
// every page of every column, which was a quarter of an export's processor
// time. Call it once, before any file is written: Arrow keeps its codecs in a
// table that all share.
func ReuseCompressors() error {
	own, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		return fmt.Errorf("find the zstd codec: %w", err)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return fmt.Errorf("make the zstd encoder: %w", err)
	}
	compress.RegisterCodec(compress.Codecs.Zstd, sharedZstd{Codec: own, encoder: encoder})
	return nil
}

// sharedZstd is Arrow's codec with an encoder that is kept.
type sharedZstd struct {
	compress.Codec
	encoder *zstd.Encoder
}

// Encode compresses src into dst, which may be reused.
func (s sharedZstd) Encode(dst, src []byte) []byte { return s.encoder.EncodeAll(src, dst[:0]) }

// EncodeLevel compresses at the one level that there is.
func (s sharedZstd) EncodeLevel(dst, src []byte, _ int) []byte { return s.Encode(dst, src) }
