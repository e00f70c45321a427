package snapshot

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"

	"maillab/internal/progress"
)

// Message is a message as a person tells it from others.
type Message struct {
	Account string `json:"account"`
	Box     string `json:"box"` // INBOX, ~/mbox, or a folder
	From    string `json:"from"`
	Subject string `json:"subject"`
	Date    string `json:"date"`

	key [sha256.Size]byte // of what does not change when it is read
}

// Change is a message that one side has and the other has not.
type Change struct {
	Kind string `json:"kind"` // gained or lost
	Message
}

// Content is what of a sandbox's stream can be compared.
type Content struct {
	Messages []Message
	Work     map[string]progress.History // by student
}

// ContentOf reads a sandbox's stream.
func ContentOf(stream io.Reader) (c Content, err error) {
	err = each(stream, func(h *tar.Header, r io.Reader) error {
		if h.Name == workEntry {
			c.Work, err = readWork(h, r)
			return err
		}
		account, box, ok := boxOf(h.Name)
		if !ok || h.Typeflag != tar.TypeReg {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		found, err := messagesIn(r)
		for _, m := range found {
			m.Account, m.Box = account, box
			c.Messages = append(c.Messages, m)
		}
		return err
	})
	return c, err
}

// Archived reads an archive.
func Archived(archive io.Reader) (Content, error) {
	stream, done, err := unpack(archive)
	if err != nil {
		return Content{}, err
	}
	defer done()
	return ContentOf(stream)
}

// maxLine bounds what of a line is looked at; the rest of it is hashed all the same.
const maxLine = 64 << 10

// messagesIn cuts an mbox at its From_ lines.
func messagesIn(r io.Reader) ([]Message, error) {
	in := bufio.NewReaderSize(r, maxLine)
	var all []Message
	var one *cutting
	end := func() {
		if one != nil {
			all = append(all, one.message())
		}
	}
	blank := true
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if blank && bytes.HasPrefix(line, []byte("From ")) {
				end()
				one = &cutting{}
			} else if one != nil {
				one.line(line)
			}
			blank = len(bytes.TrimRight(line, "\r\n")) == 0
		}
		if err == io.EOF {
			end()
			return all, nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return all, err
		}
	}
}

// cutting is a message that is being read.
type cutting struct {
	header bytes.Buffer
	body   bool
	empty  int // empty lines that are not hashed yet: at the end they do not count
	sum    [sha256.Size]byte
}

// volatile are the headers in which mail readers keep their notes.
func volatile(line []byte) bool {
	name, _, _ := bytes.Cut(line, []byte(":"))
	switch strings.ToLower(string(name)) {
	case "status", "x-status", "x-keywords", "x-uid", "x-imapbase", "content-length":
		return true
	}
	return false
}

func (c *cutting) line(line []byte) {
	bare := bytes.TrimRight(line, "\r\n")
	switch {
	case len(bare) == 0:
		c.body = true
		c.empty++
		return
	case !c.body && volatile(bare):
		return
	case !c.body && c.header.Len() < maxLine:
		c.header.Write(bare)
		c.header.WriteString("\r\n")
	}
	c.sum = sha256.Sum256(fmt.Appendf(c.sum[:], "%d%s", c.empty, bare))
	c.empty = 0
}

func (c *cutting) message() Message {
	m := Message{key: c.sum}
	parsed, err := mail.ReadMessage(io.MultiReader(&c.header, strings.NewReader("\r\n")))
	if err != nil {
		return m
	}
	m.From, m.Subject, m.Date = decoded(parsed.Header.Get("From")), decoded(parsed.Header.Get("Subject")), parsed.Header.Get("Date")
	return m
}

// decoded is a header for a terminal: decoded, and without what would move its cursor.
func decoded(text string) string {
	if plain, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
		text = plain
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text), "?")
}

// Diff names the messages that after has and before has not (gained), and the other way round (lost). A message that
// was moved to another box of its account is lost here and gained there.
func Diff(before, after []Message) []Change {
	type place struct {
		account, box string
		key          [sha256.Size]byte
	}
	at := func(m Message) place { return place{m.Account, m.Box, m.key} }
	count := map[place]int{}
	for _, m := range before {
		count[at(m)]++
	}
	var changes []Change
	for _, m := range after {
		if count[at(m)]--; count[at(m)] < 0 {
			changes = append(changes, Change{"gained", m})
		}
	}
	for _, m := range before {
		if count[at(m)] > 0 {
			count[at(m)]--
			changes = append(changes, Change{"lost", m})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Box, b.Box), cmp.Compare(a.Kind, b.Kind))
	})
	return changes
}
