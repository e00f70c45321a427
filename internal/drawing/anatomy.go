package drawing

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"maillab/internal/lab/task"
	"maillab/internal/mail/imap/entity"
)

// Role is what a line of a message's source is.
type Role string

// Roles.
const (
	Trace     Role = "trace" // what servers put in front
	Field     Role = "field"
	Blank     Role = "blank" // ends a header
	Content   Role = "content"
	Delimiter Role = "delimiter" // begins a part
	Closing   Role = "closing"   // ends the last one
	Outside   Role = "outside"   // of all parts: nobody is shown it
)

// Line is one of the source's.
type Line struct {
	Text  string
	Role  Role
	Part  string    // "" is the message itself, else as IMAP counts them: "1", "2.1"
	Fault task.Text // what is wrong with it, for the student
}

// Part is one of a message's.
type Part struct {
	Path     string // "" is the message itself
	Depth    int
	Type     string // "text/plain", lower case
	Name     string // of the file
	Encoding string
	Octets   int64
}

// Anatomy is a message's source, line by line, and the tree of its parts in the order in which they stand.
type Anatomy struct {
	Lines   []Line
	More    int // lines that are left out
	Parts   []Part
	Missing []task.Text // what should be there and is not
}

// anatomyLines bounds the lines of an anatomy, and anatomyParts its parts.
const (
	anatomyLines = 600
	anatomyParts = 60
)

// Dissect takes a message apart. Lines end in LF or CRLF.
func Dissect(text []byte) Anatomy {
	root, err := entity.Parse(bytes.NewReader(text))
	if err != nil { // a reader of bytes does not fail
		return Anatomy{}
	}
	d := dissection{text: text, parts: map[*entity.Part]string{}}
	d.part(root, "", 0)
	offset := int64(0)
	for raw := range bytes.Lines(text) {
		if len(d.out.Lines) < anatomyLines {
			d.out.Lines = append(d.out.Lines, d.line(root, offset, strings.TrimRight(string(raw), "\r\n")))
		} else {
			d.out.More++
		}
		offset += int64(len(raw))
	}
	return d.out
}

type dissection struct {
	text  []byte
	out   Anatomy
	parts map[*entity.Part]string
}

// part notes a part, those within it, and what is missing in it.
func (d *dissection) part(p *entity.Part, path string, depth int) {
	d.parts[p] = path
	if len(d.out.Parts) < anatomyParts {
		d.out.Parts = append(d.out.Parts, Part{Path: path, Depth: depth, Type: strings.ToLower(p.Type + "/" + p.Subtype),
			Name: nameOf(p), Encoding: strings.ToLower(p.Encoding), Octets: p.End - p.Body})
	}
	if strings.EqualFold(p.Type, "multipart") || p.Default && d.announcesParts(p) {
		d.missing(p)
	}
	inner := p.Parts
	if p.Message != nil {
		inner = []*entity.Part{p.Message}
	}
	for i, child := range inner {
		d.part(child, strings.TrimPrefix(path+"."+strconv.Itoa(i+1), "."), depth+1)
	}
}

// announcesParts tells of a Content-Type that cannot be used whether it was meant for several parts.
func (d *dissection) announcesParts(p *entity.Part) bool {
	for f := range entity.Fields(d.text[p.Start:p.Body]) {
		if f.Is("Content-Type") {
			return strings.HasPrefix(strings.ToLower(f.Text()), "multipart/")
		}
	}
	return false
}

// missing tells what a multipart wants (RFC 2046 section 5.1.1).
func (d *dissection) missing(p *entity.Part) {
	boundary := boundaryOf(p)
	if boundary == "" {
		d.out.Missing = append(d.out.Missing, task.Text{
			"fr": "Content-Type annonce plusieurs parties et ne nomme pas de balise (boundary=).",
			"en": "Content-Type announces several parts and names no boundary (boundary=).",
		})
		return
	}
	var opened, closed bool
	for raw := range bytes.Lines(d.text[p.Body:p.End]) {
		role := delimiter(string(raw), boundary)
		opened, closed = opened || role == Delimiter, closed || role == Closing
	}
	switch {
	case !opened:
		d.out.Missing = append(d.out.Missing, task.Text{
			"fr": fmt.Sprintf("Aucune ligne --%s : les parties annoncées ne sont pas séparées.", boundary),
			"en": fmt.Sprintf("No line is --%s: the parts that were announced are not parted.", boundary),
		})
	case !closed:
		d.out.Missing = append(d.out.Missing, task.Text{
			"fr": fmt.Sprintf("La ligne --%s-- manque à la fin.", boundary),
			"en": fmt.Sprintf("The line --%s-- is missing at the end.", boundary),
		})
	}
}

