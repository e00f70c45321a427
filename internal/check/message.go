package check

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// message is a message, or a part of one, read as kindly as can be: it was typed by hand. What cannot be decoded stays
// as it is; nothing is refused.
type message struct {
	source   string
	header   map[string][]string // by canonical name, decoded (RFC 2047)
	body     string              // as it came
	media    string              // "text/plain"
	params   map[string]string
	children []*message // of a multipart
}

// Bounds on parts, so that a message made for it costs nothing: no honest one comes near.
const (
	maxDepth = 8
	maxParts = 100
)

// parseMessage reads a message with LF or CRLF.
func parseMessage(text []byte) *message {
	return parsePart(strings.ReplaceAll(string(text), "\r\n", "\n"), maxDepth)
}

func parsePart(text string, depth int) *message {
	m := &message{source: text}
	head, body, found := strings.Cut(text, "\n\n")
	if strings.HasPrefix(text, "\n") { // a part without a header (RFC 2046 section 5.1)
		head, body = "", text[1:]
	} else if !found {
		head, body = text, ""
	}
	m.header, m.body = parseHeader(head), body
	m.contentType()
	if boundary := m.params["boundary"]; strings.HasPrefix(m.media, "multipart/") && boundary != "" && depth > 0 {
		for _, part := range splitParts(body, boundary) {
			m.children = append(m.children, parsePart(part, depth-1))
		}
	}
	return m
}

// parseHeader reads fields; a line that is no field's is left out.
func parseHeader(text string) map[string][]string {
	fields := map[string][]string{}
	text = regexp.MustCompile(`\n[ \t]+`).ReplaceAllString(text, " ") // folding (RFC 5322 section 2.2.3)
	for _, line := range strings.Split(text, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.HasPrefix(line, "From ") {
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
		fields[key] = append(fields[key], decodeWords(strings.TrimSpace(value)))
	}
	return fields
}

func decodeWords(value string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		encoding, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return encoding.NewDecoder().Reader(in), nil
	}}
	if decoded, err := d.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// of are a field's values.
func (m *message) of(name string) []string { return m.header[textproto.CanonicalMIMEHeaderKey(name)] }

func (m *message) first(name string) string {
	if values := m.of(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// boundaryParam finds a boundary that no parser would take, such as one with an unquoted "=".
var boundaryParam = regexp.MustCompile(`(?i)boundary\s*=\s*"?([^";\s]+)`)

// contentType reads it as well as it can be read (RFC 2045 section 5.2: text/plain when there is none).
func (m *message) contentType() {
	value := m.first("Content-Type")
	media, params, err := mime.ParseMediaType(value)
	if err != nil || params == nil {
		params = map[string]string{}
		word, _, _ := strings.Cut(value, ";")
		media = strings.ToLower(strings.TrimSpace(word))
	}
	if media == "" {
		media = "text/plain"
	}
	if params["boundary"] == "" {
		if found := boundaryParam.FindStringSubmatch(value); found != nil {
			params["boundary"] = found[1]
		}
	}
	m.media, m.params = media, params
}

// splitParts parts a multipart's body at its delimiter lines (RFC 2046 section 5.1.1). A missing last one is forgiven.
func splitParts(body, boundary string) (parts []string) {
	var part []string
	inside := false
	for _, line := range strings.Split(body, "\n") {
		bare := strings.TrimRight(line, " \t")
		if bare != "--"+boundary && bare != "--"+boundary+"--" {
			part = append(part, line)
			continue
		}
		if inside {
			parts = append(parts, strings.Join(part, "\n"))
		}
		part, inside = nil, !strings.HasSuffix(bare, boundary+"--") || strings.HasSuffix(boundary, "--") && bare == "--"+boundary
		if len(parts) >= maxParts {
			return parts
		}
	}
	if inside {
		parts = append(parts, strings.Join(part, "\n"))
	}
	return parts
}

// content is a part's own content, decoded.
func (m *message) content() []byte {
	switch strings.ToLower(strings.TrimSpace(m.first("Content-Transfer-Encoding"))) {
	case "base64":
		return decodeBase64(m.body)
	case "quoted-printable":
		text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m.body))) // what could be read
		return text
	}
	return []byte(m.body)
}

