package check

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// TestWrongWays: what students do wrong does not pass, and they are told what it was.
func TestWrongWays(t *testing.T) {
	const pic = "Content-Type: multipart/mixed; boundary=---00\n\n"
	byHand := task.Check{Mail: &task.Mail{To: "util11", Via: "smtp", By: "hand"}}
	attached := task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Name: `\.txt$`, Text: "[^ \\n]"}}}
	log := []string{"Mar 26 11:09:05 test6isri postfix/local[1]: 4bXyz12: to=<util11@x>, status=sent (delivered)"}
	mailCommand := letter("A1", "util11", 1, "Subject: a\n\nx\n")
	mailCommand.Via = "sendmail"
	for name, c := range map[string]struct {
		world  world
		check  task.Check
		memory progress.Work
		want   string // in English
	}{
		"nothing done": {check: byHand, want: "no message has arrived for util11"},
		"sent by a program": {world: world{mails: []Mail{letter("A1", "util11", 1, "\nx\n")}, talks: []dialogue.Dialogue{sent("A1", program, "util11")}},
			check: byHand, want: "message A1 to util11, at 11:09:05, but its dialogue came from a program (5 of 5 lines came faster"},
		"the mail command where telnet was asked": {world: world{mails: []Mail{mailCommand}}, check: byHand,
			want: "but it was sent by the mail command, not over port 25, there was no SMTP dialogue"},
		"Cc in the header but no second RCPT": {world: world{mails: []Mail{letter("A1", "util1", 1, "Cc: util11\n\nx\n")}}, check: byHand,
			want: "the header Cc of message A1 names util11, but its envelope had no RCPT TO"},
		"boundary without --": {world: world{mails: []Mail{letter("A1", "util11", 1, pic+"---00\nContent-Type: text/plain\n\nx\n---00\nContent-Type: text/plain; name=a.txt\n\ny\n---00--\n")}},
			check: attached, want: "-- is missing before the boundary (the line has to be -----00)"},
		"no boundary line": {world: world{mails: []Mail{letter("A1", "util11", 1, pic+"x\n")}}, check: attached, want: "no line is -- and the boundary"},
		"no empty line in the part": {world: world{mails: []Mail{letter("A1", "util11", 1, pic+"-----00\n\nx\n-----00\nContent-Disposition: attachment; filename=a.txt\nmy text\n-----00--\n")}},
			check: attached, want: "its attachment “a.txt”: its content is not as asked for"},
		"subject after the empty line": {world: world{mails: []Mail{letter("A1", "util11", 1, "To: x\n\nSubject: y\n")}},
			check: task.Check{Mail: &task.Mail{Header: map[string]task.Pattern{"Subject": "."}}}, want: "Subject: is in the body, after an empty line"},
		"picture not the same": {world: world{mails: []Mail{letter("A1", "util11", 1, pic+"-----00\n\nx\n-----00\nContent-Type: image/jpeg; name=e.jpg\nContent-Transfer-Encoding: base64\n\nAAAA\n-----00--\n")}},
			check: task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Type: "^image/jpeg$", Same: "/home/util1/enveloppe.jpg"}}}, want: "its attachment “e.jpg”: decoded, it is not the same as the lab's file enveloppe.jpg (3 octets, not 9)"},
		"DELE without QUIT": {world: world{talks: []dialogue.Dialogue{talk("pop3", hand, []string{"util1"}, "S: +OK", "C: user util1", "S: +OK", "C: pass ****", "S: +OK", "C: dele 1", "S: +OK")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Commands: []task.Pattern{"(?i)^dele", "(?i)^quit"}}}, want: "DELE without QUIT deletes nothing"},
		"only one RCPT": {world: world{talks: []dialogue.Dialogue{sent("A1", hand, "util1")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "smtp", By: "hand", Commands: []task.Pattern{"(?i)^mail", `(?i)^rcpt.*util1\b`, "(?i)^rcpt.*util11", "(?i)^data"}}},
			want:  "it has 2 of the 4 steps in order, the last being “rcpt to: util1”"},
		"in another order": {world: world{talks: []dialogue.Dialogue{talk("imap", hand, []string{"util1"}, "C: a login util1 ****", "C: b fetch 1 body[header]", "C: c namespace", "C: d logout")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "imap", Commands: []task.Pattern{"login", "namespace", "fetch"}}},
			want:  "it has 2 of the 3 steps in order, the last being “c namespace”; “b fetch 1 body[header]” is there, but before that: the order counts"},
		"once where twice is asked": {world: world{talks: []dialogue.Dialogue{talk("pop3", hand, []string{"util1"}, "C: list", "C: dele 1", "C: quit")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Commands: []task.Pattern{"list", "dele", "list"}}},
			want:  "it has 2 of the 3 steps in order, the last being “dele 1”; the next, LIST, is missing"},
		"replies in another order": {world: world{talks: []dialogue.Dialogue{talk("pop3", hand, []string{"util1"}, "C: stat", "S: +OK 2", "C: list", "S: +OK 1 10")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Replies: []task.Pattern{"1 10", "OK 2"}}}, want: "“stat” is there, but before that"},
		"a recipient too many in a header": {world: world{mails: []Mail{letter("A1", "util1", 1, "To: util1, util11\n\nx\n")}},
			check: task.Check{Mail: &task.Mail{NotHeader: map[string]task.Pattern{"To": "util11"}}}, want: "its header To, “util1, util11”, holds “util11”, which it must not"},
		"a header that is all wrong": {world: world{mails: []Mail{letter("A1", "util1", 1, "To: util11\n\nx\n")}},
			check: task.Check{Mail: &task.Mail{NotHeader: map[string]task.Pattern{"To": "util11"}}}, want: "its header To is “util11”, which it must not be"},
		"a header that is empty": {world: world{mails: []Mail{letter("A1", "util1", 1, "To:\n\nx\n")}},
			check: task.Check{Mail: &task.Mail{NotHeader: map[string]task.Pattern{"To": "^$"}}}, want: "its header To, “”, is just what will not do"},
		"a short essay": {check: task.Check{Answer: &task.Answer{Matches: "(?s).{40,}"}}, memory: progress.Work{Answers: map[string]string{"it": "mail"}}, want: "the answer “mail” is too short"},
		"somebody else's POP3": {world: world{talks: []dialogue.Dialogue{talk("pop3", hand, []string{"bruno"}, "C: quit")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "pop3", Commands: []task.Pattern{"quit"}}}, want: "no POP3 dialogue"},
		"a command too many": {world: world{talks: []dialogue.Dialogue{sent("A1", hand, "util1")}},
			check: task.Check{Dialogue: &task.Dialogue{Service: "smtp", Commands: []task.Pattern{"data"}, Not: []task.Pattern{"^helo"}}}, want: "“helo pv” should not be in it"},
		"no answer":      {check: task.Check{Answer: &task.Answer{Matches: "x"}}, want: "no answer yet: lab answer it"},
		"a wrong answer": {world: world{lines: log}, check: task.Check{Answer: &task.Answer{Log: `local\[\d+\]: ([0-9A-Za-z]+): to=`}}, memory: progress.Work{Answers: map[string]string{"it": "4bXyz13"}}, want: "the answer “4bXyz13” is not right"},
		"lines of two messages": {world: world{lines: append(log, "Mar 26 11:09:05 test6isri postfix/qmgr[1]: 4bXyz99: removed")},
			check: task.Check{Log: &task.Log{Lines: []task.Pattern{"status=sent", "removed"}, SameMessage: true}}, want: "it has 1 of the 2 lines in order"},
		"read away": {world: world{boxes: map[string][]BoxMessage{}}, check: task.Check{Mailbox: &task.Mailbox{Of: "util1", Folder: "INBOX"}}, want: "0 messages in the mailbox of util1"},
		"no file":   {check: task.Check{File: &task.File{Path: "compte.sh"}}, want: "the file compte.sh is not there"},
		"a file without stty": {world: world{files: map[string]File{"compte.sh": {Text: []byte("read pw")}}}, check: task.Check{File: &task.File{Path: "compte.sh", Text: "stty -echo", Executable: true}},
			want: "it is not executable (chmod +x), its content is not as asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			got := one(t, &c.world, c.check, c.memory)
			if got.State != progress.Failed || !strings.Contains(got.Seen["en"], c.want) {
				t.Errorf("%s: %s\nwant %s", got.State, got.Seen["en"], c.want)
			}
			if got.Seen["fr"] == "" || got.Seen["fr"] == got.Seen["en"] {
				t.Errorf("in French: %q", got.Seen["fr"])
			}
		})
	}
}

