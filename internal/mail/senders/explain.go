package senders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"maillab/internal/lab/task"
	"maillab/internal/mail/imap/entity"

	"blitiri.com.ar/go/spf"
)

// Step is one of those in which a message is judged, in English and French.
type Step struct {
	Title task.Text
	Lines []task.Text
}

// explanation is what is told so far.
type explanation struct{ steps []Step }

func (e *explanation) begin(format string, args ...any) {
	e.steps = append(e.steps, Step{Title: said(format, args...)})
}

func (e *explanation) say(format string, args ...any) {
	last := &e.steps[len(e.steps)-1]
	for i, arg := range args {
		if _, number := arg.(int); !number {
			args[i] = readable(fmt.Sprint(arg))
		}
	}
	last.Lines = append(last.Lines, task.Text{"en": fmt.Sprintf(format, args...), "fr": fmt.Sprintf(french()[format], args...)})
}

// readable is what a stranger wrote, for a terminal: a record is shown whole.
func readable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
	if len(text) > mostShown {
		text = strings.ToValidUTF8(text[:mostShown], "") + "…"
	}
	return text
}

// mostShown bounds what is shown of one record, in octets.
const mostShown = 600

// asked tells questions with their answers.
func (e *explanation) asked(all []Question) {
	for i, q := range all {
		if i == mostTold {
			e.say("and %d more questions", len(all)-mostTold)
			return
		}
		if q.Failed != "" {
			e.say("? %s %s: %s", q.Type, q.Name, q.Failed)
			continue
		}
		e.say("? %s %s: %s", q.Type, q.Name, strings.Join(q.Answers, ", "))
	}
}

// mostTold bounds the questions that are told of one check.
const mostTold = 15

// came is the trace that a server writes of a client (RFC 5321 section 4.4), as Postfix words it.
var came = regexp.MustCompile(`^from (\S+) \((\S+) \[([0-9.]+)\]\)\s+by (\S+) `)

// Explain judges a message that lies in a mailbox, or in a file, as it would be judged now, and tells how: which record, which
// address, which domain aligned. What the server found out when it came is told beside.
func (j *Judge) Explain(ctx context.Context, text []byte) []Step {
	text = unquoted(text)
	header, _ := fields(text)
	header = beforeFilter(header)
	m := Judgement{}
	e := &explanation{}
	e.begin("Who says what")
	known := j.trace(header, &m)
	if known {
		e.say("the client was %s, and called itself %s", m.Client.Address, m.Client.Helo)
		e.say("the envelope's sender (MAIL FROM) was <%s>", m.Client.Sender)
		m.HELO, m.SPF = j.Envelope(ctx, m.Client)
	} else {
		e.say("no Received of %s is there: from which address the message came cannot be told", j.Host)
	}
	m = j.Message(ctx, m, idOf(header), text)
	e.say("people see as its author: %s", strings.Join(m.From, ", "))
	if known {
		j.explainSPF(e, m)
	}
	j.explainDKIM(e, m)
	j.explainDMARC(e, m)
	explainPast(e, header, j.Host)
	return e.steps
}

// unquoted is a message without the lines that a mailbox file has in front of and in it (mboxrd).
func unquoted(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if !bytes.HasPrefix(text, []byte("From ")) {
		return text
	}
	_, text, _ = bytes.Cut(text, []byte("\n"))
	return quotedFrom.ReplaceAll(text, []byte("$1"))
}

var quotedFrom = regexp.MustCompile(`(?m)^>(>*From )`)

// beforeFilter is a header without what a content filter and the server behind it put in front (package filter): there the client is
// the filter.
func beforeFilter(header []entity.Field) []entity.Field {
	trace := func(f entity.Field) bool { return f.Is("Received") }
	first := slices.IndexFunc(header, trace)
	if first < 0 || !strings.Contains(header[first].Text(), "from localhost (localhost [127.0.0.1])") {
		return header
	}
	next := first + 1 + slices.IndexFunc(header[first+1:], trace)
	if next == first || !strings.Contains(header[next].Text(), " (amavisd-new, port 10024)") {
		return header
	}
	return slices.Delete(header, first, next+1)
}

// trace finds who handed a message to this server.
func (j *Judge) trace(header []entity.Field, m *Judgement) bool {
	for _, value := range named(header, "received") {
		words := came.FindStringSubmatch(value)
		if words == nil || !strings.EqualFold(words[4], j.Host) {
			continue
		}
		address, err := netip.ParseAddr(words[3])
		if err != nil {
			return false
		}
		m.Client = Client{Name: words[2], Address: address, Helo: words[1]}
		if from := named(header, "return-path"); len(from) > 0 {
			m.Client.Sender = strings.Trim(from[0], "<> ")
		}
		return true
	}
	return false
}

// idOf is the queue ID in the first trace.
func idOf(header []entity.Field) string {
	for _, value := range named(header, "received") {
		if _, after, ok := strings.Cut(value, " id "); ok {
			return strings.FieldsFunc(after+" ", func(r rune) bool { return r == ';' || r == ' ' || r == '\t' })[0]
		}
	}
	return ""
}

