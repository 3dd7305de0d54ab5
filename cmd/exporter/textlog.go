package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// textLog writes log lines for people. A hint that would need backslashes gets a line
// of its own, so that its command can be copied.
type textLog struct {
	slog.Handler
	app *app
	mu  *sync.Mutex
	to  io.Writer
}

func (a *app) textLog(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	return &textLog{slog.NewTextHandler(w, o), a, &sync.Mutex{}, w}
}

// Handle writes one line or two.
func (t *textLog) Handle(ctx context.Context, r slog.Record) error {
	hint := ""
	plain := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(attr slog.Attr) bool {
		if text := t.app.typedAttr(nil, attr).Value.String(); attr.Key == "hint" && strings.ContainsAny(text, `"\`) {
			hint = text
		} else {
			plain.AddAttrs(attr)
		}
		return true
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.Handler.Handle(ctx, plain); err != nil || hint == "" {
		return err
	}
	_, err := fmt.Fprintf(t.to, "  hint: %s\n", printable(hint))
	return err
}

// WithAttrs implements [slog.Handler].
func (t *textLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textLog{t.Handler.WithAttrs(attrs), t.app, t.mu, t.to}
}

// WithGroup implements [slog.Handler].
func (t *textLog) WithGroup(name string) slog.Handler {
	return &textLog{t.Handler.WithGroup(name), t.app, t.mu, t.to}
}
