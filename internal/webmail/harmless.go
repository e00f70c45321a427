package webmail

import (
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
)

// htmlPolicy is what a message's HTML may do in its document: look the way it does. It runs nothing, loads nothing, sends
// nothing and leads nowhere; and it has no origin, so that nothing of the page is its own. Pictures are in the document.
const htmlPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
	"frame-ancestors 'self'; sandbox"

// maxPicture bounds a picture in a message's HTML, and maxPictures all of them, in octets.
const (
	maxPicture  = 512 << 10
	maxPictures = 1 << 20
)

// policy is what is left of HTML: text, tables, lists, colours, the names of pictures.
func policy() *bluemonday.Policy {
	p := bluemonday.UGCPolicy()
	p.AllowURLSchemes("mailto", "http", "https", "cid")
	p.AllowElements("center", "font", "u")
	p.AllowAttrs("color", "face", "size").Matching(regexp.MustCompile(`^[#\w ,-]*$`)).OnElements("font")
	p.AllowAttrs("bgcolor").Matching(regexp.MustCompile(`^#?\w+$`)).OnElements("table", "tr", "td", "th")
	p.AllowAttrs("cellpadding", "cellspacing", "border").Matching(bluemonday.Integer).OnElements("table")
	p.AllowStyles("color", "background-color", "font-family", "font-size", "font-style", "font-weight", "line-height", "text-align",
		"text-decoration", "vertical-align", "margin", "padding", "border", "border-collapse", "width", "max-width").Globally()
	return p
}

// harmless is a document out of a message's HTML. Pictures that came with the message are put in; others, and where links
// lead, are said in words.
func harmless(lang, source string, whole bool, picture func(id string) (string, error)) (string, error) {
	var out strings.Builder
	out.WriteString(`<!doctype html><html lang="` + lang + `"><meta charset="utf-8"><meta name="color-scheme" content="light"><style>` +
		`body{font:1rem/1.5 system-ui,sans-serif;margin:1rem;background:#fff;color:#1d1f25;overflow-wrap:anywhere}` +
		`img{max-width:100%;height:auto}.note{border:1px dashed #5b5f6b;color:#5b5f6b;font-size:.85em;padding:0 .3em}</style><body>` + "\n")
	r := rewriter{lang: lang, in: html.NewTokenizer(strings.NewReader(policy().Sanitize(source))), out: &out, picture: picture}
	if err := r.run(); err != nil {
		return "", err
	}
	if !whole {
		r.note(say(lang, "cutoff"))
	}
	return out.String(), nil
}

// rewriter copies HTML that has been sanitized, and puts notes in place of what leads out of it.
type rewriter struct {
	lang     string
	in       *html.Tokenizer
	out      *strings.Builder
	picture  func(id string) (string, error)
	pictures int      // octets of those that are in
	links    []string // where the links lead that are open
}

func (r *rewriter) run() error {
	for {
		kind := r.in.Next()
		if kind == html.ErrorToken {
			if err := r.in.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		}
		raw := string(r.in.Raw())
		t := r.in.Token()
		switch {
		case t.Data == "img" && kind != html.EndTagToken && kind != html.TextToken:
			if err := r.img(t); err != nil {
				return err
			}
		case t.Data == "a" && kind == html.StartTagToken:
			r.links = append(r.links, attribute(t, "href"))
			r.out.WriteString("<u>")
		case t.Data == "a" && kind == html.EndTagToken:
			r.out.WriteString("</u>")
			r.leads()
		default:
			r.out.WriteString(raw)
		}
	}
}

// leads says where a link leads that ends here.
func (r *rewriter) leads() {
	if len(r.links) == 0 {
		return
	}
	if address := lastOf(r.links, 1)[0]; address != "" {
		r.note(address)
	}
	r.links = r.links[:len(r.links)-1]
}

func (r *rewriter) note(text string) {
	r.out.WriteString(` <span class="note">` + html.EscapeString(clean(text)) + `</span> `)
}

// img puts a picture of the message's in, or says what is not there.
func (r *rewriter) img(t html.Token) error {
	source, alt := attribute(t, "src"), attribute(t, "alt")
	id, own := strings.CutPrefix(source, "cid:")
	if !own {
		r.note(strings.TrimSpace(say(r.lang, "remote", source) + " " + alt))
		return nil
	}
	address, err := r.picture(id)
	if err != nil {
		return err
	}
	if address == "" || r.pictures+len(address) > maxPictures*4/3 {
		r.note(strings.TrimSpace(say(r.lang, "nopicture") + " " + alt))
		return nil
	}
	r.pictures += len(address)
	r.out.WriteString(`<img src="` + address + `" alt="` + html.EscapeString(alt) + `">`)
	return nil
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// picture is one of a message's pictures as an address that has it in it, by the ID that HTML names it by; "": there is none
// that can be shown.
func (l *letter) picture(parts *layout, id string) (string, error) {
	for _, f := range parts.Files {
		if !f.Picture || f.ID == "" || f.ID != id || f.Size > maxPicture {
			continue
		}
		p := parts.leafs[f.Number]
		in, err := l.content(p)
		if err != nil {
			return "", err
		}
		octets, err := io.ReadAll(io.LimitReader(in, maxPicture))
		if err = errors.Join(err, in.Close()); err != nil {
			return "", err
		}
		return "data:" + picture(p) + ";base64," + base64.StdEncoding.EncodeToString(octets), nil
	}
	return "", nil
}
