package check

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/lab/task"
)

// miss is something that a message lacks; nil when it does not.
type miss = task.Text

// mail looks for messages that have everything that is asked; when there are none, it tells what the nearest lacks.
func (x *sheet) mail(ctx context.Context, want *task.Mail) verdict {
	all, err := x.mails(ctx)
	if err != nil {
		return unchecked(err)
	}
	criteria, err := x.criteria(ctx, want)
	if err != nil {
		return unchecked(err)
	}
	var best Mail
	var bestMisses []miss
	found := 0
	for _, m := range all {
		if want.To != "" && m.To != want.To || x.about != "" && m.ID != x.about {
			continue
		}
		misses := missesOf(m, criteria)
		if len(misses) == 0 {
			found++
		}
		if best.ID == "" || len(misses) <= len(bestMisses) { // the latest of the nearest
			best, bestMisses = m, misses
		}
	}
	switch {
	case best.ID == "" && x.about != "":
		return failed(0, x.notDelivered(want.To))
	case best.ID == "":
		return failed(0, x.nothingFor(want.To, all)...)
	case found > 0 && wanted(want.Messages).Holds(found):
		return passed(x.described(best))
	case found > 0:
		return failed(0.9, both("%s de cette sorte : ce n'est pas le nombre voulu", "%s of this kind: not as many as asked for", counted(found, "message", "message")))
	case wanted(want.Messages).Holds(0):
		return passed(both("aucun message de cette sorte", "no such message"))
	}
	near := float64(len(criteria)-len(bestMisses)+1) / float64(len(criteria)+2)
	return failed(near, both("%s, mais %s", "%s, but %s", x.described(best), join(", ", bestMisses...)))
}

// wanted is how many there must be: one at least when nothing is said.
func wanted(c task.Count) task.Count {
	if !c.Set {
		return task.Count{Min: 1, Max: -1, Set: true}
	}
	return c
}

// mails are the student's own.
func (x *sheet) mails(ctx context.Context) ([]Mail, error) {
	if x.Mails == nil {
		return nil, errors.New("no record of deliveries")
	}
	all, err := x.Mails.Mails(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(m Mail) bool { return m.Fixture || !slices.Contains(x.Accounts, m.To) }), nil
}

// described names a message.
func (e Evidence) described(m Mail) task.Text {
	return both("message %s pour %s, à %s", "message %s to %s, at %s", m.ID, m.To, e.clock(m.At))
}

// notDelivered tells that the one message that counts did not come.
func (x *sheet) notDelivered(account string) task.Text {
	if account == "" {
		return both("le message %s n'est arrivé dans aucune de vos boîtes", "message %s has arrived in none of your mailboxes", x.about)
	}
	return both("le message %s n'est pas arrivé pour %s", "message %s has not arrived for %s", x.about, account)
}

// nothingFor tells that nothing has come, and why, when the header was taken for the envelope.
func (x *sheet) nothingFor(account string, all []Mail) []task.Text {
	if account == "" {
		return []task.Text{both("aucun message n'est arrivé", "no message has arrived")}
	}
	seen := []task.Text{both("aucun message n'est arrivé pour %s", "no message has arrived for %s", account)}
	for _, m := range slices.Backward(all) {
		if m.Via != "" { // the last one of the student's own
			seen = append(seen, both("un message, %s, est dans la boîte de %s : il en faut un dans celle de %s",
				"a message, %s, is in the mailbox of %s: there has to be one in that of %s", m.ID, m.To, account))
			break
		}
	}
	named := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(account) + `\b`)
	for _, m := range slices.Backward(all) {
		for _, field := range []string{"Cc", "To", "Bcc"} {
			if text := x.parse(m); text != nil && slices.ContainsFunc(text.of(field), named.MatchString) {
				return append(seen, both(
					"l'en-tête %s du message %s nomme %s, mais son enveloppe n'avait pas de RCPT TO pour ce compte",
					"the header %s of message %s names %s, but its envelope had no RCPT TO for that account", field, m.ID, account))
			}
		}
	}
	return seen
}

// criterion tells what a message lacks.
type criterion func(m Mail) miss

func missesOf(m Mail, criteria []criterion) (out []miss) {
	for _, c := range criteria {
		if missing := c(m); missing != nil {
			out = append(out, missing)
		}
	}
	return out
}

