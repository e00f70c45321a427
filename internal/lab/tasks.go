package lab

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/lab/task"
	"maillab/internal/spelling"
)

// validateTasks looks at what types and tags cannot say of tasks.
func (l validation) validateTasks() {
	ids := map[string]int{}
	for i, t := range l.Tasks {
		at := index("tasks", i)
		if first, taken := ids[t.ID]; taken {
			l.doc.report(child(at, "id"), "", "task %q is on line %d already", t.ID, l.doc.line(child(index("tasks", first), "id")))
			continue
		}
		ids[t.ID] = i
	}
	for i, t := range l.Tasks {
		at := index("tasks", i)
		for j, id := range t.Needs {
			if _, there := ids[id]; !there {
				l.doc.report(index(child(at, "needs"), j), quoted(spelling.Nearest(id, sortedKeys(ids))), "task %q needs %q, which there is not", t.ID, id)
			}
		}
		if chain := l.needsItself(i, ids); chain != nil {
			l.doc.report(child(at, "needs"), "take one of these needs out", "task %q can never open: it needs itself (%s)", t.ID, strings.Join(chain, " → "))
		}
		for where, c := range l.Tasks[i].Check.Walk(child(at, "check")) {
			l.validateCheck(where, c)
			l.validatePassable(where, c, tiedTo(&l.Tasks[i].Check, child(at, "check"), where))
		}
	}
}

func quoted(word string) string {
	if word == "" {
		return ""
	}
	return `did you mean "` + word + `"?`
}

// needsItself is the way from a task along needs back to it; nil when there is none.
func (l validation) needsItself(start int, ids map[string]int) []string {
	seen := map[int]bool{}
	ways := [][]string{{l.Tasks[start].ID}}
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		for _, id := range l.Tasks[ids[way[len(way)-1]]].Needs {
			next, there := ids[id]
			on := append(slices.Clone(way), id)
			switch {
			case there && next == start:
				return on
			case there && !seen[next]:
				seen[next] = true
				ways = append(ways, on)
			}
		}
	}
	return nil
}

// validateCheck looks at one node of a check's tree.
func (l validation) validateCheck(at string, c *task.Check) {
	kinds := c.Kinds()
	switch {
	case len(kinds) == 0:
		l.doc.report(at, "all, any, not, message, mail, mailbox, dialogue, log, file, run, answer or manual", "the check checks nothing")
		return
	case len(kinds) > 1:
		l.doc.report(at, "put them under all: or any:", "a check is one of %s", kinds)
		return
	case c.All != nil && len(c.All) == 0, c.Any != nil && len(c.Any) == 0:
		l.doc.report(child(at, kinds[0]), "", "%s has no checks", kinds[0])
	}
	inner := child(at, kinds[0])
	switch {
	case c.Mail != nil:
		l.validateMail(inner, c.Mail)
	case c.Mailbox != nil:
		l.headerNames(child(inner, "header"), c.Mailbox.Header)
	case c.Dialogue != nil:
		if d := c.Dialogue; len(d.Commands)+len(d.Replies)+len(d.Exchanges) == 0 {
			l.doc.report(inner, "", "a dialogue needs commands, replies or exchanges")
		}
	case c.Log != nil && len(c.Log.Lines) == 0:
		l.doc.report(child(inner, "lines"), "", "no lines")
	case c.File != nil:
		l.homePath(child(inner, "path"), c.File.Path)
	case c.Run != nil:
		l.validateRun(inner, c.Run)
	case c.Answer != nil:
		l.validateAnswer(inner, c.Answer)
	}
}

func (l validation) validateMail(at string, m *task.Mail) {
	bare := task.Mail{To: m.To, Messages: m.Messages}
	if reflect.DeepEqual(*m, bare) {
		l.doc.report(at, "name a header, the body, the sender …", "any mail at all would pass")
	}
	l.headerNames(child(at, "header"), m.Header)
	l.headerNames(child(at, "not_header"), m.NotHeader)
	if a := m.Attachment; a != nil && *a == (task.Attachment{}) {
		l.doc.report(child(at, "attachment"), "name, type, encoding, text or same", "any attachment would pass")
	}
}

// headerNames looks at field names (RFC 5322 section 2.2: printable ASCII without the colon).
func (l validation) headerNames(at string, fields map[string]task.Pattern) {
	for _, name := range sortedKeys(fields) {
		if !regexp.MustCompile(`^[!-9;-~]+$`).MatchString(name) {
			l.doc.report(child(at, name), "without the colon", "%q is not a header field's name", name)
		}
	}
}

// homePath looks at a path that is a student's.
func (l validation) homePath(at, name string) {
	clean := path.Clean(name)
	if name != "" && (clean == "." || strings.HasPrefix(clean, "..")) {
		l.doc.report(at, "absolute, or below the home", "%q is not a student's file", name)
	}
}

func (l validation) validateRun(at string, r *task.Run) {
	l.homePath(child(at, "script"), r.Script)
	for _, name := range sortedKeys(r.Files) {
		if path.Base(name) != name || name == "." || name == ".." || name == "/" {
			l.doc.report(child(child(at, "files"), name), "a file's name only", "%q is not a file of the working directory", name)
		}
	}
	for i, m := range r.Mail {
		if _, _, ok := splitAddress(sample(m.To)); !ok && !isAccount(sample(m.To)) {
			l.doc.report(child(index(child(at, "mail"), i), "to"), "", "%q is not an address", m.To)
		}
	}
	if r.Server != nil {
		if port := sample(r.Server.Port); !isPort(port) || takenPort(port) != "" {
			l.doc.report(child(at, "server.port"), "", "%q is not a port for a student's server", r.Server.Port)
		}
	}
	if r.Exit == nil && len(r.Output)+len(r.NotOutput) == 0 && r.After == nil {
		l.doc.report(at, "output, not_output, exit or after", "nothing is asked of the run")
	}
}

func (l validation) validateAnswer(at string, a *task.Answer) {
	given := 0
	for _, value := range []string{string(a.Matches), string(a.Log), string(a.Reply), a.Token} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		l.doc.report(at, "exactly one of matches, log, reply, token", "an answer is compared with one thing, not %d", given)
	}
	l.validateTable(at, a)
	l.oneGroup(child(at, "log"), a.Log)
	l.oneGroup(child(at, "reply"), a.Reply)
}

// oneGroup looks at a pattern that catches something.
func (l validation) oneGroup(at string, p task.Pattern) {
	if p != "" && p.Groups() != 1 {
		l.doc.report(at, "put ( ) around what the answer is", "%s needs one group, and has %d", last(at), p.Groups())
	}
}
