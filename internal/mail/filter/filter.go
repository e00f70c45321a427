// Package filter judges mail as a content filter behind Postfix does, and says so in amavisd-new's header fields. Its rules
// have SpamAssassin's names, meanings and published scores; there are as many as a message that was typed by hand can meet,
// and none that reads what a message says. What a message would be given for its words is the lab's to say (Settings.Bayes).
//
// It is pure: a message in, a verdict out. That mail passes the queue a second time behind a filter is package queue's.
package filter

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"maillab/internal/mail/imap/entity"
)

// Settings are what a lab says of its filter.
type Settings struct {
	Host     string // the server's full name
	Domain   string // of those who are protected: X-Virus-Scanned names it
	Tagged   float64
	Required float64
	Bayes    string // what a classifier that learned from the class's mail says to it: "ham", "spam", "" for none
	Location *time.Location
}

// Message is one as it stands when a filter gets it: with the server's own Received, without the fields that are added
// behind the filter.
type Message struct {
	Text       []byte // lines end in LF
	MailID     string // the filter's own name for it: 12 characters
	Sender     string
	Recipients []string
	Client     string    // address of who handed it in; "" when a program on the server did
	ClientName string    // its name
	At         time.Time // when it came
}

// Hit is a rule that a message met, and what it counts.
type Hit struct {
	Test  string
	Score float64
}

// Verdict is what is thought of a message.
type Verdict struct {
	Score float64 // the sum, in thousandths
	Hits  []Hit   // by name
	Bad   []Fault // what is wrong with its header section, in order
	Virus string  // the name of one; "" is none

	Unscored error  // why nobody says what it is worth; nil: it has a score
	Aside    string // for the log: who judged in whose place

	version string   // of the SpamAssassin that was asked; "" where none was
	report  []string // its own

	settings Settings
	message  Message
}

// Judge looks at a message, by the rules on board, or, where there is one, with what a SpamAssassin says. That one asks no name server: the
// rules about senders are on board all the same.
func Judge(s Settings, m Message, ask func(text []byte) (Opinion, error)) Verdict {
	if s.Location == nil {
		s.Location = time.UTC
	}
	look := read(m)
	v := Verdict{settings: s, message: m, Bad: look.faults()}
	if look.meets(eicar) {
		v.Virus = "Eicar-Test-Signature"
	}
	met, asked := rules(), Opinion{}
	if ask != nil {
		if asked, v.Unscored = ask(m.Text); v.Unscored != nil {
			return v
		}
		met = senderRules()
	}
	v.Hits, v.version, v.report = append(asked.Hits, learned(s.Bayes)...), asked.Version, asked.Report
	for _, r := range met {
		if r.meets(look) && !slices.ContainsFunc(asked.Hits, func(h Hit) bool { return h.Test == r.test }) {
			v.Hits = append(v.Hits, Hit{r.test, r.score})
		}
	}
	slices.SortFunc(v.Hits, func(a, b Hit) int { return strings.Compare(a.Test, b.Test) })
	for _, h := range v.Hits {
		v.Score += h.Score
	}
	v.Score = math.Round(v.Score*1000) / 1000
	return v
}

// learned is what a classifier would add: the two ends of its scale.
func learned(bayes string) []Hit {
	switch bayes {
	case "ham":
		return []Hit{{"BAYES_00", -1.9}}
	case "spam":
		return []Hit{{"BAYES_99", 3.5}}
	}
	return nil
}

// Spam tells whether the score is enough.
func (v Verdict) Spam() bool { return v.Unscored == nil && v.Score >= v.settings.Required }

// quarantined tells whether a filter keeps a copy for itself: it says so, though nothing is kept here.
func (v Verdict) quarantined() bool { return v.Virus != "" || v.Spam() || len(v.Bad) > 0 }

// Category is the verdict in a word of the filter's log.
func (v Verdict) Category() string {
	switch {
	case v.Virus != "":
		return "INFECTED (" + v.Virus + ")"
	case v.Spam():
		return "SPAM"
	case len(v.Bad) > 0:
		minor := 0
		for _, f := range v.Bad {
			minor = max(minor, f.minor)
		}
		return fmt.Sprintf("BAD-HEADER-%d", minor)
	case v.Unscored == nil && v.Score >= v.settings.Tagged:
		return "SPAMMY"
	}
	return "CLEAN"
}

