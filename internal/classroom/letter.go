package classroom

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"
)

// Letter is a message for a class: header fields and a body, with placeholders. What it says itself stays as it is; what mail
// must have and it does not say is added for each student (RFC 5322, RFC 2045, RFC 2047). Date, Message-Id and a From that
// nobody gave come from the student's own server, in its time zone and its domain.
type Letter struct {
	fields []field
	body   string // lines end with LF
}

// field is a header field; its value may be folded.
type field struct{ name, value string }

// ReadLetter reads a message, or a text that is to become one; subject and from are for what it lacks.
func ReadLetter(text []byte, from, subject string) (Letter, error) {
	whole := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	l := Letter{body: whole}
	if header, body, ok := cutHeader(whole); ok {
		l = Letter{fields: header, body: body}
	} else if subject == "" {
		return l, errors.New("a text without a header: say its --subject")
	}
	for _, given := range []field{{"Subject", subject}, {"From", from}} {
		if given.value != "" && l.get(given.name) == "" {
			l.fields = append([]field{given}, l.fields...)
		}
	}
	_, err := l.For("account", func(text string) string { return text }) // what is wrong is said before anybody gets it
	return l, err
}

// known are fields by one of which a header is told from a text that begins with a word and a colon.
const known = " from sender reply-to to cc bcc subject date message-id mime-version content-type "

// cutHeader cuts a message into its fields and its body.
func cutHeader(text string) (fields []field, body string, ok bool) {
	header, body, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(header, "\n"), "\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if len(fields) == 0 {
				return nil, "", false
			}
			fields[len(fields)-1].value += "\n" + line
			continue
		}
		name, value, colon := strings.Cut(line, ":")
		if !colon || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, "", false
		}
		fields = append(fields, field{name, strings.TrimPrefix(value, " ")})
		ok = ok || strings.Contains(known, " "+strings.ToLower(name)+" ")
	}
	return fields, body, ok
}

// get is a field's value, "" when there is none.
func (l Letter) get(name string) string {
	i := slices.IndexFunc(l.fields, func(f field) bool { return strings.EqualFold(f.name, name) })
	if i < 0 {
		return ""
	}
	return l.fields[i].value
}

// Text is everything in which placeholders are.
func (l Letter) Text() string {
	var text strings.Builder
	for _, f := range l.fields {
		fmt.Fprintf(&text, "%s: %s\n", f.name, f.value)
	}
	return text.String() + "\n" + l.body
}

// For is the message for one recipient, with placeholders filled in.
func (l Letter) For(to string, fill func(text string) string) ([]byte, error) {
	var out bytes.Buffer
	for _, f := range l.fields {
		value := fill(f.value)
		if value != f.value { // a cell of the class list may have lines
			value = strings.Join(strings.Fields(value), " ")
		}
		if err := write(&out, f.name, value); err != nil {
			return nil, err
		}
	}
	if l.get("To") == "" {
		if err := write(&out, "To", to); err != nil {
			return nil, err
		}
	}
	err := l.writeBody(&out, fill(l.body))
	return out.Bytes(), err
}

// lineMost and lineGood are what RFC 5322 section 2.1.1 allows and recommends a line, without its end.
const (
	lineMost = 998
	lineGood = 78
)

// write writes a field. One of plain characters stays as it is, unless a line is too long.
func write(out *bytes.Buffer, name, value string) error {
	most := lineMost
	if !isASCII(value) {
		var err error
		most = lineGood
		if value, err = encoded(name, strings.Join(strings.Fields(value), " ")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	line := name + ":"
	for word := range strings.SplitSeq(value, " ") {
		if last := line[strings.LastIndexByte(line, '\n')+1:]; len(last)+1+len(word) > most && word != "" {
			line += "\n"
		}
		line += " " + word
	}
	out.WriteString(line + "\n")
	return nil
}

// encoded puts what is not ASCII into encoded words: in a list of addresses they may stand for names only.
func encoded(name, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", errors.New("it is not in UTF-8")
	}
	if !strings.Contains(" from sender reply-to to cc bcc ", " "+strings.ToLower(name)+" ") {
		return mime.QEncoding.Encode("utf-8", value), nil
	}
	list, err := mail.ParseAddressList(value)
	if err != nil {
		return "", err
	}
	var all []string
	for _, address := range list {
		all = append(all, address.String())
	}
	return strings.Join(all, ", "), nil
}

// writeBody ends the header with what the body needs, and writes the body. One that says itself how it is encoded, or that is
// no text, stays as it is. 8bit is what one can read over telnet; only lines that are too long need quoted-printable.
func (l Letter) writeBody(out *bytes.Buffer, body string) error {
	kind := strings.ToLower(l.get("Content-Type"))
	if l.get("Content-Transfer-Encoding") != "" || kind != "" && !strings.HasPrefix(kind, "text/") {
		out.WriteString("\n" + body)
		return nil
	}
	charset, encoding := "us-ascii", "7bit"
	if !isASCII(body) {
		charset, encoding = "utf-8", "8bit"
	}
	if kind == "" && !utf8.ValidString(body) {
		return errors.New("the text is not in UTF-8: save it as UTF-8, or say its charset in a Content-Type")
	}
	for line := range strings.SplitSeq(body, "\n") {
		if len(line) > lineMost || strings.Contains(line, "\x00") {
			encoding = "quoted-printable"
		}
	}
	if l.get("MIME-Version") == "" {
		out.WriteString("MIME-Version: 1.0\n")
	}
	if kind == "" {
		fmt.Fprintf(out, "Content-Type: text/plain; charset=%s\n", charset)
	}
	fmt.Fprintf(out, "Content-Transfer-Encoding: %s\n\n", encoding)
	if encoding != "quoted-printable" {
		out.WriteString(body)
		return nil
	}
	var quoted bytes.Buffer
	w := quotedprintable.NewWriter(&quoted)
	if _, err := io.WriteString(w, body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	out.Write(bytes.ReplaceAll(quoted.Bytes(), []byte("\r\n"), []byte("\n")))
	return nil
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}
