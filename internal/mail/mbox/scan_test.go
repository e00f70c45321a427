package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

// serve scans a file and serves each message from it, as sessions get it.
func serve(t testing.TB, text string, buffer int) (messages []string, recs []record) {
	t.Helper()
	s := newScanner(strings.NewReader(text), 0, int64(len(text)), time.UTC)
	for {
		r, err := s.next()
		if err == io.EOF {
			return messages, recs
		}
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, r)
		c := &Content{size: r.size, header: r.header}
		c.raw = newLines(strings.NewReader(text), r.head, r.end, make([]byte, buffer))
		var all []byte
		for int64(len(all)) < c.size {
			c.at, c.window = int64(len(all)), nil
			if err := c.produce(1000, 0); err != nil {
				t.Fatal(err)
			}
			all = append(all, c.window...)
		}
		messages = append(messages, string(all))
	}
}

func TestScan(t *testing.T) {
	const from = "From a@x  Sat Nov 21 20:25:30 2026\n"
	tests := []struct {
		name, file string
		want       []string
	}{
		{"empty file", "", nil},
		{"empty lines only", "\n\n\n", nil},
		{"one", from + "A: b\n\nbody\n\n", []string{"A: b\r\n\r\nbody\r\n"}},
		{"empty lines before", "\n\n" + from + "A: b\n\nbody\n\n", []string{"A: b\r\n\r\nbody\r\n"}},
		{"no empty line at the end", from + "A: b\n\nbody\n", []string{"A: b\r\n\r\nbody\r\n"}},
		{"no line end at the end", from + "A: b\n\nbody", []string{"A: b\r\n\r\nbody\r\n"}},
		{"empty lines at the end of a body", from + "A: b\n\nbody\n\n\n\n" + from + "C: d\n\n\n",
			[]string{"A: b\r\n\r\nbody\r\n\r\n\r\n", "C: d\r\n\r\n"}},
		{"header only, one empty line", from + "A: b\n\n" + from + "C: d\n\n", []string{"A: b\r\n\r\n", "C: d\r\n\r\n"}},
		{"header only, none", from + "A: b\n", []string{"A: b\r\n\r\n"}},
		{"nothing behind From_", from, []string{"\r\n"}},
		{"no From_", "A: b\n\nbody\n\n" + from + "C: d\n\nx\n", []string{"A: b\r\n\r\nbody\r\n", "C: d\r\n\r\nx\r\n"}},
		{"quoted", from + "A: b\n\n>From me\n>>From you\n>from us\n\n", []string{"A: b\r\n\r\nFrom me\r\n>From you\r\n>from us\r\n"}},
		{"From_ without a date is text", from + "A: b\n\nx\n\nFrom me to you\ny\n\n", []string{"A: b\r\n\r\nx\r\n\r\nFrom me to you\r\ny\r\n"}},
		{"From_ without an empty line is text", from + "A: b\n\nx\n" + from + "y\n\n",
			[]string{"A: b\r\n\r\nx\r\nFrom a@x  Sat Nov 21 20:25:30 2026\r\ny\r\n"}},
		{"CRLF", strings.ReplaceAll(from+"A: b\n\nbody\n\n"+from+"C: d\n\nx\n\n", "\n", "\r\n"),
			[]string{"A: b\r\n\r\nbody\r\n", "C: d\r\n\r\nx\r\n"}},
		{"lone CR stays", from + "A: b\n\nx\ry\n\n", []string{"A: b\r\n\r\nx\ry\r\n"}},
		{"readers' notes are hidden", from + "X-IMAPbase: 1 2\nA: b\nstatus: RO\nX-UID : 3\nX-Keywords: k\n\tl\nContent-Length: 9\n folded: y\nC: d\n\nStatus: body\n\n",
			[]string{"A: b\r\nC: d\r\n\r\nStatus: body\r\n"}},
		{"NUL and 8 bit stay", from + "A: \x00\xff\n\n\x00\xfe\n\n", []string{"A: \x00\xff\r\n\r\n\x00\xfe\r\n"}},
		{"long line", from + "A: b\n\n" + strings.Repeat("0123456789", 50000) + "\n\n",
			[]string{"A: b\r\n\r\n" + strings.Repeat("0123456789", 50000) + "\r\n"}},
	}
	for _, test := range tests {
		got, recs := serve(t, test.file, 4096)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
		for i, r := range recs {
			head, _, _ := strings.Cut(got[i], "\r\n\r\n")
			if want := int64(len(head) + 4); got[i] != "\r\n" && r.header != want {
				t.Errorf("%s: header of message %d has %d octets, want %d", test.name, i, r.header, want)
			}
		}
	}
}

