package author

import (
	"mime"
	"mime/multipart"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/control"
	"maillab/internal/lab/task"
)

// field is one of a header as it stands there.
type field struct{ name, value string }

// letter is a message as it was typed.
type letter struct {
	header []field
	body   string
}

// read takes off a message what the server has put to it: the lines of its way, and what its header lacked.
func read(m control.Message) letter {
	text := strings.ReplaceAll(string(m.Text), "\r\n", "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	out := letter{body: body}
	for _, line := range strings.Split(head, "\n") {
		if last := len(out.header) - 1; strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if last >= 0 {
				out.header[last].value += "\n" + line
			}
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "From ") {
			out.header = append(out.header, field{textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value)})
		}
	}
	for len(out.header) > 0 && slices.Contains([]string{"Return-Path", "X-Original-To", "Delivered-To", "Received"}, out.header[0].name) {
		out.header = out.header[1:]
	}
	added := slices.IndexFunc(out.header, func(f field) bool { return f.name == "Message-Id" && strings.Contains(f.value, "."+m.ID+"@") })
	if added >= 0 { // what follows it was lacking, too
		out.header = out.header[:added]
	}
	return out
}

// text is the letter as it is typed after DATA.
func (l letter) text() string {
	var out strings.Builder
	for _, f := range l.header {
		out.WriteString(f.name + ": " + f.value + "\n")
	}
	if len(l.header) > 0 || l.body != "" {
		out.WriteString("\n")
	}
	return out.String() + l.body
}

// of is a field's value.
func (l letter) of(name string) string {
	for _, f := range l.header {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// typedText is what was typed after DATA for a message. Of one that came into no mailbox of the student's nobody knows it.
func typedText(id string, r Record) string {
	for _, m := range r.Messages {
		if knownBy(m) == id {
			return read(m).text()
		}
	}
	return "Subject: to be written\n\nHello.\n"
}

// mails are the checks for a message: one for each mailbox into which it came, the first with all that is asked.
func mails(m control.Message, by string, n names) (checks []task.Check) {
	via := "smtp"
	if m.Envelope.ClientAddr == "" {
		via, by = "sendmail", ""
	}
	for i, account := range m.Accounts {
		want := &task.Mail{To: n.account(account), Via: via}
		if i == 0 {
			want.By = by
			if len(m.Envelope.Recipients) > 1 {
				want.Recipients = task.Count{Min: 2, Max: -1, Set: true}
			}
			if via == "smtp" {
				want.From = sender(m, n)
			}
			describe(want, m, n)
		}
		checks = append(checks, task.Check{Mail: want})
	}
	return checks
}

// sender asks for the envelope's: an account however it is written, another address as it is.
func sender(m control.Message, n names) task.Pattern {
	typed := m.Envelope.Sender.Typed
	local, _, _ := strings.Cut(typed, "@")
	switch {
	case typed == "":
		return "^$"
	case n.account(local) != local:
		return task.Pattern("^" + n.account(local) + "(@|$)")
	}
	return task.Pattern("^" + n.pattern(typed))
}

// multi is a field that says that a message has parts.
var multi = regexp.MustCompile(`(?i)^multipart/`)

// describe asks for what was written into the header, and that there is a text.
func describe(want *task.Mail, m control.Message, n names) {
	l := read(m)
	set := func(to *map[string]task.Pattern, name string, p task.Pattern) {
		if *to == nil {
			*to = map[string]task.Pattern{}
		}
		(*to)[name] = p
	}
	for _, f := range l.header {
		switch {
		case f.name == "Subject" || f.name == "Reply-To":
			set(&want.Header, f.name, "[^ ]")
		case want.Via == "sendmail":
		case f.name == "From" || f.name == "To" || f.name == "Cc":
			named := m.Accounts
			if f.name == "From" {
				local, _, _ := strings.Cut(m.Envelope.Sender.Typed, "@")
				named = []string{local}
			}
			for _, account := range named {
				if n.account(account) != account && !n.has(f.value, account) && f.name != "Cc" { // a false one
					set(&want.NotHeader, f.name, n.word(account))
				}
			}
			set(&want.Header, f.name, mentioned(f.value, n))
		case f.name == "Content-Type" && multi.MatchString(f.value):
			want.Attachment = attachment(f.value, l.body)
		case strings.HasPrefix(f.name, "X-"):
			set(&want.Header, f.name, "[^ ]")
		}
	}
	if strings.TrimSpace(l.body) != "" && want.Attachment == nil {
		want.Body = `[^ \n]`
	}
}

// mentioned asks for the first of the student's accounts in a field's value, else for any.
func mentioned(value string, n names) task.Pattern {
	for _, one := range n {
		if one.placeholder != "{domain}" && n.has(value, one.text) {
			return n.word(one.text)
		}
	}
	return "[^ ]"
}

// attachment asks for the first part that has a file's name.
func attachment(contentType, body string) *task.Attachment {
	_, params, err := mime.ParseMediaType(strings.ReplaceAll(contentType, "\n", " "))
	if err != nil || params["boundary"] == "" {
		return nil
	}
	for parts := multipart.NewReader(strings.NewReader(body), params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil
		}
		if part.FileName() == "" {
			continue
		}
		want := &task.Attachment{Name: "[^ ]"}
		if media, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err == nil {
			want.Type = task.Pattern("^" + literal(media) + "$")
		}
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			want.Encoding = "(?i)base64"
		}
		return want
	}
}

