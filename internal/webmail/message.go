package webmail

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Bounds of what one page shows of a message, in octets; the whole can be downloaded.
const (
	maxShown  = 256 << 10
	maxSource = 512 << 10
)

// messagePage is a message to be read.
type messagePage struct {
	frame
	*letter
	*layout
	Folders []folder
	AsHTML  bool
	Bodies  []body
}

// body is a text of a message.
type body struct {
	Text  string
	Whole bool
}

// message shows one.
func (m *Mail) message(v *Visit) {
	p := m.place(v.R)
	page := messagePage{}
	m.with(v, p, func(_ context.Context, c *line) (err error) {
		if page.letter, err = c.enterLetter(p, true); err != nil {
			return err
		}
		page.layout = layOut(page.Root)
		page.AsHTML = page.HTML != nil && (len(page.Texts) == 0 || v.R.FormValue("as") == "html")
		if err = page.readBodies(); err != nil {
			return err
		}
		page.Folders, err = c.folders(p.Box) // now that one more has been read
		return err
	}, func() {
		page.frame = m.frame(v, p)
		title := page.Subject
		if title == "" {
			title = say(v.Lang, "nosubject")
		}
		v.show(http.StatusOK, title, "message", page)
	})
}

// enterLetter reads the message of a place.
func (c *line) enterLetter(p place, seen bool) (*letter, error) {
	if p.UID == 0 {
		return nil, problem{key: "gone"}
	}
	if _, err := c.enterFolder(p); err != nil {
		return nil, err
	}
	return c.letter(p.UID, seen)
}

func (page *messagePage) readBodies() error {
	if page.AsHTML {
		return nil
	}
	left := maxShown
	for _, p := range page.Texts {
		text, whole, err := page.text(p, left)
		if err != nil {
			return err
		}
		left -= min(left, len(text))
		if strings.TrimSpace(text) != "" || !whole {
			page.Bodies = append(page.Bodies, body{text, whole})
		}
	}
	return nil
}

// sourcePage is a message as it is stored.
type sourcePage struct {
	frame
	Subject string
	Text    string
	Whole   bool
	Size    int64
}

// source shows a message's octets, as they came over the line.
func (m *Mail) source(v *Visit) {
	p := m.place(v.R)
	page := sourcePage{}
	m.with(v, p, func(_ context.Context, c *line) error {
		l, err := c.enterLetter(p, false)
		if err != nil {
			return err
		}
		in, err := l.open(0, min(l.Root.End, maxSource))
		if err != nil {
			return err
		}
		defer in.Close()
		octets, err := io.ReadAll(in)
		page.Subject, page.Text, page.Whole, page.Size = l.Subject, readable(octets, ""), l.Root.End <= maxSource, l.Root.End
		return err
	}, func() {
		page.frame = m.frame(v, p)
		v.show(http.StatusOK, say(v.Lang, "source"), "source", page)
	})
}

// whole is a message as a file.
func (m *Mail) whole(v *Visit) {
	m.download(v, func(l *letter) (download, error) {
		name := safeName(l.Subject)
		if name == "" {
			name = "message"
		}
		in, err := l.open(0, l.Root.End)
		return download{in, name + ".eml", "application/octet-stream", false}, err
	})
}

// part is a file that came with a message, to be kept, or, of a picture, to be shown.
func (m *Mail) part(v *Visit) {
	m.download(v, func(l *letter) (download, error) {
		all := layOut(l.Root)
		n := number(v.R, "part")
		p := all.leaf(n)
		if p == nil {
			return download{}, problem{key: "gone"}
		}
		d := download{Name: named(int(n)-1, p), Type: "application/octet-stream"}
		if shown := picture(p); shown != "" && v.R.FormValue("show") != "" {
			d.Type, d.Show = shown, true
		}
		var err error
		d.Content, err = l.content(p)
		return d, err
	})
}

// download is what a browser keeps as a file.
type download struct {
	Content io.ReadCloser
	Name    string
	Type    string
	Show    bool // it is a picture in a page
}

// errBegun is what goes wrong when a part of the answer is on its way: the line is lost, and so is the answer.
var errBegun = errors.New("webmail: cut off")

// download streams something out of a message. It takes as long as the browser does, and none of the page's patience.
func (m *Mail) download(v *Visit, find func(*letter) (download, error)) {
	p := m.place(v.R)
	l := m.opened(p.Account)
	if l == nil {
		m.fail(v, p, problem{key: "closed"})
		return
	}
	err := l.do(v.R.Context(), func(c *line) error {
		letter, err := c.enterLetter(p, false)
		if err != nil {
			return err
		}
		d, err := find(letter)
		if err != nil {
			return err
		}
		d.head(v.W.Header())
		_, err = io.Copy(newSteady(v.W), d.Content)
		if err = errors.Join(err, d.Content.Close()); err != nil {
			return errors.Join(errBegun, err)
		}
		return nil
	})
	switch {
	case errors.Is(err, errBegun):
		panic(http.ErrAbortHandler) // a browser takes the half of a file for a whole one otherwise
	case err != nil:
		m.fail(v, p, err)
	}
}

// steady is an answer that a browser takes in as slowly as it likes, but has to go on with.
type steady struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newSteady(w http.ResponseWriter) steady { return steady{w, http.NewResponseController(w)} }

func (s steady) Write(p []byte) (int, error) {
	_ = s.c.SetWriteDeadline(time.Now().Add(patience)) // a recorder in a test has none
	defer func() { _ = s.c.SetWriteDeadline(time.Time{}) }()
	return s.w.Write(p)
}

// head says what comes. A file is never rendered, whatever a browser would make of it.
func (d download) head(h http.Header) {
	h.Set("Content-Type", d.Type)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	disposition := "attachment"
	if d.Show {
		disposition = "inline"
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": d.Name}))
}

// html is a message's HTML in a document of its own, which the message's page has in a frame.
func (m *Mail) html(v *Visit) {
	p := m.place(v.R)
	var text string
	m.with(v, p, func(_ context.Context, c *line) error {
		l, err := c.enterLetter(p, false)
		if err != nil {
			return err
		}
		parts := layOut(l.Root)
		if parts.HTML == nil {
			return problem{key: "gone"}
		}
		source, whole, err := l.text(parts.HTML, maxShown)
		if err != nil {
			return err
		}
		text, err = harmless(v.Lang, source, whole, func(id string) (string, error) { return l.picture(parts, id) })
		return err
	}, func() {
		h := v.W.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", htmlPolicy)
		_, _ = io.WriteString(v.W, text)
	})
}
