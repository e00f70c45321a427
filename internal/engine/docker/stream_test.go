package docker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/go-cmp/cmp"
)

// frame is one of the daemon's.
func frame(kind byte, text string) string {
	head := []byte{kind, 0, 0, 0}
	return string(binary.BigEndian.AppendUint32(head, uint32(len(text)))) + text
}

func TestFrames(t *testing.T) {
	for _, test := range []struct {
		name, from, out, stderr, err string
	}{
		{"nothing", "", "", "", ""},
		{"two", frame(1, "bon") + frame(1, "jour"), "bonjour", "", ""},
		{"stderr between", frame(1, "bon") + frame(2, "psst") + frame(1, "") + frame(1, "jour"), "bonjour", "psst", ""},
		{"the daemon's own error", frame(3, "exec failed"), "", "exec failed", ""},
		{"much stderr", frame(2, strings.Repeat("x", 5000)) + frame(1, "y"), "y", strings.Repeat("x", stderrKept), ""},
		{"cut in the header", frame(1, "bon") + "\x01\x00", "bon", "", "unexpected EOF"},
		{"cut in the content", frame(1, "bonjour")[:10], "bo", "", "unexpected EOF"},
		{"cut in stderr", frame(2, "bonjour")[:10], "", "bo", "unexpected EOF"},
		{"not frames", "HTTP/1.1 400", "", "", "the daemon's stream is broken: a frame begins with 48 54 54 50 2f 31 2e 31"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &frames{from: bufio.NewReader(iotest.OneByteReader(strings.NewReader(test.from)))}
			out, err := io.ReadAll(f)
			if err == nil {
				err = io.EOF
			}
			want := test.err
			if want == "" {
				want = "EOF"
			}
			got := []string{string(out), string(f.stderr), err.Error()}
			if d := cmp.Diff([]string{test.out, test.stderr, want}, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// interrupted fails with a timeout before each byte that it gives.
type interrupted struct {
	from io.Reader
	turn bool
}

func (i *interrupted) Read(p []byte) (int, error) {
	if i.turn = !i.turn; i.turn {
		return 0, os.ErrDeadlineExceeded
	}
	return i.from.Read(p[:1])
}

// TestFramesSurviveDeadlines: a read that a deadline interrupts loses nothing, wherever it is.
func TestFramesSurviveDeadlines(t *testing.T) {
	f := &frames{from: bufio.NewReader(&interrupted{from: strings.NewReader(frame(1, "bon") + frame(2, "x") + frame(1, "jour"))})}
	var out []byte
	for {
		p := make([]byte, 2)
		n, err := f.Read(p)
		out = append(out, p[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil && !os.IsTimeout(err) {
			t.Fatal(err)
		}
	}
	if string(out) != "bonjour" {
		t.Errorf("%q", out)
	}
}

// FuzzFrames: no panic and no endless loop whatever comes; and what Docker's own code can take apart, is taken apart
// the same.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(1, "bon") + frame(2, "psst") + frame(1, "jour")))
	f.Add([]byte("\x01\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		io.ReadAll(&frames{from: bufio.NewReader(bytes.NewReader(raw))}) //nolint:errcheck // it may be anything
		framed := framesOf(raw)
		out, err := io.ReadAll(&frames{from: bufio.NewReader(strings.NewReader(framed))})
		if err != nil {
			t.Fatalf("%q: %v", framed, err)
		}
		var want bytes.Buffer
		if _, err := stdcopy.StdCopy(&want, io.Discard, strings.NewReader(framed)); err != nil {
			t.Fatalf("%q: Docker's code: %v", framed, err)
		}
		if !bytes.Equal(want.Bytes(), out) {
			t.Errorf("%q, and %q by Docker's code", out, want.Bytes())
		}
	})
}

// framesOf cuts bytes into frames: of each, the first byte gives kind and length.
func framesOf(raw []byte) string {
	var all strings.Builder
	for len(raw) > 0 {
		kind, n := 1+raw[0]&1, min(int(raw[0]>>1), len(raw)-1)
		all.WriteString(frame(kind, string(raw[1:1+n])))
		raw = raw[1+n:]
	}
	return all.String()
}