// decodeBase64 leaves out what is not of the alphabet, as RFC 2045 section 6.8 asks, and forgives a torn end.
func decodeBase64(text string) []byte {
	clean := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/' {
			return r
		}
		return -1
	}, text)
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	out, _ := base64.RawStdEncoding.DecodeString(clean) // the alphabet is right: only bits that are over remain
	return out
}

// text is a part's content as text.
func (m *message) text() string {
	content := m.content()
	if encoding, err := htmlindex.Get(m.params["charset"]); err == nil && m.params["charset"] != "" {
		if decoded, err := encoding.NewDecoder().Bytes(content); err == nil {
			content = decoded
		}
	}
	return string(content)
}

// shown is what a reader is shown: the first text part.
func (m *message) shown() string {
	for _, part := range m.leaves() {
		if strings.HasPrefix(part.media, "text/") && !part.attached() {
			return part.text()
		}
	}
	return ""
}

// leaves are the parts that are no multipart, the message itself when it is none.
func (m *message) leaves() []*message {
	if len(m.children) == 0 {
		return []*message{m}
	}
	var all []*message
	for _, c := range m.children {
		all = append(all, c.leaves()...)
	}
	return all
}

func (m *message) attached() bool {
	return strings.HasPrefix(strings.ToLower(m.first("Content-Disposition")), "attachment")
}

// name is a part's file name (RFC 2183 section 2.3, or the older parameter of the type).
func (m *message) name() string {
	value := m.first("Content-Disposition")
	if _, params, err := mime.ParseMediaType(value); err == nil && params["filename"] != "" {
		return decodeWords(params["filename"])
	}
	if found := filenameParam.FindStringSubmatch(value); found != nil {
		return found[1]
	}
	if m.params["name"] != "" {
		return decodeWords(m.params["name"])
	}
	if found := nameParam.FindStringSubmatch(m.first("Content-Type")); found != nil {
		return found[1]
	}
	return ""
}

var (
	filenameParam = regexp.MustCompile(`(?i)filename\s*=\s*"?([^";]+)`)
	nameParam     = regexp.MustCompile(`(?i)[; \t]name\s*=\s*"?([^";]+)`)
)

// attachments are the parts beside the text: those that say so, have a name, or are not the first text.
func (m *message) attachments() (parts []*message) {
	text := false
	for _, part := range m.leaves() {
		if strings.HasPrefix(part.media, "multipart/") { // announced, but not there
			continue
		}
		isText := strings.HasPrefix(part.media, "text/")
		if part.attached() || part.name() != "" || !isText || text {
			parts = append(parts, part)
			continue
		}
		text = true
	}
	return parts
}

// hasLine says whether a line of the body is just this.
func (m *message) hasLine(line string) bool {
	for _, l := range strings.Split(m.body, "\n") {
		if strings.TrimRight(l, " \t") == line {
			return true
		}
	}
	return false
}

// hasDashedLine says whether a line of the body would be a delimiter, had an editor not made one long dash of two.
func (m *message) hasDashedLine(boundary string) bool {
	short := strings.NewReplacer("–", "--", "—", "--")
	for _, l := range strings.Split(m.body, "\n") {
		if l = strings.TrimRight(l, " \t"); strings.ContainsAny(l, "–—") && strings.TrimLeft(short.Replace(l), "-") == strings.TrimLeft(short.Replace(boundary), "-") {
			return true
		}
	}
	return false
}

// same compares contents; the newline that a mailer adds at the end makes no difference.
func same(a, b []byte) bool {
	return bytes.Equal(bytes.TrimRight(a, "\r\n"), bytes.TrimRight(b, "\r\n"))
}
