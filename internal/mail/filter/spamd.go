package filter

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// A SpamAssassin is asked as spamc asks it (its file spamd/PROTOCOL). Its report has lines that its configuration in the image gives it:
//
//	VERSION SpamAssassin 4.0.1 (2024-03-26) on filter
//	TESTS MISSING_DATE=1.396,MISSING_MID=0.14
//	*  1.4 MISSING_DATE Missing Date: header

// Bounds of what is asked and answered, in octets.
const (
	maxAsked    = 200 << 10 // of a longer message its beginning, as amavisd-new does ($sa_mail_body_size_limit of Debian's)
	maxAnswered = 64 << 10
)

// Opinion is what a SpamAssassin said of a message.
type Opinion struct {
	Hits    []Hit    // by name
	Version string   // of it, as in X-Spam-Checker-Version
	Report  []string // a line a test, as in X-Spam-Report
}

// Consult asks one over a connection, whose deadline is the caller's.
func Consult(conn net.Conn, text []byte) (Opinion, error) {
	text = bytes.ReplaceAll(text[:min(len(text), maxAsked)], []byte("\n"), []byte("\r\n"))
	head := fmt.Sprintf("REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n", len(text))
	sent := make(chan error, 1)
	go func() { // it may answer, and be done, before it has read all
		_, err := conn.Write(slices.Concat([]byte(head), text))
		sent <- err
	}()
	o, err := answered(bufio.NewReader(io.LimitReader(conn, maxAnswered)))
	if err != nil {
		_ = conn.Close()
		return o, errors.Join(err, <-sent)
	}
	return o, nil
}

// answered reads an answer.
func answered(in *bufio.Reader) (o Opinion, err error) {
	line := func() (text string) {
		if err == nil {
			text, err = in.ReadString('\n')
		}
		return strings.TrimRight(text, "\r\n")
	}
	status := strings.Fields(line())
	if err == nil && (len(status) < 3 || !strings.HasPrefix(status[0], "SPAMD/") || status[1] != "0") {
		return o, fmt.Errorf("failure reported by spamd: %s", visible([]byte(strings.Join(status, " "))))
	}
	for err == nil && line() != "" { // its own header: the report says more
	}
	known := false
	for err == nil {
		text := visible([]byte(line()))
		switch key, rest, _ := strings.Cut(text, " "); {
		case key == "VERSION":
			o.Version = rest
		case key == "TESTS":
			known = true
			if o.Hits, err = hits(rest); err != nil {
				return o, err
			}
		case key == "*":
			o.Report = append(o.Report, text)
		}
	}
	if errors.Is(err, io.EOF) && known {
		err = nil
	} else if errors.Is(err, io.EOF) {
		err = fmt.Errorf("spamd answered no tests: %w", io.ErrUnexpectedEOF)
	}
	return o, err
}

// hits reads tests with their points: none, or NAME=1.2,OTHER=-1
func hits(text string) (all []Hit, err error) {
	if text == "none" {
		return nil, nil
	}
	for one := range strings.SplitSeq(text, ",") {
		name, points, _ := strings.Cut(one, "=")
		score, err := strconv.ParseFloat(points, 64)
		if err != nil || name == "" {
			return nil, fmt.Errorf("spamd answered the test %q", one)
		}
		all = append(all, Hit{name, score})
	}
	slices.SortFunc(all, func(a, b Hit) int { return strings.Compare(a.Test, b.Test) })
	return all, nil
}
