package check

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// queueID is where a line of mail.log has it.
var queueID = regexp.MustCompile(`^\S+ +\d+ [\d:]+ \S+ (?:postfix/[\w/-]+|opendkim|opendmarc)\[\d+\]: ([0-9A-Za-z]{6,}): `)

func (e Evidence) logLines(ctx context.Context) ([]string, error) {
	if e.Log == nil {
		return nil, errors.New("no mail.log")
	}
	return e.Log.Lines(ctx)
}

// log looks for lines of mail.log, of one message when that is asked for.
func (x *sheet) log(ctx context.Context, want *task.Log) verdict {
	lines, err := x.logLines(ctx)
	if err != nil {
		return unchecked(err)
	}
	patterns, err := compiled(want.Lines)
	if err != nil {
		return unchecked(err)
	}
	groups := []group{{lines: lines}}
	if want.SameMessage || x.about != "" {
		groups = slices.DeleteFunc(byMessage(lines), func(g group) bool { return x.about != "" && g.id != x.about })
	}
	best, of, last := -1, group{}, ""
	for _, g := range groups {
		if n, line := inOrder(patterns, g.lines); n >= best {
			best, of, last = n, g, line
		}
	}
	name := both("mail.log", "mail.log")
	if of.id != "" {
		name = both("mail.log, message %s", "mail.log, message %s", of.id)
	}
	switch {
	case best == len(patterns):
		return passed(name)
	case best <= 0:
		return failed(0, both("mail.log ne contient rien de ce qui est demandé", "mail.log holds nothing of what is asked for"))
	}
	return failed(float64(best)/float64(len(patterns)+1),
		both("%s : il a %d des %d lignes dans l'ordre, la dernière étant %s ; la suivante%s manque",
			"%s: it has %d of the %d lines in order, the last being %s; the next%s is missing", name, best, len(patterns), quote(withoutStamp(last)), literalOf(patterns[best])))
}

func compiled(patterns []task.Pattern) (out []*regexp.Regexp, err error) {
	for _, p := range patterns {
		re, wrong := p.Compile()
		out, err = append(out, re), errors.Join(err, wrong)
	}
	return out, err
}

// literalOf is what a pattern for a line of the log holds as it is, to be named; "" when that is little.
func literalOf(re *regexp.Regexp) string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil || len(firstLiteral(tree)) < 3 {
		return ""
	}
	return ", " + strings.TrimSpace(firstLiteral(tree)) + "…,"
}

// group is the lines of one message.
type group struct {
	id    string
	lines []string
}

func byMessage(lines []string) (groups []group) {
	at := map[string]int{}
	for n, id := range messagesIn(lines) {
		if id == "" {
			continue
		}
		i, known := at[id]
		if !known {
			i = len(groups)
			at[id] = i
			groups = append(groups, group{id: id})
		}
		groups[i].lines = append(groups[i].lines, lines[n])
	}
	return groups
}

// refiled is a message's way through a content filter, in a line of its first queue ID, which names the second.
var refiled = regexp.MustCompile(`relay=127\.0\.0\.1\[127\.0\.0\.1\]:10024,.*queued as ([0-9A-F]+)\)$`)

// messagesIn has, for each line of the log, the queue ID of its message: the one that the client was told, behind a filter too.
func messagesIn(lines []string) []string {
	ids := make([]string, len(lines))
	told := map[string]string{}
	for i, line := range lines {
		ids[i] = queueIDOf(line)
		if found := refiled.FindStringSubmatch(line); found != nil {
			told[found[1]] = ids[i]
		}
	}
	for i, id := range ids {
		ids[i] = cmp.Or(told[id], id)
	}
	return ids
}

// inOrder counts how many of the patterns match lines, one after the other, and says which line was the last.
func inOrder(patterns []*regexp.Regexp, lines []string) (n int, last string) {
	for _, line := range lines {
		if n < len(patterns) && patterns[n].MatchString(line) {
			n++
			last = line
		}
	}
	return n, last
}

// withoutStamp is a line of the log without its time and host.
func withoutStamp(line string) string {
	if _, rest, found := strings.Cut(line, " postfix/"); found {
		return "postfix/" + rest
	}
	return line
}

// file looks at a file of the student's.
func (x *sheet) file(ctx context.Context, want *task.File) verdict {
	if x.Files == nil {
		return elsewhere()
	}
	f, err := x.openFile(ctx, want.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(0, notThere(x.Accounts, want.Path))
	case err != nil:
		return failed(0.1, both("le fichier %s ne peut pas être lu : %v", "the file %s cannot be read: %v", want.Path, err))
	case f.TooBig:
		return failed(0.1, both("le fichier %s est trop gros", "the file %s is too large", want.Path))
	}
	text, err1 := want.Text.Compile()
	notText, err2 := want.NotText.Compile()
	if err := errors.Join(err1, err2); err != nil {
		return unchecked(err)
	}
	var misses []miss
	if want.Executable && !f.Executable {
		misses = append(misses, both("il n'est pas exécutable (chmod +x)", "it is not executable (chmod +x)"))
	}
	if !text.Match(f.Text) {
		misses = append(misses, both("son contenu n'est pas celui demandé", "its content is not as asked for"))
	}
	if want.NotText != "" && notText.Match(f.Text) {
		misses = append(misses, both("il contient ce qu'il ne doit pas", "it holds what it must not"))
	}
	if len(misses) == 0 {
		return passed(both("fichier %s", "file %s", want.Path))
	}
	return failed(0.5, both("fichier %s : %s", "file %s: %s", want.Path, join(", ", misses...)))
}

