package submit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"maillab/internal/mail/queue"
)

// body is a message as a program writes it to sendmail's standard input. Without dots, a line that is a dot alone ends
// it, as in SMTP (sendmail(1), -i).
type body struct {
	in    *bufio.Reader
	dots  bool
	start bool // at the beginning of a line
	ended bool
}

func newBody(r io.Reader, dots bool) *body {
	return &body{in: bufio.NewReader(r), dots: dots, start: true}
}

func (b *body) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.dots {
		return b.in.Read(p)
	}
	if b.start && b.lastDot() {
		b.ended = true
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		c, err := b.in.ReadByte()
		if err != nil {
			if n > 0 {
				err = nil
			}
			return n, err
		}
		p[n] = c
		n++
		if b.start = c == '\n'; b.start {
			break
		}
	}
	return n, nil
}

// lastDot says whether the line that begins here is a dot alone.
func (b *body) lastDot() bool {
	next, _ := b.in.Peek(3)
	switch {
	case len(next) == 0 || next[0] != '.':
		return false
	case len(next) == 1, next[1] == '\n':
		return true
	default:
		return len(next) == 3 && next[1] == '\r' && next[2] == '\n'
	}
}

// headerLimit bounds the header that -t looks at.
const headerLimit = 1 << 20

// recipientsOf reads the recipients from a message's header (sendmail -t): To, Cc and Bcc, or only Resent-To, Resent-Cc
// and Resent-Bcc when one of these is there. It returns the message with nothing missing; Bcc goes in the queue, which
// lets no Bcc out whoever sends it.
func recipientsOf(message io.Reader) (rcpts []string, whole io.Reader, err error) {
	in := bufio.NewReader(message)
	var head bytes.Buffer
	var fields, resent []string
	var current *[]string
	for head.Len() <= headerLimit {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		text := strings.TrimRight(line, "\r\n")
		continues := strings.HasPrefix(text, " ") || strings.HasPrefix(text, "\t")
		switch {
		case text == "", err != nil && !errors.Is(err, io.EOF):
			return addresses(fields, resent), io.MultiReader(&head, in), notEOF(err)
		case continues && current != nil:
			(*current)[len(*current)-1] += "\n" + text
		case !continues:
			name, value, isField := strings.Cut(text, ":")
			if !isField || strings.ContainsAny(strings.TrimRight(name, " \t"), " \t") {
				return addresses(fields, resent), io.MultiReader(&head, in), nil
			}
			if current = whichField(name, &fields, &resent); current != nil {
				*current = append(*current, value)
			}
		}
		if err != nil {
			return addresses(fields, resent), &head, nil
		}
	}
	return nil, nil, fmt.Errorf("the message header is longer than %d bytes", headerLimit)
}

func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// whichField says where a field's value belongs; nil is nowhere.
func whichField(name string, fields, resent *[]string) *[]string {
	switch strings.ToLower(strings.TrimRight(name, " \t")) {
	case "to", "cc", "bcc":
		return fields
	case "resent-to", "resent-cc", "resent-bcc":
		return resent
	}
	return nil
}

// addresses are the addresses of the fields that count.
func addresses(fields, resent []string) (all []string) {
	if len(resent) > 0 {
		fields = resent
	}
	for _, f := range fields {
		all = append(all, queue.Addresses(f)...)
	}
	return all
}
