package author

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// turn is a command with what was answered.
type turn struct {
	text, verb string
	replies    []string
	data       bool // a message followed
}

// talk is one dialogue, without its slips.
type talk struct {
	dialogue.Dialogue
	turns  []turn
	byHand bool
}

// tiers order commands by how likely a dialogue was typed for them; what is in none counts most.
func tiers(service string) [][]string {
	switch service {
	case "pop3":
		return [][]string{{"stat", "list", "capa"}, {"user", "pass", "noop", "auth", "apop"}, {"quit"}}
	case "imap":
		return [][]string{{"select", "examine", "list", "lsub", "status", "namespace", "capability", "id"}, {"login", "noop", "authenticate", "close", "unselect"}, {"logout"}}
	}
	return [][]string{{"helo", "ehlo", "help", "noop", "rset"}, nil, {"quit"}}
}

// tier of a command, the higher the less it matters.
func tier(service, verb string) int {
	return 1 + slices.IndexFunc(tiers(service), func(verbs []string) bool { return slices.Contains(verbs, verb) })
}

// verbOf is a command's word in lower case; uid goes with the one after it.
func verbOf(service, text string) string {
	words := strings.Fields(strings.ToLower(text))
	if service == "imap" && len(words) > 0 {
		words = words[1:]
	}
	switch {
	case len(words) == 0:
		return ""
	case words[0] == "uid" && len(words) > 1:
		return "uid " + words[1]
	}
	verb, _, _ := strings.Cut(words[0], ":")
	return verb
}

// talkOf reads a dialogue.
func talkOf(d dialogue.Dialogue) talk {
	t := talk{Dialogue: d}
	for _, l := range d.Lines {
		last := len(t.turns) - 1
		switch {
		case l.Kind == dialogue.Command:
			t.turns = append(t.turns, turn{text: l.Text, verb: verbOf(d.Service, l.Text)})
		case l.Kind == dialogue.Data && l.From == dialogue.Client && last >= 0:
			t.turns[last].data = true
		case l.Kind == dialogue.Reply && last >= 0:
			t.turns[last].replies = append(t.turns[last].replies, l.Text)
		}
	}
	t.byHand, _ = dialogue.ByHand(d)
	t.turns = t.withoutSlips()
	return t
}

func (t talk) refused(one turn) bool {
	return slices.ContainsFunc(one.replies, func(line string) bool { return dialogue.Refuses(t.Service, line) })
}

// unknown says whether the server did not know a command at all: a slip in any case.
func unknown(service string, one turn) bool {
	reply := strings.ToLower(strings.Join(one.replies[:min(1, len(one.replies))], ""))
	switch service {
	case "smtp":
		return strings.HasPrefix(reply, "500 ") || strings.HasPrefix(reply, "502 ") || strings.HasPrefix(reply, "221 2.7.0 error")
	case "pop3":
		return strings.Contains(reply, "-err") && (strings.Contains(reply, "unknown command") || strings.Contains(reply, "invalid command"))
	}
	return strings.Contains(reply, " bad ") || strings.Contains(reply, "error in imap command")
}