// TestRightWays: what was done as asked passes.
func TestRightWays(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=-----0000000000\n\n-------0000000000\nContent-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9\n" +
		"-------0000000000\nContent-Type: image/jpeg; name=enveloppe.jpg\nContent-Transfer-Encoding: base64\n\n/9hw\naWN0dXJl\n-------0000000000--\n"
	log := []string{"Mar 26 11:09:05 test6isri postfix/cleanup[1]: 4bXyz12: message-id=<20260326@test6isri>",
		"Mar 26 11:09:05 test6isri postfix/local[1]: 4bXyz12: to=<util11@x>, status=sent (delivered)", "Mar 26 11:09:05 test6isri postfix/qmgr[1]: 4bXyz12: removed"}
	answers := progress.Work{Answers: map[string]string{"it": " “<20260326@test6isri>” "}}
	client := talk("smtp", program, nil, "C: EHLO x", "C: MAIL FROM:<a>", "C: RCPT TO:<b>", "S: 250 ok", "S: 250 ok", "S: 250 accepted")
	for name, c := range map[string]struct {
		world  world
		check  task.Check
		memory progress.Work
	}{
		"by hand":           {world: world{mails: []Mail{letter("A1", "util11", 1, "\nx\n")}, talks: []dialogue.Dialogue{sent("A1", hand, "util11")}}, check: task.Check{Mail: &task.Mail{To: "util11", Via: "smtp", By: "hand"}}},
		"two recipients":    {world: world{mails: []Mail{letter("A1", "util11", 2, "To: util1\n\nx\n")}}, check: task.Check{Mail: &task.Mail{To: "util11", Recipients: task.Count{Min: 2, Max: 2, Set: true}, NotHeader: map[string]task.Pattern{"Cc": "util11", "To": "util11"}}}},
		"decoded body":      {world: world{mails: []Mail{letter("A1", "util1", 1, mixed)}}, check: task.Check{Mail: &task.Mail{Body: "café", NotBody: "thé"}}},
		"the same picture":  {world: world{mails: []Mail{letter("A1", "util1", 1, mixed)}}, check: task.Check{Mail: &task.Mail{Attachment: &task.Attachment{Name: `\.jpg$`, Type: "^image/jpeg$", Encoding: "base64", Same: "/home/util1/enveloppe.jpg"}}}},
		"encoded subject":   {world: world{mails: []Mail{letter("A1", "util1", 1, "Subject: =?utf-8?q?caf=C3=A9?=\n\n")}}, check: task.Check{Mail: &task.Mail{Header: map[string]task.Pattern{"Subject": "^café$"}}}},
		"exchange":          {world: world{talks: []dialogue.Dialogue{sent("A1", hand, "util1")}}, check: task.Check{Dialogue: &task.Dialogue{Service: "smtp", Exchanges: []task.Exchange{{Command: "(?i)^rcpt", Reply: "^250"}, {Command: "(?i)^data", Reply: "queued"}}}}},
		"pipelined":         {world: world{talks: []dialogue.Dialogue{client}}, check: task.Check{Dialogue: &task.Dialogue{Service: "smtp", By: "program", Exchanges: []task.Exchange{{Command: "^MAIL", Reply: "^250"}, {Command: "^RCPT", Reply: "accepted"}}, Replies: []task.Pattern{"ok", "accepted"}}}},
		"log":               {world: world{lines: log}, check: task.Check{Log: &task.Log{Lines: []task.Pattern{"status=sent", "removed"}, SameMessage: true}}},
		"answer of the log": {world: world{lines: log}, check: task.Check{Answer: &task.Answer{Log: "message-id=<([^>]+)>"}}, memory: answers},
		"token":             {check: task.Check{Answer: &task.Answer{Token: "X7kq2-mv4hd"}}, memory: progress.Work{Answers: map[string]string{"it": "the code is x7kq2-mv4hd"}}},
		"reply": {world: world{talks: []dialogue.Dialogue{sent("A1", hand, "util1")}}, check: task.Check{Answer: &task.Answer{Reply: "queued as (.*)"}},
			memory: progress.Work{Answers: map[string]string{"it": "a1"}}},
		"none of it": {check: task.Check{Not: &task.Check{Mail: &task.Mail{Via: "smtp"}}}},
		"one of two": {world: world{files: map[string]File{"a": {Text: []byte("x"), Executable: true}}}, check: task.Check{Any: []task.Check{{File: &task.File{Path: "b"}}, {File: &task.File{Path: "a", Text: "x", NotText: "y", Executable: true}}}}},
		"in the box": {world: world{boxes: map[string][]BoxMessage{"util1/INBOX": {{Flags: []string{`\Seen`}, Open: func() ([]byte, error) { return []byte("From: a\n\nx"), nil }}}}},
			check: task.Check{Mailbox: &task.Mailbox{Folder: "INBOX", Flags: []string{`\Seen`}, Header: map[string]task.Pattern{"from": "^a$"}, Body: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := one(t, &c.world, c.check, c.memory); got.State != progress.Passed {
				t.Errorf("%s: %s", got.State, got.Seen["en"])
			}
		})
	}
}

// TestFixturesAndOthers: what a check sent itself, or what went into another's mailbox, proves nothing.
func TestFixturesAndOthers(t *testing.T) {
	fixture, other := letter("A1", "util1", 1, "\nx"), letter("B2", "util5", 1, "\nx")
	fixture.Fixture = true
	if got := one(t, &world{mails: []Mail{fixture, other}}, task.Check{Mail: &task.Mail{Via: "smtp"}}, progress.Work{}); got.State != progress.Failed {
		t.Errorf("%+v", got)
	}
}

// TestStates: needs, passes of before, the teacher's word and what cannot be checked here.
func TestStates(t *testing.T) {
	yes, no := task.Check{Not: &task.Check{Mail: &task.Mail{Via: "smtp"}}}, task.Check{Mail: &task.Mail{Via: "smtp"}}
	look := task.Text{"en": "two reasons"}
	s := task.Sheet{Student: "alice", Accounts: []string{"util1"}, Tasks: []task.Task{
		{ID: "late", Needs: []string{"early"}, Check: yes, Hint: task.Text{"en": "do early first"}},
		{ID: "early", Check: no},
		{ID: "after-late", Needs: []string{"late", "done"}, Check: yes},
		{ID: "done", Check: no},
		{ID: "good", Points: 3, Check: no},
		{ID: "bad", Points: 1, Check: yes},
		{ID: "half", Points: 3, Check: no},
		{ID: "essay", Check: task.Check{All: []task.Check{{Answer: &task.Answer{Matches: "."}}, {Manual: &task.Manual{Look: look}}}}},
		{ID: "script", Check: task.Check{Run: &task.Run{Script: "x.sh"}}},
		{ID: "a", Needs: []string{"b"}, Check: yes}, {ID: "b", Needs: []string{"a"}, Check: yes},
	}}
	m := progress.Work{Passed: map[string]progress.Pass{"done": {At: noon().Add(-time.Hour), Seen: both("vu", "seen")}},
		Marks: map[string]progress.Mark{"good": {Share: 1}, "bad": {}, "half": {Share: 0.5, Comment: "the second half is missing"}}, Answers: map[string]string{"essay": "because"}}
	e := (&world{}).evidence()
	e.Runs = nil
	got := Evaluate(t.Context(), s, e, m)
	states := map[string]progress.State{}
	for _, r := range got {
		states[r.ID] = r.State
	}
	want := map[string]progress.State{"late": progress.Blocked, "early": progress.Failed, "after-late": progress.Blocked, "done": progress.Passed, "good": progress.Passed, "bad": progress.Failed, "half": progress.Passed,
		"essay": progress.Manual, "script": progress.Blocked, "a": progress.Blocked, "b": progress.Blocked}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	if got[2].Seen["en"] != "opens after: late ; begin with early" || got[3].Seen["en"] != "seen" || !got[3].At.Equal(noon().Add(-time.Hour)) {
		t.Errorf("%+v\n%+v", got[2], got[3])
	}
	if diff := cmp.Diff(look, got[7].Look); diff != "" || got[7].Answer != "because" {
		t.Error(diff, got[7].Answer)
	}
	if passed, given, most := Progress(got); passed != 3 || given != 4.5 || most != 7 {
		t.Error(passed, given, most)
	}
	if only := Evaluate(t.Context(), s, e, m, "late"); len(only) != 1 || only[0].State != progress.Blocked || only[0].Hint["en"] == "" {
		t.Errorf("%+v", only)
	}
}

// TestCopiedAnswer: an answer with somebody else's token names its owner to the teacher; the student is told that it is
// not the right code, and nothing of the other.
func TestCopiedAnswer(t *testing.T) {
	s := task.Sheet{Student: "alice", Accounts: []string{"util1"}, Tasks: []task.Task{{ID: "code", Check: task.Check{Answer: &task.Answer{Token: "aaaaa-bbbbb"}}}}}
	e := (&world{}).evidence()
	e.Owner = func(id, answer string) string { return map[string]string{"code ccccc-ddddd": "bruno"}[id+" "+answer] }
	got := Evaluate(t.Context(), s, e, progress.Work{Answers: map[string]string{"code": "ccccc-ddddd"}})[0]
	if got.State != progress.Failed || got.CopiedFrom != "bruno" || strings.Contains(got.Seen["en"]+got.Seen["fr"], "bruno") ||
		!strings.Contains(got.Seen["en"], "does not hold your code") {
		t.Errorf("%+v", got)
	}
}

// TestSince: what came before a moment is left out, over the turn of a year too.
func TestSince(t *testing.T) {
	old, fresh := letter("A1", "util1", 1, "\n"), letter("B2", "util1", 1, "\n")
	old.At = noon().Add(-time.Minute)
	w := &world{mails: []Mail{old, fresh}, talks: []dialogue.Dialogue{sent("A1", hand, "x")}, lines: []string{
		"Mar 26 11:09:04 h postfix/qmgr[1]: A: removed", "not a line of the log", "Mar 26 11:09:05 h postfix/qmgr[1]: B: removed", "continued"}}
	e := w.evidence().Since(noon())
	mails, _ := e.Mails.Mails(t.Context())
	talks := count(t, e, "smtp")
	lines, _ := e.Log.Lines(t.Context())
	if len(mails) != 1 || mails[0].ID != "B2" || talks != 1 || len(lines) != 2 {
		t.Error(mails, talks, lines)
	}
	later := w.evidence().Since(noon().Add(time.Second))
	if talks := count(t, later, "smtp"); talks != 0 {
		t.Error(talks)
	}
	newYear := time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC)
	for line, year := range map[string]int{"Dec 31 23:59:59 x": 2026, "Jan  1 00:00:02 x": 2027} {
		if at, ok := lineTime(line, newYear); !ok || at.Year() != year {
			t.Errorf("%s: %v", line, at)
		}
	}
}

