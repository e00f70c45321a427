package drawing

import (
	"strings"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// Phase is what a line of a dialogue is for.
type Phase string

// Phases. Envelope, Header and Body are a message's, as both lab sheets name them.
const (
	Hello    Phase = "hello" // greeting, names, what the server can do
	Login    Phase = "login"
	Envelope Phase = "envelope"
	Header   Phase = "header"
	Body     Phase = "body"
	Reading  Phase = "reading"
	Farewell Phase = "farewell"
)

// Name is what people are told.
func (p Phase) Name() task.Text {
	return map[Phase]task.Text{
		Hello:    {"fr": "présentation", "en": "hello"},
		Login:    {"fr": "connexion", "en": "login"},
		Envelope: {"fr": "enveloppe", "en": "envelope"},
		Header:   {"fr": "en-têtes", "en": "header"},
		Body:     {"fr": "corps", "en": "body"},
		Reading:  {"fr": "lecture", "en": "reading"},
		Farewell: {"fr": "fermeture", "en": "farewell"},
	}[p]
}

// Step is one line of a dialogue.
type Step struct {
	After   time.Duration // since the dialogue began; -1: the record does not say, as of a message's lines
	From    dialogue.Side
	Text    string
	Octets  int // of a message whose lines are not known, in place of Text
	Phase   Phase
	Refused bool   // a reply that says no
	Queue   string // the queue ID that a reply names: what mail.log calls the message
}

// MessageLines is how many lines of a message's header, and of its body, a ladder shows.
const MessageLines = 12

// Steps tells the phases of a dialogue. message finds a message by its queue ID; nil is returned for one that is not known.
func Steps(d dialogue.Dialogue, message func(queueID string) []byte) []Step {
	r := reader{service: d.Service, phase: Hello, start: d.Start}
	for i, line := range d.Lines {
		if line.Kind == dialogue.Data {
			r.data(line, message(queueOf(d.Lines[i:])))
			continue
		}
		r.line(line)
	}
	return r.steps
}

// reader goes through a dialogue and knows where it is.
type reader struct {
	service string
	start   time.Time
	phase   Phase
	steps   []Step
}

func (r *reader) line(l dialogue.Line) {
	if l.From == dialogue.Client {
		r.phase = next(r.service, l.Text, r.phase)
	}
	s := Step{After: l.At.Sub(r.start), From: l.From, Text: l.Text, Phase: r.phase}
	if l.From == dialogue.Server {
		s.Refused = dialogue.Refuses(r.service, l.Text)
		s.Queue = l.Queued()
	}
	r.steps = append(r.steps, s)
}

// data stands where a message's lines passed. What the server put in front is not the student's; the fields that it added
// behind his own, where he left them out, cannot be told from his.
func (r *reader) data(l dialogue.Line, text []byte) {
	r.phase = Body
	after := l.At.Sub(r.start)
	if len(text) == 0 {
		r.steps = append(r.steps, Step{After: after, From: dialogue.Client, Octets: l.Bytes, Phase: Body})
		return
	}
	header, body, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n")
	r.letter(Header, strings.Split(withoutTrace(header), "\n"))
	r.letter(Body, strings.Split(strings.TrimSuffix(body, "\n"), "\n"))
	r.steps = append(r.steps, Step{After: after, From: dialogue.Client, Text: ".", Phase: Body})
}

func (r *reader) letter(p Phase, lines []string) {
	for i, text := range lines {
		if i == MessageLines {
			text = "…"
		}
		r.steps = append(r.steps, Step{After: -1, From: dialogue.Client, Text: text, Phase: p})
		if i == MessageLines {
			return
		}
	}
}

// withoutTrace leaves out what servers put in front of a header (RFC 5321 section 4.4).
func withoutTrace(header string) string {
	lines := strings.SplitAfter(header, "\n")
	ours := false
	for i, line := range lines {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		switch {
		case strings.HasPrefix(line, " "), strings.HasPrefix(line, "\t"):
			if ours {
				continue
			}
		case name == "return-path", name == "x-original-to", name == "delivered-to", name == "received", strings.HasPrefix(line, "From "):
			ours = true
			continue
		}
		return strings.Join(lines[i:], "")
	}
	return ""
}

// next is the phase that a command begins, or goes on with: a word that is unknown or mistyped changes nothing.
func next(service, line string, now Phase) Phase {
	words := strings.Fields(strings.ToUpper(line))
	if service == "imap" && len(words) > 0 {
		words = words[1:] // the tag
	}
	if len(words) == 0 {
		return now
	}
	phases := map[string]map[string]Phase{
		"smtp": {"HELO": Hello, "EHLO": Hello, "STARTTLS": Hello, "AUTH": Login, "MAIL": Envelope, "RCPT": Envelope, "RSET": Envelope,
			"DATA": Header, "QUIT": Farewell},
		"pop3": {"CAPA": Hello, "STLS": Hello, "USER": Login, "PASS": Login, "AUTH": Login, "QUIT": Farewell, "STAT": Reading,
			"LIST": Reading, "UIDL": Reading, "RETR": Reading, "TOP": Reading, "DELE": Reading, "RSET": Reading},
		"imap": {"CAPABILITY": Hello, "STARTTLS": Hello, "ID": Hello, "LOGIN": Login, "AUTHENTICATE": Login, "LOGOUT": Farewell,
			"SELECT": Reading, "EXAMINE": Reading, "FETCH": Reading, "UID": Reading, "SEARCH": Reading, "STORE": Reading,
			"LIST": Reading, "LSUB": Reading, "STATUS": Reading, "NAMESPACE": Reading, "APPEND": Reading, "COPY": Reading,
			"MOVE": Reading, "CLOSE": Reading, "EXPUNGE": Reading, "CREATE": Reading, "DELETE": Reading, "RENAME": Reading},
	}
	if p, known := phases[service][words[0]]; known {
		return p
	}
	return now
}

// queueOf is the queue ID that the reply to a message's lines names.
func queueOf(lines []dialogue.Line) string {
	for _, l := range lines {
		if l.From == dialogue.Server {
			return l.Queued()
		}
	}
	return ""
}
