package snapshot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// TestOf: archives are found by whose alone they are; one that is damaged is told, not left out.
func TestOf(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	d, err := s.Begin("first")
	if err != nil {
		t.Fatal(err)
	}
	for seat, students := range [][]string{{"alice", "bruno"}, {"alice"}, {"bruno"}} {
		if err := d.Put(seat, func(w io.Writer) error {
			_, err := Write(w, Manifest{Seat: seat, Students: students}, bytes.NewReader(stream(t, map[string]string{"inbox": ""})))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	own, err := s.Of("alice")
	if err != nil || len(own) != 1 || own[0].Seat != 1 || own[0].Snapshot != "first" {
		t.Fatalf("%+v, %v", own, err)
	}
	if err := os.WriteFile(own[0].Path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Of("bruno"); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
