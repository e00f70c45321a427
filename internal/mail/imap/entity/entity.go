package entity

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// Limits. Beyond them octets still belong to some part, but are not looked at any more.
const (
	maxDepth    = 64
	maxParts    = 10_000
	maxBoundary = 1000     // octets; RFC 2046 allows 70
	maxField    = 64 << 10 // octets kept of one entity's header
	maxKept     = 4 << 20  // octets kept of all headers
	bufferSize  = 32 << 10 // a longer line is seen in pieces
)

// Part is one entity: a leaf, a multipart with Parts, or a message/rfc822 with Message. Offsets are into the message.
type Part struct {
	Start int64 // of the header
	Body  int64 // of the body: behind the header's empty line
	End   int64 // behind the body; a boundary's own CRLF does not belong to it
	Lines int64 // line ends in the body

	Type, Subtype     string // as written; text/plain, or message/rfc822 in a digest, when there is nothing usable
	Params            []Param
	Default           bool // Content-Type was missing or unusable
	ID, Description   string
	Encoding          string // as written, "" when missing
	MD5               string
	Disposition       string
	DispositionParams []Param
	Language          []string
	Location          string

	// Header is what was kept of the header: the fields of ENVELOPE, in the order in which they stood.
	Header  []byte
	Parts   []*Part // of a multipart, at least one
	Message *Part   // of a message/rfc822

	root bool // a whole message: "1" is its body when it has no parts
}

// Size is the body's octets.
func (p *Part) Size() int64 { return p.End - p.Body }

// Is compares type and subtype; "" fits any.
func (p *Part) Is(typ, subtype string) bool {
	return strings.EqualFold(p.Type, typ) && (subtype == "" || strings.EqualFold(p.Subtype, subtype))
}

// Root says whether this is a whole message: the one that was parsed, or the one in a message/rfc822.
func (p *Part) Root() bool { return p.root }

// Param returns a parameter of Content-Type, or "".
func (p *Part) Param(name string) string { return get(p.Params, name) }

// Find follows a section's part numbers (RFC 3501, section 6.4.5); nil when there is no such part. Of a whole message
// without parts, 1 is the message's body.
func (p *Part) Find(path []uint32) *Part {
	leaf := false
	for i, n := range path {
		if i > 0 && p.Message != nil {
			p = p.Message
		}
		switch count := len(p.Parts); {
		case leaf || n == 0:
			return nil
		case count > 0 && int64(n) <= int64(count):
			p = p.Parts[n-1]
		case count > 0 || n != 1 || !p.root:
			return nil
		default:
			leaf = p.Message == nil
		}
	}
	return p
}

// Parse reads a message to its end. An error is r's own; what was read until then is in the tree.
func Parse(r io.Reader) (*Part, error) { return new(Parser).Parse(r) }

// Parser is Parse for many messages, one after another: it keeps its buffer.
type Parser struct{ br *bufio.Reader }

// Parse reads a message to its end, as the function does.
func (p *Parser) Parse(r io.Reader) (*Part, error) {
	if p.br == nil {
		p.br = bufio.NewReaderSize(r, bufferSize)
	}
	p.br.Reset(r)
	return (&parser{br: p.br}).run()
}

// Single tells from a header alone what a message is, when it is one leaf; ok is false when it may have parts.
func Single(header []byte) (_ *Part, ok bool) {
	p := &Part{Type: "text", Subtype: "plain", Default: true}
	p.read(header, func(Field) {})
	return p, !p.Is("multipart", "") && !p.Is("message", "rfc822")
}

// frame is an entity that is still open.
type frame struct {
	part     *Part
	boundary []byte // of a multipart, nil behind its end
	lines    int64  // line ends before the body
	digest   bool   // parts are message/rfc822 by default
	inHeader bool
	keeping  bool // the field whose continuation may come is kept
	header   []byte
}

// parser reads line by line. Invariants: the innermost entity is the last of stack; pos is the offset behind the
// current line; at a line's start eol is the length of the previous line's end, 0 at the message's start.
type parser struct {
	br    *bufio.Reader
	pos   int64
	lfs   int64 // line ends before the current line
	eol   int64
	parts int
	kept  int
	stack []*frame
}

