package webmail

import (
	"context"
	"crypto/rand"
	"html"
	"net/http"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

// maxQuoted bounds what an answer quotes, in octets.
const maxQuoted = 32 << 10

// draft is a letter that is being written, as its form has it.
type draft struct {
	Once                       string // one draft, one letter, however often it is sent
	To, Cc, Bcc, Subject, Text string
	Files                      []enclosure
	Answers                    place    // the message that it answers; its UID is 0: none
	References                 []string // of that answer, the message's own ID last
}

// writePage is the form.
type writePage struct {
	frame
	draft
	From     string
	Most     int // octets of files
	Problem  string
	Refusals []refusal
	outcome
}

// write shows an empty form, or one that answers a message.
func (m *Mail) write(v *Visit) {
	p := m.place(v.R)
	d := draft{Once: rand.Text()}
	if m.opened(p.Account) == nil {
		m.askPassword(v, p.Account, nil)
		return
	}
	if p.UID == 0 {
		m.form(v, http.StatusOK, p, d, nil)
		return
	}
	m.with(v, p, func(_ context.Context, c *line) error {
		l, err := c.enterLetter(p, false)
		if err != nil {
			return err
		}
		d.Answers = p
		return d.answer(l, v.Lang, m.address(p.Account), v.R.FormValue("all") != "")
	}, func() { m.form(v, http.StatusOK, p, d, nil) })
}

// form shows a draft, and why it was not sent.
func (m *Mail) form(v *Visit, status int, p place, d draft, why error) {
	page := writePage{frame: m.frame(v, p), draft: d, From: m.address(p.Account), Most: maxEnclosed, Problem: explain(v.Lang, why), outcome: v.outcome()}
	if refused := (refusals)(nil); asRefusals(why, &refused) {
		page.Problem, page.Refusals = say(v.Lang, "unsent"), refused
	}
	v.show(status, say(v.Lang, "write"), "write", page)
}

// address is an account's.
func (m *Mail) address(account string) string {
	if m.cfg.Domain == "" || strings.Contains(account, "@") {
		return account
	}
	return account + "@" + m.cfg.Domain
}

// answer makes a draft answer a message (RFC 5322 section 3.6.4), and quote it.
func (d *draft) answer(l *letter, lang, own string, all bool) error {
	to := l.ReplyTo
	if len(to) == 0 {
		to = l.From
	}
	d.To = listed(to)
	if all {
		isOwn := func(p person) bool { return strings.EqualFold(p.Address, own) || slices.Contains(to, p) }
		d.Cc = listed(slices.DeleteFunc(slices.Concat(l.To, l.Cc), isOwn))
	}
	d.Subject = l.Subject
	if len(d.Subject) < 3 || !strings.EqualFold(d.Subject[:3], "re:") {
		d.Subject = strings.TrimSpace("Re: " + d.Subject)
	}
	if l.MessageID != "" {
		d.References = lastOf(append(slices.Clone(l.References), l.MessageID), maxReferences)
	}
	said, err := l.said()
	if err != nil {
		return err
	}
	d.Text = say(lang, "wrote", writeDate(lang, l.Arrived), shortly(l.From)) + "\n" + quoted(said) + "\n\n"
	return nil
}

// said is a message's text, or what its HTML says.
func (l *letter) said() (string, error) {
	parts := layOut(l.Root)
	var texts []string
	for _, p := range parts.Texts {
		text, _, err := l.text(p, maxQuoted)
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 && parts.HTML != nil {
		source, _, err := l.text(parts.HTML, maxQuoted)
		if err != nil {
			return "", err
		}
		texts = append(texts, html.UnescapeString(bluemonday.StrictPolicy().Sanitize(source)))
	}
	return cut(strings.Join(texts, "\n"), maxQuoted), nil
}

// quoted has "> " before each line, up to the signature (RFC 3676 section 4.3).
func quoted(text string) string {
	text, _, _ = strings.Cut(text, "\n-- \n")
	lines := strings.Split(strings.TrimRight(text, "\n "), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ">") {
			lines[i] = ">" + line
		} else {
			lines[i] = strings.TrimRight("> "+line, " ")
		}
	}
	return strings.Join(lines, "\n")
}
