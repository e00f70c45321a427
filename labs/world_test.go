package labs_test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"maillab/internal/check"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/spec"
)

// world is the evidence that a variant leaves: it is made of steps, each one line, | being the end of a line of it.
//
//	smtp: mail from: a | rcpt to: b | data | Subject: x | | text | . | quit      typed; the message arrives, the log tells of it
//	pop3 util1: user util1 | pass x | retr 9 => -ERR no such message             after => the reply, else the protocol's OK
//	imap util1: 1 login util1 x | 1 select inbox                                 the account is who logs in
//	sendmail: util11 | Subject: x | | text                                       the mail command
//	answer: text     file NAME: text     screen: what a script shows     box: a message that is in the mailbox now
//	log: postfix/local[1]: …                                                     a line of the log
//
// smtp/program and the like come as a program's do. {id1} is the queue ID of the first message, {mid1} its Message-Id, {token}
// the student's own.
type world struct {
	t      *testing.T
	server spec.Sandbox
	sheet  task.Sheet

	mails  []check.Mail
	talks  []dialogue.Dialogue
	lines  []string
	box    []check.BoxMessage
	files  map[string]check.File
	answer string
	screen string
	ids    []string
	now    time.Time
}

const runName = "run7"

func newWorld(t *testing.T, server spec.Sandbox, sheet task.Sheet) *world {
	return &world{t: t, server: server, sheet: sheet, files: map[string]check.File{}, now: time.Date(2026, 3, 26, 11, 9, 5, 0, time.UTC)}
}

// judge plays steps and says how the task stands.
func (w *world) judge(id string, steps []string) check.Result {
	w.t.Helper()
	for _, step := range steps {
		w.play(step)
	}
	e := check.Evidence{Mails: w, Boxes: w, Dialogues: w, Log: w, Files: w, Runs: w, Random: func() string { return runName },
		Now: func() time.Time { return time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC) }, Pause: func(context.Context, time.Duration) error { return context.DeadlineExceeded },
		Originals: func(path string) ([]byte, bool) {
			i := slices.IndexFunc(w.server.Files, func(f spec.File) bool { return f.Path == path })
			return append([]byte(nil), w.server.Files[max(i, 0)].Data...), i >= 0
		}}
	m := progress.Work{Passed: map[string]progress.Pass{}, Answers: map[string]string{}}
	for _, other := range w.sheet.Tasks { // what it needs is another table's
		if other.ID != id {
			m.Passed[other.ID] = progress.Pass{}
		}
	}
	if w.answer != "" {
		m.Answers[id] = w.answer
	}
	return check.Evaluate(w.t.Context(), w.sheet, e, m, id)[0]
}

var stepForm = regexp.MustCompile(`(?s)^(smtp|pop3|imap|sendmail|answer|file|screen|box|log)(/program)?( [^ :]+)?: ?(.*)$`)

func (w *world) play(step string) {
	w.t.Helper()
	m := stepForm.FindStringSubmatch(step)
	if m == nil {
		w.t.Fatalf("no step: %q", step)
	}
	lines := strings.Split(w.filled(m[4]), "|")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	name, text := strings.TrimSpace(m[3]), strings.Join(lines, "\n")
	switch kind := m[1]; kind {
	case "answer":
		w.answer = text
	case "screen":
		w.screen = text
	case "log":
		w.lines = append(w.lines, w.now.Format("Jan _2 15:04:05")+" mx "+text)
	case "file":
		w.files[name] = check.File{Text: []byte(text), Executable: true}
	case "box":
		w.box = append(w.box, check.BoxMessage{Open: func() ([]byte, error) { return []byte(text), nil }})
	case "sendmail":
		to, message, _ := strings.Cut(text, "\n")
		w.deliver("sendmail", w.sheet.Accounts[0], []string{to}, message)
	default:
		w.talk(kind, m[2] != "", name, lines)
	}
}

