// Package dialoguetest plays dialogue files against a protocol server. One runner serves SMTP, POP3 and IMAP.
//
// A dialogue file is what a person at a telnet prompt saw:
//
//	S: 220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)
//	C: helo pv
//	S: 250 test6isri.local.isri.fr
//	# server closed
//
// C: lines are typed with CRLF. All S: lines up to the next C: line must come before it is typed; "# server closed"
// demands the end of the connection there. Any other line that starts with # is a comment. Both the expected and the
// seen line go through the caller's normaliser before they are compared, which takes out what varies (queue IDs, dates).
package dialoguetest

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// patience is how long one expected line may take; it only bounds a broken server.
const patience = 20 * time.Second

// Play plays one dialogue file on conn and closes it. A line that differs is reported with its place in the file, and
// the rest goes on, so that one run shows all differences.
func Play(t *testing.T, file string, conn net.Conn, normalise func(string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		_ = conn.SetDeadline(time.Now().Add(patience))
		switch {
		case strings.HasPrefix(line, "C:"):
			typed := strings.TrimPrefix(strings.TrimPrefix(line, "C:"), " ")
			if _, err := io.WriteString(conn, typed+"\r\n"); err != nil {
				t.Fatalf("%s:%d: typing %q: %v", file, i+1, typed, err)
			}
		case strings.HasPrefix(line, "S:"):
			want := normalise(strings.TrimPrefix(strings.TrimPrefix(line, "S:"), " "))
			got, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("%s:%d: waiting for %q: got %q, %v", file, i+1, want, got, err)
			}
			if !strings.HasSuffix(got, "\r\n") {
				t.Errorf("%s:%d: line does not end in CRLF: %q", file, i+1, got)
			}
			if got = normalise(strings.TrimRight(got, "\r\n")); got != want {
				t.Errorf("%s:%d:\n got %q\nwant %q", file, i+1, got, want)
			}
		case line == "# server closed":
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("%s:%d: want the connection closed, got %q, %v", file, i+1, rest, err)
			}
		}
	}
}