// criteria are what is asked, the envelope first.
func (x *sheet) criteria(ctx context.Context, want *task.Mail) (all []criterion, err error) {
	if want.Via != "" {
		all = append(all, via(want.Via))
	}
	if want.By != "" {
		if err := x.indexTyped(ctx); err != nil {
			return nil, err
		}
		all = append(all, func(m Mail) miss { return x.by(m, want.By) })
	}
	all = append(all,
		matches(want.From, func(m Mail) string { return m.From }, "l'expéditeur de l'enveloppe", "the envelope's sender"),
		matches(want.Recipient, func(m Mail) string { return m.Recipient }, "le destinataire de l'enveloppe", "the envelope's recipient"))
	if want.Recipients.Set {
		all = append(all, func(m Mail) miss {
			if want.Recipients.Holds(m.Recipients) {
				return nil
			}
			return both("son enveloppe avait %s", "its envelope had %s", counted(m.Recipients, "destinataire", "recipient"))
		})
	}
	for _, name := range sortedKeys(want.Header) {
		all = append(all, x.header(name, want.Header[name]))
	}
	for _, name := range sortedKeys(want.NotHeader) {
		all = append(all, x.notHeader(name, want.NotHeader[name]))
	}
	all = append(all, x.texts(want)...)
	if want.Attachment != nil {
		reference, err := x.reference(want.Attachment)
		if err != nil {
			return nil, err
		}
		all = append(all, func(m Mail) miss { return x.attachment(m, want.Attachment, reference) })
	}
	return all, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func via(want string) criterion {
	return func(m Mail) miss {
		switch {
		case m.Via == want:
			return nil
		case m.Via == "sendmail":
			return both("il a été envoyé par la commande mail, pas sur le port 25", "it was sent by the mail command, not over port 25")
		case m.Via == "smtp":
			return both("il est venu par le port 25, pas par la commande mail", "it came over port 25, not by the mail command")
		}
		return both("il vient du serveur lui-même", "it comes from the server itself")
	}
}

// matches is a pattern over a part of the envelope.
func matches(p task.Pattern, of func(Mail) string, fr, en string) criterion {
	re, err := p.Compile()
	return func(m Mail) miss {
		if p == "" || err == nil && re.MatchString(of(m)) {
			return nil
		}
		return both("%s, <%s>, n'est pas celui demandé", "%s, <%s>, is not the one asked for", task.Text{"fr": fr, "en": en}, of(m))
	}
}

// indexTyped finds out how the dialogue was typed in which each message was handed in.
func (x *sheet) indexTyped(ctx context.Context) error {
	if x.typed != nil {
		return nil
	}
	index := map[string]typing{}
	for d, err := range x.connections(ctx, "smtp") {
		if err != nil {
			return err
		}
		for _, l := range d.Lines {
			if id := l.Queued(); id != "" {
				byHand, why := x.pace(d)
				if x.Shared && !sends(x.Accounts, d) {
					why = both("pas en votre nom", "not in your name") // another's lines are not to be shown
				}
				index[id] = typing{byHand, why}
			}
		}
	}
	x.typed = index
	return nil
}

// typing is how a dialogue was typed, and why that is thought.
type typing struct {
	byHand bool
	why    task.Text
}

// by looks at how a message's dialogue was typed.
func (x *sheet) by(m Mail, want string) miss {
	how, known := x.typed[m.ID]
	if !known {
		if m.Via == "sendmail" {
			return both("il n'y a pas eu de dialogue SMTP", "there was no SMTP dialogue")
		}
		return both("son dialogue n'est pas dans l'enregistrement", "its dialogue is not on record")
	}
	switch {
	case want == "hand" && !how.byHand:
		return both("son dialogue vient d'un programme (%s)", "its dialogue came from a program (%s)", how.why)
	case want == "program" && how.byHand:
		return both("son dialogue a été tapé à la main (%s)", "its dialogue was typed by hand (%s)", how.why)
	}
	return nil
}

// parseLimit is how large a message is kept parsed: others are read again.
const parseLimit = 64 << 10

// letters are the messages that were read, by copy; nil is one of which the record is gone.
type letters map[string]*message

// parse reads a message; nil when its record is gone.
func (l letters) parse(m Mail) *message {
	key := m.ID + " " + m.To + " " + m.Recipient
	if parsed, known := l[key]; known {
		return parsed
	}
	text, _, err := m.Open()
	if err != nil {
		l[key] = nil
		return nil
	}
	parsed := parseMessage(text)
	if len(text) <= parseLimit {
		l[key] = parsed
	}
	return parsed
}

// gone is what is said of a message whose text is kept no more.
func gone() miss {
	return both("son texte n'est plus dans l'enregistrement", "its text is on record no more")
}

func (l letters) header(name string, p task.Pattern) criterion {
	re, err := p.Compile()
	return func(m Mail) miss {
		text := l.parse(m)
		if text == nil {
			return gone()
		}
		values := text.of(name)
		switch {
		case err == nil && slices.ContainsFunc(values, re.MatchString):
			return nil
		case len(values) == 0 && typedAsCommand(text, name):
			return both("%s: est dans le corps, après une ligne vide : ce n'est plus un en-tête", "%s: is in the body, after an empty line: it is no header there", name)
		case len(values) == 0:
			return both("il n'a pas d'en-tête %s", "it has no header %s", name)
		}
		return both("son en-tête %s, %s, n'est pas celui demandé", "its header %s, %s, is not as asked for", name, quote(strings.Join(values, ", ")))
	}
}

// typedAsCommand says whether a header's line stands in the body.
func typedAsCommand(text *message, name string) bool {
	for line := range strings.Lines(text.body) { // not by a pattern: a body may be of megabytes, and every task asks
		if len(line) > len(name) && strings.EqualFold(line[:len(name)], name) && strings.HasPrefix(strings.TrimLeft(line[len(name):], " \t"), ":") {
			return true
		}
	}
	return false
}

func (l letters) notHeader(name string, p task.Pattern) criterion {
	re, err := p.Compile()
	return func(m Mail) miss {
		text := l.parse(m)
		if text == nil {
			return gone()
		}
		if err != nil {
			return both("son en-tête %s ne peut pas être jugé", "its header %s cannot be judged", name)
		}
		i := slices.IndexFunc(text.of(name), re.MatchString)
		if i < 0 {
			return nil
		}
		return tooMuch(name, text.of(name)[i], re)
	}
}

// tooMuch says what in a header must not be there.
func tooMuch(name, value string, re *regexp.Regexp) miss {
	found := re.FindString(value)
	switch {
	case strings.TrimSpace(found) == "":
		return both("son en-tête %s, %s, est justement ce qui ne convient pas", "its header %s, %s, is just what will not do", name, quote(value))
	case found == value:
		return both("son en-tête %s est %s, ce qu'il ne doit pas", "its header %s is %s, which it must not be", name, quote(value))
	}
	return both("son en-tête %s, %s, contient %s, ce qu'il ne doit pas", "its header %s, %s, holds %s, which it must not", name, quote(value), quote(found))
}