// Log is the filter's line about a message that went on under another queue ID.
func (v Verdict) Log(queueID, messageID, next string, size int64, took time.Duration) string {
	m, direction := v.message, "RelayedInbound"
	if v.Spam() {
		direction = "RelayedTaggedInbound"
	}
	if v.quarantined() {
		direction += ",Quarantined"
	}
	to := make([]string, len(m.Recipients))
	for i, r := range m.Recipients {
		to[i] = "<" + r + ">"
	}
	line := fmt.Sprintf("Passed %s {%s}, [127.0.0.1] <%s> -> %s, Queue-ID: %s", v.Category(), direction, m.Sender, strings.Join(to, ","), queueID)
	if messageID != "" {
		line += ", Message-ID: " + messageID
	}
	score := number(v.Score)
	if v.Unscored != nil {
		score = "-"
	}
	return line + fmt.Sprintf(", mail_id: %s, Hits: %s, size: %d, queued_as: %s, %d ms", m.MailID, score, size, next, took.Milliseconds())
}

// spamTag goes before the subject of what is spam.
const spamTag = "***SPAM*** "

// Apply is the message as the filter hands it on: its own header fields before all others, and the subject of spam marked.
func (v Verdict) Apply() []byte {
	fields, text := v.Header(), v.message.Text
	if v.Spam() {
		if at := subjectIn(text); at < 0 {
			fields = slices.Insert(fields, len(fields)-1, "Subject: "+strings.TrimSpace(spamTag))
		} else {
			text = slices.Concat(text[:at], []byte(spamTag), text[at:])
		}
	}
	return slices.Concat([]byte(strings.Join(fields, "\n")+"\n"), text)
}

// subjectIn is where the subject's text begins, -1 where a message has none.
func subjectIn(text []byte) int {
	at := 0
	for f := range entity.Fields(text) {
		if at += len(f.Raw); f.Is("Subject") {
			return at - len(bytes.TrimLeft(f.Value, " \t"))
		}
	}
	return -1
}

// Header is what the filter puts before the message, a field an element, folded.
func (v Verdict) Header() (fields []string) {
	s, m := v.settings, v.message
	add := func(name string, parts ...string) { fields = append(fields, fold(name, parts)) }
	if v.quarantined() {
		add("X-Quarantine-ID", "<"+m.MailID+">")
	}
	add("X-Virus-Scanned", "Debian amavisd-new at "+s.Domain)
	if v.Virus != "" {
		add("X-Amavis-Alert", "INFECTED, message contains virus: "+v.Virus)
	}
	if len(v.Bad) > 0 {
		add("X-Amavis-Alert", append([]string{"BAD HEADER SECTION,"}, strings.Fields(v.Bad[0].String())...)...)
	}
	if v.Unscored == nil && v.Score >= s.Tagged {
		v.spam(add)
	}
	received := []string{"from " + s.Host + " ([127.0.0.1])", "by localhost (" + s.Host + " [127.0.0.1]) (amavisd-new, port 10024)",
		"with LMTP", "id " + m.MailID}
	if len(m.Recipients) == 1 {
		received = append(received, "for <"+m.Recipients[0]+">;")
	} else {
		received[len(received)-1] += ";"
	}
	add("Received", append(received, m.At.In(s.Location).Format("Mon, _2 Jan 2006 15:04:05 -0700 (MST)"))...)
	return fields
}

// spam says what the rules made of it.
func (v Verdict) spam(add func(name string, parts ...string)) {
	s, flag, yes := v.settings, "NO", "No,"
	if v.Spam() {
		flag, yes = "YES", "Yes,"
	}
	add("X-Spam-Flag", flag)
	add("X-Spam-Score", number(v.Score))
	if stars := min(int(v.Score), 64); stars > 0 {
		add("X-Spam-Level", strings.Repeat("*", stars))
	}
	tests := make([]string, len(v.Hits))
	for i, h := range v.Hits {
		tests[i] = h.Test + "=" + number(h.Score)
		if i == 0 {
			tests[i] = "tests=[" + tests[i]
		}
		if i < len(v.Hits)-1 {
			tests[i] += ","
		} else {
			tests[i] += "]"
		}
	}
	if len(tests) == 0 {
		tests = []string{"tests=[]"}
	}
	parts := append([]string{yes, "score=" + number(v.Score), "tagged_above=" + number(s.Tagged), "required=" + number(s.Required)}, tests...)
	add("X-Spam-Status", append(parts, "autolearn=no")...)
	if len(v.report) > 0 {
		add("X-Spam-Report", strings.Join(v.report, "\n\t"))
	}
	if v.version != "" {
		add("X-Spam-Checker-Version", v.version)
	}
}

// number writes a score as Perl does: no more digits than it has.
func number(f float64) string { return strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64) }

// width is how far a field's line goes before it is folded.
const width = 78

// fold writes a field; between its parts is a blank or, where the line would be too long, an end of line and a blank.
func fold(name string, parts []string) string {
	var b strings.Builder
	column := len(name) + 1
	b.WriteString(name + ":")
	for _, p := range parts {
		if column+1+len(p) > width && column > len(name)+1 {
			b.WriteString("\n")
			column = 0
		}
		b.WriteString(" " + p)
		column += 1 + len(p)
	}
	return b.String()
}