// line tells what a line is, from where it begins.
func (d *dissection) line(p *entity.Part, at int64, text string) Line {
	boundary := ""
	for inner := p; inner != nil; inner = within(p, at) {
		p = inner
		if named := boundaryOf(p); named != "" {
			boundary = named
		}
	}
	l := Line{Text: text, Role: Content, Part: d.parts[p]}
	switch {
	case at < p.Body && text == "":
		l.Role = Blank
	case at < p.Body:
		l.Role = d.field(text)
	case len(p.Parts) > 0 && boundary != "":
		l.Role = delimiter(text, boundary)
	case strings.EqualFold(p.Encoding, "base64"):
		l.Fault = notBase64(text)
	}
	if boundary != "" && (l.Role == Outside || l.Role == Content) {
		if meant := almost(text, boundary); meant != nil {
			l.Fault = meant
		}
	}
	return l
}

// field tells a message's own fields from those that servers put in front of them.
func (d *dissection) field(text string) Role {
	name, _, _ := strings.Cut(strings.ToLower(text), ":")
	last := len(d.out.Lines) - 1
	switch {
	case last >= 0 && d.out.Lines[last].Role == Trace && strings.HasPrefix(text, "\t"):
		return Trace
	case last >= 0 && d.out.Lines[last].Role != Trace:
		return Field
	case slices.Contains([]string{"return-path", "x-original-to", "delivered-to", "received"}, name):
		return Trace
	}
	return Field
}

// within is the part of p in which an offset lies.
func within(p *entity.Part, at int64) *entity.Part {
	inner := p.Parts
	if p.Message != nil {
		inner = []*entity.Part{p.Message}
	}
	for _, child := range inner {
		if at >= child.Start && at < child.End {
			return child
		}
	}
	return nil
}

// delimiter tells what a line between parts is.
func delimiter(line, boundary string) Role {
	switch strings.TrimRight(line, " \t\r\n") {
	case "--" + boundary:
		return Delimiter
	case "--" + boundary + "--":
		return Closing
	}
	return Outside
}

// almost tells about a line that was meant to be a delimiter.
func almost(line, boundary string) task.Text {
	const dashes = " \t-–—"
	if bare := strings.Trim(line, dashes); bare == "" || bare != strings.Trim(boundary, dashes) {
		return nil
	}
	return task.Text{
		"fr": fmt.Sprintf("Ce n'est pas une balise : deux tirets, puis la balise telle qu'elle est annoncée (--%s).", boundary),
		"en": fmt.Sprintf("This is no delimiter: two dashes, then the boundary as it was announced (--%s).", boundary),
	}
}

// notBase64 tells about what a decoder leaves out (RFC 2045 section 6.8).
func notBase64(line string) task.Text {
	bad := strings.IndexFunc(line, func(r rune) bool {
		return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("+/= \t", r))
	})
	if bad < 0 {
		return nil
	}
	return task.Text{"fr": "Cette ligne n'est pas du base64.", "en": "This line is not base64."}
}

func boundaryOf(p *entity.Part) string { return param(p.Params, "boundary") }

// nameOf is a file's name: RFC 2183 section 2.3, or the older parameter of the type.
func nameOf(p *entity.Part) string {
	if name := param(p.DispositionParams, "filename"); name != "" {
		return entity.Words(name)
	}
	return entity.Words(param(p.Params, "name"))
}

func param(params []entity.Param, name string) string {
	for _, p := range params {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// Tree draws the parts, each below that which it is in.
func (a Anatomy) Tree(lang string) []byte {
	c := &canvas{}
	for i, p := range a.Parts {
		x, y := 10+28*p.Depth, i*30
		if p.Depth > 0 {
			c.path("branch", "M%d %dv%dh14", x-18, 30*a.parent(i)+26, y-30*a.parent(i)-11)
		}
		c.rect(x, y+3, letterWidth/2-x, 24, "part "+p.kind())
		c.text(x+8, y+19, letterColumn, "part-name", p.told(lang))
	}
	title := task.Text{"fr": fmt.Sprintf("Un message de %d parties", len(a.Parts)), "en": fmt.Sprintf("A message of %d parts", len(a.Parts))}
	return c.finish(letterWidth/2, 30*len(a.Parts), "tree", title.In(lang))
}

// kind is a part's top-level type as far as drawings tell them apart: it becomes a class, and a type is what a student wrote.
func (p Part) kind() string {
	for _, known := range [...]string{"multipart", "text", "image", "message"} {
		if strings.HasPrefix(p.Type, known+"/") {
			return known
		}
	}
	return "other"
}

// parent is which part a part is in.
func (a Anatomy) parent(i int) int {
	for j := i - 1; j > 0; j-- {
		if a.Parts[j].Depth < a.Parts[i].Depth {
			return j
		}
	}
	return 0
}

func (p Part) told(lang string) string {
	octets := task.Text{"fr": fmt.Sprintf("%d octets", p.Octets), "en": fmt.Sprintf("%d octets", p.Octets)}
	out := strings.TrimSpace(p.Path + " " + p.Type)
	for _, more := range []string{p.Name, p.Encoding, octets.In(lang)} {
		if more != "" {
			out += ", " + more
		}
	}
	return out
}

// Told is the tree in words, a part a line, deeper ones further in.
func (a Anatomy) Told(lang string) []string {
	var out []string
	for _, p := range a.Parts {
		out = append(out, strings.Repeat("  ", p.Depth)+p.told(lang))
	}
	return out
}