// TestDigestIgnores what mailutils was seen to change when it saves a mailbox.
func TestDigestIgnores(t *testing.T) {
	variants := []string{
		"From a@x  Sat Nov 21 20:25:30 2026\nA: b\n\nFrom me\nbody\n\n",
		"From a@x Sat Nov 21 20:25:30 2026\nA: b\nStatus: OR\nX-UID: 1\n\nFrom me\nbody\n",
		"From c@y  Sun Nov 22 20:25 2026\nX-IMAPbase:           1795295458                    3\nA: b\n\n>From me\nbody\n\n\n\n",
		"From a@x  Sat Nov 21 20:25:30 2026\r\nContent-Length: 4\r\nA: b\r\n\r\nFrom me\r\nbody\r\n\r\n",
	}
	_, want := serve(t, variants[0], 4096)
	for i, v := range variants {
		if _, got := serve(t, v, 4096); len(got) != 1 || got[0].digest != want[0].digest {
			t.Errorf("variant %d has another digest", i)
		}
	}
	if _, got := serve(t, strings.Replace(variants[0], "body", "b0dy", 1), 4096); got[0].digest == want[0].digest {
		t.Error("another body has the same digest")
	}
}

func TestParseFrom(t *testing.T) {
	at := time.Date(2026, 11, 21, 20, 25, 30, 0, time.UTC)
	for line, want := range map[string]time.Time{
		"From a@x  Sat Nov 21 20:25:30 2026":         at,
		"From a@x Sat Nov 21 20:25:30 2026":          at,
		"From MAILER-DAEMON  Sat Nov 21 20:25 2026":  at.Truncate(time.Minute),
		"From a@x Sat Nov 21 20:25:30 CET 2026":      at,
		"From a@x Sat Nov 21 20:25:30 2026 +0100":    at,
		"From \"a b\"@x  Sat Nov 21 20:25:30 2026":   at,
		"From  Sat Nov 21 20:25:30 2026":             at,
		"From a@x  Sun Feb  1 00:00:00 2026":         time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		"From here to there":                         {},
		"From the meeting at 20:25 in 2026 we learn": {},
		"From a@x  Sat Nov 41 20:25:30 2026":         {},
		"From ":                                      {},
		"From":                                       {},
		" From a@x  Sat Nov 21 20:25:30 2026":        {},
	} {
		got, ok := parseFrom([]byte(line), time.UTC)
		if !got.Equal(want) || ok == want.IsZero() {
			t.Errorf("%q: %v, %v, want %v", line, got, ok, want)
		}
	}
}

// FuzzScan takes any file apart: nothing is lost between messages, sizes are what is served, whatever the buffer.
func FuzzScan(f *testing.F) {
	f.Add("From a@x  Sat Nov 21 20:25:30 2026\nA: b\nStatus: RO\n\n>From me\n\nFrom x Sat Nov 21 20:25:30 2026\n\n\r\n")
	f.Add("junk\r\n\r\n\nFrom a@x  Sat Nov 21 20:25:30 2026")
	f.Add(strings.Repeat("x", 5000) + "\r\r\n" + strings.Repeat(">", 1200) + "From ")
	f.Fuzz(func(t *testing.T, file string) {
		big, recs := serve(t, file, 64<<10)
		small, _ := serve(t, file, 4096)
		if diff := cmp.Diff(big, small); diff != "" {
			t.Fatalf("another buffer, other bytes:\n%s", diff)
		}
		end := int64(0)
		for i, r := range recs {
			gap := file[end:r.start]
			if strings.Trim(gap, "\r\n") != "" || r.head < r.start || r.end < r.head || int64(len(big[i])) != r.size {
				t.Fatalf("message %d: %+v after %d, serves %d octets", i, r, end, len(big[i]))
			}
			if r.header > r.size || !strings.HasSuffix(big[i][:r.header], "\r\n") {
				t.Fatalf("message %d: header of %d in %q", i, r.header, big[i])
			}
			end = r.end
		}
		if strings.Trim(file[end:], "\r\n") != "" {
			t.Fatalf("lost %q", file[end:])
		}
	})
}

