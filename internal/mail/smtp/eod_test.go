package smtp

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"maillab/internal/mail"

	"github.com/google/go-cmp/cmp"
)

// plainEnd is what the end of data is, said as plainly as possible over the whole input: it returns the lines before
// the end, what follows the end, and whether there is one; bare tells a lone LF before it.
func plainEnd(input string, strict bool) (body, rest string, ended, bare bool) {
	var out strings.Builder
	lastBare := false
	for {
		line, after, found := strings.Cut(input, "\n")
		if !found {
			return out.String(), "", false, bare
		}
		input = after
		text := strings.TrimRight(line, "\r")
		crs := len(line) - len(text)
		bare = bare || crs == 0
		wasBare := lastBare
		lastBare = crs == 0
		switch {
		case text == "." && !strict, text == "." && crs == 1 && !wasBare:
			return out.String(), input, true, bare
		case text == "." && crs <= 1:
			continue
		}
		out.WriteString(strings.TrimPrefix(text, ".") + "\r\n")
	}
}

// FuzzEndOfData types a message, in two pieces cut anywhere, to the whole server, and wants what the plain reference
// says: the same bytes delivered, the same bytes run as commands.
func FuzzEndOfData(f *testing.F) {
	for _, seed := range []string{"hello\r\n.\r\n", ".\r\n", ".\n", "a\n.\nquit\n", "a\r\n.\nb\r\n.\r\n", "a\n.\r\nb", "\r.\r\n",
		"x\r\r\n.\r\n", ".\r\r\n", "..\r\n.\r\n", ".\rx\r\n.\r\n", "a\r\n.\r", ".\r\nnoop\r\n", "\r\n.\r\nmail from:<util1>\r\n",
		strings.Repeat("x", 5000) + ".\r\n.\r\n", strings.Repeat("\r", 5000) + "\n.\r\n", "a\r.\r\n.\r\n", "\xff\xfd\x06\r\n.\r\n"} {
		for _, cut := range []uint16{0, 1, 3} {
			f.Add(seed, cut, false)
			f.Add(seed, cut, true)
		}
	}
	f.Fuzz(func(t *testing.T, input string, cut uint16, strict bool) {
		checkLines(t, input, int(cut), strict)
	})
}

// checkLines compares the lines themselves with the reference.
func checkLines(t *testing.T, input string, cut int, strict bool) {
	wantBody, wantRest, wantEnd, wantBare := plainEnd(input, strict)
	l := lines{dots: true, strict: strict}
	var got []byte
	used := 0
	room := make([]byte, 1+cut%7) // a reader's buffer may be of any size
	if cut%2 == 0 {
		room = make([]byte, 4096)
	}
	feed := func(piece string) {
		for len(piece) > 0 && !l.ended || l.owes() {
			w, n := l.convert(room, []byte(piece))
			got = append(got, room[:w]...)
			used, piece = used+n, piece[n:]
		}
	}
	cut = min(cut, len(input))
	feed(input[:cut])
	feed(input[cut:])
	if !l.ended {
		got = got[:bytes.LastIndexByte(got, '\n')+1] // the reference has whole lines only
	}
	if string(got) != wantBody || l.ended != wantEnd || l.bareLF != wantBare || wantEnd && input[used:] != wantRest {
		t.Errorf("%q, cut at %d, strict %v:\n got %q, rest %q, ended %v, bare %v\nwant %q, rest %q, ended %v, bare %v",
			input, cut, strict, got, input[used:], l.ended, l.bareLF, wantBody, wantRest, wantEnd, wantBare)
	}
	for i, c := range got {
		if c == '\n' && (i == 0 || got[i-1] != '\r') {
			t.Errorf("%q gives a lone LF: %q", input, got)
		}
	}
}