// handedIn are the parts of the messages that were handed in in a dialogue.
func handedIn(t talk, lines []string, r Record, n names) (parts []part) {
	for _, id := range t.queued() {
		i := slices.IndexFunc(r.Messages, func(m control.Message) bool { return knownBy(m) == id })
		if i < 0 {
			parts = append(parts, outside(t, lines, id, r, n)...)
			continue
		}
		for j, c := range mails(r.Messages[i], t.by(), n) {
			one := part{check: c, about: id}
			if j == 0 {
				one.wrong = wrongLetter(t, r.Messages[i], lines, n)
			}
			parts = append(parts, one)
		}
	}
	return parts
}

// knownBy is the queue ID that the client was told.
func knownBy(m control.Message) string {
	if m.Envelope == nil {
		return m.ID
	}
	return m.Envelope.Name()
}

// status is how the log ends a line about a delivery.
var status = regexp.MustCompile(`status=(\w+) \((.*)\)$`)

// outside are the parts of a message that came into no mailbox here: how it was handed in, and what the log says of it.
func outside(t talk, lines []string, id string, r Record, n names) []part {
	handed := &task.Dialogue{Service: t.Service, By: t.by()}
	for _, one := range t.essential() {
		if one.verb == "rcpt" && !t.refused(one) {
			handed.Exchanges = append(handed.Exchanges, task.Exchange{Command: commandPattern(t.Service, one, n), Reply: replyPattern(t, one)})
		}
	}
	parts := []part{{check: task.Check{Dialogue: handed}, about: id, wrong: wrongTalk(t, n, lines)}}
	for _, line := range slices.Backward(r.Log) {
		found := status.FindStringSubmatch(line)
		if found == nil || !strings.Contains(line, ": "+id+": ") {
			continue
		}
		why := found[2][strings.LastIndex(found[2], ": ")+1:]
		p := "status=" + found[1]
		if why = strings.TrimSpace(why); len(why) < 60 && !strings.ContainsAny(why, "0123456789") {
			p += ` .*` + n.pattern(why)
		}
		return append(parts, part{check: task.Check{Log: &task.Log{Lines: []task.Pattern{"from=<", task.Pattern(p)}}}, about: id})
	}
	return parts
}

// submitted are the parts of messages that the mail command sent.
func submitted(r Record, n names) (parts []part) {
	for _, m := range r.Messages {
		if m.Envelope == nil || m.Envelope.ClientAddr != "" {
			continue
		}
		l := read(m)
		subject := l.of("Subject")
		if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
			subject = decoded
		}
		var to []string
		for _, recipient := range m.Envelope.Recipients {
			to = append(to, recipient.Typed)
		}
		command := Command{To: to, Subject: subject, Body: l.body}
		for j, c := range mails(m, "", n) {
			one := part{check: c, about: m.ID}
			if j == 0 {
				one.verbs, one.steps = []string{"mail " + n.told(strings.Join(to, " "))}, []Step{{Mail: command.in(n)}}
				one.wrong = wrongCommand(command, m, n)
			}
			parts = append(parts, one)
		}
	}
	return parts
}