func (p *parser) run() (*Part, error) {
	root := &Part{root: true}
	p.push(root, false)
	for {
		p.skipText()
		line, whole, err := p.readLine()
		if len(line) > 0 {
			p.line(line)
		}
		p.passed(line)
		if !whole {
			err = p.restOfLine()
		}
		if err != nil {
			p.closeTo(0, p.pos, 0)
			if err == io.EOF {
				err = nil
			}
			return root, err
		}
	}
}

// skipText passes over the lines of a body that cannot be boundaries, as far as they are in the buffer. The next line
// starts with "--", or is the last one of the buffer, or the first.
func (p *parser) skipText() {
	if p.stack[len(p.stack)-1].inHeader {
		return
	}
	buf, _ := p.br.Peek(p.br.Buffered())
	if bytes.HasPrefix(buf, []byte("--")) {
		return
	}
	end := bytes.Index(buf, []byte("\n--"))
	if end < 0 {
		end = bytes.LastIndexByte(buf, '\n')
	}
	if end < 0 {
		return
	}
	text := buf[:end+1]
	p.passed(text)
	p.lfs += int64(bytes.Count(text[:end], []byte("\n"))) // passed has counted the last one
	_, _ = p.br.Discard(len(text))
}

// passed counts what has been looked at.
func (p *parser) passed(line []byte) {
	p.pos += int64(len(line))
	switch {
	case bytes.HasSuffix(line, []byte("\r\n")):
		p.lfs, p.eol = p.lfs+1, 2
	case bytes.HasSuffix(line, []byte("\n")):
		p.lfs, p.eol = p.lfs+1, 1
	}
}

// readLine returns a line, or the beginning of a very long one.
func (p *parser) readLine() (line []byte, whole bool, err error) {
	line, err = p.br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		return line, false, nil
	}
	return line, true, err
}

// restOfLine skips the rest of a long line. It is never a boundary and never an empty line.
func (p *parser) restOfLine() error {
	for {
		line, whole, err := p.readLine()
		p.passed(line)
		if whole {
			return err
		}
	}
}

// line deals with the line that starts at pos.
func (p *parser) line(line []byte) {
	if len(line) >= 2 && line[0] == '-' && line[1] == '-' && p.boundary(line) {
		return
	}
	top := p.stack[len(p.stack)-1]
	if !top.inHeader {
		return
	}
	if len(bytes.TrimRight(line, "\r\n")) == 0 && bytes.HasSuffix(line, []byte("\n")) {
		p.endHeader(top, p.pos+int64(len(line)), p.lfs+1)
		p.descend(top)
		return
	}
	p.headerLine(top, line)
}

// boundary closes and opens entities when line delimits one that is open. The innermost wins.
func (p *parser) boundary(line []byte) bool {
	text := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(p.stack) - 1; i >= 0; i-- {
		f := p.stack[i]
		if f.boundary == nil {
			continue
		}
		rest, ok := bytes.CutPrefix(text, f.boundary)
		if !ok || len(rest) > 0 && string(rest) != "--" {
			continue
		}
		if len(rest) == 0 && p.parts >= maxParts {
			return false
		}
		p.closeTo(i+1, p.pos, p.eol)
		if len(rest) > 0 {
			f.boundary = nil // what follows is the epilogue
			return true
		}
		child := &Part{Start: p.pos + int64(len(line))}
		f.part.Parts = append(f.part.Parts, child)
		p.push(child, f.digest)
		return true
	}
	return false
}

func (p *parser) push(part *Part, inDigest bool) {
	p.parts++
	part.Type, part.Subtype, part.Default = "text", "plain", true
	if inDigest {
		part.Type, part.Subtype = "message", "rfc822"
	}
	p.stack = append(p.stack, &frame{part: part, inHeader: true})
}

// closeTo closes all entities from stack[n] on; they end before the line end that is eol octets long.
func (p *parser) closeTo(n int, at, eol int64) {
	for i := len(p.stack) - 1; i >= n; i-- {
		f := p.stack[i]
		if f.inHeader {
			p.endHeader(f, at, p.lfs)
		}
		lines := p.lfs
		f.part.End = at - eol
		if eol > 0 {
			lines--
		}
		if f.part.End < f.part.Body { // the line end before the boundary was the header's
			f.part.End, lines = f.part.Body, f.lines
		}
		f.part.Lines = lines - f.lines
		f.finish()
	}
	p.stack = p.stack[:n]
}