// notThere tells where a file was looked for.
func notThere(accounts []string, path string) task.Text {
	if strings.HasPrefix(path, "/") || len(accounts) == 0 {
		return both("le fichier %s n'existe pas", "the file %s is not there", path)
	}
	return both("le fichier %s n'existe pas dans /home/%s (le nom doit être exactement celui-là)",
		"the file %s is not there in /home/%s (the name must be exactly that)", path, accounts[0])
}

// openFile reads a file of the student's first account.
func (x *sheet) openFile(ctx context.Context, path string) (File, error) {
	if len(x.Accounts) == 0 {
		return File{}, fs.ErrNotExist
	}
	return x.Files.File(ctx, x.Accounts[0], path)
}

// answer compares what the student answered.
func (x *sheet) answer(ctx context.Context, want *task.Answer, id string) verdict {
	given, ok := x.memory.Answers[id]
	if !ok {
		return failed(0, both("pas encore de réponse : lab answer %s", "no answer yet: lab answer %s", id))
	}
	right, anothers, err := x.isRight(ctx, want, given)
	switch {
	case err != nil:
		return unchecked(err)
	case right:
		return passed(both("réponse %s", "answer %s", quote(given)))
	case anothers:
		return failed(0.5, both("la réponse %s n'est pas celle du message %s, et de lui seul", "the answer %s is not that of message %s, and of that alone", quote(given), x.about))
	}
	if onlyLong(want.Matches) {
		return failed(0.5, both("la réponse %s est trop courte", "the answer %s is too short", quote(given)))
	}
	if want.Token != "" {
		if x.Owner != nil {
			x.copied = x.Owner(id, given)
		}
		return failed(0.5, both("la réponse %s ne contient pas votre code : il n'est que dans votre propre courrier",
			"the answer %s does not hold your code: it stands in your own mail only", quote(given)))
	}
	return failed(0.5, both("la réponse %s n'est pas la bonne", "the answer %s is not right", quote(given)))
}

// onlyLong says whether a pattern asks for nothing but a length: (?s).{40,}
func onlyLong(p task.Pattern) bool {
	re, err := syntax.Parse(string(p), syntax.Perl)
	return err == nil && re.Op == syntax.OpRepeat && re.Min > 1 && re.Max < 0 && re.Sub[0].Op == syntax.OpAnyChar
}

// isRight also says whether an answer that is wrong here would be right of another message.
func (x *sheet) isRight(ctx context.Context, want *task.Answer, given string) (right, anothers bool, err error) {
	if want.Token != "" {
		return task.HoldsToken(given, want.Token), false, nil
	}
	if want.Log == "" && want.Reply == "" {
		right, err = want.Right(given)
		return right, false, err
	}
	ids, err := x.answered(ctx, want, given)
	right = slices.Contains(ids, x.about)
	return right, !right && x.about != "" && len(ids) > 0, err
}

// answered tells for which messages, by queue ID, an answer is right: it holds what the pattern's group catches in a line of
// that message's, and nothing that the group catches in one of another's. "" is among them when it is right of any line.
func (x *sheet) answered(ctx context.Context, want *task.Answer, given string) (ids []string, err error) {
	p := want.Log
	if p == "" {
		p = want.Reply
	}
	re, err := p.Compile()
	if err != nil {
		return nil, err
	}
	right, values := map[string]string{}, map[string]bool{}
	err = x.answerLines(ctx, want, func(id, line string) {
		if m := re.FindStringSubmatch(line); len(m) == 2 && task.Holds(given, m[1]) {
			right[id], right[""] = m[1], m[1]
			values[strings.ToLower(m[1])] = true
		}
	})
	for id := range right {
		if id == "" || len(values) == 1 {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// answerLines goes over the lines that an answer is compared with, each with the queue ID of the message that it speaks of.
func (x *sheet) answerLines(ctx context.Context, want *task.Answer, do func(id, line string)) error {
	if want.Log != "" {
		lines, err := x.logLines(ctx)
		for i, id := range messagesIn(lines) {
			do(id, lines[i])
		}
		return err
	}
	for _, service := range []string{"smtp", "pop3", "imap"} {
		for d, err := range x.dialogues(ctx, service) {
			if err != nil {
				return err
			}
			for _, part := range transactions(d) {
				for _, l := range part.Lines {
					if l.Kind == dialogue.Reply {
						do(part.id, l.Text)
					}
				}
			}
		}
	}
	return nil
}

func queueIDOf(line string) string {
	if m := queueID.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}
