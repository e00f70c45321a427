package lab

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/lab/placeholder"
	"maillab/internal/lab/task"
	"maillab/internal/roster"
)

// What nobody could pass, and on a shared server what a classmate could pass for another, is told before there is a class.

// validatePassable looks at one node of a check's tree; tied says that it stands below message, beside the others.
func (l validation) validatePassable(at string, c *task.Check, tied []task.Check) {
	inRun := strings.Contains(at, ".run.after")
	switch {
	case c.Message != nil:
		l.validateTied(at, c.Message)
	case c.Dialogue != nil:
		l.runs(child(at, "dialogue.service"), c.Dialogue.Service, "dialogue")
		l.typedInRun(child(at, "dialogue.by"), c.Dialogue.By, inRun)
	case c.Mail != nil:
		if c.Mail.Via == "smtp" || c.Mail.By != "" {
			l.runs(child(at, "mail.via"), "smtp", "mail over port 25")
		}
		if c.Mail.Via == "sendmail" && c.Mail.By != "" {
			l.doc.report(child(at, "mail.by"), "take by or via out", "nobody can pass: what the sendmail program handed in has no SMTP dialogue")
		}
		l.typedInRun(child(at, "mail.by"), c.Mail.By, inRun)
		if !inRun && c.Mail.From == "" && !ownDialogue(tied) {
			l.anybodys(child(at, "mail"), `from: "^{account}(@|$)"`, "mail that a classmate sends")
		}
	case c.Log != nil:
		if !inRun && !ownDialogue(tied) && !slices.ContainsFunc(c.Log.Lines, func(p task.Pattern) bool { return perStudent(string(p)) }) {
			l.anybodys(child(at, "log"), "put it under message: beside the dialogue, or name {account} in a line", "a classmate's lines")
		}
	case c.Answer != nil && c.Answer.Log != "":
		if !ownDialogue(tied) && !perStudent(string(c.Answer.Log)) {
			l.anybodys(child(at, "answer.log"), "put it under message: beside the dialogue, or name {account} in it", "what a classmate's message left in the log")
		}
	}
}

// runs reports a service that is needed and off.
func (l validation) runs(at, service, what string) {
	s := l.Services
	if on, known := map[string]bool{"smtp": s.SMTP != nil, "pop3": s.POP3 != nil, "imap": s.IMAP != nil}[service]; known && !on {
		l.doc.report(at, fmt.Sprintf("services: {%s: {}}", service), "nobody can pass: %s is off, and there can be no %s", service, what)
	}
}

// typedInRun reports that what a check starts itself is to be typed.
func (l validation) typedInRun(at, by string, inRun bool) {
	if inRun && by == "hand" {
		l.doc.report(at, "by: program, or take it out", "nobody can pass: what the check has started is no person")
	}
}

// anybodys reports evidence that is not the student's own for certain, where others use the server, too.
func (l validation) anybodys(at, mend, what string) {
	if l.Topology == Shared {
		l.doc.report(at, mend, "on a shared server %s would pass, too", what)
	}
}

// ownDialogue says whether one of checks that speak of one message makes it the student's: a dialogue, or the sender.
func ownDialogue(tied []task.Check) bool {
	return slices.ContainsFunc(tied, func(c task.Check) bool {
		return c.Dialogue != nil || c.Mail != nil && c.Mail.From != ""
	})
}

// validateTied looks at checks that are to speak of one message.
func (l validation) validateTied(at string, parts []task.Check) {
	if len(parts) < 2 {
		l.doc.report(child(at, "message"), "", "message ties two checks at least")
	}
	for i, c := range parts {
		here := index(child(at, "message"), i)
		switch {
		case c.Dialogue != nil && c.Dialogue.Service != "smtp":
			l.doc.report(child(here, "dialogue.service"), "smtp", "message: no message is handed in by %s", c.Dialogue.Service)
		case c.Dialogue == nil && c.Mail == nil && c.Log == nil && c.Answer == nil:
			l.doc.report(here, "mail, dialogue, log, answer; put others beside it under all:", "message: %s is not about one message", c.Kinds())
		case c.Mail != nil && c.Mail.Messages.Set && c.Mail.Messages != (task.Count{Min: 1, Max: -1, Set: true}):
			l.doc.report(child(here, "mail.messages"), "take it out", "message: it is one message")
		case c.Answer != nil && c.Answer.Log == "" && c.Answer.Reply == "":
			l.doc.report(child(here, "answer"), "log or reply; put others beside it under all:", "message: this answer is not about one message")
		}
	}
}

// tiedTo finds the checks that stand with the one at a path under message.
func tiedTo(check *task.Check, root, path string) []task.Check {
	for where, c := range check.Walk(root) {
		if c.Message != nil && strings.HasPrefix(path, child(where, "message")+"[") {
			return c.Message
		}
	}
	return nil
}

// validateTable plays the answers that must be right and those that must be wrong, as they would be for some student.
func (l validation) validateTable(at string, a *task.Answer) {
	if len(a.Accepts)+len(a.Refuses) > 0 && a.Matches == "" || a.Not != "" && a.Matches == "" {
		l.doc.report(at, "take them out, or give matches", "not, accepts and refuses go with matches")
		return
	}
	made := task.Expand(task.Task{Check: task.Check{Answer: a}}, l.example)
	for _, table := range []struct {
		key  string
		want bool
		list []string
	}{{"accepts", true, made.Check.Answer.Accepts}, {"refuses", false, made.Check.Answer.Refuses}} {
		for i, text := range table.list {
			if right, err := made.Check.Answer.Right(text); err == nil && right != table.want {
				l.doc.report(index(child(at, table.key), i), "mend matches and not, or the table", "the answer %q is %s", text, map[bool]string{true: "right", false: "wrong"}[right])
			}
		}
	}
}

// example is what placeholders could be for some student. One account begins as the other: patterns often forget that.
func (l validation) example(name string) (string, bool) {
	value, known := map[string]string{"domain": values{lab: l.Lab, student: &roster.Student{Key: "alice"}, seat: 1}.domain(), "lang": l.Lang, "seat": "1", "student": "alice", "account": "util1", "account2": "util11", "password": "secret",
		"token": "x7kq2-mv4hd", "port": "2501"}[name]
	if known {
		return value, true
	}
	return "20901201", slices.Contains(placeholder.Likely("{"+name+"}"), name)
}