// filled puts in what only the world knows.
func (w *world) filled(text string) string {
	token := ""
	for _, t := range w.sheet.Tasks {
		for _, c := range t.Check.Walk("") {
			if c.Answer != nil {
				token = cmp.Or(c.Answer.Token, token)
			}
		}
	}
	pairs := []string{"{token}", token, "{run}", runName}
	for i, id := range w.ids {
		pairs = append(pairs, fmt.Sprintf("{id%d}", i+1), id, fmt.Sprintf("{mid%d}", i+1), messageID(id))
	}
	for _, f := range w.server.Files {
		if strings.HasSuffix(f.Path, ".jpg") {
			pairs = append(pairs, "{jpeg}", base64Lines(f.Data))
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func messageID(id string) string { return "20260326110905." + id + "@test6isri" }

// talk is a dialogue, in which lines after data are a message.
func (w *world) talk(service string, program bool, account string, lines []string) {
	d := dialogue.Dialogue{ID: fmt.Sprint(len(w.talks)), Service: service, Start: w.now, Epoch: 1, Accounts: []string{}}
	if account != "" {
		d.Accounts = []string{account}
	}
	say := func(side dialogue.Side, kind dialogue.Kind, text string) {
		d.Lines = append(d.Lines, dialogue.Line{At: w.now, From: side, Kind: kind, Text: text})
	}
	say(dialogue.Server, dialogue.Reply, map[string]string{"smtp": "220 x ESMTP", "pop3": "+OK", "imap": "* OK"}[service])
	from, to := "", []string(nil)
	for i := 0; i < len(lines); i++ {
		line, reply, told := strings.Cut(lines[i], " => ")
		w.now = w.now.Add(map[bool]time.Duration{true: time.Millisecond, false: 2100*time.Millisecond + time.Duration(i*i%7*130)*time.Millisecond}[program])
		say(dialogue.Client, dialogue.Command, line)
		replies := []string{reply}
		if !told {
			replies = replyTo(service, line)
		}
		for _, r := range replies {
			say(dialogue.Server, dialogue.Reply, r)
		}
		verb, rest, _ := strings.Cut(strings.ToLower(line), ":")
		rest = strings.Trim(strings.Fields(rest + " -")[0], "<>")
		switch {
		case service != "smtp" || told:
		case verb == "mail from":
			from, to = rest, nil
		case verb == "rcpt to":
			to = append(to, rest)
		case verb == "data" && i+1 < len(lines):
			end := i + 1 + slices.Index(lines[i+1:], ".")
			say(dialogue.Client, dialogue.Data, "")
			say(dialogue.Server, dialogue.Reply, "250 2.0.0 Ok: queued as "+w.deliver("smtp", from, to, strings.Join(lines[i+1:end], "\n")))
			i = end
		}
	}
	d.End = w.now
	w.talks = append(w.talks, d)
}

// replyTo is what the server says when all is well.
func replyTo(service, line string) []string {
	words := append(strings.Fields(strings.ToLower(line)), "", "", "")
	switch {
	case service == "pop3":
		return []string{"+OK"}
	case service == "smtp" && words[0] == "data":
		return []string{"354 End data with <CR><LF>.<CR><LF>"}
	case service == "smtp" && words[0] == "quit":
		return []string{"221 2.0.0 Bye"}
	case service == "smtp":
		return []string{"250 2.1.0 Ok"}
	}
	var replies []string
	switch verb := words[1]; {
	case verb == "logout":
		replies = []string{"* BYE"}
	case verb == "namespace":
		replies = []string{`* NAMESPACE (("INBOX." ".")) NIL NIL`}
	case strings.Contains(line+" ", "etch "), strings.Contains(line, "FETCH "):
		replies = []string{"* 1 FETCH (x {20}", ")"}
	}
	return append(replies, words[0]+" OK done")
}

// deliver puts a message into the student's mailboxes, as far as it is for them, and its traces into the log.
func (w *world) deliver(via, from string, to []string, text string) (id string) {
	id = fmt.Sprintf("4bXyz%02d", len(w.ids)+11)
	w.ids = append(w.ids, id)
	log := func(format string, args ...any) {
		w.lines = append(w.lines, w.now.Format("Jan _2 15:04:05")+" test6isri postfix/"+fmt.Sprintf(format, args...))
	}
	full := func(name string) string {
		if strings.Contains(name, "@") {
			return name
		}
		return name + "@" + w.server.Domain
	}
	log("smtpd[1]: %s: client=localhost[127.0.0.1]", id)
	log("cleanup[1]: %s: message-id=<%s>", id, messageID(id))
	log("qmgr[1]: %s: from=<%s>, size=300, nrcpt=%d (queue active)", id, full(from), len(to))
	source := "Return-Path: <" + full(from) + ">\n" + text
	for _, typed := range to {
		local, domain, _ := strings.Cut(full(typed), "@")
		if account, ok := w.server.Aliases[local]; ok {
			local = account
		}
		if !slices.Contains(append(w.server.Locals, w.server.Domain, "localhost"), domain) {
			log("smtp[1]: %s: to=<%s>, relay=none, delay=30, dsn=4.4.1, status=deferred (connect to mx.%s[192.0.2.25]:25: Connection timed out)", id, full(typed), domain)
			continue
		}
		log("local[1]: %s: to=<%s>, relay=local, dsn=2.0.0, status=sent (delivered to mailbox)", id, full(typed))
		w.mails = append(w.mails, check.Mail{ID: id, To: local, From: full(from), Recipient: typed, Recipients: len(to), Via: via, At: w.now,
			Open: func() ([]byte, bool, error) { return []byte(source), false, nil }})
	}
	log("qmgr[1]: %s: removed", id)
	return id
}

func (w *world) Mails(context.Context) ([]check.Mail, error) { return w.mails, nil }
func (w *world) Lines(context.Context) ([]string, error)     { return w.lines, nil }
func (w *world) Box(context.Context, string, string) ([]check.BoxMessage, error) {
	return w.box, nil
}

func (w *world) Dialogues(_ context.Context, service string) iter.Seq2[dialogue.Dialogue, error] {
	return func(yield func(dialogue.Dialogue, error) bool) {
		for _, d := range w.talks {
			if d.Service == service && !yield(d, nil) {
				return
			}
		}
	}
}

func (w *world) File(_ context.Context, _, path string) (check.File, error) {
	if f, ok := w.files[path]; ok {
		return f, nil
	}
	return check.File{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
}

// Run stands in for a script: it shows what the variant says, once for each run, and leaves what the other steps left.
func (w *world) Run(ctx context.Context, q check.Request) (check.Outcome, error) {
	if q.During != nil {
		q.During(ctx)
	}
	return check.Outcome{Output: w.screen}, nil
}
func (w *world) Listens(context.Context, string, string) (bool, error) {
	return w.screen != "deaf", nil
}
func (w *world) Send(_ context.Context, _ string, _ []string, m task.Message) error {
	w.box = append(w.box, check.BoxMessage{})
	return nil
}
func (w *world) Clean(context.Context, string, []string) error { return nil }
