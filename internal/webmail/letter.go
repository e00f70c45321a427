package webmail

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/text/encoding/charmap"

	"maillab/internal/mail/imap/entity"
)

// kept is how much of a message's beginning is held, in octets: most messages are read at once, of others pieces are fetched.
const kept = 128 << 10

// letter is a message that has been read through once, and whose parts can be read again. Of its text no more than kept
// octets are in memory.
type letter struct {
	head
	line     *line
	uid      imap.UID
	Root     *entity.Part
	Arrived  time.Time
	Size     int64
	Answered bool
	begin    []byte
}

// letter reads a message of the folder that is selected. Seen marks it as read.
func (c *line) letter(uid imap.UID, seen bool) (*letter, error) {
	fetch := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{{Peek: !seen}}})
	l := &letter{line: c, uid: uid}
	for message := fetch.Next(); message != nil; message = fetch.Next() {
		if err := l.read(message); err != nil {
			_ = fetch.Close()
			return nil, err
		}
	}
	if err := fetch.Close(); err != nil {
		return nil, err
	}
	if l.Root == nil {
		return nil, problem{key: "gone"}
	}
	l.head = readHead(l.begin[:min(int64(len(l.begin)), l.Root.Body)])
	if date, ok := entity.Date(l.Date); ok {
		l.Arrived = date
	}
	return l, nil
}

// read takes what is fetched of a message, piece by piece.
func (l *letter) read(message *imapclient.FetchMessageData) error {
	for item := message.Next(); item != nil; item = message.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataFlags:
			l.Answered = slices.Contains(item.Flags, imap.FlagAnswered)
		case imapclient.FetchItemDataInternalDate:
			l.Arrived = item.Time
		case imapclient.FetchItemDataRFC822Size:
			l.Size = item.Size
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			begin := &beginning{max: kept}
			root, err := entity.Parse(io.TeeReader(item.Literal, begin))
			if err != nil {
				return err
			}
			l.Root, l.begin = root, begin.text
		}
	}
	return nil
}

// beginning keeps the first octets of what is written to it.
type beginning struct {
	max  int
	text []byte
}

func (b *beginning) Write(p []byte) (int, error) {
	b.text = append(b.text, p[:min(len(p), b.max-len(b.text))]...)
	return len(p), nil
}

// open reads octets of the message, from one offset to another. The line serves nothing else until it is closed.
func (l *letter) open(start, end int64) (io.ReadCloser, error) {
	if end <= int64(len(l.begin)) {
		return io.NopCloser(bytes.NewReader(l.begin[start:end])), nil
	}
	fetch := l.line.Fetch(imap.UIDSetNum(l.uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{
		{Peek: true, Partial: &imap.SectionPartial{Offset: start, Size: end - start}}}})
	for message := fetch.Next(); message != nil; message = fetch.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			if section, is := item.(imapclient.FetchItemDataBodySection); is && section.Literal != nil {
				return piece{section.Literal, fetch}, nil
			}
		}
	}
	return nil, cmp.Or[error](fetch.Close(), problem{key: "gone"})
}

// piece is what is still on its way.
type piece struct {
	io.Reader
	fetch *imapclient.FetchCommand
}

func (p piece) Close() error { return p.fetch.Close() }

// content reads what a part holds, without its transfer encoding; one that nobody knows stays.
func (l *letter) content(p *entity.Part) (io.ReadCloser, error) {
	raw, err := l.open(p.Body, p.End)
	if err != nil {
		return nil, err
	}
	plain, known := entity.Decode(p.Encoding, raw)
	if !known {
		plain = raw
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, raw}, nil
}

// text is what a part of text says, at most so many octets of it; whole tells whether that is all.
func (l *letter) text(p *entity.Part, most int) (text string, whole bool, err error) {
	in, err := l.content(p)
	if err != nil {
		return "", false, err
	}
	defer in.Close()
	octets, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	if err != nil {
		return "", false, err
	}
	whole = len(octets) <= most
	return readable(octets[:min(len(octets), most)], p.Param("charset")), whole, nil
}

// readable is text in a character set, or in what it looks like.
func readable(octets []byte, charset string) string {
	e, known := entity.Charset(charset)
	switch {
	case known && e != nil:
		if text, err := e.NewDecoder().Bytes(octets); err == nil {
			octets = text
		}
	case !utf8.Valid(octets) && !cutOff(octets):
		if text, err := charmap.Windows1252.NewDecoder().Bytes(octets); err == nil {
			octets = text
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || turns(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(octets), "\ufffd"))
}

// cutOff tells UTF-8 that only lacks the end of its last character.
func cutOff(octets []byte) bool {
	for n := 1; n < utf8.UTFMax && n < len(octets); n++ {
		if last := octets[len(octets)-n:]; utf8.RuneStart(last[0]) {
			return !utf8.FullRune(last) && utf8.Valid(octets[:len(octets)-n])
		}
	}
	return false
}
