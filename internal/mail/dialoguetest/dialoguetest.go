// Package dialoguetest plays dialogue files against a protocol server. One runner serves SMTP, POP3 and IMAP.
//
// A dialogue file is what a person at a telnet prompt saw:
//
//	S: 220 test6isri.local.isri.fr ESMTP Postfix (Debian/GNU)
//	C: helo pv
//	S: 250 test6isri.local.isri.fr
//	# server closed
//
// C: lines are typed with CRLF, L: lines with a lone LF, as nc does. All S: lines up to the next line that is typed must
// come before it is typed; "# server closed" demands the end of the connection there. Any other line that starts with #
// is a comment. Both the expected and the seen line go through the caller's normaliser before they are compared, which
// takes out what varies (queue IDs, dates).
package dialoguetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long one expected line may take; it only bounds a broken server.
const patience = 20 * time.Second

// closed is the line that demands the end of a connection.
const closed = "# server closed"

// Play plays one dialogue file on conn and closes it. A line that differs is reported with its place in the file, and
// the rest goes on, so that one run shows all differences.
func Play(t *testing.T, file string, conn net.Conn, normalise func(string) string) {
	t.Helper()
	err := walk(file, conn, func(place, want, got string) {
		if want, got = normalise(want), normalise(got); got != want {
			t.Errorf("%s:\n got %q\nwant %q", place, got, want)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Seen plays one dialogue file on conn, closes it, and returns all that the server said, line by line, where the file
// has a line of the server's. The end of the connection is closed's line, or what came instead.
func Seen(file string, conn net.Conn) (lines []string, err error) {
	err = walk(file, conn, func(_, _, got string) { lines = append(lines, got) })
	return lines, err
}

// walk types a file's lines and calls said with each line that is wanted there and the one that came, without its CRLF.
func walk(file string, conn net.Conn, said func(place, want, got string)) error {
	defer conn.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		_ = conn.SetDeadline(time.Now().Add(patience))
		place, got := fmt.Sprintf("%s:%d", file, i+1), ""
		switch kind, rest, _ := strings.Cut(line, ":"); {
		case kind == "C":
			_, err = io.WriteString(conn, strings.TrimPrefix(rest, " ")+"\r\n")
		case kind == "L":
			_, err = io.WriteString(conn, strings.TrimPrefix(rest, " ")+"\n")
		case kind == "S":
			got, err = wholeLine(in)
			said(place, strings.TrimPrefix(rest, " "), got)
		case line == closed:
			got, err = theEnd(in)
			said(place, closed, got)
		}
		if err != nil {
			return fmt.Errorf("%s: %q: got %q: %w", place, line, got, err)
		}
	}
	return nil
}

// wholeLine reads a line. One without a CR is shown with the LF that it ended in, and so equals no line of a file.
func wholeLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

// theEnd wants nothing more to come. A server that hangs up with lines unread resets the connection.
func theEnd(in *bufio.Reader) (string, error) {
	rest, err := io.ReadAll(in)
	if (err == nil || errors.Is(err, syscall.ECONNRESET)) && len(rest) == 0 {
		return closed, nil
	}
	return string(rest), err
}
