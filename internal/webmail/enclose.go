package webmail

import (
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/emersion/go-message/mail"
)

// Bounds of the files that go with a letter. They are held while it is sent.
const (
	maxEnclosures = 10
	maxEnclosed   = 2 << 20 // octets, all together
)

// enclosure is a file that goes with a letter.
type enclosure struct {
	Name    string
	Type    string
	Content []byte
}

// enclosed are the files of a form. One without a name is a field that was left empty.
func enclosed(r *http.Request) (all []enclosure, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	left := int64(maxEnclosed)
	for _, part := range r.MultipartForm.File["files"] {
		if part.Filename == "" {
			continue
		}
		if left -= part.Size; left < 0 || len(all) == maxEnclosures {
			return nil, problem{key: "enclosed"}
		}
		content, err := content(part)
		if err != nil {
			return nil, err
		}
		all = append(all, enclosure{cmp.Or(safeName(part.Filename), "file"), typeOf(part.Header.Get("Content-Type")), content})
	}
	return all, nil
}

func content(part *multipart.FileHeader) ([]byte, error) {
	in, err := part.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxEnclosed))
}

// typeOf is what a browser takes a file for, where that can be said in a header.
func typeOf(said string) string {
	kind, _, err := mime.ParseMediaType(said)
	if major, _, ok := strings.Cut(kind, "/"); err != nil || !ok || major == "multipart" || major == "message" {
		return "application/octet-stream"
	}
	return kind
}

// transfer is how a file is encoded: a text that can be read in the source is left as it is.
func (e enclosure) transfer() string {
	if text := string(e.Content); e.Type == "text/plain" && transfer(strings.ReplaceAll(text, "\r\n", "\n")) == "7bit" && !strings.ContainsFunc(text, unreadable) {
		return "7bit"
	}
	return "base64"
}

// unreadable tells what a text that goes as it is cannot have.
func unreadable(r rune) bool { return isControl(r) && r != '\n' && r != '\t' && r != '\r' }

// write adds a file to a message.
func (e enclosure) write(w *mail.Writer) error {
	var h mail.AttachmentHeader
	h.Set("Content-Transfer-Encoding", e.transfer())
	h.SetFilename(e.Name)
	params := map[string]string{"name": e.Name}
	if e.transfer() == "7bit" {
		params["charset"] = "utf-8"
		e.Content = []byte(strings.ReplaceAll(strings.ReplaceAll(string(e.Content), "\r\n", "\n"), "\n", "\r\n"))
	}
	h.SetContentType(e.Type, params)
	return part(w.CreateAttachment(h))(e.Content)
}

// part writes what a part holds, where it could be begun.
func part(w io.WriteCloser, err error) func(content []byte) error {
	return func(content []byte) error {
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
		return w.Close()
	}
}
