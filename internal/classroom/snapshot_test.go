package classroom

import (
	"context"
	"errors"
	"io"
	"testing"

	"maillab/internal/instance"
	"maillab/internal/snapshot"
)

// TestMatchEnds: however large an archive is, whoever has had enough of it need not wait, and nothing was touched.
func TestMatchEnds(t *testing.T) {
	store := snapshot.Store{Dir: t.TempDir()}
	draft, err := store.Begin("large")
	if err != nil {
		t.Fatal(err)
	}
	defer draft.Abort()
	if err := draft.Put(1, func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err }); err != nil {
		t.Fatal(err)
	}
	if err := draft.Commit(); err != nil {
		t.Fatal(err)
	}
	info, err := store.Find("large")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Match(ctx, store, info, []instance.Sandbox{{Seat: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	reads := 0
	endless := until{ctx: ctx, in: readerFunc(func(p []byte) (int, error) { reads++; return len(p), nil })}
	if _, err := io.Copy(io.Discard, endless); !errors.Is(err, context.Canceled) || reads != 0 {
		t.Errorf("%d reads, %v", reads, err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
