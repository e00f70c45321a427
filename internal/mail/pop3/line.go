package pop3

import (
	"bufio"
	"io"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/telnet"
)

// maxLine bounds a command line, in octets. RFC 2449 §4 asks for 255; an initial SASL response may be longer (RFC 5034 §4).
const maxLine = 4096

// lineReader cuts what a client types into lines. A line ends with LF, CRLF, or the CR NUL of telnet's character mode.
type lineReader struct {
	in       *bufio.Reader
	received int64
	telnet   telnet.Filter
	marked   func() // is called when telnet waits for its answer
}

// read returns the next line without its end and without telnet's negotiation; long says that its middle is lost. A
// last line that has no end is not a command: err is then io.EOF or what broke the connection.
func (r *lineReader) read() (line string, long bool, err error) {
	var text []byte
	cr := false
	for {
		b, typed, err := r.octet()
		if err != nil {
			return "", false, err
		}
		switch {
		case !typed:
			continue
		case b == '\n', b == 0 && cr:
			return strings.TrimSuffix(string(text), "\r"), long, nil
		case len(text) == maxLine:
			long = true
		default:
			text = append(text, b)
		}
		cr = b == '\r'
	}
}

// octet returns the next octet; typed is false when it was a piece of telnet negotiation.
func (r *lineReader) octet() (b byte, typed bool, err error) {
	if b, err = r.next(); err != nil {
		return 0, false, err
	}
	typed, mark := r.telnet.Take(b)
	if mark {
		r.marked()
	}
	return b, typed, nil
}

func (r *lineReader) next() (byte, error) {
	b, err := r.in.ReadByte()
	if err == nil {
		r.received++
	}
	return b, err
}

// reset reads from another stream, forgetting what came before (RFC 2595 §4: nothing typed before TLS counts after it).
func (r *lineReader) reset(from io.Reader) { r.in.Reset(from) }

// command is a parsed line.
type command struct {
	verb  string // upper case
	typed string // the verb as it came
	args  string // without blanks at either end
	rest  string // all that follows the blank behind the verb, as it came
}

// parse takes a line apart, forgiving blanks at either end and between.
func parse(line string) command {
	verb, args := cutWord(line)
	rest := strings.TrimLeft(line, " \t")[len(verb):]
	return command{verb: upper(verb), typed: verb, args: args, rest: rest[min(1, len(rest)):]}
}

// cutWord splits off the first word.
func cutWord(s string) (word, rest string) {
	s = trim(s)
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], trim(s[i:])
	}
	return s, ""
}

func trim(s string) string { return strings.Trim(s, " \t") }

// upper is for ASCII only: no other letter becomes part of a command.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// secret stands for what is not recorded.
const secret = "********"

// masked is a line as it may be recorded: without what may be a password, mistyped ones ("passmaster2021") included.
func masked(line string) string {
	c := parse(line)
	switch {
	case c.verb == "PASS" && c.args != "":
		return c.typed + " " + secret
	case strings.HasPrefix(c.verb, "PASS") && len(c.verb) > len("PASS"):
		return c.typed[:len("PASS")] + secret
	case c.verb == "AUTH":
		if mech, response := cutWord(c.args); response != "" {
			return c.typed + " " + mech + " " + secret + mail.PlainFlaw(response)
		}
	}
	return line
}

// number reads the digits at the beginning of s. A number too large for any mailbox is cut to one that is too large
// as well. ok is false when there are no digits.
func number(s string) (n int, rest string, ok bool) {
	i := 0
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		n = min(n*10+int(s[i]-'0'), 1<<30)
	}
	return n, s[i:], i > 0
}

// printable is s as it may be echoed in a reply.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