// FuzzCompose writes any two messages and reads them back.
func FuzzCompose(f *testing.F) {
	f.Add("a@x", []byte("A: b\n\nFrom me\n>From you\n"))
	f.Add("x\ny", []byte("From a@x  Sat Nov 21 20:25:30 2026\n\n\nbody\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sender string, raw []byte) {
		now := time.Date(2026, 11, 21, 20, 25, 30, 0, time.UTC)
		d := &mail.Delivery{Sender: sender, At: now, Body: raw, Flags: mail.Seen, Keywords: []string{"k"}}
		var file bytes.Buffer
		w := bufio.NewWriter(&file)
		large := *d
		large.Body, large.Large = nil, io.NewSectionReader(bytes.NewReader(raw), 0, int64(len(raw)))
		if err := errors.Join(compose(w, d, time.UTC), w.Flush()); err != nil {
			t.Fatal(err)
		}
		half := file.Len()
		if err := errors.Join(compose(w, &large, time.UTC), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if one, other := file.Bytes()[:half], file.Bytes()[half:]; !bytes.Equal(one, other) {
			t.Fatalf("%q from memory, %q from a reader", one, other)
		}
		if len(fromLine(sender, now)) > 1000 {
			return // such a From_ line is not one: SMTP's limit of 254 octets is far away
		}
		got, recs := serve(t, file.String(), 64<<10)
		if len(got) != 2 || got[0] != got[1] {
			t.Fatalf("%d messages from\n%q", len(got), file.String())
		}
		if recs[0].mark&(mail.Seen|mail.Flagged) != mail.Seen && !bytes.Contains(bytes.ToLower(raw), []byte("status")) {
			t.Fatalf("flags %v", recs[0].mark)
		}
		if want := plain(raw); want != "" && got[0] != want {
			t.Fatalf("%q became %q in %q", want, got[0], file.String())
		}
	})
}

// plain is the simplest opinion on how a message is served, for those without hidden headers and odd CRs.
func plain(raw []byte) string {
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	lower := strings.ToLower(text)
	if strings.Contains(text, "\r") || strings.Contains(lower, "status") || strings.Contains(lower, "x-") ||
		strings.Contains(lower, "content-length") {
		return ""
	}
	header, body, found := strings.Cut("\n"+text, "\n\n")
	if !found {
		header = strings.TrimSuffix(header, "\n")
	}
	if body != "" && !strings.HasSuffix(body, "\n") {
		body += "\n"
	}
	text = strings.TrimPrefix(header, "\n") + "\n\n" + body
	if header == "" {
		text = "\n" + body
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// FuzzIndex reads any index: it may be refused, never misread or panicked on, and a good one comes back as it was.
func FuzzIndex(f *testing.F) {
	p := picture{validity: 7, next: 3, modseq: 9, known: stamp{1, 500, 3}, sure: true, msgs: []message{{
		Message: mail.Message{UID: 2, Flags: mail.Seen | old, Keywords: []string{"k"}, Size: 100, HeaderSize: 50, Date: time.Unix(1e9, 0).UTC(), ModSeq: 9},
		start:   10, head: 40, end: 200, mark: mail.Seen, expunged: true,
	}}}
	f.Add(p.encodeIndex())
	log := append(p.encodeIndex(), frame(appendGone(p.appendState(nil), []mail.Vanished{{UID: 1, ModSeq: 9}}))...)
	f.Add(log)
	f.Add(log[:len(log)-3])
	f.Add(log[len(indexMagic)+8:])
	f.Fuzz(func(t *testing.T, text []byte) {
		if !bytes.HasPrefix(text, []byte(indexMagic)) { // then it is the payload of a frame with a right checksum
			text = append([]byte(indexMagic), frame(text)...)
		}
		got, n, err := decodeIndex(text, time.UTC)
		if err != nil {
			return
		}
		if n > len(text) || n < len(indexMagic) {
			t.Fatalf("%d good octets of %d", n, len(text))
		}
		for i := range got.msgs {
			if i > 0 && got.msgs[i-1].UID >= got.msgs[i].UID {
				t.Fatal("UIDs do not ascend")
			}
		}
		got.sure = true
		again, _, err := decodeIndex(got.encodeIndex(), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		again.sure = true
		if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", again); len(got.msgs) > 0 && a != b {
			t.Fatalf("%s came back as %s", a, b)
		}
	})
}

// FuzzNote reads any tail note.
func FuzzNote(f *testing.F) {
	f.Add(tailNote{Pending: 1, Off: 3, Len: 4}.encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		if n := decodeNote(text); n != (tailNote{}) && !bytes.HasPrefix(text, n.encode()) {
			t.Fatalf("%+v", n)
		}
	})
}
