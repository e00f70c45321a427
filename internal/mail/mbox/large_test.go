package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"maillab/internal/mail"
)

// TestLarge: a message that is read from somewhere lies in the file as one from memory does, wherever the buffer ends.
func TestLarge(t *testing.T) {
	for _, raw := range []string{
		"", "\n", "Subject: x", "Subject: x\r\n\r\nFrom me\r\n>From you",
		"Subject: x\n\n" + strings.Repeat("x", 3*rawBuffer) + "\nFrom me\n",
		"Subject: x\n\n" + strings.Repeat("x", rawBuffer-1) + "\r\n\r\r\nx\r",
		"Subject: x\n\n" + strings.Repeat("x", rawBuffer-3) + "\r\r\r\r\nx\ry",
		"Subject: x\n\n" + strings.Repeat(strings.Repeat("y", 70)+"\nFrom \n", rawBuffer/40),
		"Subject: x\n\n" + strings.Repeat("x", 2*rawBuffer-12), "Subject: x\n\n" + strings.Repeat("x", 2*rawBuffer-13) + "\r",
		strings.Repeat("x", rawBuffer), strings.Repeat("x", 2*rawBuffer), strings.Repeat("x", rawBuffer-1) + "\r",
		strings.Repeat("X: y\r\n", rawBuffer/3) + "\r\nFrom\r\n",
	} {
		var files [2]bytes.Buffer
		for i, d := range []mail.Delivery{{Body: []byte(raw)}, {Large: io.NewSectionReader(strings.NewReader(raw), 0, int64(len(raw)))}} {
			d.Flags, d.Keywords = mail.Seen, []string{"k"}
			w := bufio.NewWriter(&files[i])
			if err := errors.Join(compose(w, &d, time.UTC), w.Flush()); err != nil || d.Size() != int64(len(raw)) {
				t.Fatalf("%d octets, %v", d.Size(), err)
			}
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%d octets that begin with %.30q: another file", len(raw), raw)
		}
	}
}

// TestLargeFails: what cannot be read leaves nothing behind.
func TestLargeFails(t *testing.T) {
	s, dir := newSpool(t)
	three(t, s, dir)
	m := open(t, s, "u", "")
	broken := errors.New("broken")
	short := io.NewSectionReader(readerAt(func(p []byte, off int64) (int, error) {
		if off > 0 {
			return 0, broken
		}
		return copy(p, "Subject: x\n\n"), nil
	}), 0, 100)
	if uids, err := m.Append(t.Context(), []mail.Delivery{{Body: []byte("Subject: whole\n\nx\n")}, {Large: short}}); !errors.Is(err, broken) {
		t.Errorf("%v, %v", uids, err)
	}
	refresh(t, m)
	if n := len(m.Snapshot().Messages); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
	deliver(t, s, mail.Delivery{User: "u", Body: []byte("Subject: four\n\nx\n")})
}

type readerAt func(p []byte, off int64) (int, error)

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }
