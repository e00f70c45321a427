package author

import (
	_ "embed" // the texts of scripts
	"fmt"
	"path"
	"strings"
)

// Step is one thing that a script does; one of Port, Mail, Answer and Write is set.
type Step struct {
	Port   int      // a dialogue at this port
	Lines  []string // what is typed there, as lines of a here-document
	Pasted bool     // all at once
	Mail   *Command
	Answer string // the task that is answered
	Found  Found  // with what
	Write  *File
}

// Command is the mail command; texts are as in a script.
type Command struct {
	To            []string
	Subject, Body string
}

// in is the command in a script's words.
func (c Command) in(n names) *Command {
	out := Command{Subject: strings.ReplaceAll(n.shell(c.Subject), `"`, `\"`), Body: n.shell(c.Body)}
	for _, to := range c.To {
		out.To = append(out.To, n.shell(to))
	}
	return &out
}

// Found is where a script finds an answer: what the group of a pattern catches last in the log, or in what servers have said.
type Found struct {
	Pattern string // for sed -E, between double quotes
	Said    bool
	Add     string // behind it, so that it is wrong
	Text    string // in place of it
}

// Marks of a script's sections.
const (
	taskMark  = "# --- task "
	toolsMark = "# --- tools"
	endMark   = "# --- end"
)

// head and tools begin a solution: what it is, and the functions that sections call. Under maillab run variables say where the
// server is and whose it is.
var (
	//go:embed script/head.sh
	head string
	//go:embed script/tools.sh
	tools string
)

// who sets the variables for the student's accounts.
func (r Record) who() string {
	var out strings.Builder
	for i, account := range r.Accounts[:min(2, len(r.Accounts))] {
		number, fallback, secret := "", "$USER", ""
		if i > 0 {
			number, fallback = "2", account
		}
		if i < len(r.Passwords) && r.Passwords[i] != "" {
			secret = quoted(r.Passwords[i])
		}
		fmt.Fprintf(&out, "user%[1]s=${MAILLAB_USER_%[2]d:-%[3]s} password%[1]s=${MAILLAB_PASSWORD_%[2]d:-%[4]s}\n", number, i+1, fallback, secret)
	}
	return out.String()
}

// Section is the part of a script that does one task.
type Section struct{ Task, Text string }

// Text writes steps as the section of a task.
func (p Proposal) text(steps []Step) string {
	var out strings.Builder
	for _, s := range steps {
		s.write(&out)
	}
	return out.String()
}

func (s Step) write(out *strings.Builder) {
	switch {
	case s.Write != nil:
		name, end := quoted(s.Write.Path), ending(s.Write.Text)
		if dir := path.Dir(s.Write.Path); dir != "." {
			fmt.Fprintf(out, "mkdir -p %s\n", quoted(dir))
		}
		fmt.Fprintf(out, "cat >%s <<'%s'\n%s%s\n", name, end, lined(s.Write.Text), end)
		if s.Write.Executable {
			fmt.Fprintf(out, "chmod +x %s\n", name)
		}
	case s.Mail != nil:
		subject := ""
		if s.Mail.Subject != "" {
			subject = ` -s "` + s.Mail.Subject + `"`
		}
		end := ending(s.Mail.Body)
		fmt.Fprintf(out, "mail%s \"%s\" <<%s\n%s%s\n", subject, strings.Join(s.Mail.To, `" "`), end, lined(s.Mail.Body), end)
	case s.Answer != "" && s.Found.Text != "":
		fmt.Fprintf(out, "answer %s '%s'\n", s.Answer, s.Found.Text)
	case s.Answer != "":
		from := "log"
		if s.Found.Said {
			from = `cat "$said"`
		}
		fmt.Fprintf(out, "answer %s \"$(%s | last \"%s\")%s\"\n", s.Answer, from, strings.TrimPrefix(s.Found.Pattern, "^"), s.Found.Add)
	default:
		how := "by_hand"
		if s.Pasted {
			how = "at_once"
		}
		text := strings.Join(s.Lines, "\n")
		fmt.Fprintf(out, "%s %d <<%s\n%s\n%s\n", how, s.Port, ending(text), text, ending(text))
	}
}

