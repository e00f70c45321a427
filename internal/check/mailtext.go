package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"maillab/internal/lab/task"
)

// texts are the criteria on what a message says.
func (l letters) texts(want *task.Mail) (all []criterion) {
	shown := func(m *message) string { return m.shown() }
	source := func(m *message) string { return m.source }
	for _, c := range []struct {
		p      task.Pattern
		of     func(*message) string
		expect bool
		fr, en string
	}{
		{want.Body, shown, true, "son texte, %s, n'est pas celui demandé", "its text, %s, is not as asked for"},
		{want.NotBody, shown, false, "son texte, %s, contient ce qu'il ne doit pas", "its text, %s, holds what it must not"},
		{want.Source, source, true, "sa source, %s, n'est pas celle demandée", "its source, %s, is not as asked for"},
	} {
		if c.p == "" {
			continue
		}
		re, err := c.p.Compile()
		all = append(all, func(m Mail) miss {
			text := l.parse(m)
			switch {
			case text == nil:
				return gone()
			case err == nil && re.MatchString(c.of(text)) == c.expect:
				return nil
			}
			return both(c.fr, c.en, quote(c.of(text)))
		})
	}
	return all
}

// reference is the file that an attachment must be the same as; nil when none is asked for.
func (e Evidence) reference(want *task.Attachment) ([]byte, error) {
	if want.Same == "" {
		return nil, nil
	}
	if e.Originals == nil {
		return nil, errors.New("no files of the lab")
	}
	text, ok := e.Originals(want.Same)
	if !ok {
		return nil, fmt.Errorf("%s is no file of the lab", want.Same)
	}
	return text, nil
}

// attachment looks for a part that is as asked; what the nearest lacks is told.
func (l letters) attachment(m Mail, want *task.Attachment, reference []byte) miss {
	text := l.parse(m)
	if text == nil {
		return gone()
	}
	parts := text.attachments()
	if len(parts) == 0 {
		return notInParts(text)
	}
	var nearest miss
	fewest := 100
	for _, part := range parts {
		misses := partMisses(part, want, reference)
		if len(misses) == 0 {
			return nil
		}
		if len(misses) < fewest {
			name := part.name()
			if name == "" {
				name = part.media
			}
			fewest = len(misses)
			nearest = both("sa pièce jointe %s : %s", "its attachment %s: %s", quote(name), join(", ", misses...))
		}
	}
	return nearest
}

// notInParts says why a message has no attachment: most often the line between its parts is not what it should be.
func notInParts(m *message) miss {
	boundary := m.params["boundary"]
	switch {
	case boundary == "" && len(m.of("Content-Type")) == 0:
		return both("il n'a pas de pièce jointe : il n'a pas d'en-tête Content-Type", "it has no attachment: it has no header Content-Type")
	case boundary == "":
		return both("il n'a pas de pièce jointe : son Content-Type n'annonce pas de balise (boundary)", "it has no attachment: its Content-Type announces no boundary")
	case misquoted(m, boundary) != "":
		return both("ses parties ne sont pas séparées : dans Content-Type, la balise est entre %s ; il faut des guillemets droits (\"%s\"), ou aucun",
			"its parts are not parted: in Content-Type the boundary stands between %s; they have to be straight double quotes (\"%s\"), or none",
			boundary[:len(boundary)-len(strings.TrimLeft(boundary, curly))], misquoted(m, boundary))
	case m.hasDashedLine(boundary):
		return both("ses parties ne sont pas séparées : une ligne commence par un tiret long (–), là où il faut deux tirets courts (--)",
			"its parts are not parted: a line begins with a long dash (–), where there have to be two short ones (--)")
	case m.hasLine(boundary) && !m.hasLine("--"+boundary):
		return both("ses parties ne sont pas séparées : il manque -- devant la balise (la ligne doit être --%s)",
			"its parts are not parted: -- is missing before the boundary (the line has to be --%s)", boundary)
	case !m.hasLine("--" + boundary):
		return both("ses parties ne sont pas séparées : aucune ligne n'est -- suivi de la balise annoncée", "its parts are not parted: no line is -- and the boundary that was announced")
	}
	return both("il n'a qu'une partie, et c'est le texte", "it has but one part, and that is the text")
}

// curly are the quotes that an editor puts where straight ones were typed, and single ones, which MIME does not know
// (RFC 2045 section 5.1: in a parameter they are letters like any other).
const curly = "'’‘“”„«»\u00a0\u202f`"

