package webmail

import (
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"maillab/internal/mail/imap/entity"
)

// layout is a message as a mail program shows it: text to read, the same as HTML, and files.
type layout struct {
	Texts []*entity.Part // to be read one after the other
	HTML  *entity.Part   // nil: there is none
	Files []file
	leafs []*entity.Part // all parts without parts of their own
}

// file is a part that can be kept.
type file struct {
	Number  int    // its place among the leafs
	Name    string // safe on every system
	Type    string // as the message says
	Size    int64  // octets, about: as decoded
	Picture bool   // that browsers show
	ID      string // by which the HTML names it
}

// Bounds of what of a message is shown.
const (
	maxTexts = 20
	maxFiles = 100
)

// layOut sorts a message's parts.
func layOut(root *entity.Part) *layout {
	l := &layout{}
	l.walk(root)
	return l
}

func (l *layout) walk(p *entity.Part) {
	for _, sub := range p.Parts {
		l.walk(sub)
	}
	if len(p.Parts) > 0 {
		return
	}
	number := len(l.leafs)
	l.leafs = append(l.leafs, p)
	attached := strings.EqualFold(p.Disposition, "attachment")
	switch {
	case p.Is("text", "plain") && !attached && len(l.Texts) < maxTexts:
		l.Texts = append(l.Texts, p)
		if fileName(p) != "" {
			l.file(number, p)
		}
	case p.Is("text", "html") && !attached && l.HTML == nil:
		l.HTML = p
	default:
		l.file(number, p)
	}
}

func (l *layout) file(number int, p *entity.Part) {
	if len(l.Files) >= maxFiles {
		return
	}
	size := p.Size()
	if strings.EqualFold(p.Encoding, "base64") {
		size = (size - 2*p.Lines) * 3 / 4
	}
	l.Files = append(l.Files, file{Number: number, Name: named(number, p), Type: clean(p.Type + "/" + p.Subtype), Size: size,
		Picture: picture(p) != "", ID: strings.Trim(p.ID, "<> ")})
}

// named is what a part is called, if need be by its number.
func named(number int, p *entity.Part) string {
	if name := fileName(p); name != "" {
		return name
	}
	return fmt.Sprintf("part-%d%s", number+1, ending(p))
}

// leaf is a part by its number in an address, from 1; nil: there is none.
func (l *layout) leaf(number uint32) *entity.Part {
	if number == 0 || int64(number) > int64(len(l.leafs)) {
		return nil
	}
	return l.leafs[number-1]
}

// picture is the type under which a browser may be given a part to show; "": it may not. SVG is not among them: it has scripts.
func picture(p *entity.Part) string {
	for _, subtype := range []string{"png", "jpeg", "gif", "webp"} {
		if p.Is("image", subtype) {
			return "image/" + subtype
		}
	}
	if p.Is("image", "jpg") || p.Is("image", "pjpeg") {
		return "image/jpeg"
	}
	return ""
}

// ending is what a file without a name ends in.
func ending(p *entity.Part) string {
	switch {
	case p.Message != nil || p.Is("message", "rfc822"):
		return ".eml"
	case p.Is("text", "html"):
		return ".html"
	case p.Is("text", ""):
		return ".txt"
	}
	if shown, is := strings.CutPrefix(picture(p), "image/"); is {
		return "." + shown
	}
	return ".bin"
}

// fileName is what a part says that it is called, made safe; "" when it says nothing.
func fileName(p *entity.Part) string {
	for _, params := range [][]entity.Param{p.DispositionParams, p.Params} {
		for _, name := range []string{"filename", "name"} {
			for _, param := range params {
				if strings.EqualFold(param.Name, name+"*") {
					return safeName(extended(param.Value))
				}
			}
			for _, param := range params {
				if strings.EqualFold(param.Name, name) {
					return safeName(entity.Words(param.Value))
				}
			}
		}
	}
	return ""
}

// extended decodes a parameter's value (RFC 2231 section 4): charset'language'percent-encoded.
func extended(value string) string {
	charset, rest, ok := strings.Cut(value, "'")
	if !ok {
		return value
	}
	if _, rest, ok = strings.Cut(rest, "'"); !ok {
		return value
	}
	octets, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	text, err := io.ReadAll(entity.Text(charset, strings.NewReader(octets)))
	if err != nil {
		return rest
	}
	return string(text)
}

// maxFileName bounds a name, in octets: what file systems take, with room for " (2)".
const maxFileName = 200

// safeName keeps of a name what every system takes for a file's: its last part, without control characters, without those
// that paths and shells are made of, and no leading dot.
func safeName(name string) string {
	name = path.Base(strings.ReplaceAll(clean(name), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/:*?"<>|;%`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". ")
	if len(name) > maxFileName {
		end := cut(path.Ext(name), 16)
		name = cut(name, maxFileName-len(end)) + end
	}
	return name
}
