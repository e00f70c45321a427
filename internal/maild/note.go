package maild

import (
	"cmp"
	"context"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"maillab/internal/control"
)

// Tell implements control.Mail: a note of the teacher's becomes a message of root's to the first of the student's accounts. Its
// header is ours: who may send notes may not write letters in somebody's name.
func (d *Daemon) Tell(ctx context.Context, n control.Note) error {
	text := strings.TrimSpace(strings.ReplaceAll(n.Text, "\r\n", "\n"))
	if text == "" || len(text) > control.MaxNote || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return &control.Error{Status: http.StatusBadRequest, Text: fmt.Sprintf("a note is text, %d octets at most", control.MaxNote)}
	}
	for _, a := range d.cfg.Spec.Accounts {
		if a.Student == "" || a.Student != n.Student {
			continue
		}
		subject := map[string]string{"fr": "Message de votre enseignant"}[cmp.Or(a.Lang, d.cfg.Spec.Lang)]
		raw := fmt.Sprintf("Subject: %s\nTo: %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s",
			mime.QEncoding.Encode("utf-8", cmp.Or(subject, "A message from your teacher")), a.Name, folded(text))
		return d.Send(ctx, control.Send{To: []string{a.Name}, Raw: []byte(raw)})
	}
	return &control.Error{Status: http.StatusNotFound, Text: fmt.Sprintf("there is no student %q here", n.Student)}
}

// noteLine is how long lines of a note get, in octets, where there is a blank to break them at (RFC 5322 section 2.1.1).
const noteLine = 76

// folded breaks lines at blanks, and very long words where it must.
func folded(text string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		for len(line) > noteLine {
			cut := strings.LastIndexByte(line[:noteLine+1], ' ')
			if cut <= 0 {
				cut = noteLine
				for !utf8.RuneStart(line[cut]) {
					cut--
				}
			}
			out.WriteString(line[:cut] + "\n")
			line = strings.TrimPrefix(line[cut:], " ")
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}
