package webmail

import (
	"bytes"
	"crypto/rand"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// Bounds of what is written, in octets and addresses.
const (
	maxText       = 128 << 10
	maxSubject    = 900 // a line has no more than 998 (RFC 5322 section 2.1.1)
	maxAddress    = 254 // RFC 5321 section 4.5.3.1.3
	maxRecipients = 100
	maxLine       = 998
)

// outgoing is a letter that can be sent.
type outgoing struct {
	From       string   // the envelope's, and the header's
	Recipients []string // the envelope's: those of To, Cc and Bcc
	Message    []byte
}

// compose makes a letter out of a draft, or says what is wrong with it.
func (d draft) compose(from, domain string, now time.Time) (outgoing, error) {
	o := outgoing{From: from}
	var header mail.Header // each field is put before those that are there
	header.Set("User-Agent", Name)
	if n := len(d.References); n > 0 {
		header.SetMsgIDList("References", bare(d.References))
		header.SetMsgIDList("In-Reply-To", bare(d.References[n-1:]))
	}
	header.SetMessageID(strings.ToLower(rand.Text()) + "@" + domain)
	header.SetDate(now)
	if strings.ContainsFunc(d.Subject, isControl) || len(d.Subject) > maxSubject {
		return o, problem{key: "oneline", about: "Subject"}
	}
	header.SetSubject(d.Subject)
	for _, field := range []struct{ name, value string }{{"Bcc", d.Bcc}, {"Cc", d.Cc}, {"To", d.To}} {
		people, err := addressed(field.name, field.value, domain)
		if err != nil {
			return o, err
		}
		if field.name != "Bcc" && len(people) > 0 {
			header.SetAddressList(field.name, people)
		}
		o.add(people)
	}
	header.SetAddressList("From", []*mail.Address{{Address: from}})
	switch {
	case len(o.Recipients) == 0:
		return o, problem{key: "norecipient"}
	case len(o.Recipients) > maxRecipients:
		return o, problem{key: "recipients"}
	case len(d.Text) > maxText:
		return o, problem{key: "long"}
	}
	var err error
	o.Message, err = written(header, d)
	return o, err
}

// add adds recipients, each once.
func (o *outgoing) add(people []*mail.Address) {
	for _, p := range people {
		known := false
		for _, r := range o.Recipients {
			known = known || strings.EqualFold(r, p.Address)
		}
		if !known {
			o.Recipients = append(o.Recipients, p.Address)
		}
	}
}

// addressed reads a field of addresses; those without a domain get ours.
func addressed(field, value, domain string) (people []*mail.Address, err error) {
	if strings.ContainsFunc(value, isControl) {
		return nil, problem{key: "oneline", about: field}
	}
	for _, p := range peopleOf(value) {
		if p.Address == "" {
			return nil, problem{key: "address", about: p.String()}
		}
		if !strings.Contains(p.Address, "@") && domain != "" {
			p.Address += "@" + domain
		}
		if len(p.Address) > maxAddress || strings.ContainsAny(p.Address, " <>,;:\\\"") || strings.HasPrefix(p.Address, "@") || strings.HasSuffix(p.Address, "@") {
			return nil, problem{key: "address", about: p.Address}
		}
		people = append(people, &mail.Address{Name: p.Name, Address: p.Address})
	}
	return people, nil
}

// bare are IDs without their brackets, as go-message takes them.
func bare(ids []string) (all []string) {
	for _, id := range ids {
		all = append(all, strings.Trim(id, "<>"))
	}
	return all
}

// transfer is the encoding that leaves most of a text as it is: who looks at the source can read it.
func transfer(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > maxLine-2 || utf8.RuneCountInString(line) != len(line) {
			return "quoted-printable"
		}
	}
	return "7bit"
}

// written is the message: the text alone, or in a multipart with the files behind it.
func written(header mail.Header, d draft) ([]byte, error) {
	var out bytes.Buffer
	if len(d.Files) == 0 {
		setText(&header.Header, d.Text)
		err := part(mail.CreateSingleInlineWriter(&out, header))([]byte(crlf(d.Text)))
		return out.Bytes(), err
	}
	w, err := mail.CreateWriter(&out, header)
	if err != nil {
		return nil, err
	}
	var text mail.InlineHeader
	setText(&text.Header, d.Text)
	if err := part(w.CreateSingleInline(text))([]byte(crlf(d.Text))); err != nil {
		return nil, err
	}
	for _, f := range d.Files {
		if err := f.write(w); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

// setText says what a part of text is.
func setText(h *message.Header, text string) {
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", transfer(text))
}

// crlf has each line end in CR LF, the last, too; other control characters than tabs are left out.
func crlf(text string) string {
	text = strings.Map(func(r rune) rune {
		if isControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	return strings.ReplaceAll(strings.TrimRight(text, "\n")+"\n", "\n", "\r\n")
}