// matched are the mechanisms that an SPF record can match by, by the library's error.
func matched(err error) string {
	for _, known := range []struct {
		err  error
		term string
	}{{spf.ErrMatchedAll, "all"}, {spf.ErrMatchedA, "a"}, {spf.ErrMatchedIP, "ip4"}, {spf.ErrMatchedMX, "mx"}, {spf.ErrMatchedPTR, "ptr"}, {spf.ErrMatchedExists, "exists"}} {
		if errors.Is(err, known.err) {
			return known.term
		}
	}
	return ""
}

func (j *Judge) explainSPF(e *explanation, m Judgement) {
	s := m.SPF
	e.begin("SPF: may this address send for the envelope's domain?")
	if s.Helo {
		e.say("MAIL FROM is empty: HELO's name counts, %s", s.Identity)
	} else {
		e.say("the domain is %s", s.Domain)
	}
	e.asked(s.Asked)
	term := matched(s.Why)
	switch {
	case term != "":
		e.say("%s: %s matches “%s”", s.Result, m.Client.Address, term)
	case s.Result == None:
		e.say("none: there is no SPF record, so nothing is known")
	case s.Result == Neutral:
		e.say("neutral: nothing in the record matches %s", m.Client.Address)
	case s.Result == TempError:
		e.say("temperror: a name server did not answer")
	default:
		e.say("%s: the record is wrong (%s)", s.Result, wrongIn(s.Why))
	}
	if m.HELO.Result == Fail {
		e.say("HELO's name is judged as well: %s may not send for %s, which is enough for a refusal", m.Client.Address, m.HELO.Identity)
	}
}

// wrongIn is what is wrong with an SPF record.
func wrongIn(err error) string {
	if err == nil {
		return ""
	}
	return shownText(err.Error())
}

func (j *Judge) explainDKIM(e *explanation, m Judgement) {
	e.begin("DKIM: was it signed, and is it as it was signed?")
	if len(m.DKIM) == 0 {
		e.say("none: there is no DKIM-Signature")
	}
	for _, s := range m.DKIM {
		e.say("%s signed with its key “%s”: the header fields %s, and the body", s.Domain, s.Selector, strings.Join(s.Signed, " "))
		e.asked(s.Asked)
		switch s.said() {
		case badNothing:
			e.say("pass: nothing of that has changed since")
		case badContent:
			if strings.Contains(s.Why.Error(), "body hash") {
				e.say("fail: the body is not the one that was signed")
			} else {
				e.say("fail: the key does not fit, or a signed header field has changed")
			}
		case keyMissing:
			e.say("fail: no key is published as %s", s.KeyName())
		case keyUnasked:
			e.say("temperror: the name server of %s did not answer", s.Domain)
		default:
			e.say("%s: %s", s.Result, s.said())
		}
	}
	if m.TooMany {
		e.say("more is not looked at: %d signatures, %d octets of header", mostSigned, longestHeader)
	}
}

func (j *Judge) explainDMARC(e *explanation, m Judgement) {
	d := m.DMARC
	e.begin("DMARC: does the domain that people see answer for it?")
	if d.Domain == "" {
		e.say("From does not name one author: there is no domain to ask")
		return
	}
	e.say("the domain in From is %s", d.Domain)
	e.asked(d.Asked)
	switch d.Result {
	case None:
		e.say("none: the domain publishes no policy, so a forged From is taken")
		return
	case TempError:
		e.say("temperror: a name server did not answer")
		return
	case PermError:
		e.say("permerror: the record is wrong (%s)", wrongIn(d.Why))
		return
	}
	j.explainAligned(e, "SPF", m.SPF.Result, m.SPF.Domain, d.Domain, d.Strict.SPF)
	for _, s := range m.DKIM {
		j.explainAligned(e, "DKIM", s.Result, s.Domain, d.Domain, d.Strict.DKIM)
	}
	if d.Result == Pass {
		e.say("pass: one that passed and is aligned is enough")
		return
	}
	e.say("fail: nothing passed that is aligned with %s", d.Domain)
	e.say("its policy is %s; what is done: %s", d.Policy, d.Apply)
}

// explainAligned tells of what one check proved whether it counts for From.
func (j *Judge) explainAligned(e *explanation, check string, r Result, proved, from string, strict bool) {
	mode := "relaxed"
	if strict {
		mode = "strict"
	}
	switch {
	case r == "":
		return
	case r != Pass:
		e.say("%s did not pass: it proves nothing", check)
	case j.aligned(proved, from, strict):
		e.say("%s passed for %s, which is aligned with %s (%s)", check, proved, from, mode)
	default:
		e.say("%s passed, but for %s, which is not aligned with %s (%s)", check, proved, from, mode)
	}
}

// explainPast tells what the server noted when the message came.
func explainPast(e *explanation, header []entity.Field, host string) {
	e.begin("What the server noted when it came")
	count := 0
	for _, f := range header {
		if f.Is("Received-SPF") || f.Is("Authentication-Results") && strings.EqualFold(authority(f.Value), host) {
			value := strings.Join(strings.Fields(valueOf(f)), " ")
			e.say("%s: %s", strings.ToLower(f.Name), value[:min(len(value), 300)])
			count++
		}
		if f.Is("Received") || count == mostSigned {
			break
		}
	}
	if count == 0 {
		e.say("nothing: it was not judged, or came from this server's own people")
	}
}