// ending is a line that ends a here-document and is not in it.
func ending(text string) string {
	end := "END"
	for strings.Contains("\n"+text+"\n", "\n"+end+"\n") {
		end += "_OF_TEXT"
	}
	return end
}

// quoted is a word of a shell's.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// lined is text whose last line ends.
func lined(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// Sections are those of a script that this package has written.
func Sections(script string) (sections []Section) {
	current := -1
	for _, line := range strings.SplitAfter(script, "\n") {
		bare := strings.TrimRight(line, "\n")
		switch id, begins := strings.CutPrefix(bare, taskMark); {
		case begins:
			sections = append(sections, Section{Task: id})
			current = len(sections) - 1
		case bare == endMark:
			current = -1
		case current >= 0:
			sections[current].Text += line
		}
	}
	return sections
}

// Solution is a script with one more section, or with another in place of that task's; all else in it stays as it is.
func Solution(script string, r Record, s Section) string {
	if script == "" {
		script = head
	}
	if !strings.Contains(script, toolsMark+"\n") {
		script = lined(script) + "\n" + toolsMark + "\n" + tools + r.who() + endMark + "\n"
	}
	return replaced(script, s)
}

// replaced is a file with a section in place of the one of that name, or behind the others.
func replaced(text string, s Section) string {
	block := taskMark + s.Task + "\n" + s.Text + endMark + "\n"
	begin := strings.Index(text, taskMark+s.Task+"\n")
	if begin >= 0 {
		if length := strings.Index(text[begin:], endMark+"\n"); length >= 0 {
			return text[:begin] + block + text[begin+length+len(endMark)+1:]
		}
	}
	return lined(text) + "\n" + block
}

// Whole is a script that does the sections before one task, and then these lines in place of its own. Its functions and names are
// those of the solution, where that has some.
func Whole(r Record, solution, task, text string) string {
	var out strings.Builder
	own := tools + r.who()
	if _, rest, found := strings.Cut(solution, toolsMark+"\n"); found {
		own, _, _ = strings.Cut(rest, endMark+"\n")
	}
	out.WriteString(head + own)
	for _, s := range Sections(solution) {
		if s.Task == task {
			break
		}
		out.WriteString(s.Text)
	}
	return out.String() + text
}

// Play is a way as a script.
type Play struct {
	Name   string
	Script string
	Passes bool // or must not
}

// Plays are the solution and the wrong ways of a proposal, after the tasks that a script does before it.
func (p Proposal) Plays(r Record, script string) []Play {
	plays := []Play{{"solution", Whole(r, script, p.Task.ID, p.text(p.Steps)), true}}
	for _, way := range p.Wrong {
		plays = append(plays, Play{way.Name, Whole(r, script, p.Task.ID, p.text(way.Steps)), false})
	}
	return plays
}

// Section is what the solution is to have for it.
func (p Proposal) Section() Section { return Section{p.Task.ID, p.text(p.Steps)} }

// WrongSections are the wrong ways as sections, each called after its task and itself.
func (p Proposal) WrongSections() (sections []Section) {
	for _, way := range p.Wrong {
		sections = append(sections, Section{p.Task.ID + " " + way.Name, p.text(way.Steps)})
	}
	return sections
}

const wrongHead = `# Ways that must not pass, in the words of solve.sh: maillab author try plays them.
`

// Wrong is a file of wrong ways with one more, or with another in its place.
func Wrong(text string, s Section) string {
	if text == "" {
		text = wrongHead
	}
	return replaced(text, s)
}

// Kept are the ways of a task that two files keep, nil where there is no solution.
func Kept(r Record, solution, wrong, id string) (plays []Play) {
	for _, s := range Sections(solution) {
		if s.Task == id {
			plays = append(plays, Play{"solution", Whole(r, solution, id, s.Text), true})
		}
	}
	if plays == nil {
		return nil
	}
	for _, s := range Sections(wrong) {
		if name, its := strings.CutPrefix(s.Task, id+" "); its {
			plays = append(plays, Play{name, Whole(r, solution, id, s.Text), false})
		}
	}
	return plays
}