// TestReasonsInFrench: each reason that dialogue.ByHand gives has its French.
func TestReasonsInFrench(t *testing.T) {
	even := talk("smtp", 0, nil, "C: aaaa", "C: bbbb", "C: cccc", "C: dddd", "C: eeee", "C: ffff")
	for i := range even.Lines {
		even.Lines[i].At = noon().Add(time.Duration(i+1) * time.Second)
	}
	for want, d := range map[string]dialogue.Dialogue{
		"aucune commande":        talk("smtp", hand, nil, "S: 220"),
		"plus vite que personne": sent("A", 100*time.Millisecond, "x"),
		"d'un coup":              talk("smtp", 0, nil, "C: a", "C: b", "C: c"),
		"demi-secondes entières": even,
		"pauses d'une personne":  sent("A", hand, "x"),
	} {
		_, why := pace(d)
		if !strings.Contains(why["fr"], want) || strings.Contains(why["fr"], ".0") {
			t.Errorf("%q: %q, want %s", why["en"], why["fr"], want)
		}
	}
}

// FuzzMessage: whatever a student typed after DATA is read, and never panics.
func FuzzMessage(f *testing.F) {
	f.Add("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n")
	f.Add("Content-Type: multipart/mixed; boundary==\n\n--=\nContent-Transfer-Encoding: base64\n\n/9j\n")
	f.Add("Subject: =?iso-8859-1?q?=E9?=\n\tx\n")
	f.Fuzz(func(t *testing.T, text string) {
		m := parseMessage([]byte(text))
		_ = m.shown()
		for _, a := range m.attachments() {
			_, _, _ = a.name(), a.content(), a.text()
		}
		if len(m.attachments()) == 0 {
			_ = notInParts(m)
		}
		if n := len(m.leaves()); n > maxParts*maxParts {
			t.Errorf("%d parts", n)
		}
	})
}
