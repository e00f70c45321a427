package check

import (
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
var queueID = regexp.MustCompile(`^\S+ +\d+ [\d:]+ \S+ postfix/[\w/-]+\[\d+\]: ([0-9A-Za-z]{6,}): `)

func (x *sheet) logLines(ctx context.Context) ([]string, error) {
	if x.Log == nil {
		return nil, errors.New("no mail.log")
	}
	return x.Log.Lines(ctx)
}

// log looks for lines of mail.log, of one message when that is asked for.
func (x *sheet) log(ctx context.Context, want *task.Log) verdict {
	lines, err := x.logLines(ctx)
	if err != nil {
		return unchecked(err)
	}
	var patterns []*regexp.Regexp
	for _, p := range want.Lines {
		re, err := p.Compile()
		if err != nil {
			return unchecked(err)
		}
		patterns = append(patterns, re)
	}
	groups := []group{{lines: lines}}
	if want.SameMessage {
		groups = byMessage(lines)
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
		both("%s : il a %d des %d lignes dans l'ordre, la dernière étant %s ; la suivante manque",
			"%s: it has %d of the %d lines in order, the last being %s; the next is missing", name, best, len(patterns), quote(withoutStamp(last))))
}

// group is the lines of one message.
type group struct {
	id    string
	lines []string
}

func byMessage(lines []string) (groups []group) {
	at := map[string]int{}
	for _, line := range lines {
		m := queueID.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i, known := at[m[1]]
		if !known {
			i = len(groups)
			at[m[1]] = i
			groups = append(groups, group{id: m[1]})
		}
		groups[i].lines = append(groups[i].lines, line)
	}
	return groups
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
		return failed(0, x.notThere(want.Path))
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
func (x *sheet) notThere(path string) task.Text {
	if strings.HasPrefix(path, "/") || len(x.Accounts) == 0 {
		return both("le fichier %s n'existe pas", "the file %s is not there", path)
	}
	return both("le fichier %s n'existe pas dans /home/%s (le nom doit être exactement celui-là)",
		"the file %s is not there in /home/%s (the name must be exactly that)", path, x.Accounts[0])
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
		return failed(0, both("pas encore de réponse : lab answer %s VOTRE RÉPONSE", "no answer yet: lab answer %s YOUR ANSWER", id))
	}
	right, err := x.isRight(ctx, want, given)
	if err != nil {
		return unchecked(err)
	}
	if right {
		return passed(both("réponse %s", "answer %s", quote(given)))
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

func (x *sheet) isRight(ctx context.Context, want *task.Answer, given string) (bool, error) {
	switch {
	case want.Token != "":
		return strings.Contains(strings.ToLower(given), strings.ToLower(want.Token)), nil
	case want.Log != "":
		lines, err := x.logLines(ctx)
		if err != nil {
			return false, err
		}
		return catches(want.Log, lines, given)
	case want.Reply != "":
		var lines []string
		for _, service := range []string{"smtp", "pop3", "imap"} {
			for d, err := range x.dialogues(ctx, service) {
				if err != nil {
					return false, err
				}
				for _, l := range d.Lines {
					if l.Kind == dialogue.Reply {
						lines = append(lines, l.Text)
					}
				}
			}
		}
		return catches(want.Reply, lines, given)
	}
	re, err := want.Matches.Compile()
	return err == nil && re.MatchString(given), err
}

// catches says whether the answer is what the pattern's group holds in one of the lines. Blanks, brackets and quotes
// around an answer are the asker's own.
func catches(p task.Pattern, lines []string, given string) (bool, error) {
	re, err := p.Compile()
	if err != nil {
		return false, err
	}
	given = bare(given)
	return slices.ContainsFunc(lines, func(line string) bool {
		m := re.FindStringSubmatch(line)
		return len(m) == 2 && given != "" && strings.EqualFold(bare(m[1]), given)
	}), nil
}

func bare(text string) string { return strings.Trim(text, " \t\r\n<>«»“”\"'`.:,;") }
