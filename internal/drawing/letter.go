package drawing

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/lab/task"
	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

// Letter is a message as two things: the envelope, by which it is delivered, and the header, which readers see.
type Letter struct {
	Sender     string
	Recipients []string
	Subject    string
	Named      []Named
}

// Named is an address in the header.
type Named struct{ Field, Address string }

// named is the fields of people, in the order in which a letter shows them (RFC 5322 section 3.6).
var named = [...]string{"From", "Reply-To", "To", "Cc", "Bcc"}

// addressesMost bounds what is drawn of recipients, and of the header's addresses.
const addressesMost = 12

// Open tells what is on a message's envelope and what in its header.
func Open(e mail.Envelope, text []byte) Letter {
	l := Letter{Sender: e.Sender.Full}
	for _, r := range e.Recipients {
		l.Recipients = append(l.Recipients, r.Full)
	}
	values := map[string][]string{}
	for f := range entity.Fields(text) {
		for _, name := range append(named[:], "Subject") {
			if f.Is(name) {
				values[name] = append(values[name], f.Text())
			}
		}
	}
	l.Subject = entity.Words(strings.Join(values["Subject"], " "))
	for _, field := range named {
		for _, a := range entity.Addresses(strings.Join(values[field], ", ")) {
			if address := addressOf(a); address != "" {
				l.Named = append(l.Named, Named{field, address})
			}
		}
	}
	return l
}

func addressOf(a entity.Address) string {
	switch {
	case a.Group || a.Mailbox == "":
		return ""
	case a.Host == "":
		return a.Mailbox
	}
	return a.Mailbox + "@" + a.Host
}

// same tells whether an address of the header is one of the envelope's. A bare name is completed with the server's domain.
func same(inHeader, onEnvelope string) bool {
	local, _, _ := strings.Cut(onEnvelope, "@")
	return onEnvelope != "" && (strings.EqualFold(inHeader, onEnvelope) || strings.EqualFold(inHeader, local))
}

// hidden are the recipients that no reader sees, and unserved those who are named to readers and get nothing by this
// envelope.
func (l Letter) hidden() []string {
	return slices.DeleteFunc(slices.Clone(l.Recipients), func(r string) bool {
		return slices.ContainsFunc(l.Named, func(n Named) bool { return n.receives() && same(n.Address, r) })
	})
}

func (l Letter) unserved() (out []string) {
	for _, n := range l.Named {
		if n.receives() && !slices.ContainsFunc(l.Recipients, func(r string) bool { return same(n.Address, r) }) {
			out = append(out, n.Address)
		}
	}
	return out
}

func (n Named) receives() bool { return n.Field == "To" || n.Field == "Cc" || n.Field == "Bcc" }

// otherSender is who the header says wrote the message, where that is not who the envelope says sent it.
func (l Letter) otherSender() string {
	for _, n := range l.Named {
		if n.Field == "From" && !same(n.Address, l.Sender) {
			return n.Address
		}
	}
	return ""
}

// Told is what there is to learn from a letter, a sentence each.
func (l Letter) Told() []task.Text {
	out := []task.Text{{
		"fr": fmt.Sprintf("L'enveloppe : de %s, à %s.", bracketed(l.Sender), listed(l.Recipients)),
		"en": fmt.Sprintf("The envelope: from %s, to %s.", bracketed(l.Sender), listed(l.Recipients)),
	}}
	if other := l.otherSender(); other != "" {
		out = append(out, task.Text{
			"fr": fmt.Sprintf("L'en-tête From dit %s : personne ne l'a comparé à l'enveloppe.", other),
			"en": fmt.Sprintf("The From field says %s: nobody compared it with the envelope.", other),
		})
	}
	if hidden := l.hidden(); len(hidden) > 0 {
		out = append(out, task.Text{
			"fr": fmt.Sprintf("Sur l'enveloppe seulement, aucun lecteur ne le voit : %s.", listed(hidden)),
			"en": fmt.Sprintf("On the envelope only, no reader sees it: %s.", listed(hidden)),
		})
	}
	if unserved := l.unserved(); len(unserved) > 0 {
		out = append(out, task.Text{
			"fr": fmt.Sprintf("Dans les en-têtes seulement, cette enveloppe n'y mène pas : %s.", listed(unserved)),
			"en": fmt.Sprintf("In the header only, this envelope does not lead there: %s.", listed(unserved)),
		})
	}
	return out
}

func bracketed(address string) string { return "<" + address + ">" }

func listed(addresses []string) string {
	more := ""
	if len(addresses) > addressesMost {
		addresses, more = addresses[:addressesMost], ", …"
	}
	return strings.Join(addresses, ", ") + more
}

// Measures of a letter.
const (
	letterWidth   = 900
	envelopeRight = 400
	sheetLeft     = 500
	letterColumn  = 50 // characters in either
)

// Picture draws the envelope at the left and the letter at the right, and a line between what is the same on both.
func (l Letter) Picture(lang string) []byte {
	c := &canvas{}
	left := []row{{"MAIL FROM", l.Sender}}
	for _, r := range l.Recipients[:min(len(l.Recipients), addressesMost)] {
		left = append(left, row{"RCPT TO", r})
	}
	var right []row
	for _, n := range l.Named[:min(len(l.Named), addressesMost)] {
		right = append(right, row{n.Field, n.Address})
	}
	height := (max(len(left), len(right)+1) + 3) * rung
	c.rect(0, rung, envelopeRight, height-rung, "cover")
	c.path("flap", "M0 %dL%d %dL%d %d", rung, envelopeRight/2, 2*rung+8, envelopeRight, rung)
	c.rect(sheetLeft, 0, letterWidth-sheetLeft, height, "sheet")
	for i, r := range left {
		c.text(14, rowAt(i), letterColumn, rowClass(slices.ContainsFunc(right, r.matches)), r.named+": "+bracketed(r.address))
		for j, other := range right {
			if r.matches(other) {
				c.line(envelopeRight, rowAt(i)-5, sheetLeft, rowAt(j)-5, "match")
			}
		}
	}
	for j, r := range right {
		c.text(sheetLeft+14, rowAt(j), letterColumn, rowClass(slices.ContainsFunc(left, r.matches)), r.named+": "+r.address)
	}
	c.text(sheetLeft+14, rowAt(len(right)), letterColumn, "subject", "Subject: "+l.Subject)
	title := task.Text{"fr": "Une enveloppe et sa lettre", "en": "An envelope and its letter"}
	return c.finish(letterWidth, height, "letter", title.In(lang))
}

// row is an address on the envelope, or in the letter.
type row struct{ named, address string }

// matches says whether two are one person in one part: who sends, or who receives.
func (r row) matches(other row) bool {
	sends := func(r row) bool { return r.named == "MAIL FROM" || r.named == "From" }
	if sends(r) != sends(other) || other.named == "Reply-To" || r.named == "Reply-To" {
		return false
	}
	return same(r.address, other.address) || same(other.address, r.address)
}

func rowAt(i int) int { return (i + 3) * rung }

func rowClass(matched bool) string {
	if matched {
		return "address"
	}
	return "address alone"
}
