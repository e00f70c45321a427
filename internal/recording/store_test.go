package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func opened(t *testing.T, cfg StoreConfig) *Store {
	t.Helper()
	s, err := OpenStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A recording is read as it came, also by the next run, and by nobody but whose it is.
func TestStore(t *testing.T) {
	cfg := StoreConfig{Dir: t.TempDir(), Now: clock()}
	s := opened(t, cfg)
	text := recorded(t, "a", strings.Repeat("long ", 20000), "b")
	if err := s.Take(t.Context(), "alice", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := s.Take(t.Context(), "bob", strings.NewReader("nothing\n")); err == nil {
		t.Error("anything is a recording")
	}
	for range 2 {
		all := s.List("alice")
		if len(all) != 1 || all[0].Title != "alice" || all[0].Octets != len(text) || len(s.List("")) != 1 || len(s.List("bob")) != 0 {
			t.Fatalf("%+v", s.List(""))
		}
		var out bytes.Buffer
		if err := s.Read("alice", all[0].ID, &out); err != nil || out.String() != text {
			t.Errorf("%v, %d octets of %d", err, out.Len(), len(text))
		}
		for _, of := range [][2]string{{"bob", all[0].ID}, {"alice", "x"}, {"", all[0].ID}} {
			if err := s.Read(of[0], of[1], io.Discard); !errors.Is(err, ErrNotFound) {
				t.Errorf("%q: %v", of, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = opened(t, cfg)
	}
	if err := s.Clear(); err != nil || len(s.List("")) != 0 {
		t.Error(err, s.List(""))
	}
}

// Of a recording that goes on, what came a moment ago can be read; its end is written when it breaks off.
func TestTornOff(t *testing.T) {
	s := opened(t, StoreConfig{Dir: t.TempDir()})
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Take(t.Context(), "alice", in) }()
	text := recorded(t, strings.Repeat("x", pieceSize))
	if _, err := io.WriteString(out, text); err != nil {
		t.Fatal(err)
	}
	for len(s.List("alice")) == 0 {
		time.Sleep(time.Millisecond)
	}
	_, _ = io.WriteString(out, `[1.000,"o","the end"]`+"\n"+`[1.0,"o","to`)
	_ = out.CloseWithError(errors.New("the line is lost"))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var read bytes.Buffer
	if err := s.Read("alice", s.List("alice")[0].ID, &read); err != nil || read.String() != text+`[1.000,"o","the end"]`+"\n"+`[1.0,"o","to` {
		t.Errorf("%v, ends with %q", err, read.String()[max(0, read.Len()-40):])
	}
}

// Who records without end pushes out his own, not another's.
func TestShares(t *testing.T) {
	s := opened(t, StoreConfig{Dir: t.TempDir(), MaxTotal: 1 << 20, Now: clock()})
	quiet := recorded(t, "quiet")
	if err := s.Take(t.Context(), "alice", strings.NewReader(quiet)); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if err := s.Take(context.Background(), "bob", strings.NewReader(recorded(t, strings.Repeat("y", 100<<10)))); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.List("alice")) != 1 || len(s.List("bob")) == 0 || len(s.List("bob")) > 10 {
		t.Errorf("alice has %d, bob %d", len(s.List("alice")), len(s.List("bob")))
	}
	endless := io.MultiReader(strings.NewReader(quiet), strings.NewReader(strings.Repeat(`[0.1,"o","`+strings.Repeat("z", 1000)+`"]`+"\n", 5000)))
	if err := s.Take(t.Context(), "bob", endless); !errors.Is(err, ErrFull) {
		t.Errorf("five megabytes: %v", err)
	}
}