// FuzzMessage types a message to the whole server: what is delivered is the reference's, and what is left, and only
// that, is run as commands.
func FuzzMessage(f *testing.F) {
	f.Add("hello\r\n.\r\n", uint16(3))
	f.Add(".\r\r\nquit\r\n", uint16(1))
	f.Add("mail from:<evil>\r\nrcpt to:<util2>\n.\r\n.\r\n", uint16(20))
	f.Add("x\r\r\n..\r\n.\r\nfoo\r\n", uint16(2))
	f.Add(strings.Repeat("x", 4095)+"\r\n.\r\n", uint16(4096))
	f.Fuzz(func(t *testing.T, input string, cut uint16) {
		body, rest, ended, _ := plainEnd(input, false)
		if len(rest) > 0 && (strings.Contains(rest, "\xff") || !strings.HasSuffix(rest, "\n")) {
			t.Skip("telnet in the rest, or half a command")
		}
		got, typed := typeMessage(t, input, int(cut))
		switch {
		case !ended && len(got) > 0:
			t.Errorf("%q has no end, and was delivered: %q", input, got[0].body)
		case ended && (len(got) != 1 || got[0].body != body):
			t.Errorf("%q: want %q delivered, got %v", input, body, got)
		}
		if want := commandsOf(rest); !strings.HasPrefix(want, typed) {
			t.Errorf("%q: ran %q, want no more than %q", input, typed, want)
		}
	})
}

// commandsOf is how the record shows commands that are typed.
func commandsOf(text string) string {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		b.WriteString(line[:min(len(line), lineLimit)] + "\n")
	}
	return b.String()
}

// typeMessage opens a transaction, types input as its message and closes the line. It returns what was delivered, and
// the command lines that were run after DATA.
func typeMessage(t *testing.T, input string, cut int) (got []message, typed string) {
	t.Helper()
	backend, record := &memory{}, &typist{}
	cfg := config()
	cfg.Connected = connected(record, nil)
	server, client := net.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		New(cfg, backend).ServeConn(context.Background(), server)
	}()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, client)
	}()
	cut = min(cut, len(input))
	for _, piece := range []string{"mail from:<util1>\r\nrcpt to:<util1>\r\ndata\r\n", input[:cut], input[cut:]} {
		if _, err := io.WriteString(client, piece); err != nil {
			break // the server has had enough
		}
	}
	client.Close()
	<-over
	<-drained
	lines := strings.SplitAfterN(record.text.String(), "data\n", 2)
	return backend.messages(), lines[1]
}

// typist is a Recorder of command lines, and of how much message came.
type typist struct {
	mail.Discard
	text  strings.Builder
	bytes int
	who   string
}

func (r *typist) Client(line string)  { r.text.WriteString(line + "\n") }
func (r *typist) Data(n int)          { r.bytes += n }
func (r *typist) Account(name string) { r.who = name }

// TestEndOfData is the rule by examples.
func TestEndOfData(t *testing.T) {
	type result struct {
		body, rest string
		ended      bool
	}
	for _, tc := range []struct {
		input          string
		accept, reject result
	}{
		{"a\r\n.\r\nR", result{"a\r\n", "R", true}, result{"a\r\n", "R", true}},
		{"a\n.\nR", result{"a\r\n", "R", true}, result{"a\r\n", "", false}},
		{"a\n.\r\nR", result{"a\r\n", "R", true}, result{"a\r\n", "", false}},
		{"a\r\n.\nR", result{"a\r\n", "R", true}, result{"a\r\n", "", false}},
		{"a\r\n.\r\r\nR", result{"a\r\n", "R", true}, result{"a\r\n\r\n", "", false}},
		{"a\r.\r\nb\r\n.\r\n", result{"a\r.\r\nb\r\n", "", true}, result{"a\r.\r\nb\r\n", "", true}},
		{"..a\r\n.b\r\n.\r\n", result{".a\r\nb\r\n", "", true}, result{".a\r\nb\r\n", "", true}},
	} {
		for _, strict := range []bool{false, true} {
			want := tc.accept
			if strict {
				want = tc.reject
			}
			body, rest, ended, _ := plainEnd(tc.input, strict)
			if diff := cmp.Diff(want, result{body, rest, ended}, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("the reference is wrong about %q, strict %v: %s", tc.input, strict, diff)
			}
			for cut := range len(tc.input) {
				checkLines(t, tc.input, cut, strict)
			}
		}
	}
}