// finish gives an entity that promised more than came what the grammar of BODYSTRUCTURE demands.
func (f *frame) finish() {
	end := &Part{Start: f.part.End, Body: f.part.End, End: f.part.End, Type: "text", Subtype: "plain", Default: true}
	switch {
	case f.part.Is("multipart", "") && len(f.part.Parts) == 0:
		f.part.Parts = []*Part{end}
	case f.part.Is("message", "rfc822") && f.part.Message == nil:
		end.root = true
		f.part.Message = end
	}
}

// Encoded is a message/rfc822 that is not looked into; RFC 2046 forbids it, but it comes. It is told as one with nothing in it.
func (p *Part) Encoded() bool {
	return strings.EqualFold(p.Encoding, "base64") || strings.EqualFold(p.Encoding, "quoted-printable")
}

// endHeader ends a header; the body starts at body, with lines line ends before it.
func (p *parser) endHeader(f *frame, body, lines int64) {
	f.inHeader, f.part.Body, f.lines = false, body, lines
	f.part.read(f.header, func(other Field) { f.part.Header = append(f.part.Header, other.Raw...) })
	f.header = nil
	switch {
	case f.part.Is("multipart", ""):
		b := strings.TrimRight(f.part.Param("boundary"), " \t")
		if b == "" || len(b) > maxBoundary || len(p.stack) >= maxDepth {
			f.part.plain()
			return
		}
		f.boundary, f.digest = []byte(b), f.part.Is("multipart", "digest")
	case f.part.Is("message", "rfc822") && len(p.stack) >= maxDepth:
		f.part.plain()
	}
}

// plain makes a leaf of what cannot be taken apart, so that it stays readable.
func (p *Part) plain() {
	p.Type, p.Subtype, p.Params, p.Default = "text", "plain", nil, true
}

// descend opens the message in a message/rfc822.
func (p *parser) descend(f *frame) {
	if f.part.Is("message", "rfc822") && !f.part.Encoded() {
		f.part.Message = &Part{Start: f.part.Body, root: true}
		p.push(f.part.Message, false)
	}
}

// headerLine keeps the lines of the fields that are wanted.
func (p *parser) headerLine(f *frame, line []byte) {
	if line[0] != ' ' && line[0] != '\t' {
		name, _, _ := bytes.Cut(line, []byte(":"))
		f.keeping = wanted(bytes.TrimRight(name, " \t"))
	}
	if !f.keeping || len(f.header)+len(line) > maxField || p.kept+len(line) > maxKept {
		return
	}
	p.kept += len(line)
	f.header = append(f.header, line...)
}

// wanted are the fields that structure and envelope are made of.
func wanted(name []byte) bool {
	if len(name) > 8 && bytes.EqualFold(name[:8], []byte("content-")) {
		return true
	}
	switch len(name) {
	case 2, 3, 4, 6, 7, 8, 10, 11:
	default:
		return false
	}
	switch strings.ToLower(string(name)) {
	case "date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id":
		return true
	}
	return false
}

// read takes the fields of RFC 2045 and its companions out of a header, the first of each name, and calls other for
// the rest.
func (p *Part) read(header []byte, other func(Field)) {
	seen := map[string]bool{}
	for f := range Fields(header) {
		if len(f.Name) < 8 || !strings.EqualFold(f.Name[:8], "content-") {
			other(f)
			continue
		}
		if name := strings.ToLower(f.Name); !seen[name] {
			seen[name] = true
			p.content(name, f.Text())
		}
	}
}

func (p *Part) content(name, text string) {
	switch name {
	case "content-type":
		if typ, subtype, params, ok := contentType(text); ok {
			p.Type, p.Subtype, p.Params, p.Default = typ, subtype, params, false
		}
	case "content-id":
		p.ID = text
	case "content-description":
		p.Description = text
	case "content-transfer-encoding":
		c := &cursor{s: text}
		c.space()
		p.Encoding = c.until(" \t;(")
	case "content-md5":
		p.MD5 = text
	case "content-disposition":
		p.Disposition, p.DispositionParams = disposition(text)
	case "content-language":
		p.Language = languages(text)
	case "content-location":
		p.Location = text
	}
}
