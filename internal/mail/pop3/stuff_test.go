package pop3

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/mail"
)

func stuffed(t testing.TB, text string, cut func(io.Reader) io.Reader, chunk int) string {
	t.Helper()
	var out bytes.Buffer
	s := &stuffer{w: &out}
	if _, err := io.CopyBuffer(onlyWriter{s}, onlyReader{cut(strings.NewReader(text))}, make([]byte, chunk)); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestStuff(t *testing.T) {
	for text, want := range map[string]string{
		"":                  ".\r\n",
		"a\r\n":             "a\r\n.\r\n",
		"no end":            "no end\r\n.\r\n",
		".\r\n":             "..\r\n.\r\n",
		"..\r\n.":           "...\r\n..\r\n.\r\n",
		"a.b\r\n.c\r\n":     "a.b\r\n..c\r\n.\r\n",
		"lone\n.\nlf\r\n":   "lone\n..\nlf\r\n.\r\n",
		"cr\r.x\r\n\r\n":    "cr\r.x\r\n\r\n.\r\n",
		"\r\n.\r\nQUIT\r\n": "\r\n..\r\nQUIT\r\n.\r\n",
	} {
		for _, chunk := range []int{1, 2, 3, 100} {
			if got := stuffed(t, text, whole, chunk); got != want {
				t.Errorf("%q in pieces of %d: got %q, want %q", text, chunk, got, want)
			}
		}
	}
}

func TestTop(t *testing.T) {
	const head = "A: 1\r\nB: 2\r\n\r\n"
	for _, c := range []struct {
		text  string
		lines int
		want  string
	}{
		{head + "x\r\ny\r\n", 0, head},
		{head + "x\r\ny\r\n", 1, head + "x\r\n"},
		{head + "x\r\ny\r\n", 2, head + "x\r\ny\r\n"},
		{head + "x\r\ny\r\n", 9, head + "x\r\ny\r\n"},
		{head + "\r\n\r\ny\r\n", 2, head + "\r\n\r\n"},
		{head + "x\r\nno end", 2, head + "x\r\nno end"},
		{"A: 1\r\n", 3, "A: 1\r\n"},
		{"\r\nbody\r\n", 0, "\r\n"},
		{"A: 1\n\nx\ny\n", 1, "A: 1\n\nx\n"},
		{"", 1, ""},
	} {
		for _, chunk := range []int{1, 2, 3, 100} {
			var got bytes.Buffer
			r := &topReader{r: strings.NewReader(c.text), lines: c.lines}
			if _, err := io.CopyBuffer(onlyWriter{&got}, onlyReader{r}, make([]byte, chunk)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.String()); diff != "" {
				t.Errorf("%q, %d lines, in pieces of %d: %s", c.text, c.lines, chunk, diff)
			}
		}
	}
}

// TestTopStopsReading: TOP 1 0 of a message of any size reads its header only.
func TestTopStopsReading(t *testing.T) {
	r := &topReader{r: io.MultiReader(strings.NewReader("A: 1\r\n\r\n"), iotest.ErrReader(io.ErrUnexpectedEOF))}
	if got, err := io.ReadAll(r); err != nil || string(got) != "A: 1\r\n\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// unstuffed is the plain reference: what a client that reads lines makes of a reply.
func unstuffed(t *testing.T, reply string) (text, after string) {
	for {
		i := strings.Index(reply, "\n")
		if i < 0 {
			t.Fatalf("reply does not end: %q", reply)
		}
		line := reply[:i+1]
		reply = reply[i+1:]
		if strings.TrimRight(line, "\r\n") == "." {
			return text, reply
		}
		text += strings.TrimPrefix(line, ".")
	}
}

// FuzzStuff: whatever a message holds, a client that reads by LF gets it back whole and nothing after it.
func FuzzStuff(f *testing.F) {
	for _, seed := range []string{"", ".", "a\r\n.\r\nb", "\n.\n", ".\r\n..\r\n...", "x\r\r\n.\r\r\n"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, chunk int) {
		chunk = max(1, chunk%64)
		got, after := unstuffed(t, stuffed(t, text, whole, chunk))
		want := text
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\r\n"
		}
		if got != want || after != "" {
			t.Errorf("got %q and %q after it, want %q", got, after, want)
		}
	})
}

// plainTop is the plain reference for TOP.
func plainTop(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	var out string
	body := false
	for _, line := range lines {
		if body && n <= 0 {
			break
		}
		out += line
		if body {
			n--
		} else if strings.HasSuffix(line, "\n") && strings.Trim(line, "\r\n") == "" {
			body = true
		}
	}
	return out
}

func FuzzTop(f *testing.F) {
	f.Add("A: 1\r\n\r\nx\r\ny\r\n", 1, 2)
	f.Add("\n\n\n", 1, 1)
	f.Add("A\r\r\n\r\r\nx", 0, 5)
	f.Fuzz(func(t *testing.T, text string, lines, chunk int) {
		lines = max(0, lines%100)
		chunk = max(1, chunk%64)
		var got bytes.Buffer
		r := &topReader{r: strings.NewReader(text), lines: lines}
		if _, err := io.CopyBuffer(onlyWriter{&got}, onlyReader{r}, make([]byte, chunk)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plainTop(text, lines), got.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// endless is a message that is made while it is read.
type endless struct {
	line string
	left int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	for i := range n {
		p[i] = e.line[i%len(e.line)]
	}
	e.left -= int64(n)
	return n, nil
}

type endlessDrop struct {
	Maildrop
	size int64
}

func (d endlessDrop) Messages() []Message { return []Message{{Size: d.size, UIDL: "1"}} }
func (d endlessDrop) Open(context.Context, int) (io.ReadCloser, error) {
	return io.NopCloser(&endless{line: ".line of mail\r\n", left: d.size}), nil
}
func (d endlessDrop) Close() error { return nil }

type endlessBackend struct{ size int64 }

func (b endlessBackend) Login(context.Context, string, string, mail.Peer) (string, Maildrop, error) {
	return "util1", endlessDrop{size: b.size}, nil
}

// TestBigMessage: a message far larger than what memory may grow by passes without being held.
func TestBigMessage(t *testing.T) {
	const size = 64 << 20
	p := newTalk(t, start(t, Config{}, endlessBackend{size}))
	p.login()
	if got := p.say("RETR 1"); got != "+OK 67108864 octets follow." {
		t.Fatal(got)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.CopyN(io.Discard, p.in, size)
	if err != nil || n != size {
		t.Fatal(n, err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d octets allocated for one message", allocated)
	}
}

func BenchmarkRetr(b *testing.B) {
	m := newMemory(b, nil)
	m.put("util1", longMail(300), "1") // 20 kB, each line stuffed
	c := &output{conn: deadlines{new([]string)}, pool: newBufferPool()}
	s := &session{Server: &Server{buffers: c.pool, words: courierPhrases()}, rec: mail.Discard{}, log: discard{}, out: *c}
	s.drop = &memoryDrop{m: m, letters: m.mail["util1"]}
	s.messages = s.drop.Messages()
	b.SetBytes(s.messages[0].Size)
	for b.Loop() {
		s.send(context.Background(), 0, "octets", whole)
		_ = s.out.flush()
	}
}