// misquoted is a boundary without such quotes, if that is what parts the message; else "".
func misquoted(m *message, boundary string) string {
	bare := strings.Trim(boundary, curly)
	if bare == "" || bare == boundary || !m.hasLine("--"+bare) {
		return ""
	}
	return bare
}

// partMisses is what a part lacks.
func partMisses(part *message, want *task.Attachment, reference []byte) (out []miss) {
	for _, c := range []struct {
		p    task.Pattern
		of   func() string
		miss miss
	}{
		{want.Name, part.name, badName(part.name())},
		{want.Type, func() string { return part.media }, both("son type, %s, n'est pas celui demandé", "its type, %s, is not as asked for", part.media)},
		{want.Encoding, func() string { return part.first("Content-Transfer-Encoding") }, both("son codage n'est pas celui demandé", "its encoding is not as asked for")},
		{want.Text, part.text, both("son contenu n'est pas celui demandé (une ligne vide sépare les en-têtes d'une partie de son contenu)",
			"its content is not as asked for (an empty line parts a part's headers from its content)")},
	} {
		if re, err := c.p.Compile(); c.p != "" && (err != nil || !re.MatchString(c.of())) {
			out = append(out, c.miss)
		}
	}
	if reference != nil && !same(part.content(), reference) {
		out = append(out, different(part, path.Base(want.Same), reference))
	}
	return out
}

func badName(name string) miss {
	if name == "" {
		return both("elle n'a pas de nom (name=… ou filename=…)", "it has no name (name=… or filename=…)")
	}
	return both("son nom, %s, n'est pas celui demandé", "its name, %s, is not the one asked for", quote(name))
}

// terminalLine is how many octets of a line a terminal takes (N_TTY's buffer less the line end); the rest is lost.
const terminalLine = 4095

// different tells how a part's content is not that of a file.
func different(part *message, file string, reference []byte) miss {
	got := part.content()
	switch {
	case slices.ContainsFunc(strings.Split(part.body, "\n"), func(line string) bool { return len(line) == terminalLine }):
		return both("une ligne de base64 a été coupée à %d octets par le terminal : faites-en des lignes plus courtes (base64 %s, sans -w 0)",
			"a line of base64 was cut at %d octets by the terminal: make shorter lines of it (base64 %s, without -w 0)", terminalLine, file)
	case len(got) < len(reference) && len(got) > 0 && bytes.HasPrefix(reference, got[:len(got)-len(got)%3]):
		return both("une fois décodée, c'est le début du fichier %s : %d octets sur %d", "decoded, it is the beginning of %s: %d octets of %d", file, len(got), len(reference))
	}
	return both("une fois décodée, elle n'est pas identique au fichier %s du laboratoire (%d octets au lieu de %d)",
		"decoded, it is not the same as the lab's file %s (%d octets, not %d)", file, len(got), len(reference))
}

// mailbox looks at what is in a mailbox now.
func (x *sheet) mailbox(ctx context.Context, want *task.Mailbox) verdict {
	if x.Boxes == nil {
		return elsewhere()
	}
	account := want.Of
	if account == "" && len(x.Accounts) > 0 {
		account = x.Accounts[0]
	}
	all, err := x.Boxes.Box(ctx, account, want.Folder)
	if err != nil {
		return unchecked(err)
	}
	found := 0
	for _, m := range all {
		ok, err := inBox(m, want)
		if err != nil {
			return unchecked(err)
		}
		if ok {
			found++
		}
	}
	seen := both("%s dans la boîte de %s, %d comme demandé", "%s in the mailbox of %s, %d as asked for", counted(len(all), "message", "message"), account, found)
	if wanted(want.Messages).Holds(found) {
		return passed(seen)
	}
	return failed(0.1, seen)
}

func inBox(m BoxMessage, want *task.Mailbox) (bool, error) {
	for _, flag := range want.Flags {
		if !contains(m.Flags, flag) {
			return false, nil
		}
	}
	if len(want.Header) == 0 && want.Body == "" {
		return true, nil
	}
	text, err := m.Open()
	if err != nil {
		return false, err
	}
	parsed := parseMessage(text)
	for name, p := range want.Header {
		re, err := p.Compile()
		if err != nil {
			return false, err
		}
		matched := false
		for _, value := range parsed.of(name) {
			matched = matched || re.MatchString(value)
		}
		if !matched {
			return false, nil
		}
	}
	re, err := want.Body.Compile()
	return err == nil && re.MatchString(parsed.shown()), err
}
