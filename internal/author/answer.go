package author

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// answer is the part of what a student is to conclude: a value that stands in the student's own log, or in a reply.
func answer(id string, r Record, n names) (part, error) {
	value := strings.Trim(r.Answer, " \t<>\"'")
	if line := lineWith(r.Log, value); line != "" {
		pattern := catching(withoutStamp(line), value, n)
		p := part{check: task.Check{Answer: &task.Answer{Log: task.Pattern(pattern)}}, verbs: []string{"lab answer " + id}, about: about(r, line)}
		p.found(id, Found{Pattern: n.sed(pattern)})
		return p, nil
	}
	for _, d := range slices.Backward(r.Dialogues) {
		for _, l := range d.Lines {
			if l.Kind != dialogue.Reply || place(l.Text, value) < 0 {
				continue
			}
			pattern := "^" + catching(l.Text, value, n)
			p := part{check: task.Check{Answer: &task.Answer{Reply: task.Pattern(pattern)}}, verbs: []string{"lab answer " + id}}
			p.found(id, Found{Pattern: n.sed(pattern), Said: true})
			return p, nil
		}
	}
	return part{}, fmt.Errorf("the answer %q stands neither in mail.log nor in a reply of what was typed: write this task by hand, with a pattern and its table (docs/lab-authors.md)", r.Answer)
}

// found are the steps of an answer that is found by a pattern, and of some that are not right.
func (p *part) found(id string, f Found) {
	with := func(f Found) []Step { return []Step{{Answer: id, Found: f}} }
	p.steps = with(f)
	longer := f
	longer.Add = "0"
	p.wrong = []Way{{other, with(Found{Text: "nothing of the kind"})}, {"a-letter-too-many", with(longer)}}
}

// about is the queue ID that a line of the log speaks of, if the message was sent meanwhile.
func about(r Record, line string) string {
	for _, d := range r.Dialogues {
		for _, l := range d.Lines {
			if id := l.Queued(); id != "" && strings.Contains(line, ": "+id+": ") {
				return id
			}
		}
	}
	for _, m := range r.Messages {
		if strings.Contains(line, ": "+m.ID+": ") {
			return knownBy(m)
		}
	}
	return ""
}

// lineWith is a line of the log that has a value as a word of its own: of several the last that speaks of a delivery, else the
// last.
func lineWith(log []string, value string) (found string) {
	for _, line := range log {
		if place(line, value) >= 0 && (found == "" || strings.Contains(line, ": to=<") || !strings.Contains(found, ": to=<")) {
			found = line
		}
	}
	return found
}

// place is where a value stands in text as a word of its own, -1 where it does not.
func place(text, value string) int {
	for from := 0; value != ""; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			break
		}
		if from += i; !joined(text, from, from+len(value)) {
			return from
		}
		from++
	}
	return -1
}

// stamp is how a line of the log begins: when, and on which host.
var stamp = regexp.MustCompile(`^\S+ +\d+ [\d:]+ \S+ `)

func withoutStamp(line string) string { return stamp.ReplaceAllString(line, "") }

// catching is a pattern for a line, in whose group the value is; of what follows no more than to the next comma.
func catching(line, value string, n names) string {
	at := place(line, value)
	before, after := line[:at], line[at+len(value):]
	short, _, cut := strings.Cut(after, ",")
	if !cut && len(short) > 40 {
		short = ""
	}
	pattern := generalised(before, n) + "(" + kindOf(value, n) + ")" + generalised(short, n)
	if found := status.FindStringSubmatch(line); found != nil && !strings.Contains(short, "status=") && place(found[0], value) < 0 {
		pattern += ".*status=" + found[1]
	}
	return pattern
}

// kindOf is a pattern for a value such as this one.
func kindOf(value string, n names) string {
	for _, kind := range []string{`[0-9]+`, `[0-9A-Za-z]+`} {
		if regexp.MustCompile(`^` + kind + `$`).MatchString(value) {
			return kind
		}
	}
	return `[^ ,<>()]+`
}

// passing is what is another each time: addresses of hosts, queue IDs, numbers.
var passing = regexp.MustCompile(`\[[0-9a-fA-F.:]+\]|\b[0-9A-Za-z]*[0-9][0-9A-Za-z]*\b`)

// generalised is a piece of a line as a pattern.
func generalised(text string, n names) string {
	return n.put(text, func(one name) string { return one.placeholder }, func(text string) string {
		var out strings.Builder
		from := 0
		for _, at := range passing.FindAllStringIndex(text, -1) {
			out.WriteString(literal(text[from:at[0]]))
			switch found := text[at[0]:at[1]]; {
			case strings.Trim(found, "[0123456789]") == "" && found[0] == '[':
				out.WriteString(`\[[0-9]+\]`)
			case found[0] == '[':
				out.WriteString(`\[[0-9a-fA-F.:]+\]`)
			case strings.Trim(found, "0123456789") == "":
				out.WriteString(`[0-9]+`)
			default:
				out.WriteString(`[0-9A-Za-z]+`)
			}
			from = at[1]
		}
		return out.String() + literal(text[from:])
	})
}

// sed is a pattern as a script has it for sed -E, between double quotes: names as variables.
func (n names) sed(pattern string) string {
	for _, one := range n {
		pattern = strings.ReplaceAll(pattern, one.placeholder, "\x00"+strings.TrimPrefix(one.variable, "$")+"\x01")
	}
	pattern = strings.NewReplacer(`\`, `\\`, `$`, `\$`, "`", "\\`", `"`, `\"`, `{{`, `{`, `#`, `\\#`).Replace(pattern)
	for _, one := range n {
		bare := strings.TrimPrefix(one.variable, "$")
		with := "${" + bare + "}"
		if bare == one.variable {
			with = bare
		}
		pattern = strings.ReplaceAll(pattern, "\x00"+bare+"\x01", with)
	}
	return pattern
}

// files are the parts of what is new in the home: scripts are run, of the rest it is seen that there is something in it.
func files(all []File, n names) (parts []part) {
	for _, f := range all {
		is := task.Check{File: &task.File{Path: f.Path, Executable: f.Executable, Text: `[^ \n]`}}
		if line := strings.TrimSpace(f.Text); n.names(line) && !strings.Contains(line, "\n") && len(line) < 80 {
			is.File.Text = task.Pattern(n.pattern(line))
		}
		p := part{check: is, verbs: []string{f.Path}, steps: []Step{{Write: &f}}, wrong: []Way{{absent, nil}}}
		instead := func(name, text string) {
			g := f
			g.Text = text
			p.wrong = append(p.wrong, Way{name, []Step{{Write: &g}}})
		}
		if f.Executable && strings.HasPrefix(f.Text, "#!") {
			exit := 0
			run := &task.Run{Script: f.Path, Exit: &exit, Seconds: 10}
			if lines := strings.Split(strings.TrimSpace(f.Output), "\n"); lines[0] != "" {
				run.Output = []task.Pattern{task.Pattern(generalised(strings.TrimSpace(lines[len(lines)-1]), n))}
			}
			p.check = task.Check{All: []task.Check{is, {Run: run}}}
			instead("a-script-that-fails", "#!/bin/sh\nexit 1\n")
		}
		instead("an-empty-file", "")
		parts = append(parts, p)
	}
	return parts
}

// names says whether there is a name of the student's in text.
func (n names) names(text string) bool {
	return slices.ContainsFunc(n, func(one name) bool { return n.has(text, one.text) })
}