// withoutSlips leaves out what the server did not know, and what it refused and then took in another form.
func (t talk) withoutSlips() (kept []turn) {
	for i, one := range t.turns {
		mended := t.refused(one) && slices.ContainsFunc(t.turns[i+1:], func(later turn) bool { return later.verb == one.verb && !t.refused(later) })
		again := len(kept) > 0 && kept[len(kept)-1].text == one.text && !masked.MatchString(one.text) // as USER is, after a PASS that was wrong
		if one.text != "" && !mended && !again && !unknown(t.Service, one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// essential are the commands that the dialogue was typed for: those of the first tier in which there are any.
func (t talk) essential() (out []turn) {
	best := len(tiers(t.Service)) + 1
	for _, one := range t.turns {
		best = min(best, tier(t.Service, one.verb))
	}
	for _, one := range t.turns {
		deletes := t.Service == "pop3" && one.verb == "quit" && slices.ContainsFunc(t.turns, func(o turn) bool { return o.verb == "dele" })
		if tier(t.Service, one.verb) == best || deletes {
			out = append(out, one)
		}
	}
	return out
}

// idle says whether nothing but a farewell was typed.
func (t talk) idle() bool {
	return !slices.ContainsFunc(t.turns, func(one turn) bool { return tier(t.Service, one.verb) < len(tiers(t.Service)) })
}

// queued are the queue IDs of the messages that were handed in.
func (t talk) queued() (ids []string) {
	for _, l := range t.Lines {
		if id := l.Queued(); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// talks makes parts of dialogues: of one in which messages were handed in those of the messages, of another its commands.
func talks(r Record, n names) (parts []part, err error) {
	var all []talk
	for _, d := range r.Dialogues {
		if t := talkOf(d); !t.idle() {
			all = append(all, t)
		}
	}
	for i, t := range all {
		if slices.ContainsFunc(all[i+1:], t.begins) {
			continue
		}
		lines, err := script(t, r, n)
		if err != nil {
			return nil, err
		}
		steps := typing(t, lines)
		made := handedIn(t, lines, r, n)
		if len(made) == 0 {
			made = []part{{check: task.Check{Dialogue: asked(t, n)}, wrong: wrongTalk(t, n, lines)}}
		}
		made[0].steps, made[0].service = steps, t.Service // the parts of one dialogue are done by one
		for _, one := range t.turns {
			if !slices.Contains(made[0].verbs, one.verb) {
				made[0].verbs = append(made[0].verbs, one.verb)
			}
		}
		parts = append(parts, made...)
	}
	return parts, nil
}

// begins says whether another dialogue has all the commands of this one: then this was a first try.
func (t talk) begins(later talk) bool {
	verbs := func(of talk) (out []string) {
		for _, one := range of.essential() {
			out = append(out, one.verb)
		}
		return out
	}
	mine, theirs := verbs(t), verbs(later)
	return t.Service == later.Service && len(t.queued()) <= len(later.queued()) && len(mine) <= len(theirs) && slices.Equal(mine, theirs[:len(mine)])
}

// by is how a dialogue was typed, as checks ask for it.
func (t talk) by() string {
	if t.byHand {
		return "hand"
	}
	return "program"
}

// asked is a check for a dialogue's commands.
func asked(t talk, n names) *task.Dialogue {
	want := &task.Dialogue{Service: t.Service, By: t.by()}
	if len(t.Accounts) > 0 {
		want.Account = n.account(t.Accounts[0])
	}
	for _, one := range t.essential() {
		want.Exchanges = append(want.Exchanges, task.Exchange{Command: commandPattern(t.Service, one, n), Reply: replyPattern(t, one)})
	}
	return want
}

// commandPattern asks for a command, and of what goes with it for what is not a number.
func commandPattern(service string, one turn, n names) task.Pattern {
	verb := strings.ReplaceAll(regexp.QuoteMeta(one.verb), " ", " +")
	_, rest, _ := strings.Cut(one.text, " ")
	switch service {
	case "imap":
		return task.Pattern(`(?i)^[^ ]+ +` + eitherWay(verb) + imapPattern(one, n))
	case "smtp":
		return task.Pattern(`(?i)^` + verb + smtpPattern(one, n))
	}
	if rest != "" {
		verb += " "
	}
	return task.Pattern(`(?i)^` + verb)
}

// smtpPattern is what of an SMTP command's argument is asked for: the student's own accounts.
func smtpPattern(one turn, n names) string {
	end := `\b`
	if verb := one.verb; verb == "mail" || verb == "rcpt" {
		end = map[string]string{"mail": " +from:", "rcpt": " +to:"}[verb]
	}
	for _, name := range n {
		if name.placeholder != "{domain}" && n.has(one.text, name.text) {
			return end + `.*\b` + name.placeholder + `\b`
		}
	}
	return end
}

// What of an IMAP command's arguments is asked for.
var (
	imapFlag = regexp.MustCompile(`\\[A-Za-z]+`)
	imapItem = regexp.MustCompile(`(?i)\b(bodystructure|body|rfc822\.size|envelope|flags)\b`)
	imapName = regexp.MustCompile(` ("[^"\\]+"|[^"\s]+)$`)
)

// reading are FETCH's items that show a message, or its header, whichever way they are written.
var reading = []string{
	`(body(\.peek)?\[(text)?\]|rfc822(\.text)?([ )]|$))`,
	`(body(\.peek)?\[header|rfc822\.header)`,
}

// eitherWay leaves it open whether messages are named by number or by UID.
func eitherWay(verb string) string {
	switch bare := strings.TrimPrefix(verb, "uid +"); bare {
	case "fetch", "store", "copy", "move":
		return "(uid +)?" + bare
	}
	return verb
}

func imapPattern(one turn, n names) string {
	switch verb := strings.TrimPrefix(one.verb, "uid "); verb {
	case "store":
		if flag := imapFlag.FindString(one.text); flag != "" {
			return ` .*` + literal(flag) + `\b`
		}
	case "fetch":
		for _, item := range reading {
			if regexp.MustCompile(`(?i)[ (]` + item).MatchString(one.text) {
				return ` .*[ (]` + item
			}
		}
		if item := imapItem.FindString(one.text); item != "" {
			return ` .*\b` + regexp.QuoteMeta(strings.ToLower(item)) + `\b`
		}
	case "create", "delete", "subscribe", "unsubscribe", "copy", "move", "select", "examine", "rename":
		_, arguments, _ := strings.Cut(one.text, " ")
		if name := imapName.FindStringSubmatch(arguments); name != nil {
			return ` .*` + n.pattern(strings.Trim(name[1], `"`)) + `"?$`
		}
	}
	return `\b`
}

// fetched is a reply with something of a message.
var fetched = regexp.MustCompile(`^\* [0-9]+ FETCH `)

// replyPattern asks for the kind of a reply.
func replyPattern(t talk, one turn) task.Pattern {
	switch {
	case t.Service == "smtp" && len(one.replies) > 0 && len(one.replies[0]) >= 3:
		return task.Pattern("^" + one.replies[0][:3])
	case t.Service == "imap" && t.refused(one):
		return `^[^ ]+ NO `
	case t.Service == "imap" && strings.HasSuffix(one.verb, "fetch") && slices.ContainsFunc(one.replies, fetched.MatchString):
		return `^\* [0-9]+ FETCH ` // OK alone is said of a UID that is not there, too
	case t.Service == "imap":
		return `^[^ ]+ OK `
	case t.Service == "pop3" && t.refused(one):
		return `^-ERR`
	case t.Service == "pop3":
		return `^\+OK`
	}
	return "."
}

// script is what is typed to do a dialogue again, as lines of a here-document.
func script(t talk, r Record, n names) (lines []string, err error) {
	ids := t.queued()
	for i, one := range t.turns {
		line, err := retyped(t, i, n)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
		if !one.data {
			continue
		}
		id := ""
		if len(ids) > 0 && slices.ContainsFunc(one.replies, func(reply string) bool { return strings.HasSuffix(reply, ids[0]) }) {
			id, ids = ids[0], ids[1:]
		}
		if one.verb == "data" {
			for _, line := range strings.Split(strings.TrimSuffix(typedText(id, r), "\n"), "\n") {
				if strings.HasPrefix(line, ".") {
					line = "." + line
				}
				lines = append(lines, n.shell(line))
			}
			lines = append(lines, ".")
		}
	}
	if end := map[string]string{"smtp": "quit", "pop3": "quit", "imap": "zz logout"}[t.Service]; len(lines) == 0 || t.turns[len(t.turns)-1].verb != verbOf(t.Service, end) {
		lines = append(lines, end) // else nobody hangs up
	}
	return lines, nil
}

// masked is where the record hides a secret.
var masked = regexp.MustCompile(`\*{4,}`)

// retyped is one command line as a script types it: what the record hides is the account's password.
func retyped(t talk, i int, n names) (string, error) {
	one := t.turns[i]
	cannot := func(what string) (string, error) {
		return "", fmt.Errorf("%s, in the %s dialogue of %s, cannot be typed by a script: leave it out, or write this task by hand", what, strings.ToUpper(t.Service), t.Start.Format("15:04:05"))
	}
	switch verb := cmp.Or(one.verb, one.text); {
	case verb == "starttls" || verb == "stls" || verb == "append" || verb == "bdat":
		return cannot(strings.ToUpper(verb))
	case !masked.MatchString(one.text):
		return n.shell(one.text), nil
	}
	if len(t.Accounts) == 0 {
		return cannot("a password that was not right")
	}
	user, password := variables(t.Accounts[0], n)
	head := n.shell(one.text[:masked.FindStringIndex(one.text)[0]])
	switch way := mechanism(t.turns[:i+1]); way {
	case "":
		return head + password, nil
	case "plain":
		return head + `$(printf '\000%s\000%s' "` + user + `" "` + password + `" | base64)`, nil
	case "login":
		what := user
		if i > 0 && masked.MatchString(t.turns[i-1].text) {
			what = password
		}
		return head + `$(printf %s "` + what + `" | base64)`, nil
	default:
		return cannot("AUTH " + strings.ToUpper(way))
	}
}

// mechanism is the one of SASL that was named last, "" where there was none.
func mechanism(turns []turn) (way string) {
	for _, one := range turns {
		words := strings.Fields(strings.ToLower(one.text))
		at := slices.IndexFunc(words, func(w string) bool { return w == "auth" || w == "authenticate" })
		if (at == 0 || at == 1) && len(words) > at+1 {
			way = words[at+1]
		}
	}
	return way
}

// variables are an account and its password in a script.
func variables(account string, n names) (user, password string) {
	switch n.account(account) {
	case "{account}":
		return "${user}", "${password}"
	case "{account2}":
		return "${user2}", "${password2}"
	}
	return account, "${password}"
}
